// `mail`: a Maildir++ with folders; messages of a few KB with headers, text, quoted text, and an attachment in
// base64 for one in twenty.
import {
	closeSync,
	futimesSync,
	mkdirSync,
	openSync,
	readdirSync,
	utimesSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { fanOut } from "./fan-out.mjs";
import { fillRandom, mix, Random } from "./random.mjs";
import { fillText, words } from "./text.mjs";

export const folders = [
	"",
	".Archive.2021",
	".Archive.2022",
	".Archive.2023",
	".Drafts",
	".Lists.kernel",
	".Lists.node",
	".Sent",
	".Trash",
];
const EPOCH = 1_610_000_000;
const ROOM = 1_000_000;

function text(length, random) {
	const buffer = Buffer.allocUnsafe(length);
	fillText(buffer, { start: 0, end: length, random });
	return buffer.toString("latin1");
}

function attachment(random) {
	const bytes = Buffer.allocUnsafe(10_000 + random.exponential(60_000, ROOM));
	fillRandom(bytes, { start: 0, end: bytes.length, random });
	const lines = bytes.toString("base64").replace(/.{76}/g, "$&\n");
	return `\n--part\nContent-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\n${lines}\n--part--\n`;
}

const person = (random) =>
	`${words[random.below(400)]}.${words[random.below(400)]}@${words[random.below(60)]}.example`;

function message(number, random, seconds) {
	const date = new Date(seconds * 1000).toUTCString();
	const relay = `mx${random.below(4)}.example`;
	const body = text(200 + random.exponential(3000, 60_000), random);
	const quoted =
		random.below(3) === 0
			? text(random.exponential(1500, 20_000), random).replace(/^/gm, "> ")
			: "";
	return [
		`Return-Path: <${person(random)}>`,
		`Received: from ${relay} (${relay} [192.0.2.${random.below(254)}])`,
		`\tby mail.example (Postfix) with ESMTPS id ${random.next().toString(16).toUpperCase()}`,
		`\tfor <${person(random)}>; ${date}`,
		`Message-ID: <${number}.${random.next().toString(36)}@${relay}>`,
		`From: ${person(random)}`,
		`To: ${person(random)}`,
		`Date: ${date}`,
		`Subject: ${text(20 + random.below(40), random).replace(/\n/g, " ")}`,
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"",
		body,
		quoted,
		random.below(20) === 0 ? attachment(random) : "",
	].join("\n");
}

/** Makes every `lanes`-th message; runs in a worker thread. */
export function fill({ root, size, seed, lane, lanes }) {
	const random = new Random(seed);
	for (let number = lane; number < size; number += lanes) {
		random.reseed(mix(seed, number));
		const seconds = EPOCH + number * 60 + random.below(60);
		const folder = folders[random.below(folders.length)];
		const place = random.below(50) === 0 ? "new" : "cur";
		const bytes = Buffer.from(message(number, random, seconds), "latin1");
		const flags = place === "new" ? "" : ":2,S";
		const name = `${seconds}.M${random.below(1_000_000)}P${number}.mail,S=${bytes.length}${flags}`;
		const file = openSync(join(root, folder, place, name), "wx", 0o644);
		writeSync(file, bytes);
		futimesSync(file, seconds, seconds);
		closeSync(file);
	}
}

/** `size` is the number of messages. */
export async function makeMail(root, { size, seed }) {
	for (const folder of folders)
		for (const part of ["cur", "new", "tmp"])
			mkdirSync(join(root, folder, part), { recursive: true, mode: 0o755 });
	await fanOut(import.meta.url, { root, size, seed });
	const inside = readdirSync(root, { recursive: true, withFileTypes: true });
	const directories = inside.filter((entry) => entry.isDirectory());
	for (const entry of directories.reverse())
		utimesSync(join(entry.parentPath ?? entry.path, entry.name), EPOCH, EPOCH);
	utimesSync(root, EPOCH, EPOCH);
}
