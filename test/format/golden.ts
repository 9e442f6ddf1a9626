import {
	CorruptError,
	decodeBirths,
	decodeConfig,
	decodeDirectory,
	decodeForgotten,
	decodeFrameBody,
	decodeFrameHeader,
	decodeGcList,
	decodeLabel,
	decodeLease,
	decodeLinks,
	decodeList,
	decodePackHeader,
	decodePages,
	decodePolicy,
	decodeRecord,
	decodeScanPiece,
	decodeTrailer,
	decodeTree,
	encodeBirths,
	encodeConfig,
	encodeForgotten,
	encodeGcList,
	encodeLabel,
	encodeLease,
	encodeLinks,
	encodeList,
	encodePages,
	encodePolicy,
	encodeRecord,
	encodeSegment,
	encodeTree,
	frameHeaderBytes,
	type Label,
	type Place,
	type SegmentPack,
	SegmentReader,
} from "../../packages/format/src/index.ts";
import { sha256Hex, xxh64 } from "./hashes.ts";
import * as samples from "./samples.ts";

/** What a golden file holds, and how it is made and read. */
export interface Golden {
	readonly file: string;
	readonly encode: () => Uint8Array;
	readonly decode: (bytes: Uint8Array) => unknown;
	/** What `decode` must give. */
	readonly value: unknown;
}

const body = (frame: Uint8Array) => frame.subarray(frameHeaderBytes);

/** Header and parts of a frame; the payload stays as it is stored. */
export function readFrame(frame: Uint8Array): unknown {
	const { storedLength } = decodeFrameHeader(frame, 0);
	if (storedLength !== frame.length - frameHeaderBytes)
		throw new CorruptError("BAD_FRAME", "not one whole frame");
	return decodeFrameBody(body(frame));
}

export function readPack(pack: Uint8Array): unknown {
	const { kind } = decodePackHeader(pack);
	const { directoryOffset, coveredLength } = decodeTrailer(
		pack,
		pack.length,
		xxh64,
	);
	const directory = pack.subarray(directoryOffset, coveredLength);
	decodeFrameHeader(directory, 0);
	return { kind, frames: decodeDirectory(body(directory), directoryOffset) };
}

/** All that a segment tells: each id with its place, in order. */
export function readSegment(bytes: Uint8Array): SegmentText {
	const reader = new SegmentReader(
		(at, length) => bytes.subarray(at, at + length),
		bytes.length,
	);
	const indices = Array.from({ length: reader.layout.chunks }, (_, i) => i);
	return {
		lease: reader.lease,
		chunks: indices.map((i) => ({
			id: Buffer.from(reader.idBytesOf(i)).toString("hex"),
			...reader.place(i),
		})),
	};
}

export interface SegmentText {
	readonly lease: string;
	readonly chunks: readonly (Place & { readonly id: string })[];
}

/** The same, made without a segment. */
export function segmentText(
	lease: string,
	packs: readonly SegmentPack[],
): SegmentText {
	const chunks = packs.flatMap(({ id: pack, size: packSize, kind, frames }) =>
		frames.flatMap(({ ids, lengths, ...frame }) =>
			[...lengths].map((length, ordinal) => ({
				...frame,
				id: Buffer.from(ids).toString("hex", 32 * ordinal, 32 * ordinal + 32),
				pack,
				packSize,
				kind,
				length,
				ordinal,
			})),
		),
	);
	const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
	return { lease, chunks: chunks.sort((a, b) => order(a.id, b.id)) };
}

const trees = {
	"tree-empty": [],
	"tree-small": samples.smallTree,
	"tree-rich": samples.richTree,
};

const frames = {
	raw: samples.rawFrame,
	zstd: samples.zstdFrame,
	delta: samples.deltaFrame,
};

const packs = { content: samples.contentPack, meta: samples.metaPack };

function labelFile(label: Label): Golden {
	const never = label.op === "expire" && label.value === "" ? "-never" : "";
	return {
		file: `label-${label.op}${never}.json`,
		encode: () => encodeLabel(label, sha256Hex),
		decode: (bytes) => decodeLabel(bytes, sha256Hex),
		value: label,
	};
}

export const golden: readonly Golden[] = [
	...Object.entries(trees).map(([name, nodes]) => ({
		file: `${name}.hex`,
		encode: () => encodeTree(nodes),
		decode: decodeTree,
		value: nodes,
	})),
	{
		file: "pages.hex",
		encode: () => encodePages(samples.pages),
		decode: decodePages,
		value: samples.pages,
	},
	{
		file: "list.hex",
		encode: () => encodeList(samples.spanList),
		decode: decodeList,
		value: samples.spanList,
	},
	{
		file: "links.hex",
		encode: () => encodeLinks(samples.linkGroups),
		decode: decodeLinks,
		value: samples.linkGroups,
	},
	{
		file: "scan.hex",
		encode: () => samples.encodeScan(samples.scanBlocks),
		decode: (bytes) => [...decodeScanPiece(bytes)],
		value: samples.scanBlocks,
	},
	{
		file: "births.hex",
		encode: () => encodeBirths(new Uint8Array(samples.births.buffer)),
		decode: decodeBirths,
		value: samples.births,
	},
	...Object.entries(frames).map(([name, frame]) => {
		return {
			file: `frame-${name}.hex`,
			encode: () => frame,
			decode: readFrame,
			value: decodeFrameBody(body(frame)),
		};
	}),
	...Object.entries(packs).map(([name, { bytes, frames }]) => {
		return {
			file: `pack-${name}.hex`,
			encode: () => bytes,
			decode: readPack,
			value: { kind: name === "content" ? 1 : 2, frames },
		};
	}),
	{
		file: "segment.hex",
		encode: () => encodeSegment(samples.lease, samples.segmentPacks),
		decode: readSegment,
		value: segmentText(samples.lease, samples.segmentPacks),
	},
	{
		file: "config.json",
		encode: () => encodeConfig(samples.config, sha256Hex),
		decode: (bytes) => decodeConfig(bytes, sha256Hex),
		value: samples.config,
	},
	{
		file: "record.json",
		encode: () => encodeRecord(samples.record),
		decode: decodeRecord,
		value: samples.record,
	},
	{
		file: "record-kept.json",
		encode: () => encodeRecord(samples.keptRecord),
		decode: decodeRecord,
		value: samples.keptRecord,
	},
	{
		file: "record-bare.json",
		encode: () => encodeRecord(samples.bareRecord),
		decode: decodeRecord,
		value: samples.bareRecord,
	},
	...samples.labels.map(labelFile),
	{
		file: "forgotten.json",
		encode: () => encodeForgotten(samples.forgotten, sha256Hex),
		decode: (bytes) => decodeForgotten(bytes, sha256Hex),
		value: samples.forgotten,
	},
	...samples.policies.map((policy) => ({
		file: policy.retention === undefined ? "policy-none.json" : "policy.json",
		encode: () => encodePolicy(policy, sha256Hex),
		decode: (bytes: Uint8Array) => decodePolicy(bytes, sha256Hex),
		value: policy,
	})),
	{
		file: "lease.json",
		encode: () => encodeLease(samples.leaseRecord, sha256Hex),
		decode: (bytes) => decodeLease(bytes, sha256Hex),
		value: samples.leaseRecord,
	},
	{
		file: "gc.json",
		encode: () => encodeGcList(samples.gcList, sha256Hex),
		decode: (bytes) => decodeGcList(bytes, sha256Hex),
		value: samples.gcList,
	},
	{
		file: "gc-waiting.json",
		encode: () => encodeGcList(samples.waitingGcList, sha256Hex),
		decode: (bytes) => decodeGcList(bytes, sha256Hex),
		value: samples.waitingGcList,
	},
];
