// Looks up chunks in a thread of its own: replies with where each lies.
import { parentPort, workerData } from "node:worker_threads";
import { createToolbox } from "@varve/kernel";
import { openChunkLookup } from "@varve/store";

const lookup = await openChunkLookup(
	workerData.descriptor,
	(await createToolbox()).hash64,
);
parentPort.on("message", (ids) => {
	const places = [];
	for (let at = 0; at < ids.length; at += 32) {
		const place = lookup.find(ids, at);
		places.push(place && `${place.pack} ${place.offset} ${place.ordinal}`);
	}
	lookup.close();
	parentPort.postMessage({ empty: lookup.empty, places });
	parentPort.close();
});
