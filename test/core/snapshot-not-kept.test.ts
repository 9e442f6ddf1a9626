import {
	appendFileSync,
	chmodSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
	hardlink,
	makeTree,
	sampleAcl,
	setXattrs,
	symlink,
} from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { XattrProbe } from "../../packages/core/src/native/xattr-probe.ts";
import { lateClock, take, workplace } from "./snapshot-workplace.ts";

const place = workplace("not-kept");
const clock = lateClock;
const value = new Uint8Array([1]);
const isRoot = process.getuid?.() === 0;

function source(): string {
	const folder = place.fresh("source");
	makeTree(folder, {
		plain: "nothing beside its content",
		file: "content",
		other: hardlink("file"),
		listed: "has an ACL",
		empty: "",
		large: "",
		link: symlink("file"),
		sub: { below: "content" },
		quiet: {},
	});
	truncateSync(join(folder, "large"), 150 * 1024 * 1024);
	return folder;
}

const user = (path: string) => ({ path, name: "user.varve", value });

function whyNot(): string | undefined {
	const folder = place.fresh("trial");
	makeTree(folder, { file: "content" });
	const path = join(folder, "file");
	const missing = setXattrs([
		user(path),
		{ path, name: "system.posix_acl_access", value: sampleAcl },
	]);
	if (missing !== undefined) return missing;
	return new XattrProbe().ofPath(path) ? undefined : "no C library";
}

const reason = whyNot();
const skipped =
	reason === undefined ? "" : ` (left out: no extended attributes: ${reason})`;

describe.skipIf(reason !== undefined)(`what is not kept${skipped}`, () => {
	const mark = (folder: string) =>
		expect(
			setXattrs([
				...["file", "empty", "large", "sub"].map((name) =>
					user(join(folder, name)),
				),
				{
					path: join(folder, "listed"),
					name: "system.posix_acl_access",
					value: sampleAcl,
				},
			]),
		).toBeUndefined();

	test("is nothing where no entry has extended attributes", async () => {
		const repository = await place.repository({ clock });
		expect((await take(repository, source())).record.notKept).toEqual({});
	});

	for (const workers of [0, 2])
		test(`counts files, empty and large ones, directories and ACLs, with ${workers} threads`, async () => {
			const folder = source();
			mark(folder);
			const repository = await place.repository({ clock, workers });
			const { id, record } = await take(repository, folder);
			expect(record.notKept).toEqual({ xattrs: 5 });
			expect(record.unread).toEqual([]);
			const stored = await repository.index.records([id as never]);
			expect(stored.get(id as never)?.notKept).toEqual({ xattrs: 5 });
		});

	test("is said once: of what has not changed nothing is said again", async () => {
		const folder = source();
		mark(folder);
		const repository = await place.repository({ clock });
		await take(repository, folder);
		expect((await take(repository, folder)).record.notKept).toEqual({});
		appendFileSync(join(folder, "listed"), "more");
		chmodSync(join(folder, "sub"), 0o700);
		const later = await take(repository, folder);
		expect(later.record.notKept).toEqual({ xattrs: 2 });
		expect(setXattrs([user(join(folder, "plain"))])).toBeUndefined();
		const last = await take(repository, folder);
		expect(last.record.notKept).toEqual({ xattrs: 1 });
	});

	test("counts a root that is new, and what is read again because all is", async () => {
		const folder = source();
		expect(setXattrs([user(folder)])).toBeUndefined();
		const repository = await place.repository({ clock });
		expect((await take(repository, folder)).record.notKept).toEqual({
			xattrs: 1,
		});
		expect((await take(repository, folder)).record.notKept).toEqual({});
		const forced = await take(repository, folder, { force: true });
		expect(forced.record.notKept).toEqual({ xattrs: 1 });
	});

	test("is counted by a dry run too", async () => {
		const folder = source();
		mark(folder);
		const repository = await place.repository({ clock });
		const { record } = await take(repository, folder, { dryRun: true });
		expect(record.notKept).toEqual({ xattrs: 5 });
	});

	test.skipIf(!isRoot)(
		"counts what symlinks and names of any bytes have, and capabilities",
		async () => {
			const folder = source();
			const odd = Buffer.from(`${folder}/bad\xff`, "latin1");
			writeFileSync(odd, "");
			// cap_net_raw=ep, as ping has it.
			const capability = Uint8Array.from([
				...[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0],
				...[0, 0, 0, 0, 0, 0, 0, 0],
			]);
			expect(
				setXattrs([
					{ path: join(folder, "link"), name: "trusted.varve", value },
					{ path: odd, name: "user.varve", value },
					{
						path: join(folder, "sub/below"),
						name: "security.capability",
						value: capability,
					},
				]),
			).toBeUndefined();
			const repository = await place.repository({ clock });
			const { record } = await take(repository, folder);
			expect(record.notKept).toEqual({ xattrs: 3 });
		},
	);
});
