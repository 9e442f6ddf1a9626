export {
	type InitOptions,
	initRepository,
	type OpenOptions,
	openRepository,
	programName,
} from "./compose.ts";
export type { Observer, Step, VerbEvent, VerbName } from "./events.ts";
export { type LeaseOptions, withLease } from "./lease.ts";
export type { Clock, Identity } from "./ports.ts";
export type { ObjectReader, Repository, Snapshot } from "./repository.ts";
export type {
	SnapshotOptions,
	SnapshotResult,
	SourceRoot,
	SourceStream,
} from "./snapshot/options.ts";
export { snapshot } from "./snapshot/snapshot.ts";
