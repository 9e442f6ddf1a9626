import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import {
	Interrupted,
	listenForInterruption,
	type SignalSource,
} from "../../packages/cli/src/interrupted.ts";

class FakeProcess extends EventEmitter implements SignalSource {
	readonly exits: number[] = [];
	exit(code: number): void {
		this.exits.push(code);
	}
}

test.each([
	["SIGINT", 130],
	["SIGTERM", 143],
] as const)(
	"%s aborts with exit code %d, a second one ends at once",
	(name, code) => {
		const source = new FakeProcess();
		const { signal } = listenForInterruption(source);
		source.emit(name);
		expect(signal.aborted).toBe(true);
		expect(signal.reason).toBeInstanceOf(Interrupted);
		expect(signal.reason.exitCode).toBe(code);
		expect(source.exits).toEqual([]);
		source.emit(name);
		expect(source.exits).toEqual([code]);
	},
);

test("nothing is listened to afterwards", () => {
	const source = new FakeProcess();
	listenForInterruption(source)[Symbol.dispose]();
	expect(source.eventNames()).toEqual([]);
});
