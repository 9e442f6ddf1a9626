import fc from "fast-check";
import {
	type Attribute,
	blankNode,
	type Content,
	compareBytes,
	compareWalkOrder,
	equalBytes,
	ItemKind,
	isNodeName,
	type LinkGroup,
	type LinkPath,
	maxMtime,
	minMtime,
	minZeroRun,
	type Node,
	NodeKind,
	parseTreeId,
	spanBytes,
} from "../../packages/format/src/index.ts";

/** Small runs with a fixed seed: a failure comes again, and the suite stays quick. */
export const few = { numRuns: 60, seed: 20_260_101 };
export const many = { numRuns: 1000, seed: 20_260_101 };

export const anyBytes = (maxLength: number) => fc.uint8Array({ maxLength });

const idBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const idText = idBytes.map((bytes) => Buffer.from(bytes).toString("hex"));

/** Mostly what names are like, sometimes any bytes. */
export const nodeName: fc.Arbitrary<Uint8Array> = fc
	.oneof(
		fc.string({ minLength: 1, maxLength: 12 }).map(utf8),
		fc.string({ unit: "binary", minLength: 1, maxLength: 6 }).map(utf8),
		fc.uint8Array({ minLength: 1, maxLength: 255 }),
	)
	.filter(isNodeName);

function utf8(text: string): Uint8Array {
	return new Uint8Array(Buffer.from(text, "utf8"));
}

const attributeName = fc
	.uint8Array({ minLength: 1, maxLength: 20, min: 1 })
	.filter((name) => name[0] !== 0x21);

export const attributes: fc.Arbitrary<Attribute[]> = fc
	.uniqueArray(attributeName, { maxLength: 3, comparator: equalBytes })
	.map((names) => names.sort(compareBytes))
	.chain((names) =>
		fc.tuple(
			...names.map((name) => anyBytes(20).map((value) => ({ name, value }))),
		),
	);

type Item = readonly [ItemKind, number, Uint8Array | undefined];

const chunkItem: fc.Arbitrary<Item> = fc
	.tuple(fc.integer({ min: 1, max: 1 << 24 }), idBytes)
	.map(([length, id]) => [ItemKind.chunk, length, id]);
const zerosItem: fc.Arbitrary<Item> = fc
	.integer({ min: minZeroRun, max: 2 ** 45 })
	.map((length) => [ItemKind.zeros, length, undefined]);
const listItem: fc.Arbitrary<Item> = fc
	.tuple(fc.integer({ min: 2, max: spanBytes }), idBytes)
	.map(([length, id]) => [ItemKind.list, length, id]);

function toContent(items: readonly Item[]): Content {
	const kept = items.filter(
		([kind], i) => kind !== ItemKind.zeros || items[i - 1]?.[0] !== kind,
	);
	return {
		kinds: kept.map(([kind]) => kind),
		lengths: kept.map(([, length]) => length),
		ids: new Uint8Array(Buffer.concat(kept.flatMap(([, , id]) => id ?? []))),
	};
}

export const listContent: fc.Arbitrary<Content> = fc
	.array(fc.oneof(chunkItem, chunkItem, zerosItem), {
		minLength: 1,
		maxLength: 40,
	})
	.map(toContent);

const fileContent: fc.Arbitrary<Content> = fc.oneof(
	fc.array(fc.oneof(chunkItem, zerosItem), { maxLength: 16 }).map(toContent),
	fc
		.tuple(listItem, fc.array(fc.oneof(listItem, zerosItem), { maxLength: 30 }))
		.map(([first, rest]) => toContent([first, ...rest])),
);

const owner = fc.oneof(fc.nat(2000), fc.integer({ min: 0, max: 0xffff_ffff }));
const mtime = fc.oneof(
	fc.integer({ min: -10, max: 2_000_000_000 }),
	fc.maxSafeInteger().map((n) => Math.max(minMtime, Math.min(maxMtime, n))),
);

const base = fc.record({
	mode: fc.integer({ min: 0, max: 0o7777 }),
	uid: owner,
	gid: owner,
	mtime,
	mtimeNs: fc.integer({ min: 0, max: 999_999_999 }),
	xattrs: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, attributes),
	attributes: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, attributes),
});

const ofKind: fc.Arbitrary<Partial<Node> & Pick<Node, "kind">> = fc.oneof(
	fc
		.record({ content: fileContent, sparse: fc.boolean(), torn: fc.boolean() })
		.map(({ content, sparse, torn }) => ({
			kind: NodeKind.file,
			content,
			torn,
			holes: sparse && content.kinds.some((kind) => kind !== ItemKind.chunk),
		})),
	idText.map((id) => ({ kind: NodeKind.directory, tree: parseTreeId(id) })),
	fc
		.uint8Array({ minLength: 1, maxLength: 60, min: 1 })
		.map((target) => ({ kind: NodeKind.symlink, target })),
	fc.constantFrom({ kind: NodeKind.fifo }, { kind: NodeKind.socket }),
	fc
		.tuple(
			fc.constantFrom(NodeKind.characterDevice, NodeKind.blockDevice),
			fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs)),
		)
		.map(([kind, device]) => ({ kind, device })),
);

export const nodes = (maxLength: number): fc.Arbitrary<Node[]> =>
	fc
		.uniqueArray(nodeName, { maxLength, comparator: equalBytes })
		.map((names) => names.sort(compareBytes))
		.chain((names) =>
			fc.tuple(
				...names.map((name) =>
					fc.tuple(base, ofKind).map(([numbers, own]) => ({
						...blankNode(name, own.kind),
						...numbers,
						...own,
					})),
				),
			),
		);

export const nodePath: fc.Arbitrary<Uint8Array> = fc
	.array(nodeName, { minLength: 1, maxLength: 4 })
	.map(
		(names) =>
			new Uint8Array(
				Buffer.concat(
					names.flatMap((name, i) => (i === 0 ? [name] : [utf8("/"), name])),
				),
			),
	);

const comparePaths = (a: LinkPath, b: LinkPath) =>
	a.root - b.root || compareWalkOrder(a.path, b.path);

export const linkGroups: fc.Arbitrary<LinkGroup[]> = fc
	.uniqueArray(fc.record({ root: fc.nat(3), path: nodePath }), {
		minLength: 2,
		maxLength: 20,
		comparator: (a, b) => comparePaths(a, b) === 0,
	})
	.map((paths) => {
		const groups: LinkPath[][] = [];
		for (let i = 0; i + 1 < paths.length; i += 3)
			groups.push(paths.slice(i, i + 3).sort(comparePaths));
		return groups
			.filter((group) => group.length > 1)
			.sort((a, b) => comparePaths(a[0] as LinkPath, b[0] as LinkPath));
	});
