import { type Bytes, idBytes, type PackFrame } from "@varve/format";
import type { FrameList } from "./tasks.ts";

/** Frames in columns of their own, cheap to clone. */
export function frameList(frames: readonly PackFrame[]): FrameList {
	const list = {
		offset: Float64Array.from(frames, (f) => f.offset),
		storedLength: Uint32Array.from(frames, (f) => f.storedLength),
		firstChunk: startsOf(frames, (f) => f.lengths.length),
		lengths: new Uint32Array(sumOf(frames, (f) => f.lengths.length)),
		ids: joined(frames, (f) => f.ids),
		firstBase: startsOf(frames, (f) => f.bases.length / idBytes),
		bases: joined(frames, (f) => f.bases),
	};
	frames.forEach((frame, i) => {
		list.lengths.set(frame.lengths, list.firstChunk[i]);
	});
	return list;
}

type Count = (frame: PackFrame) => number;

function sumOf(frames: readonly PackFrame[], count: Count): number {
	return frames.reduce((sum, frame) => sum + count(frame), 0);
}

function startsOf(frames: readonly PackFrame[], count: Count): Uint32Array {
	const starts = new Uint32Array(frames.length + 1);
	frames.forEach((frame, i) => {
		starts[i + 1] = (starts[i] as number) + count(frame);
	});
	return starts;
}

function joined(
	frames: readonly PackFrame[],
	bytesOf: (frame: PackFrame) => Bytes,
): Bytes {
	const bytes = new Uint8Array(sumOf(frames, (f) => bytesOf(f).length));
	let at = 0;
	for (const frame of frames) {
		bytes.set(bytesOf(frame), at);
		at += bytesOf(frame).length;
	}
	return bytes;
}
