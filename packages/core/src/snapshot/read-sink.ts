import type { Reading } from "./batches.ts";
import type { Intake } from "./intake.ts";
import type { ReadSink } from "./reader-crew.ts";
import type { Report } from "./report.ts";
import type { FreshStat } from "./tasks.ts";
import type { Traversal } from "./traversal.ts";

export interface ReadSinkParts {
	readonly report: Report;
	readonly traversal: Traversal;
	readonly intake: Intake;
	readonly tellProgress: () => void;
}

/** Tells everyone concerned what became of a file. */
export function createReadSink({
	report,
	traversal,
	intake,
	tellProgress,
}: ReadSinkParts): ReadSink {
	return {
		read: (file, content, { torn, zeros, stat, xattrs }) => {
			report.fileDone(file);
			report.countXattrs(xattrs);
			if (torn) report.unreadable(pathOf(file), "CHANGED");
			const holes = zeros && sparseOf(file, stat);
			traversal.fileRead(
				file,
				{ content, torn, holes, xattrs: xattrs.xattrs },
				stat,
			);
			tellProgress();
		},
		vanished: (file) => {
			report.fileLost(file);
			report.vanished(pathOf(file));
			traversal.fileDropped(file);
		},
		failed: (file, reason) => {
			report.fileLost(file);
			report.unreadable(pathOf(file), reason);
			traversal.fileDropped(file);
		},
		stored: (stored) => intake.take(stored),
		storeList: intake.storeList,
	};
}

function pathOf({ directory, index }: Reading): string {
	return directory.path + (directory.names[index] as string);
}

function sparseOf(
	{ directory, index }: Reading,
	stat: FreshStat | undefined,
): boolean {
	return stat === undefined ? directory.sparse.has(index) : stat.sparse;
}
