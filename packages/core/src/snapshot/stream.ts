import {
	type Bytes,
	blankNode,
	type Content,
	contentLength,
	encodeName,
	encodeTree,
	InputError,
	isNodeName,
	NodeKind,
	type Root,
	type TreeId,
} from "@varve/format";
import { assembleContent } from "./content-assembly.ts";
import type { IngestYield } from "./harvest.ts";
import type { Ingest, SpanItems } from "./ingest.ts";
import type { Intake } from "./intake.ts";
import type { MetaWriter } from "./meta-writer.ts";
import type { SourceStream } from "./options.ts";
import type { Report } from "./report.ts";

export interface StreamRootParts {
	readonly intake: Intake;
	readonly report: Report;
	/** ms since 1970: the mtime of the file. */
	readonly time: number;
	readonly signal: AbortSignal | undefined;
	readonly tellProgress: () => void;
}

/** The stream becomes a root of one entry. What produced it must have succeeded before anything can be committed. */
export async function storeStream(
	stream: SourceStream,
	{ intake, report, time, signal, tellProgress }: StreamRootParts,
): Promise<Root> {
	const items = await ingestStream(stream, await intake.openIngest(), {
		expect: (bytes) => intake.claims.expectBytes(1, bytes),
		take: async (stored) => {
			intake.take(stored);
			await intake.room();
			tellProgress();
		},
		signal,
	});
	const content = assembleContent(items, intake.storeList);
	report.countStream(contentLength(content));
	const { meta } = intake;
	const root = streamRoot(stream.name, content, { meta, time });
	report.countOwner(root.uid, root.gid);
	return root;
}

interface StreamParts {
	/** Called after each part with what was stored meanwhile. */
	readonly take: (stored: IngestYield) => Promise<void>;
	/** Called before each part with its bytes. */
	readonly expect: (bytes: number) => void;
	readonly signal?: AbortSignal | undefined;
}

/** Reads a stream to its end, and waits until what produces it says that it succeeded. */
async function ingestStream(
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
	for await (const part of abortable(stream.bytes, signal)) {
		expect(part.length);
		feed(ingest, part);
		await take(ingest.harvest(false));
	}
	const failed = await untilAborted(done, signal);
	if (failed !== undefined) throw failed.error;
	const items = ingest.finish();
	await take(ingest.harvest(true));
	return items;
}

/** The parts as they come. An abort ends the wait for the next one. */
async function* abortable(
	bytes: AsyncIterable<Bytes>,
	signal: AbortSignal | undefined,
): AsyncGenerator<Bytes> {
	const parts = bytes[Symbol.asyncIterator]();
	let ended = false;
	try {
		for (;;) {
			const next = await untilAborted(parts.next(), signal);
			ended = next.done === true;
			if (next.done === true) return;
			yield next.value;
		}
	} finally {
		// Not waited for: it answers after the part that was asked for, which may never come.
		if (!ended) parts.return?.().catch(() => undefined);
	}
}

/** What `work` comes to, or a rejection with the signal's reason if that comes first. */
async function untilAborted<T>(
	work: Promise<T>,
	signal: AbortSignal | undefined,
): Promise<T> {
	if (signal === undefined) return work;
	let stop = () => {};
	const aborted = new Promise<never>((_, reject) => {
		stop = () => reject(signal.reason);
		if (signal.aborted) stop();
		else signal.addEventListener("abort", stop, { once: true });
	});
	return Promise.race([aborted, work]).finally(() =>
		signal.removeEventListener("abort", stop),
	);
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
function streamRoot(
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
	const root = { path: "/", kind: "entries", tree, mode: 0o755 } as const;
	return { ...root, ...owner, ...times, xattrs: [] };
}
