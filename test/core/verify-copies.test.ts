import { FrameKind } from "@varve/format";
import type { FileKind } from "@varve/store";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import type { VerifyLevel } from "../../packages/core/src/verify/options.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { noise, readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("verify-copies");
const levels = ["structure", "data", "scrub"] as const;

async function subject() {
	const folder = place.fresh("source");
	makeTree(folder, { a: noise(3000, 1), b: { c: "text ".repeat(300) } });
	const backend = tamperedBackend();
	const repository = await place.repository({ location: backend });
	const { id } = await takeSnapshot(repository, folder);
	const packs = await backend.files("copies/packs");
	const pack = packs[0]?.name as string;
	return {
		backend,
		repository,
		id,
		pack,
		async verify(level: VerifyLevel) {
			const opened = await place.repository({
				location: backend,
				isThere: true,
			});
			return verify(opened, { level });
		},
	};
}

/** Code and file of each finding. */
const told = ({ findings }: Awaited<ReturnType<typeof verify>>) =>
	findings.map(({ code, file }) => `${code} ${file?.kind}/${file?.name}`);

describe("verify of second copies", () => {
	test.each(levels)(
		"finds nothing where they are whole (%s)",
		async (level) => {
			const given = await subject();
			const report = await given.verify(level);
			expect(report.findings).toEqual([]);
			expect(report.notes).toEqual([]);
		},
	);

	test.each(["data", "scrub"] as const)(
		"finds any flipped bit of any of them (%s)",
		async (level) => {
			const given = await subject();
			const kinds = ["config", "snapshots", "packs"] as const;
			for (const kind of kinds)
				for (const { name, size } of await given.backend.files(
					`copies/${kind}`,
				))
					for (let at = 0; at < size; at += 37) {
						given.backend.tamper(`copies/${kind}`, name, flip(at, at % 8));
						const report = await given.verify(level);
						expect(told(report)).toContain(`BAD_COPY copies/${kind}/${name}`);
						expect(report.findings.flatMap((f) => f.snapshots)).toEqual([]);
						given.backend.heal();
					}
		},
		60_000,
	);

	/** Every bit with VARVE_EXHAUSTIVE set, else one of every 13 bytes; some of them at every level. */
	test("finds any flipped bit of any file that is no pack, copies included (T48)", async () => {
		const given = await subject();
		const isLong = process.env["VARVE_EXHAUSTIVE"] !== undefined;
		const kinds = [
			"config",
			"segments",
			"snapshots",
			"copies/config",
			"copies/snapshots",
		] as const;
		for (const kind of kinds)
			for (const { name, size } of await given.backend.files(kind))
				for (let place = 0; place < size * 8; place += isLong ? 1 : 105) {
					given.backend.tamper(kind, name, flip(place >> 3, place & 7));
					for (const level of place % 16 === 0 ? levels : (["data"] as const)) {
						const { findings } = await verify(given.repository, { level });
						const isFound = findings.some(({ file }) => file?.kind === kind);
						expect({ kind, place, level, isFound }).toMatchObject({
							isFound: true,
						});
					}
					given.backend.heal();
				}
	}, 600_000);

	test.each(levels)(
		"says of a damaged original that its copy is whole, and that no snapshot is hurt (%s)",
		async (level) => {
			const given = await subject();
			const files: [FileKind, string][] = [
				["config", "config"],
				["snapshots", given.id],
				["packs", given.pack],
			];
			for (const [kind, name] of files) {
				given.backend.tamper(kind, name, flip(100));
				const { findings } = await given.verify(level);
				if (level !== "structure" || kind !== "packs")
					expect(findings.length).toBeGreaterThan(0);
				for (const { message, hasCopy, hurt, snapshots } of findings) {
					expect(message).toContain("its copy is whole, varve repair");
					expect(hasCopy).toBe(true);
					expect({ hurt, snapshots }).toEqual({ hurt: [], snapshots: [] });
				}
				given.backend.heal();
			}
		},
	);

	test("names what is hurt where the copy is damaged as well", async () => {
		const given = await subject();
		for (const kind of ["packs", "copies/packs"] as const)
			given.backend.tamper(kind, given.pack, flip(100));
		const { findings } = await given.verify("data");
		expect(findings.flatMap(({ snapshots }) => snapshots)).toContain(given.id);
		expect(findings.map(({ message }) => message).join()).not.toContain(
			"varve repair",
		);
	});

	test("tells of a record, a config and a pack of which only the copy is left", async () => {
		const given = await subject();
		given.backend.tamper("snapshots", given.id, () => undefined);
		const lostRecord = await given.verify("structure");
		expect(told(lostRecord)).toEqual([
			`MISSING_SNAPSHOT snapshots/${given.id}`,
		]);
		expect(lostRecord.findings[0]).toMatchObject({ snapshots: [given.id] });
		given.backend.heal();
		given.backend.tamper("config", "config", () => undefined);
		expect(told(await given.verify("structure"))).toEqual([
			"BAD_CONFIG config/config",
		]);
		given.backend.heal();
		given.backend.tamper("packs", given.pack, () => undefined);
		const lostPack = await given.verify("structure");
		expect(told(lostPack)).toEqual([`MISSING_PACK packs/${given.pack}`]);
		expect(lostPack.findings[0]).toMatchObject({ hurt: [], snapshots: [] });
	});

	test("notes how many are missing, which is no damage", async () => {
		const given = await subject();
		for (const kind of ["config", "snapshots", "packs"] as const)
			for (const { name } of await given.backend.files(`copies/${kind}`))
				given.backend.tamper(`copies/${kind}`, name, () => undefined);
		const report = await given.verify("structure");
		expect(report.findings).toEqual([]);
		expect(report.notes).toEqual([
			expect.stringContaining("3 files have no second copy yet"),
		]);
	});

	test("has packs of trees with copies, and of content without", async () => {
		const given = await subject();
		await given.repository.objects.prepare();
		const copied = new Set(
			(await given.backend.files("copies/packs")).map(({ name }) => name),
		);
		for (const { name } of await given.backend.files("packs")) {
			const header = await given.backend.read("packs", name, {
				at: 9,
				length: 1,
			});
			expect(copied.has(name)).toBe(header[0] === FrameKind.meta);
		}
	});
});
