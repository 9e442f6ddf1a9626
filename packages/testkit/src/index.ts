export type { BackendUnderTest } from "./backend-subject.ts";
export { describeBackend } from "./backend-suite.ts";
export {
	type Fault,
	type FaultPoint,
	type FaultyBackend,
	faultyBackend,
} from "./faulty-backend.ts";
export {
	hardlink,
	longAgo,
	makeTree,
	type Special,
	symlink,
	type TreeLiteral,
} from "./tree.ts";
export {
	clearXattrs,
	sampleAcl,
	setXattrs,
	type XattrLiteral,
} from "./xattrs.ts";
