import { join } from "node:path";
import { forget, gc, listSnapshots, planByHand, removedBy } from "@varve/core";
import { openAt } from "./aftermath.mjs";
import {
	cacheOf,
	Driver,
	leasesOf,
	machine,
	machines,
	pause,
} from "./crew.mjs";

/** A round of the storm: who takes part, and what is done to them. */
export class Round {
	#parts;
	#drivers = [];
	#killed = 0;

	constructor(parts) {
		this.#parts = parts;
	}

	/** Returns how many processes were killed. */
	async rage() {
		const { options, random } = this.#parts;
		for (const role of ["writer", "reader", "collector"])
			for (let i = 0; i < options[`${role}s`]; i++)
				this.#drivers.push(this.#start({ role, name: `${role}-${i}`, at: i }));
		await Promise.all(this.#drivers.map(({ driver }) => driver.ready));
		const until = performance.now() + options.seconds * 1000;
		while (performance.now() < until) {
			await pause(random.below(2 * options.between));
			await this.#strike();
		}
		await Promise.all(this.#drivers.map((one) => this.#end(one)));
		return this.#killed;
	}

	#start(one) {
		const { folder, ledger, random } = this.#parts;
		const { role, name, at } = one;
		const number = at % machines;
		const orders = {
			role,
			name,
			folder,
			location: join(folder, "repository"),
			cache: cacheOf(folder, number),
			seed: random.below(2 ** 31),
			identity: machine(number),
		};
		return { ...one, driver: new Driver(orders, ledger) };
	}

	/** One blow, at one of them. */
	async #strike() {
		const { options, random, log } = this.#parts;
		const i = random.below(this.#drivers.length);
		const one = this.#drivers[i];
		if (one.isSuspended) return;
		// Who is starting has done nothing yet: nearly all of them are left to do something first.
		if (one.driver.phase === "starting" && random.below(30) > 0) return;
		if (random.below(options.suspend) > 0) {
			const phase = await one.driver.kill();
			this.#killed++;
			log.count("kills");
			log.count(`killedIn-${phase}`);
			this.#drivers[i] = this.#start(one);
		} else await this.#suspend(one, 20 + random.below(1500));
	}

	/** Returns once it is suspended; it goes on by itself. */
	async #suspend(one, time) {
		const { random, log } = this.#parts;
		one.isSuspended = true;
		await one.driver.suspend();
		log.count("suspended");
		if (random.below(2) === 0) await this.#expire(one.driver);
		one.wakes = pause(time).then(() => {
			one.driver.signal("SIGCONT");
			one.isSuspended = false;
		});
	}

	/** What happens to one who shows no sign of life for half an hour; then everything is forgotten, and a gc runs. */
	async #expire(driver) {
		const { folder, log, ledger } = this.#parts;
		const repository = await openAt(folder, machines);
		try {
			const leases = await leasesOf(repository, driver.pid);
			for (const lease of leases) {
				await fence(repository, lease);
				const listed = await repository.backend.list("snapshots");
				driver.fenced(new Set(listed.map(({ name }) => name)));
				log.count("expired");
			}
			if (leases.length === 0) return;
			const plan = planByHand(await listSnapshots(repository));
			ledger.willForget(removedBy(plan));
			await forget(repository, plan);
			await collectAll(repository, log);
		} finally {
			await repository.close();
		}
	}

	async #end(one) {
		await one.wakes;
		const code = await one.driver.finish();
		this.#parts.log.expect(code === 0, `${one.name} ended with ${code}`);
	}
}

/** Waits for all who are not suspended, and for another gc. */
async function collectAll(repository, log) {
	const options = { grace: 0, maxUnused: { bytes: 0 }, wait: 10_000 };
	for (let tries = 0; tries < 20; tries++)
		try {
			const { state } = await gc(repository, options);
			log.count(`gcsAfterExpiry-${state}`);
			if (state !== "pending") return;
		} catch (error) {
			if (error.code !== "LOCKED") throw error;
			await pause(100);
		}
}

/** First the stage, then what is in leases/ of it. */
async function fence(repository, lease) {
	if (process.env.VARVE_STORM_SABOTAGE !== "unfenced")
		await repository.backend.fence(lease);
	const own = Buffer.from(repository.tools.random(16)).toString("hex");
	const stage = await repository.backend.stage(own);
	try {
		for (const { name } of await repository.backend.list("leases"))
			if (name.startsWith(lease))
				await repository.backend.remove(stage, "leases", name);
	} finally {
		await stage.release();
	}
}
