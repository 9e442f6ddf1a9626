import { expect, test } from "vitest";
import { Ticker } from "../../packages/cli/src/ticker.ts";

const blank = {
	bytes: 0,
	totalFiles: undefined,
	totalBytes: undefined,
	fraction: undefined,
	current: undefined,
	errors: 0,
};

function watched() {
	const shown: [phase: string, files: number, elapsed: number][] = [];
	let time = 1000;
	const ticker = new Ticker({
		now: () => time,
		interval: 100,
		show: ({ step, elapsed }) => shown.push([step.phase, step.files, elapsed]),
	});
	return {
		shown,
		ticker,
		at(moment: number, files: number, phase = "reading") {
			time = moment;
			ticker.step({ ...blank, phase, files });
		},
		tick(moment: number) {
			time = moment;
			ticker.tick();
		},
	};
}

test("steps are shown at most once in an interval, the latest then", () => {
	const { shown, at } = watched();
	for (let i = 0; i <= 250; i++) at(1000 + i, i);
	expect(shown).toEqual([
		["reading", 0, 0],
		["reading", 100, 100],
		["reading", 200, 200],
	]);
});

test("a clock goes on while no step is made, and not before the first nor after the end", () => {
	const { shown, ticker, at, tick } = watched();
	tick(1000);
	at(2000, 1);
	tick(2099);
	tick(2100);
	ticker.stop();
	tick(3000);
	expect(shown).toEqual([
		["reading", 1, 0],
		["reading", 1, 100],
	]);
});

test("time counts from the beginning of a phase", () => {
	const { shown, at } = watched();
	at(1000, 1);
	at(2000, 0, "trees");
	at(2500, 1, "trees");
	expect(shown).toEqual([
		["reading", 1, 0],
		["trees", 0, 0],
		["trees", 1, 500],
	]);
});
