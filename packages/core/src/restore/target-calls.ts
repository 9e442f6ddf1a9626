import { loadForeignLibrary } from "../native/foreign.ts";
import { declareLinkOpen, type LinkOpen } from "../native/link-open.ts";
import { declareOpenAt, type OpenAt } from "../native/open-at.ts";
import {
	declareXattrWriter,
	type XattrWriter,
} from "../native/xattr-writer.ts";
import { type NativeCalls, nativeCallsOf } from "./native-times.ts";

/** The system calls of a restore that Node does not have. What is undefined cannot be had here. */
export interface TargetCalls extends NativeCalls {
	readonly openAt: OpenAt | undefined;
	readonly linkOpen: LinkOpen | undefined;
	readonly xattrs: XattrWriter | undefined;
}

/** Costs some milliseconds: call it once for each thread that needs it. */
export function loadTargetCalls(load = loadForeignLibrary): TargetCalls {
	const library = load();
	return {
		...nativeCallsOf(library),
		openAt: library && declareOpenAt(library),
		linkOpen: library && declareLinkOpen(library),
		xattrs: library && declareXattrWriter(library),
	};
}
