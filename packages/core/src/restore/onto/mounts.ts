import { readFileSync, readlinkSync } from "node:fs";
import { decodeName } from "@varve/format";
import { codeOf } from "../../system.ts";
import type { TargetDirectory } from "../target-tree.ts";
import type { Spot } from "./items.ts";

/**
 * Which mount an open directory lies on: what is mounted from the same file system (a bind mount) has another one, but the same device.
 * undefined where the system does not tell.
 */
export function mountOf({
	descriptor,
}: Pick<TargetDirectory, "descriptor">): string | undefined {
	if (descriptor === -1) return undefined;
	try {
		const facts = readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1");
		return /^mnt_id:\s*(\d+)$/m.exec(facts)?.[1];
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return undefined;
	}
}

/** What is mounted, files too, as it was when this was made. */
export class MountPoints {
	readonly #paths: ReadonlySet<string>;
	#directory: TargetDirectory | undefined;
	#real = "";

	constructor(paths: ReadonlySet<string> = readMountPoints()) {
		this.#paths = paths;
	}

	/** Something is mounted right there. */
	has({ top, suffix }: Spot): boolean {
		if (this.#paths.size === 0 || suffix === "") return false;
		const directory = top.tree.above(suffix);
		if (directory.descriptor === -1) return this.#paths.has(top.path + suffix);
		// Most entries lie in the directory of the one before.
		if (directory !== this.#directory) {
			this.#real = decoded(
				readlinkSync(directory.self, { encoding: "buffer" }),
			);
			this.#directory = directory;
		}
		const at = this.#real === "/" ? "" : this.#real;
		return this.#paths.has(at + suffix.slice(suffix.lastIndexOf("/")));
	}
}

function readMountPoints(): ReadonlySet<string> {
	try {
		// A line to each: id, id of the one above, device, root, mount point, and more. See proc_pid_mountinfo(5).
		const lines = readFileSync("/proc/self/mountinfo", "latin1").split("\n");
		const points = lines.flatMap((line) => line.split(" ")[4] ?? []);
		return new Set(points.map(unescaped));
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return new Set();
	}
}

/** Blanks and the like stand there as three octal digits. */
function unescaped(point: string): string {
	const bytes = point.replace(/\\([0-7]{3})/g, (_, digits: string) =>
		String.fromCharCode(Number.parseInt(digits, 8)),
	);
	return decoded(Buffer.from(bytes, "latin1"));
}

function decoded(bytes: Buffer): string {
	return decodeName(Uint8Array.from(bytes));
}
