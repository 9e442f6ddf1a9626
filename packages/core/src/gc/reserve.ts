import { isVarveError } from "@varve/format";
import type { Stage } from "@varve/store";
import type { Repository } from "../repository.ts";

/** Bytes kept aside so that forget and gc on a full disk can write their leases, the marks and the list. */
export const reserveBytes = 1024 * 1024;

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
