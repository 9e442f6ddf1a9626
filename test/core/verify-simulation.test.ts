import { NodeKind, type TreeId, utf8 } from "@varve/format";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { noise, readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("verify-simulation");

async function subject() {
	const folder = place.fresh("source");
	makeTree(folder, {
		a: noise(9000, 1),
		b: { c: "text ".repeat(300), empty: "" },
		zeros: Buffer.alloc(200_000),
	});
	const backend = tamperedBackend();
	const repository = await place.repository({ location: backend });
	const first = await takeSnapshot(repository, folder);
	makeTree(folder, { d: noise(5000, 4) });
	const second = await takeSnapshot(repository, folder);
	await repository.objects.prepare();
	return { folder, backend, repository, first, second };
}

describe("verify by a simulated restore", () => {
	test("decodes and proves the content of every file, a directory of several snapshots once", async () => {
		const { repository, first } = await subject();
		const level = "restore-sim";
		const one = await verify(repository, { level, snapshots: [first] });
		expect(one.findings).toEqual([]);
		expect(one.bytesProved).toBe(9000 + 1500);
		const all = await verify(repository, { level });
		// Of the root, which is not the same in both, all files are gone through again.
		expect(all.bytesProved).toBe(9000 + 1500 + 9000 + 5000);
		expect(all.packs.read).toBe(0);
		expect(all.notChecked.join()).toContain("no restore of these snapshots");
	});

	test("names the file that a flipped bit costs", async () => {
		const { backend, repository, folder, second } = await subject();
		const root = second.record.roots[0]?.tree as TreeId;
		const node = repository.objects.lookup(root, utf8("d"));
		expect(node?.kind).toBe(NodeKind.file);
		const ids = node?.content.ids.subarray(0, 32) as Uint8Array;
		const found = repository.index.lookup.find(ids, 0);
		const { pack, offset } = found as NonNullable<typeof found>;
		backend.tamper("packs", pack, flip(offset + 60));
		const structure = await verify(repository, { level: "structure" });
		expect(structure.findings).toEqual([]);
		const { findings } = await verify(repository, { level: "restore-sim" });
		expect(findings.length).toBeGreaterThan(0);
		for (const { code, message } of findings) {
			expect(code).toBe("NOT_RESTORABLE");
			expect(message).toContain(" cannot be restored: the chunk ");
		}
		const hurt = findings.flatMap((finding) =>
			finding.hurt.map(({ path }) => path.slice(folder.length + 1)),
		);
		expect(hurt).toContain("d");
		expect(findings.flatMap(({ snapshots }) => snapshots)).toContain(second.id);
	});

	test("finds a chunk in no pack", async () => {
		const { backend, repository, second } = await subject();
		const root = second.record.roots[0]?.tree as TreeId;
		const ids = repository.objects.lookup(root, utf8("d"))?.content.ids;
		const { pack } = repository.index.lookup.find(
			ids as Uint8Array,
			0,
		) as never;
		backend.tamper("packs", pack, () => undefined);
		const reopened = await place.repository({
			location: backend,
			isThere: true,
		});
		const { findings } = await verify(reopened, { level: "restore-sim" });
		expect(findings.map(({ code }) => code)).toContain("MISSING_PACK");
		expect(findings.flatMap(({ snapshots }) => snapshots)).toContain(second.id);
	});
});
