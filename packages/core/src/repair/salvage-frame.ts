import {
	type Bytes,
	ByteWriter,
	Codec,
	decodeFrameBody,
	encodeFrameBodyHead,
	encodeFrameHeader,
	frameHeaderBytes,
	idBytes,
	isVarveError,
	maxFrameStored,
	type PackFrame,
	type PackKind,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { standsAt } from "../prove-chunks.ts";

export interface SalvageTools {
	readonly tools: Pick<Toolbox, "sha256" | "decoder">;
	/** The bytes of base chunks, as a decoder asks for them. */
	readonly dictionary: (bases: Bytes) => Bytes;
}

/** What could be had of a frame. */
export interface Salvaged {
	/** The frame, header and body, if all its chunks could be proved: as it is stored, or with its head set right. */
	readonly whole: Bytes | undefined;
	/** Bytes of its chunks, one after the other. Only what is `proved` is right. */
	readonly raw: Bytes;
	/** Of each chunk whether its bytes have its id. */
	readonly proved: readonly boolean[];
}

/**
 * Gets every chunk out of a damaged frame that can be had. All but the compressed bytes themselves is known from the directory, or from a segment, and can be
 * set right: so a flipped bit costs something only if it lies in those. What a decoder had written when it met the damage counts too: each
 * chunk is proved by its id.
 */
export function salvageFrame(
	stored: Bytes,
	known: Omit<PackFrame, "offset"> & { readonly kind: PackKind },
	using: SalvageTools,
): Salvaged {
	let best: Salvaged | undefined;
	for (const frame of readings(stored, known)) {
		const raw = new Uint8Array(known.rawLength);
		const isDecoded = decodeInto(frame, raw, using);
		const proved = proofs(raw, known, using);
		const count = proved.filter(Boolean).length;
		const whole =
			isDecoded && count === proved.length ? frame.slice() : undefined;
		if (whole !== undefined) return { whole, raw, proved };
		if (count > (best?.proved.filter(Boolean).length ?? -1))
			best = { whole, raw, proved };
	}
	return best as Salvaged;
}

/** What the frame may have been before it was damaged: as it is, or with a header and a head as they must have been. */
function* readings(
	stored: Bytes,
	known: Omit<PackFrame, "offset"> & { readonly kind: PackKind },
): Generator<Bytes> {
	yield stored;
	if (stored.length === 0 || !isPossible(known)) return;
	// Of one that was cut off what stood before the cut may be whole.
	const mended = new Uint8Array(known.storedLength);
	mended.set(stored);
	const storedLength = known.storedLength - frameHeaderBytes;
	encodeFrameHeader(mended, 0, {
		kind: known.kind,
		sealed: false,
		storedLength,
	});
	yield mended;
	for (const codec of [Codec.zstd, Codec.raw]) {
		const head = new ByteWriter(1024);
		const { bases, lengths } = known;
		const count = lengths.length;
		encodeFrameBodyHead(head, { codec, bases, lengths, count });
		if (frameHeaderBytes + head.view().length > mended.length) return;
		mended.set(head.view(), frameHeaderBytes);
		yield mended;
	}
}

/** What tells of the frame may be damaged too. */
function isPossible({ storedLength }: Pick<PackFrame, "storedLength">) {
	return (
		storedLength > frameHeaderBytes &&
		storedLength <= frameHeaderBytes + maxFrameStored
	);
}

/** False if it does not decode; what there is in `raw` then may be right all the same. */
function decodeInto(
	frame: Bytes,
	raw: Bytes,
	{ tools, dictionary }: SalvageTools,
): boolean {
	try {
		const decoded = tools.decoder.decode(frame, { dictionary, target: raw });
		return decoded.raw.length === raw.length;
	} catch (error) {
		if (isVarveError(error)) return false;
		throw error;
	}
}

function proofs(
	raw: Bytes,
	{ ids, lengths }: Pick<PackFrame, "ids" | "lengths">,
	{ tools }: SalvageTools,
): boolean[] {
	let at = 0;
	return Array.from(lengths, (length, i) => {
		const hash = tools.sha256(raw.subarray(at, at + length));
		at += length;
		return standsAt(hash, ids, i * idBytes);
	});
}

/**
 * What a frame is that was found by its header alone: its ids are those of the bytes in it. Undefined if it does not decode, for then nobody can tell
 * which of its bytes are right.
 */
export function describeFrame(
	frame: Bytes,
	offset: number,
	using: SalvageTools,
): PackFrame | undefined {
	try {
		const body = decodeFrameBody(frame.subarray(frameHeaderBytes));
		const raw = new Uint8Array(body.rawLength);
		if (!decodeInto(frame, raw, using)) return undefined;
		const ids = new Uint8Array(body.lengths.length * idBytes);
		let at = 0;
		body.lengths.forEach((length, i) => {
			ids.set(using.tools.sha256(raw.subarray(at, at + length)), i * idBytes);
			at += length;
		});
		return {
			offset,
			storedLength: frame.length,
			rawLength: body.rawLength,
			bases: body.bases.slice(),
			ids,
			lengths: body.lengths,
		};
	} catch (error) {
		if (isVarveError(error)) return undefined;
		throw error;
	}
}
