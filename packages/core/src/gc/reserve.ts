import { isVarveError, reserveBytesFor } from "@varve/format";
import type { Stage } from "@varve/store";
import type { Repository } from "../repository.ts";

/** Runs `work`, and if there is no room for it, once more with the reserve given up. */
export async function withReserve<T>(
	repository: Repository,
	work: () => Promise<T>,
): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!isVarveError(error) || error.code !== "NO_SPACE") throw error;
		// A result that tells of the second half alone would be wrong.
		if (error.details["committed"] === true) throw error;
		if (!(await repository.backend.giveUpReserve())) throw error;
		repository.observer.on({
			type: "warning",
			message: "the storage is full: the reserve is given up for this",
		});
	}
	return await work();
}

/** Puts a reserve aside where there is none, or too small a one for so many snapshots, and where there is room for it. */
export async function renewReserve(
	{ backend, observer }: Repository,
	stage: Stage,
): Promise<void> {
	try {
		const snapshots = (await backend.list("snapshots")).length;
		const size = await backend.size("reserve", "reserve");
		await makeReserve(backend, stage, { size, snapshots });
	} catch (error) {
		if (!isVarveError(error) || error.code !== "NO_SPACE") throw error;
		observer.on({
			type: "warning",
			message: "there is no room yet for the reserve of the next gc",
		});
	}
}

/** After a commit, which nothing that fails here undoes. One that is not there has been given up: gc renews it. */
export async function growReserve(
	{ backend, observer }: Repository,
	stage: Stage,
	snapshots: number,
): Promise<void> {
	try {
		const size = await backend.size("reserve", "reserve");
		if (size === undefined) return;
		await makeReserve(backend, stage, { size, snapshots });
	} catch (error) {
		if (!isVarveError(error)) throw error;
		observer.on({
			type: "warning",
			message: `the reserve of the repository could not be made larger, the next gc does it: ${error.message}`,
		});
	}
}

async function makeReserve(
	backend: Repository["backend"],
	stage: Stage,
	{ size = 0, snapshots }: { size: number | undefined; snapshots: number },
): Promise<void> {
	const bytes = reserveBytesFor(snapshots);
	if (size >= bytes) return;
	const space = await backend.space();
	if (space !== undefined && space < 4 * bytes) return;
	await stage.putBytes("reserve", "reserve", new Uint8Array(bytes));
}
