/** The reason with which a signal aborts what runs. */
export class Interrupted extends Error {
	readonly signal: "SIGINT" | "SIGTERM";

	constructor(signal: "SIGINT" | "SIGTERM") {
		super(`interrupted by ${signal}`);
		this.name = "Interrupted";
		this.signal = signal;
	}

	get exitCode(): number {
		return this.signal === "SIGINT" ? 130 : 143;
	}
}

/** What of a process is needed here. */
export interface SignalSource {
	on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
	off(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
	exit(code: number): void;
}

export interface Interruption extends Disposable {
	readonly signal: AbortSignal;
}

/** The first SIGINT or SIGTERM aborts, so that leases are released and nothing half is left; a second one ends the process. */
export function listenForInterruption(source: SignalSource): Interruption {
	const controller = new AbortController();
	const listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => {
		const listener = () => {
			const reason = new Interrupted(signal);
			if (controller.signal.aborted) source.exit(reason.exitCode);
			controller.abort(reason);
		};
		source.on(signal, listener);
		return { signal, listener };
	});
	return {
		signal: controller.signal,
		[Symbol.dispose]() {
			for (const { signal, listener } of listeners)
				source.off(signal, listener);
		},
	};
}
