import {
	type Bytes,
	contentLength,
	decodeName,
	type Node,
	NodeKind,
	printableName,
	type SnapshotRecord,
	utf8,
} from "@varve/format";
import tar, { type Pack, type Sink } from "tar-stream";
import type { Repository } from "../repository.ts";
import type { DumpEntry } from "./dump.ts";
import { encodePax, paxText, paxTime } from "./pax.ts";

type Names = Pick<SnapshotRecord, "users" | "groups">;
type Parts = Pick<Repository, "objects" | "observer">;

/** A tar archive in the pax format. */
export async function* writeTar(
	parts: Parts,
	names: Names,
	entries: Iterable<DumpEntry>,
): AsyncGenerator<Bytes> {
	const pack = tar.pack();
	const writing = writeEntries(pack, entries, { ...parts, names }).then(
		() => pack.finalize(),
		(error) => pack.destroy(error),
	);
	try {
		yield* pack;
	} finally {
		pack.destroy();
		await writing;
	}
}

interface Context extends Parts {
	readonly names: Names;
}

async function writeEntries(
	pack: Pack,
	entries: Iterable<DumpEntry>,
	context: Context,
): Promise<void> {
	for (const entry of entries) {
		const type = typeIn(entry);
		if (type !== undefined) await writeEntry(pack, { ...entry, type }, context);
		else {
			const message = `a tar archive has no sockets: ${printableName(entry.name)} is left out`;
			context.observer.on({ type: "warning", message });
		}
	}
}

const types: Partial<Record<NodeKind, string>> = {
	[NodeKind.file]: "file",
	[NodeKind.directory]: "directory",
	[NodeKind.symlink]: "symlink",
	[NodeKind.fifo]: "fifo",
	[NodeKind.characterDevice]: "character-device",
	[NodeKind.blockDevice]: "block-device",
};

function typeIn({ node, linkTo }: DumpEntry): string | undefined {
	return linkTo === undefined ? types[node.kind] : "link";
}

type TypedEntry = DumpEntry & { readonly type: string };

async function writeEntry(
	pack: Pack,
	entry: TypedEntry,
	{ names, objects }: Context,
): Promise<void> {
	const { header, records } = describe(entry, names);
	if (records.size > 0) pack.push(encodePax(records));
	let content: Iterable<Bytes> = [];
	if (entry.type === "file") content = objects.bytes(entry.node.content);
	await new Promise<void>((resolve, reject) => {
		const sink = pack.entry(header, (error) =>
			error ? reject(error) : resolve(),
		);
		feed(sink, content).catch(reject);
	});
}

async function feed(sink: Sink, content: Iterable<Bytes>): Promise<void> {
	let goOn = () => {};
	sink.on("drain", () => goOn());
	// Where the archive is given up, writing on ends with its error.
	sink.on("close", () => goOn());
	// The one who is called back gets it.
	sink.on("error", () => {});
	// The sink keeps the bytes; the next slice overwrites them.
	for (const slice of content)
		if (!sink.write(slice.slice()))
			await new Promise<void>((resolve) => {
				goOn = resolve;
			});
	sink.end();
}

/** What fits into a header of 1988, and records for what does not. */
function describe(entry: TypedEntry, { users, groups }: Names) {
	const { type, node, linkTo } = entry;
	const records = new Map<string, Bytes>();
	const fit = fitting(records);
	const isDirectory = node.kind === NodeKind.directory;
	const name = isDirectory ? `${entry.name}/` : entry.name;
	const target = linkTo ?? (node.target && decodeName(node.target));
	const header = {
		type,
		name: fit.text("path", name, 100),
		// Bits of the file type, which are not written: a mode of 0 would become another.
		mode: node.mode | 0o100000,
		uid: fit.number("uid", node.uid),
		gid: fit.number("gid", node.gid),
		size: type === "file" ? contentLength(node.content) : 0,
		mtime: fit.time(node.mtime, node.mtimeNs),
		uname: fit.text("uname", users[node.uid] ?? "", 31),
		gname: fit.text("gname", groups[node.gid] ?? "", 31),
		...(target === undefined
			? {}
			: { linkname: fit.text("linkpath", target, 100) }),
		...fit.device(node),
	};
	for (const { name, value } of node.xattrs)
		records.set(`SCHILY.xattr.${decodeName(name)}`, value);
	return { header, records };
}

/** Six octal digits. */
const maxNumber = 0o777777;
const maxTime = 2 ** 31 - 1;

/** Takes values as the old header has them, and puts those that it cannot have into records. */
function fitting(records: Map<string, Bytes>) {
	const number = (keyword: string, value: number): number => {
		if (value > maxNumber) records.set(keyword, utf8(String(value)));
		return Math.min(value, maxNumber);
	};
	return {
		text(keyword: string, text: string, length: number): string {
			if (text.length <= length && /^[ -~]*$/.test(text)) return text;
			records.set(keyword, paxText(text));
			return text.replace(/[^ -~]/g, "_").slice(-length);
		},
		number,
		time(seconds: number, nanoseconds: number): Date {
			const clamped = Math.min(Math.max(seconds, 0), maxTime);
			if (clamped !== seconds || nanoseconds !== 0)
				records.set("mtime", paxTime(seconds, nanoseconds));
			return new Date(clamped * 1000);
		},
		device({ kind, device }: Node) {
			if (kind !== NodeKind.characterDevice && kind !== NodeKind.blockDevice)
				return {};
			const { major, minor } = numbersOf(device);
			return {
				devmajor: number("SCHILY.devmajor", major),
				devminor: number("SCHILY.devminor", minor),
			};
		},
	};
}

/** Major and minor number of a device, as Linux packs them into st_rdev. */
function numbersOf(device: number): { major: number; minor: number } {
	const dev = BigInt(device);
	const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
	const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
	return { major: Number(major), minor: Number(minor) };
}
