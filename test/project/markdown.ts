/** A link of a page, as it stands there. */
export interface Link {
	readonly line: number;
	/** Of a link to the same page: "". */
	readonly path: string;
	readonly anchor: string | undefined;
}

/** Links to files and headings of the repository; not those to the web. Code is no text. */
export function linksOf(markdown: string): Link[] {
	return proseLines(markdown).flatMap(({ text, line }) =>
		[...text.matchAll(/\]\(([^()\s]+)\)/g)]
			.map(([, target = ""]) => target)
			.filter((target) => !/^[a-z]+:/i.test(target))
			.map((target) => {
				const [path = "", anchor] = target.split("#");
				return { line, path: decodeURIComponent(path), anchor };
			}),
	);
}

/** What can stand behind # in a link to the page: its headings, as the usual forges spell them. */
export function anchorsOf(markdown: string): Set<string> {
	const anchors = new Set<string>();
	for (const { text } of proseLines(markdown)) {
		const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1];
		if (heading === undefined) continue;
		const slug = slugOf(heading);
		let name = slug;
		for (let n = 1; anchors.has(name); n++) name = `${slug}-${n}`;
		anchors.add(name);
	}
	return anchors;
}

function slugOf(heading: string): string {
	return heading
		.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
		.toLowerCase()
		.replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
		.replaceAll(" ", "-");
}

/** Lines outside of fences, inline code replaced by what it says where it is a heading, else taken out. */
function proseLines(markdown: string): { text: string; line: number }[] {
	return splitFences(markdown)
		.filter(({ fence }) => fence === undefined)
		.map(({ text, line }) => ({
			line,
			text: text.startsWith("#") ? text : text.replace(/`[^`]*`/g, ""),
		}));
}

export interface MarkdownLine {
	readonly text: string;
	/** From 1. */
	readonly line: number;
	/** The word behind the opening fence ("" if there is none) of lines between fences; undefined of other lines. */
	readonly fence: string | undefined;
}

/** All lines but the fences themselves. */
export function splitFences(markdown: string): MarkdownLine[] {
	const lines: MarkdownLine[] = [];
	let fence: string | undefined;
	markdown.split("\n").forEach((text, index) => {
		const mark = /^\s*```+\s*(\S*)/.exec(text);
		if (mark === null) lines.push({ text, line: index + 1, fence });
		else fence = fence === undefined ? (mark[1] ?? "") : undefined;
	});
	return lines;
}
