import {
	ByteWriter,
	beginScanPiece,
	blankNode,
	type ChunkId,
	Codec,
	type Config,
	type Content,
	encodeDirectory,
	encodeFrameBodyHead,
	encodeFrameHeader,
	encodeList,
	encodePackHeader,
	encodeScanBlock,
	encodeTrailer,
	encodeTree,
	type Forgotten,
	FrameKind,
	frameHeaderBytes,
	type GcList,
	ItemKind,
	type Label,
	type Lease,
	type LinkGroup,
	type Node,
	NodeKind,
	noStatistics,
	type PackFrame,
	type PackId,
	parseLeaseId,
	parsePackId,
	parseSnapshotId,
	parseTreeId,
	type ScanBlock,
	type SegmentPack,
	type SnapshotRecord,
	type StoredPolicy,
	scrubBlockBytes,
	spanBytes,
	type TreePage,
	untrustedCtime,
	utf8,
	wholeScope,
} from "../../packages/format/src/index.ts";
import { sha256, sha256Hex, xxh64 } from "./hashes.ts";

/** One value of every kind of object, fixed for ever: test/golden/v1 holds their bytes. */

export const hello = utf8("hello\n");
export const world = utf8("hello, world\n");

const helloId = sha256(hello);
const worldId = sha256(world);

const join = (...parts: readonly Uint8Array[]) =>
	new Uint8Array(Buffer.concat(parts));
const repeated = (byte: number, count = 32) => new Uint8Array(count).fill(byte);
const hexOf = (byte: number, count = 32) =>
	byte.toString(16).padStart(2, "0").repeat(count);

function content(
	items: readonly (readonly [keyof typeof ItemKind, number, Uint8Array?])[],
): Content {
	return {
		kinds: items.map(([kind]) => ItemKind[kind]),
		lengths: items.map(([, length]) => length),
		ids: join(...items.flatMap(([, , id]) => (id === undefined ? [] : [id]))),
	};
}

/** The smallest tree that has something in it: the one of the worked example. */
export const smallTree: readonly Node[] = [
	{
		...blankNode(utf8("hello.txt"), NodeKind.file),
		mode: 0o644,
		uid: 1000,
		gid: 1000,
		mtime: 1_700_000_000,
		mtimeNs: 123_456_789,
		content: content([["chunk", hello.length, helloId]]),
	},
	{
		...blankNode(utf8("link"), NodeKind.symlink),
		mode: 0o777,
		uid: 1000,
		gid: 1000,
		mtime: 1_699_999_999,
		target: utf8("hello.txt"),
	},
];

/** A tree with every kind of node, flag and column in it. */
export const richTree: readonly Node[] = [
	{
		...blankNode(Uint8Array.of(0x01, 0x7f), NodeKind.fifo),
		mode: 0o600,
		mtime: -1,
		mtimeNs: 999_999_999,
	},
	{
		...blankNode(utf8("block"), NodeKind.blockDevice),
		mode: 0o660,
		gid: 6,
		device: 0x0801,
	},
	{
		...blankNode(utf8("console"), NodeKind.characterDevice),
		mode: 0o600,
		device: 0x0501,
	},
	{
		...blankNode(utf8("dir"), NodeKind.directory),
		mode: 0o1777,
		uid: 0xffff_ffff,
		gid: 0xffff_fffe,
		mtime: 2 ** 51 - 1,
		tree: parseTreeId(hexOf(0xd1)),
		xattrs: [
			{ name: utf8("security.selinux"), value: utf8("system_u\0") },
			{ name: utf8("user.empty"), value: new Uint8Array(0) },
		],
	},
	{ ...blankNode(utf8("empty"), NodeKind.file), mode: 0o4755 },
	{
		...blankNode(utf8("huge"), NodeKind.file),
		mode: 0o644,
		mtime: -(2 ** 51),
		holes: true,
		torn: true,
		content: content([
			["list", spanBytes, repeated(0x11)],
			["zeros", 2 * spanBytes],
			["list", 1_000_000, repeated(0x12)],
		]),
		attributes: [{ name: utf8("later"), value: utf8("ignored") }],
	},
	{
		...blankNode(utf8("inline"), NodeKind.file),
		mode: 0o640,
		content: content([
			["chunk", 70_000, repeated(0x21)],
			["zeros", 65_536],
			["chunk", 1, repeated(0x22)],
		]),
	},
	{ ...blankNode(utf8("socket"), NodeKind.socket), mode: 0o755 },
	{
		...blankNode(utf8("\u{1f600}"), NodeKind.symlink),
		mode: 0o777,
		target: Uint8Array.of(0x2f, 0xff, 0xfe),
	},
	{ ...blankNode(Uint8Array.of(0xff), NodeKind.file), mode: 0 },
];

/** The two pages of a directory of 4,097 entries. "name-3636" may end a page: the ten low bits of its CRC-32 are zero. */
export const pages: readonly TreePage[] = [
	{
		last: utf8("name-3636"),
		count: 4000,
		tree: parseTreeId(hexOf(0xa1)),
	},
	{ last: utf8("zz"), count: 97, tree: parseTreeId(hexOf(0xa2)) },
];

export const spanList: Content = content([
	["chunk", 65_536, repeated(0x31)],
	["zeros", 1_000_000],
	["chunk", 131_072, repeated(0x32)],
	["chunk", 131_072, repeated(0x32)],
]);

export const linkGroups: readonly LinkGroup[] = [
	[
		{ root: 0, path: utf8("a/b") },
		{ root: 0, path: utf8("a.txt") },
	],
	[
		{ root: 0, path: Uint8Array.of(0x62, 0xff) },
		{ root: 1, path: utf8("b") },
		{ root: 1, path: utf8("b/c/d") },
	],
];

/** Of the five entries of the blocks below; of one it is not known. */
export const births = BigInt64Array.of(
	1_700_000_000_123_456_789n,
	0n,
	-1n,
	1n,
	-(2n ** 62n),
);

export const scanBlocks: readonly ScanBlock[] = [
	scanBlock({ path: "", names: ["a", "b"], page: 0 }),
	scanBlock({ path: "a", names: [], page: 0 }),
	scanBlock({ path: "b", names: ["x"], page: 0 }),
	scanBlock({ path: "b", names: ["y", "z"], page: 1 }),
];

function scanBlock(of: {
	path: string;
	names: readonly string[];
	page: number;
}): ScanBlock {
	const w = new ByteWriter();
	const count = of.names.length;
	for (let i = 0; i < count; i++) w.big64(BigInt(1000 + i));
	for (let i = 0; i < count; i++) w.big64(BigInt(4096 * (i + 1)));
	for (let i = 0; i < count; i++) w.big64(1_700_000_000_123_456_789n);
	for (let i = 0; i < count; i++)
		w.big64(i === 0 ? untrustedCtime : 1_700_000_000_000_000_000n);
	for (let i = 0; i < count; i++) w.u32(0o100644);
	for (let i = 0; i < count; i++) w.u32(1000);
	for (let i = 0; i < count; i++) w.u32(100);
	const names = utf8(of.names.join("\0"));
	return {
		root: 0,
		path: utf8(of.path),
		page: of.page,
		count,
		names,
		rows: w.finish(),
	};
}

export function encodeScan(blocks: readonly ScanBlock[]): Uint8Array {
	const w = new ByteWriter();
	beginScanPiece(w);
	for (const block of blocks) encodeScanBlock(w, block);
	return w.finish();
}

/** A frame with these chunks. `payload` is given where it is compressed. */
export function frameOf(of: {
	kind: FrameKind;
	chunks: readonly Uint8Array[];
	bases?: Uint8Array;
	payload?: Uint8Array;
}): Uint8Array {
	const { kind, chunks, bases = new Uint8Array(0), payload } = of;
	const w = new ByteWriter();
	w.reserve(frameHeaderBytes);
	const codec = payload === undefined ? Codec.raw : Codec.zstd;
	const lengths = chunks.map((chunk) => chunk.length);
	encodeFrameBodyHead(w, { codec, bases, lengths, count: chunks.length });
	w.bytes(payload ?? join(...chunks));
	const frame = w.finish();
	const storedLength = frame.length - frameHeaderBytes;
	encodeFrameHeader(frame, 0, { kind, sealed: false, storedLength });
	return frame;
}

/** "hello\n" as one zstd frame of one raw block, put together by hand. */
const helloZstd = join(
	Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x06, 0x31, 0x00, 0x00),
	hello,
);

export const rawFrame = frameOf({
	kind: FrameKind.content,
	chunks: [hello, world],
});
export const zstdFrame = frameOf({
	kind: FrameKind.content,
	chunks: [hello],
	payload: helloZstd,
});
export const deltaFrame = frameOf({
	kind: FrameKind.content,
	chunks: [hello],
	bases: join(worldId, helloId),
	payload: helloZstd,
});

/** A pack with these frames, its directory and its trailer, put together piece by piece. */
export function packOf(
	kind: typeof FrameKind.content | typeof FrameKind.meta,
	contents: readonly (readonly Uint8Array[])[],
): { readonly bytes: Uint8Array; readonly frames: readonly PackFrame[] } {
	const parts: Uint8Array[] = [encodePackHeader(kind, repeated(0x77))];
	const frames: PackFrame[] = [];
	const offset = () => parts.reduce((sum, part) => sum + part.length, 0);
	for (const chunks of contents) {
		const frame = frameOf({ kind, chunks });
		frames.push({
			offset: offset(),
			storedLength: frame.length,
			rawLength: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
			bases: new Uint8Array(0),
			ids: join(...chunks.map(sha256)),
			lengths: Uint32Array.from(chunks.map((chunk) => chunk.length)),
		});
		parts.push(frame);
	}
	const directoryOffset = offset();
	const directory = encodeDirectory(frames);
	const header = new Uint8Array(frameHeaderBytes);
	encodeFrameHeader(header, 0, {
		kind: FrameKind.directory,
		sealed: false,
		storedLength: directory.length,
	});
	parts.push(header, directory);
	const covered = join(...parts);
	const blocks: bigint[] = [];
	for (let at = 0; at < covered.length; at += scrubBlockBytes)
		blocks.push(xxh64(covered.subarray(at, at + scrubBlockBytes)));
	const ends = { directoryOffset, coveredLength: covered.length };
	return { bytes: join(covered, encodeTrailer(blocks, ends, xxh64)), frames };
}

export const contentPack = packOf(FrameKind.content, [[hello, world]]);
export const metaPack = packOf(FrameKind.meta, [
	[encodeTree(smallTree), encodeList(spanList)],
	[encodeTree(richTree)],
]);

export const lease = parseLeaseId("000102030405060708090a0b0c0d0e0f");

export const segmentPacks: readonly SegmentPack[] = [
	{
		id: parsePackId(sha256Hex(contentPack.bytes)),
		size: contentPack.bytes.length,
		kind: FrameKind.content,
		frames: contentPack.frames,
	},
	{
		id: parsePackId(sha256Hex(metaPack.bytes)),
		size: metaPack.bytes.length,
		kind: FrameKind.meta,
		frames: metaPack.frames,
	},
	{
		// Bases, and a chunk that lies in another pack as well.
		id: hexOf(0xee) as PackId,
		size: 1000,
		kind: FrameKind.content,
		frames: [
			{
				offset: 48,
				storedLength: 500,
				rawLength: hello.length + 10,
				bases: join(worldId, repeated(0x99)),
				ids: join(helloId, repeated(0x98)),
				lengths: Uint32Array.of(hello.length, 10),
			},
		],
	},
];

export const config: Config = {
	chunker: { algorithm: "gear1", min: 16_384, average: 65_536, max: 262_144 },
	frameBytes: 1_048_576,
	packBytes: 33_554_432,
	features: [],
	id: hexOf(0xc0),
	created: "2026-01-02T03:04:05.678Z",
};

export const record: SnapshotRecord = {
	time: "2026-01-02T03:04:05.678+01:00",
	host: "host",
	user: "anna",
	roots: [
		{
			path: "/home/anna",
			kind: "directory",
			tree: parseTreeId(sha256Hex(encodeTree(smallTree))),
			mode: 0o755,
			uid: 1000,
			gid: 1000,
			mtime: -1,
			mtimeNs: 5,
			xattrs: [],
		},
		{
			path: "/srv/\udcff",
			kind: "entries",
			tree: parseTreeId(sha256Hex(encodeTree(richTree))),
			mode: 0,
			uid: 0,
			gid: 0,
			mtime: 0,
			mtimeNs: 0,
			xattrs: [],
		},
	],
	links: hexOf(0x41) as ChunkId,
	scan: hexOf(0x42) as ChunkId,
	parent: parseSnapshotId(hexOf(0x43)),
	scope: {
		...wholeScope,
		excludes: ["*.o", "\u00e9\ud83d\ude00\n"],
		excludeLargerThan: 1_000_000,
		gitignore: true,
	},
	tags: ["before-upgrade"],
	pin: false,
	note: "",
	program: "varve 0.1.0",
	statistics: { ...noStatistics, files: 2, bytes: 19, duration: 12 },
	unread: [
		{ path: "/home/anna/secret", reason: "EACCES" },
		{ path: "/home/anna/\udcfe", reason: "VANISHED" },
	],
	kept: [],
	notKept: { acl: 3 },
	users: { "0": "root", "1000": "anna" },
	groups: { "1000": "anna" },
	provenance: { components: [{ name: "phoenix", version: "1.7.2" }] },
	known: { count: 1, hash: sha256Hex(utf8(hexOf(0x43))) },
	features: [],
};

/** The same, with what is kept beside the nodes. */
export const keptRecord: SnapshotRecord = {
	...record,
	roots: record.roots.map((root, i) =>
		i > 0
			? root
			: {
					...root,
					xattrs: [
						{ name: utf8("security.\u00e9"), value: new Uint8Array(0) },
						{ name: Uint8Array.of(0x75, 0xff), value: utf8("any\0thing") },
					],
				},
	),
	kept: ["xattrs"],
};

/** A record with nothing in it that can be left out. */
export const bareRecord: SnapshotRecord = {
	...record,
	roots: [],
	links: undefined,
	scan: undefined,
	parent: undefined,
	scope: wholeScope,
	tags: [],
	statistics: noStatistics,
	unread: [],
	notKept: {},
	users: {},
	groups: {},
	provenance: {},
	known: { count: 0, hash: sha256Hex(new Uint8Array(0)) },
};

const snapshot = parseSnapshotId(hexOf(0x51));
const time = "2026-02-03T04:05:06.789Z";

export const labels: readonly Label[] = [
	{ snapshot, time, op: "add-tag", value: "keep" },
	{ snapshot, time, op: "remove-tag", value: "keep" },
	{ snapshot, time, op: "pin" },
	{ snapshot, time, op: "unpin" },
	{ snapshot, time, op: "note", value: "two\nlines" },
	{ snapshot, time, op: "expire", value: time },
	{ snapshot, time, op: "expire", value: "" },
];

export const forgotten: Forgotten = {
	snapshot,
	time,
	host: "host",
	user: "anna",
	reason: "keep-last 3",
};

export const policies: readonly StoredPolicy[] = [
	{
		name: "default",
		time,
		host: "host",
		user: "anna",
		retention: {
			groupBy: ["host", "paths"],
			policy: {
				keepLast: 10,
				keepDaily: 7,
				keepYearly: -1,
				keepWithin: "36h",
				keepWithinMonthly: "1y5m7d2h",
				keepTags: ["before-upgrade", "a,b"],
			},
			exceptions: [
				{
					hosts: ["build"],
					paths: ["/srv"],
					tags: ["templates"],
					policy: { keepLast: 2 },
				},
			],
		},
	},
	{
		name: "Every_night-2",
		time,
		host: "host",
		user: "anna",
		retention: undefined,
	},
];

export const leaseRecord: Lease = {
	lease,
	kind: "writer",
	beat: 0,
	host: "host",
	machineId: "0123456789abcdef0123456789abcdef",
	bootId: "01234567-89ab-cdef-0123-456789abcdef",
	pid: 4711,
	startTicks: "123456",
	pidNamespace: "4026531836",
	created: time,
	snapshots: [snapshot],
	program: "varve 0.1.0",
	command: "snapshot /home/anna",
};

export const gcList: GcList = {
	generation: lease,
	time,
	packs: [parsePackId(hexOf(0x61)), parsePackId(hexOf(0x62))],
	snapshots: [snapshot],
};

/** Once it is known who must end. */
export const waitingGcList: GcList = { ...gcList, waitsFor: [lease] };
