import { isVarveError, type LeaseId, toHex } from "@varve/format";
import type { Stage } from "@varve/store";
import type { Repository } from "../repository.ts";

/** Bytes kept aside so that a gc on a full disk can write its lease and its list. */
export const reserveBytes = 1024 * 1024;

/** Runs `work`, and if there is no room to begin, once more with the reserve given up. */
export async function withReserve<T>(
	repository: Repository,
	work: () => Promise<T>,
): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!isVarveError(error) || error.code !== "NO_SPACE") throw error;
		if (!(await giveUpReserve(repository))) throw error;
		repository.observer.on({
			type: "warning",
			message: "the storage is full: the reserve is given up for this gc",
		});
	}
	return await work();
}

/** False if there was none. Needs no file to be written, only a directory for a moment. */
async function giveUpReserve({ backend, tools }: Repository): Promise<boolean> {
	if ((await backend.size("reserve", "reserve")) === undefined) return false;
	const stage = await backend.stage(toHex(tools.random(16)) as LeaseId);
	try {
		await backend.remove(stage, "reserve", "reserve");
	} finally {
		await stage.release();
	}
	return true;
}

/** Puts a reserve aside where there is none and there is room for it. */
export async function renewReserve(
	{ backend, observer }: Repository,
	stage: Stage,
): Promise<void> {
	try {
		if ((await backend.size("reserve", "reserve")) !== undefined) return;
		const space = await backend.space();
		if (space !== undefined && space < 4 * reserveBytes) return;
		await stage.putBytes("reserve", "reserve", new Uint8Array(reserveBytes));
	} catch (error) {
		if (!isVarveError(error) || error.code !== "NO_SPACE") throw error;
		observer.on({
			type: "warning",
			message: "there is no room yet for the reserve of the next gc",
		});
	}
}
