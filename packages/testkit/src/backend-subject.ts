import { randomBytes } from "node:crypto";
import type { LeaseId } from "@varve/format";
import type { FileKind, RemoveBackend } from "@varve/store";

export interface BackendUnderTest {
	/** Empty. */
	readonly backend: RemoveBackend;
	/** The same storage as another process sees it. */
	readonly other: RemoveBackend;
	/** Deletes it all. */
	dispose(): Promise<void>;
}

export type Subject = () => BackendUnderTest;

export const leaseA = "a1".repeat(16) as LeaseId;
export const leaseB = "b2".repeat(16) as LeaseId;

export const name = (n: number) => n.toString(16).padStart(64, "0");

/** `config`, its copy and `reserve` hold one file of that same name. */
export const nameIn = (kind: FileKind) => {
	if (kind === "copies/config") return "config";
	return kind === "config" || kind === "reserve" ? kind : name(7);
};

export const bytesOf = (length: number, seed = 1) =>
	Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7) & 255);

export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Stores one file, by a lease of its own. */
export async function store(
	backend: RemoveBackend,
	kind: FileKind,
	fileName: string,
	bytes: Uint8Array,
): Promise<void> {
	const lease = randomBytes(16).toString("hex") as LeaseId;
	const stage = await backend.stage(lease);
	await stage.putBytes(kind, fileName, bytes);
	await stage.release();
}
