import { CorruptError, wholeScope } from "@varve/format";
import { createMemoryBackend, type RemoveBackend } from "@varve/store";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { initRepository } from "../../packages/core/src/compose.ts";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import { snapshot } from "../../packages/core/src/snapshot/snapshot.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { lateClock, take, workplace } from "./snapshot-workplace.ts";

const place = workplace("read-back");

/** A repository where, once `rot` is called, the first pack read of those written later is damaged from then on. */
async function rottingRepository() {
	const inner = createMemoryBackend();
	let sound: Set<string> | undefined;
	let rotten: string | undefined;
	const blocking: RemoveBackend["blocking"] = {
		readInto(kind, name, at, target) {
			inner.blocking.readInto(kind, name, at, target);
			if (kind !== "packs") return;
			if (sound !== undefined && !sound.has(name)) {
				rotten = name;
				sound = undefined;
			}
			if (name === rotten) target[target.length - 1] = (target.at(-1) ?? 0) ^ 1;
		},
		size: (kind, name) => inner.blocking.size(kind, name),
		close: () => inner.blocking.close(),
	};
	const backend = new Proxy(inner, {
		get(target, key) {
			if (key === "blocking") return blocking;
			const value: unknown = Reflect.get(target, key, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
	const events: VerbEvent[] = [];
	const repository = await initRepository({
		location: backend,
		workers: 0,
		clock: lateClock,
		observer: { on: (event) => void events.push(event) },
	});
	const rot = async () => {
		const packs = await inner.list("packs");
		sound = new Set(packs.map(({ name }) => name));
	};
	return { repository, rot, events, rotten: () => rotten };
}

function streamOf(text: string) {
	async function* bytes() {
		yield new TextEncoder().encode(text);
	}
	return { name: "dump", bytes: bytes(), done: Promise.resolve() };
}

describe("snapshot that is read back", () => {
	test("of a stream fails if it comes back different, rather than to take the stream again, which is empty now", async () => {
		const { repository, rot } = await rottingRepository();
		const roots = [{ path: "/", kind: "entries" as const, names: ["dump"] }];
		const options = { roots, scope: wholeScope, verify: true };
		await snapshot(repository, { ...options, stream: streamOf("first") });
		await rot();
		const second = snapshot(repository, {
			...options,
			stream: streamOf("second"),
		});
		await expect(second).rejects.toThrow(CorruptError);
		expect(await repository.backend.list("snapshots")).toHaveLength(1);
	});

	test("says that it came back different, and blames no parent for it", async () => {
		const { repository, rot, events } = await rottingRepository();
		const first = place.fresh("source");
		makeTree(first, { a: "alpha" });
		await take(repository, first, { verify: true });
		makeTree(first, { b: "beta" });
		await rot();
		await expect(take(repository, first, { verify: true })).rejects.toThrow(
			CorruptError,
		);
		expect(await repository.backend.list("snapshots")).toHaveLength(1);
		expect(
			events.flatMap((e) => (e.type === "warning" ? [e.message] : [])),
		).not.toContainEqual(expect.stringContaining("the parent snapshot"));
	});

	test("and comes back different leaves no pack behind that the next snapshot would take its chunks from", async () => {
		const { repository, rot, rotten } = await rottingRepository();
		const source = place.fresh("source");
		makeTree(source, { a: "alpha" });
		await rot();
		await expect(take(repository, source, { verify: true })).rejects.toThrow(
			CorruptError,
		);
		const packs = await repository.backend.list("packs");
		expect(packs.map(({ name }) => name)).not.toContain(rotten());
		await take(repository, source);
		const { findings } = await verify(repository, { level: "data" });
		expect(findings).toEqual([]);
	});
});
