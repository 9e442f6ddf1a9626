import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Account {
	readonly failures: readonly string[];
	readonly [count: string]: unknown;
}

/** Runs a campaign of this folder, small, and returns its account: the same as by hand, where it is large. */
export async function runCampaign(
	name: string,
	options: Readonly<Record<string, number>>,
	env: Readonly<Record<string, string>> = {},
): Promise<Account> {
	const words = Object.entries(options).flatMap(([option, value]) => [
		`--${option}`,
		String(value),
	]);
	const script = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
	const child = spawn(process.execPath, [script, ...words], {
		stdio: ["ignore", "pipe", "ignore"],
		env: { ...process.env, ...env },
	});
	let stdout = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		stdout += text;
	});
	await new Promise((resolve) => child.once("close", resolve));
	return JSON.parse(stdout) as Account;
}
