import { displayWidth, padEnd, padStart } from "./display-width.ts";
import { escapeText } from "./escape-text.ts";

export interface Column {
	readonly title: string;
	readonly align?: "right";
}

/** Lines of a table, the titles first, columns two spaces apart; the last one is not filled up. */
export function tableLines(
	columns: readonly Column[],
	rows: readonly (readonly string[])[],
): string[] {
	const titles = columns.map(({ title }) => title);
	const cells = [titles, ...rows].map((row) => row.map(escapeText));
	const widths = columns.map((_, i) =>
		Math.max(...cells.map((row) => displayWidth(row[i] ?? ""))),
	);
	return cells.map((row) =>
		columns
			.map(({ align }, i) => {
				const cell = row[i] ?? "";
				const width = widths[i] as number;
				return align === "right" ? padStart(cell, width) : padEnd(cell, width);
			})
			.join("  ")
			.trimEnd(),
	);
}

/** Lines "name  value", the values below each other. */
export function pairLines(
	pairs: readonly (readonly [name: string, value: string])[],
): string[] {
	const width = Math.max(...pairs.map(([name]) => name.length));
	return pairs.map(([name, value]) =>
		`${padEnd(name, width)}  ${value}`.trimEnd(),
	);
}
