import {
	type Bytes,
	blankNode,
	type Content,
	encodeName,
	encodeTree,
	InputError,
	isNodeName,
	NodeKind,
	type Root,
	type TreeId,
} from "@varve/format";
import type { Ingest, IngestYield, SpanItems } from "./ingest.ts";
import type { MetaWriter } from "./meta-writer.ts";
import type { SourceStream } from "./options.ts";

export interface StreamParts {
	/** Called after each part with what was stored meanwhile. */
	readonly take: (stored: IngestYield) => Promise<void>;
	/** Called before each part with its bytes. */
	readonly expect: (bytes: number) => void;
	readonly signal?: AbortSignal | undefined;
}

/** Reads a stream to its end, and waits until what produces it says that it succeeded. */
export async function ingestStream(
	stream: SourceStream,
	ingest: Ingest,
	{ take, expect, signal }: StreamParts,
): Promise<SpanItems> {
	// Whoever produces the stream may fail before it ends: that failure is the one to tell.
	const done = stream.done.then(
		() => undefined,
		(error: unknown) => ({ error }),
	);
	ingest.begin();
	for await (const part of stream.bytes) {
		signal?.throwIfAborted();
		expect(part.length);
		feed(ingest, part);
		await take(ingest.harvest(false));
	}
	const failed = await done;
	if (failed !== undefined) throw failed.error;
	const items = ingest.finish();
	await take(ingest.harvest(true));
	return items;
}

function feed(ingest: Ingest, part: Bytes): void {
	for (let at = 0; at < part.length; ) {
		const window = ingest.window();
		const count = Math.min(window.length, part.length - at);
		window.set(part.subarray(at, at + count));
		ingest.take(count);
		at += count;
	}
}

/** The root that holds a stream's content as one file, readable by its owner alone. */
export function streamRoot(
	name: string,
	content: Content,
	{ meta, time }: { meta: MetaWriter; time: number },
): Root {
	const bytes = encodeName(name);
	if (!isNodeName(bytes))
		throw new InputError("BAD_NAME", `not a file name: ${name}`);
	const seconds = Math.floor(time / 1000);
	const times = {
		mtime: seconds,
		mtimeNs: (time - seconds * 1000) * 1_000_000,
	};
	const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
	const node = {
		...blankNode(bytes, NodeKind.file),
		mode: 0o600,
		content,
		...times,
		...owner,
	};
	const tree = meta.put(encodeTree([node])).hex as TreeId;
	return { path: "/", kind: "entries", tree, mode: 0o755, ...owner, ...times };
}
