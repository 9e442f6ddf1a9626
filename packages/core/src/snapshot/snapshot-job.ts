import { ByteWriter } from "@varve/format";
import type { Job, JobContext, JobReply } from "../job.ts";
import { XattrReader } from "../native/xattr-reader.ts";
import { BaseFinder } from "./delta/base-finder.ts";
import { FormerFile } from "./delta/former-file.ts";
import { FileStat } from "./file-stat.ts";
import { Harvest } from "./harvest.ts";
import { Ingest, ingestMemory } from "./ingest.ts";
import { type OpenManners, readFile } from "./read-file.ts";
import {
	encodeResult,
	type FilesTask,
	type SnapshotReply,
	type SnapshotSetup,
	type SnapshotTask,
	type SpanTask,
} from "./tasks.ts";
import { createThrottle } from "./throttle.ts";

/** The part of a snapshot that meets file content: from open to the written pack, one thread's share of it. */
export async function createSnapshotJob(
	context: JobContext,
	setup: unknown,
): Promise<Job> {
	const {
		lookup: descriptor,
		stage,
		claims: buffers,
		compression,
		dryRun,
		paranoid,
		readRate,
	} = setup as SnapshotSetup;
	const { kernel, config } = context;
	const lookup = await context.openLookup(descriptor);
	const spool = context.openSpool(stage);
	const claims = kernel.claims(buffers);
	let known = buffers.length;
	const packs = kernel.packWriter(1, () => spool.create());
	const { tools } = kernel;
	const sources = { reads: context.reads, tools, lookup };
	const ingest = new Ingest({
		cutter: kernel.cutter(ingestMemory),
		encoder: kernel.encoder(compression),
		harvest: new Harvest(packs, lookup),
		claims,
		tools,
		config,
		openFinder:
			compression === "off" ? undefined : () => new BaseFinder(sources),
		dryRun,
		paranoid,
	});
	const throttle = createThrottle(readRate);
	const manners: OpenManners = { noAccessTime: true };
	const results = new ByteWriter(64 * 1024);
	const read = {
		ingest,
		throttle,
		manners,
		results,
		stat: new FileStat(),
		xattrs: new XattrReader(),
	};
	return {
		run(task) {
			const t = task as SnapshotTask;
			if (t.type !== "flush")
				for (; known < t.claims.length; known++)
					claims.extend(t.claims[known] as SharedArrayBuffer);
			results.reset();
			if (t.type === "files") readFiles(t, read);
			else if (t.type === "span") readSpan(t, read);
			return reply(t.id, results, ingest, t.type === "flush");
		},
		close() {
			packs.discard();
			lookup.close();
		},
	};
}

interface Reading {
	readonly ingest: Ingest;
	readonly throttle: (bytes: number) => void;
	readonly manners: OpenManners;
	readonly results: ByteWriter;
	readonly stat: FileStat;
	readonly xattrs: XattrReader;
}

function readFiles(
	task: FilesTask,
	{ ingest, throttle, manners, results, stat, xattrs }: Reading,
): void {
	const { names, directories, directoryOf, stats, former } = task;
	for (let index = 0; index < names.length; index++) {
		const path =
			(directories[directoryOf[index] as number] as string) +
			(names[index] as string);
		encodeResult(
			results,
			readFile(ingest, {
				path,
				stats,
				index,
				span: undefined,
				throttle,
				manners,
				stat,
				xattrs,
				former: FormerFile.of(former, index, 0),
			}),
		);
	}
}

function readSpan(
	task: SpanTask,
	{ ingest, throttle, manners, results, stat, xattrs }: Reading,
): void {
	const { path, stats, span, former } = task;
	encodeResult(
		results,
		readFile(ingest, {
			path,
			stats,
			index: 0,
			span,
			throttle,
			manners,
			stat,
			xattrs,
			former: FormerFile.of(former, 0, span.start),
		}),
	);
}

function reply(
	id: number,
	results: ByteWriter,
	ingest: Ingest,
	flush: boolean,
): JobReply {
	const bytes = results.finish();
	const message: SnapshotReply = {
		id,
		results: bytes,
		stored: ingest.harvest(flush),
	};
	return { reply: message, transfer: [bytes.buffer] };
}
