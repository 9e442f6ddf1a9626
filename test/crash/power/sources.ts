import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Repository, Snapshot } from "@varve/core";
import { type Bytes, decodeName, NodeKind, type TreeId } from "@varve/format";
import { makeTree, type TreeLiteral } from "@varve/testkit";
import { seeded } from "../random.mjs";

/** Each path below the root, with a hash of what is there: "directory" for a directory. */
export type Content = ReadonlyMap<string, string>;

/** Version 1 and what becomes of it: some files stay, some change, some come and go. */
export function growSource(folder: string, version: number): Content {
	rmSync(folder, { recursive: true, force: true });
	makeTree(folder, literal(version));
	return contentOfFolder(folder);
}

function literal(version: number): TreeLiteral {
	return {
		kept: bytes(3000, 1),
		sub: { large: bytes(9000, 2), deeper: { [`of-${version}`]: "short" } },
		changed: bytes(2500, 10 + version),
		empty: "",
		[`new-in-${version}`]: { a: bytes(5000, 20 + version), b: `b ${version}` },
	};
}

/** Bytes that do not compress. */
function bytes(length: number, seed: number): Uint8Array {
	return seeded(seed).bytes(length);
}

export function contentOfFolder(folder: string): Content {
	const content = new Map<string, string>();
	const enter = (below: string) => {
		for (const name of readdirSync(join(folder, below))) {
			const path = `${below}/${name}`;
			const isFolder = statSync(join(folder, path)).isDirectory();
			content.set(
				path,
				isFolder ? "directory" : hashOf(readFileSync(join(folder, path))),
			);
			if (isFolder) enter(path);
		}
	};
	enter("");
	return content;
}

export function hashOf(...parts: readonly Bytes[]): string {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return hash.digest("hex");
}

/** The same of a snapshot: all content is read and proved. The repository must have been prepared for reading. */
export function contentOfSnapshot(
	{ objects }: Repository,
	{ record }: Snapshot,
): Content {
	const content = new Map<string, string>();
	const enter = (tree: TreeId, below: string) => {
		for (const node of [...objects.nodes(tree)]) {
			const path = `${below}/${decodeName(node.name)}`;
			if (node.tree !== undefined) {
				content.set(path, "directory");
				enter(node.tree, path);
			} else if (node.kind === NodeKind.file) {
				const parts = Array.from(objects.bytes(node.content), (b) => b.slice());
				content.set(path, hashOf(...parts));
			}
		}
	};
	for (const { tree } of record.roots) enter(tree, "");
	return content;
}

export function isSame(a: Content, b: Content): boolean {
	return (
		a.size === b.size && [...a].every(([path, what]) => b.get(path) === what)
	);
}
