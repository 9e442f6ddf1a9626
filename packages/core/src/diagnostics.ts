import { channel } from "node:diagnostics_channel";
import type { Observer } from "./events.ts";

/** Publishes every event on the diagnostics channel `varve` too, where someone listens. */
export function withDiagnostics(observer: Observer): Observer {
	const events = channel("varve");
	return {
		detail: observer.detail,
		on: (event) => {
			observer.on(event);
			if (events.hasSubscribers) events.publish(event);
		},
	};
}
