import { importsOf, packageOf } from "./imports.ts";

/** A source file of a package. */
export interface Source {
	/** "core" for packages/core. */
	readonly owner: string;
	/** Path below src, with slashes. */
	readonly path: string;
	readonly text: string;
}

/** What a package may import of the others. */
export const arrows: Readonly<Record<string, readonly string[]>> = {
	format: [],
	kernel: ["@varve/format"],
	store: ["@varve/format"],
	core: ["@varve/format", "@varve/kernel", "@varve/store"],
	cli: ["@varve/core"],
	testkit: ["@varve/core", "@varve/format", "@varve/kernel", "@varve/store"],
};

/** The files of core that construct what kernel and store make: one for the main thread, one for a worker thread. */
const composers = ["compose.ts", "worker.ts"];

/** Pure functions and constants that any file of core may take from kernel and store: they construct nothing. */
const pure: Readonly<Record<string, readonly string[]>> = {
	"@varve/kernel": [],
	"@varve/store": [],
};

const bannedNames =
	/(^|[-.])(manager|helpers?|utils?|handlers?|info|misc|common|data)([-.]|$)/;

const longest = 400;

/** One sentence for each rule of the design that a source breaks. */
export function violations(source: Source): string[] {
	const where = `packages/${source.owner}/src/${source.path}`;
	return [
		...brokenArrows(source),
		...brokenComposition(source),
		...brokenAssets(source),
		...brokenName(source.path),
		...brokenLength(source.text),
	].map((sentence) => `${where}: ${sentence}`);
}

function brokenArrows({ owner, path, text }: Source): string[] {
	const allowed = arrows[owner] ?? [];
	const depth = path.split("/").length - 1;
	return importsOf(text).flatMap(({ from }) => {
		const name = packageOf(from);
		if (owner === "format" && !from.startsWith("."))
			return [`format is pure and imports ${from}`];
		if (from.startsWith("../".repeat(depth + 1)))
			return [`${from} leaves the package`];
		if (name === undefined || !name.startsWith("@varve/")) return [];
		if (from !== name) return [`${from} goes past the index of ${name}`];
		return allowed.includes(name) ? [] : [`${owner} imports ${name}`];
	});
}

function brokenComposition({ owner, path, text }: Source): string[] {
	if (owner !== "core" || composers.includes(path)) return [];
	return importsOf(text).flatMap(({ from, values, typeOnly }) => {
		const free = pure[from];
		if (free === undefined || typeOnly) return [];
		const taken = values.filter((name) => !free.includes(name));
		if (values.length > 0 && taken.length === 0) return [];
		return [
			`takes ${taken.join(", ") || "types without import type"} from ${from}; only ${composers.join(" and ")} may`,
		];
	});
}

/** Files loaded by path: the one form that is right from src, from dist and from the bundle. */
function brokenAssets({ owner, path, text }: Source): string[] {
	const named = [
		...text.matchAll(/new URL\(\s*([^)]*?),?\s*import\.meta\.url/g),
	];
	return named.flatMap(([, target = ""]) => {
		const literal = /^"([^"]+)"\s*$/.exec(target)?.[1];
		if (literal === undefined) return [`loads ${target}, not a literal path`];
		if (path.includes("/"))
			return [`loads ${literal} by path, from below src/`];
		const isManifest = owner === "cli" && literal === "../package.json";
		if (isManifest || /^\.\.\/dist\/[^/]+$/.test(literal)) return [];
		return [`loads ${literal}, which is not in ../dist/`];
	});
}

function brokenName(path: string): string[] {
	return path.split("/").flatMap((part) => {
		const name = part.replace(/(\.d)?\.ts$/, "");
		if (bannedNames.test(name)) return [`${part} says nothing`];
		return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)
			? []
			: [`${part} is not in kebab case`];
	});
}

function brokenLength(text: string): string[] {
	const lines = text.split("\n").length;
	return lines > longest ? [`${lines} lines, more than ${longest}`] : [];
}
