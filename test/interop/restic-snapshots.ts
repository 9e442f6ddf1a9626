import { spawnSync } from "node:child_process";
import {
	createCipheriv,
	createDecipheriv,
	createHash,
	randomBytes,
	scryptSync,
} from "node:crypto";
import {
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A record of restic, as far as its forget looks at it. */
export interface ResticSnapshot {
	readonly time: string;
	readonly hostname: string;
	readonly tags: readonly string[];
}

export interface ResticGroup {
	readonly host: string;
	readonly keep: readonly ResticSnapshot[] | null;
}

interface MasterKey {
	readonly encrypt: Buffer;
	readonly k: Buffer;
	readonly r: Buffer;
}

/** Version of the restic that is installed, or undefined. */
export function resticVersion(): string | undefined {
	const { status, stdout } = spawnSync("restic", ["version"]);
	return status === 0 ? /restic (\S+)/.exec(String(stdout))?.[1] : undefined;
}

/**
 * A repository of restic without content, in memory where there is a file system for it. Its records are written here and not by restic,
 * which takes half a second for each to derive a key.
 */
export class ResticRepository {
	readonly #folder = mkdtempSync(
		join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "varve-restic-"),
	);
	readonly #key: MasterKey;

	constructor() {
		this.#run(["init"]);
		this.#key = this.#readKey();
	}

	add(snapshot: ResticSnapshot): void {
		const record = {
			...snapshot,
			tree: "00".repeat(32),
			paths: ["/f"],
			username: "u",
		};
		const file = seal(this.#key, Buffer.from(JSON.stringify(record)));
		const id = createHash("sha256").update(file).digest("hex");
		writeFileSync(join(this.#folder, "snapshots", id), file);
	}

	/** What `restic forget` would do, host by host. */
	plan(policy: readonly string[]): ResticGroup[] {
		const flags = ["--dry-run", "--json", "--group-by", "host", "--no-lock"];
		return JSON.parse(this.#run(["forget", ...flags, ...policy]));
	}

	remove(): void {
		rmSync(this.#folder, { recursive: true, force: true });
	}

	#run(args: readonly string[]): string {
		const { status, stdout, stderr } = spawnSync(
			"restic",
			["--no-cache", "-r", this.#folder, ...args],
			{
				env: { ...process.env, RESTIC_PASSWORD: "x", TZ: "UTC" },
				maxBuffer: 1 << 29,
			},
		);
		if (status !== 0) throw new Error(`restic ${args[0]}: ${stderr}`);
		return String(stdout);
	}

	#readKey(): MasterKey {
		const folder = join(this.#folder, "keys");
		const [name = ""] = readdirSync(folder);
		const { N, r, p, salt, data } = JSON.parse(
			readFileSync(join(folder, name), "utf8"),
		);
		const options = { N, r, p, maxmem: 256 * N * r };
		const user = scryptSync("x", Buffer.from(salt, "base64"), 64, options);
		const sealed = Buffer.from(data, "base64");
		const text = createDecipheriv(
			"aes-256-ctr",
			user.subarray(0, 32),
			sealed.subarray(0, 16),
		).update(sealed.subarray(16, -16));
		const { mac, encrypt } = JSON.parse(String(text));
		const bytes = (base64: string) => Buffer.from(base64, "base64");
		return { encrypt: bytes(encrypt), k: bytes(mac.k), r: bytes(mac.r) };
	}
}

/** AES-256-CTR and Poly1305-AES, as restic's page of its format has it. */
function seal({ encrypt, k, r }: MasterKey, text: Buffer): Buffer {
	const iv = randomBytes(16);
	const body = createCipheriv("aes-256-ctr", encrypt, iv).update(text);
	const once = createCipheriv("aes-128-ecb", k, null).update(iv);
	return Buffer.concat([iv, body, poly1305(r, once, body)]);
}

function poly1305(r: Buffer, s: Buffer, message: Buffer): Buffer {
	const prime = (1n << 130n) - 5n;
	const clamped = little(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
	let sum = 0n;
	for (let at = 0; at < message.length; at += 16) {
		const block = message.subarray(at, at + 16);
		const number = little(block) + (1n << BigInt(8 * block.length));
		sum = ((sum + number) * clamped) % prime;
	}
	const tag = (sum + little(s)) & ((1n << 128n) - 1n);
	const hex = tag.toString(16).padStart(32, "0");
	return Buffer.from(hex, "hex").reverse();
}

const little = (bytes: Buffer) =>
	BigInt(`0x0${Buffer.from(bytes).reverse().toString("hex")}`);
