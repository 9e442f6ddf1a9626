// What hashing, claiming and handing over tasks cost: node bench/kernel/small-costs.mjs

import { createHash } from "node:crypto";
import {
	ClaimTable,
	createXxh64,
	inlinePool,
	newClaimBuffer,
	sha256Into,
	startPool,
} from "@varve/kernel";
import { randomBytes } from "./content.mjs";
import { bestOf, printTable, speed } from "./timing.mjs";

const xxh64 = await createXxh64();
printHashes();
printClaims();
await printPools();

function printHashes() {
	const bytes = randomBytes(1024 * 1024);
	const target = new Uint8Array(32);
	const hashes = {
		sha256Into: (view) => sha256Into(view, target, 0),
		createHash: (view) =>
			target.set(createHash("sha256").update(view).digest()),
		XXH64: (view) => xxh64.of(view),
	};
	const sizes = [64, 1024, 4096, 65_536, 1_048_576];
	const rows = Object.entries(hashes).map(([name, hash]) => [
		name,
		...sizes.map((size) => {
			const times = Math.ceil(2e7 / (size + 2000));
			const time = bestOf(3, () => {
				for (let i = 0; i < times; i++) hash(bytes.subarray(0, size));
			});
			return `${(time / times / 1000).toFixed(2)} (${speed(size * times, time)})`;
		}),
	]);
	printTable(["µs (MB/s) for bytes", ...sizes], rows);
}

function printClaims() {
	const count = 1_000_000;
	const ids = randomBytes(count * 32);
	const before = process.memoryUsage.rss();
	const table = new ClaimTable([newClaimBuffer(count / 8)]);
	const claimAll = () => {
		const start = process.hrtime.bigint();
		for (let i = 0; i < count; i++) {
			if (i === count / 8) table.extend(newClaimBuffer(count));
			table.claim(ids, i * 32);
		}
		return (Number(process.hrtime.bigint() - start) / count).toFixed(0);
	};
	const first = claimAll();
	const resident = (process.memoryUsage.rss() - before) / count;
	printTable(
		["1,000,000 ids, two generations", "ns a claim", "bytes resident a claim"],
		[
			["first", first, resident.toFixed(0)],
			["again", claimAll(), ""],
		],
	);
}

async function printPools() {
	const url = new URL("./echo-thread.mjs", import.meta.url);
	const pools = {
		"two threads": startPool({ url, size: 2 }),
		inline: inlinePool({ run: (task) => ({ reply: task }) }),
	};
	const rows = [];
	for (const [name, pool] of Object.entries(pools)) {
		const names = Array.from(
			{ length: 128 },
			(_, i) => `some-file-name-${i}.c`,
		);
		rows.push([
			name,
			await taskCost(pool, () => ({ id: 1 })),
			await taskCost(pool, () => ({ names, stats: new Float64Array(1024) })),
		]);
		await pool.close();
	}
	printTable(
		["µs a task and its reply", "small object", "128 names and 8 KiB"],
		rows,
	);
}

async function taskCost(pool, makeTask) {
	const times = 10_000;
	let best = Number.POSITIVE_INFINITY;
	for (let round = 0; round < 3; round++) {
		const start = process.hrtime.bigint();
		for (let i = 0; i < times; i++) {
			const task = makeTask();
			await pool.submit(
				task,
				task.stats === undefined ? [] : [task.stats.buffer],
			);
		}
		await pool.idle();
		best = Math.min(best, Number(process.hrtime.bigint() - start));
	}
	return (best / times / 1000).toFixed(1);
}
