import type { FsLayer } from "@varve/store";

export interface FsCall {
	readonly operation: keyof FsLayer;
	/** The first path it names; undefined if it goes by a descriptor. */
	readonly path: string | undefined;
	/** It changes something that another process can see. */
	readonly changes: boolean;
}

/** What becomes of a call, instead of what it does: an error that it fails with, or undefined to let it be. */
export type FsPlan = (call: FsCall) => Error | undefined;

const changing: ReadonlySet<keyof FsLayer> = new Set<keyof FsLayer>([
	"write",
	"fsync",
	"rename",
	"link",
	"unlink",
	"mkdir",
	"rmdir",
	"writeSync",
	"unlinkSync",
]);

/** A file system in which each call happens as `plan` says: whole, or not at all. */
export function plannedFs(inner: FsLayer, plan: FsPlan): FsLayer {
	const entries = Object.entries(inner).map(([name, call]) => {
		const operation = name as keyof FsLayer;
		const planned = (...words: unknown[]) => {
			const error = plan(callOf(operation, words));
			if (error === undefined) return (call as Call)(...words);
			if (operation.endsWith("Sync")) throw error;
			return Promise.reject(error);
		};
		return [name, planned];
	});
	return Object.fromEntries(entries) as FsLayer;
}

type Call = (...words: unknown[]) => unknown;

function callOf(operation: keyof FsLayer, words: unknown[]): FsCall {
	const [path, flags] = words;
	const isOpen = operation === "open" || operation === "openSync";
	return {
		operation,
		path: typeof path === "string" ? path : undefined,
		changes: isOpen ? flags !== "r" : changing.has(operation),
	};
}

/** An error as the operating system gives it. */
export function systemError(code: string, { operation, path }: FsCall): Error {
	const syscall = operation.replace(/Sync$/, "");
	const text = `${code}: made to fail, ${syscall} ${path ?? ""}`;
	return Object.assign(new Error(text), { code, syscall, path, errno: -1 });
}
