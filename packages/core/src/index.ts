export {
	type ChunkId,
	ConflictError,
	CorruptError,
	type Forgotten,
	InputError,
	isVarveError,
	NotFoundError,
	type Policy,
	type PolicyException,
	type PolicyScope,
	pathFields,
	printableName,
	type Retention,
	type Scope,
	type SnapshotId,
	type SnapshotRecord,
	SourceError,
	type Statistics,
	StorageError,
	type StoredPolicy,
	TargetError,
	type TreeId,
	type Unread,
	UnsupportedError,
	VarveError,
	wholeScope,
} from "@varve/format";
export {
	type InitOptions,
	initRepository,
	type OpenOptions,
	openRepository,
	programName,
} from "./compose.ts";
export type { Remark, RemarkCode, Remedy } from "./doctor/ailments.ts";
export {
	type Examination,
	examine,
	type Treated,
	treat,
} from "./doctor/doctor.ts";
export type { Observer, Step, VerbEvent, VerbName } from "./events.ts";
export { afterCommit } from "./forget/committed.ts";
export {
	type ForgetOptions,
	type ForgetResult,
	forget,
	type Spared,
} from "./forget/forget.ts";
export type { FreedBy } from "./forget/freed-by.ts";
export type { KeptSnapshot } from "./forget/judge-group.ts";
export {
	defaultGroupBy,
	describeKey,
	type ForgetPlan,
	type ForgetRequest,
	type GroupKey,
	type PlannedGroup,
	planByHand,
	planForget,
	removedBy,
} from "./forget/plan.ts";
export {
	describePolicy,
	isEmptyPolicy,
	parseDuration,
	parseGroupBy,
	parseKeepCount,
} from "./forget/policy.ts";
export {
	listPolicies,
	removePolicy,
	requireStoredPolicy,
	setPolicy,
} from "./forget/stored-policies.ts";
export {
	listForgotten,
	readForgotten,
	type Unforgotten,
	unforget,
} from "./forget/unforget.ts";
export { freedBy } from "./gc/freed-by.ts";
export { gc } from "./gc/gc.ts";
export {
	defaultGrace,
	defaultMaxUnused,
	type GcOptions,
	type GcResult,
	type UnusedLimit,
} from "./gc/options.ts";
export {
	addTags,
	pin,
	type Relabelled,
	removeTags,
	setNote,
	setTags,
	unpin,
} from "./labels/change-labels.ts";
export type { Labels } from "./labels/merge-labels.ts";
export { type LeaseOptions, withLease } from "./lease.ts";
export type { FoundLease, LeaseReason } from "./lease-table.ts";
export type { Clock, Identity, Timer } from "./ports.ts";
export {
	type Checksum,
	checksumLine,
	checksums,
} from "./query/checksums.ts";
export type { StatusItem, UnreadableEntry } from "./query/compare-live.ts";
export type { NodeChange } from "./query/compare-nodes.ts";
export {
	type DiffItem,
	type DiffRequest,
	type DiffSide,
	diff,
	type EntryChange,
} from "./query/diff.ts";
export type { DiffStatistics, DiffSums } from "./query/diff-statistics.ts";
export { type DumpRequest, dump } from "./query/dump.ts";
export type { Entry, EntryType } from "./query/entry.ts";
export {
	type Find,
	type FindRequest,
	findEntries,
} from "./query/find-entries.ts";
export { history, type Version } from "./query/history.ts";
export { listSnapshots, type SnapshotFilter } from "./query/list-snapshots.ts";
export { listTree, type TreeRequest } from "./query/list-tree.ts";
export type { Modifier } from "./query/modifier.ts";
export { readFile } from "./query/read-content.ts";
export {
	type CacheUsage,
	cacheUsage,
	clearCache,
	type KindSize,
	type RepositoryFacts,
	readConfig,
	type SnapshotDetails,
	showSnapshot,
} from "./query/repository-facts.ts";
export {
	type Selected,
	selectPath,
	selectSnapshot,
} from "./query/select-snapshot.ts";
export {
	parseSelector,
	type Selection,
	type Selector,
} from "./query/selector.ts";
export {
	type ObjectSums,
	type RepositoryStats,
	type SnapshotStats,
	type StatsOptions,
	stats,
} from "./query/stats.ts";
export {
	type StatusRequest,
	type StatusResult,
	status,
} from "./query/status.ts";
export type { StatusSums } from "./query/status-walk.ts";
export { tellStoredLate } from "./query/stored-late.ts";
export type {
	IndexRepaired,
	Losses,
	MendedPack,
	MendedSnapshot,
	PacksRepaired,
	Recovered,
	RecoveredTree,
	RepairOptions,
	RepairPacksOptions,
	RepairSnapshotsOptions,
	SnapshotsRepaired,
} from "./repair/options.ts";
export { recover } from "./repair/recover.ts";
export { repairIndex } from "./repair/repair-index.ts";
export { repairPacks, selectPack } from "./repair/repair-packs.ts";
export { repairSnapshots } from "./repair/repair-snapshots.ts";
export type { ObjectReader, Repository, Snapshot } from "./repository.ts";
export { type Located, type Location, locate } from "./restore/locate.ts";
export type { OpenConflict } from "./restore/onto/collect-plan.ts";
export type {
	Action as RestoreAction,
	Conflict as RestoreConflict,
	OnConflict,
	Overwrite,
	Resolution,
} from "./restore/onto/decide.ts";
export {
	abortRestore,
	type BeginAnew,
	type FinishReport,
	forgetRestore,
	resumeRestore,
	undoRestore,
} from "./restore/onto/finish-restore.ts";
export {
	type OntoReport,
	ontoOutcome,
	type PlanLine,
	type PlanSums,
} from "./restore/onto/onto-report.ts";
export type { OntoOptions } from "./restore/onto/options.ts";
export { restoreOnto } from "./restore/onto/restore-onto.ts";
export {
	type EntryProblem,
	type RestoreReport,
	restoreOutcome,
} from "./restore/report.ts";
export { type RestoreOptions, restore } from "./restore/restore.ts";
export { type RetryOptions, retryLocked } from "./retry-locked.ts";
export type {
	SnapshotOptions,
	SnapshotResult,
	SourceRoot,
	SourceStream,
} from "./snapshot/options.ts";
export { snapshot } from "./snapshot/snapshot.ts";
export {
	parseLines,
	parseRawPaths,
} from "./snapshot/source-lists.ts";
export {
	resolveSources,
	type SourceRequest,
	type Sources,
} from "./snapshot/sources.ts";
export {
	defaultWait,
	type UnlockedLease,
	type UnlockOptions,
	unlock,
} from "./unlock.ts";
export type { Finding, FindingCode, Hurt } from "./verify/finding.ts";
export type {
	VerifyLevel,
	VerifyOptions,
	VerifyReport,
} from "./verify/options.ts";
export type { Subset } from "./verify/subset.ts";
export { verify } from "./verify/verify.ts";
