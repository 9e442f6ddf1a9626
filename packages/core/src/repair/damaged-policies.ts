import type { Bytes } from "@varve/format";
import type { Stage } from "@varve/store";
import { attemptRead } from "../damage.ts";
import {
	type DamagedPolicy,
	decodePolicyFile,
	listPolicies,
} from "../forget/stored-policies.ts";
import type { Repository } from "../repository.ts";
import { withOneBitRight } from "./one-bit.ts";

/** A policy that cannot be read, and what its file holds as far as it is text: its rules may be in it. */
export interface LostPolicy extends Pick<DamagedPolicy, "file" | "name"> {
	readonly text: string;
}

export interface MendedPolicies {
	/** Names of files. */
	readonly mended: readonly string[];
	readonly lost: readonly LostPolicy[];
}

/** Longer files are not shown whole. */
const mostText = 2048;

/**
 * Sets policies right in which one bit has flipped. What else is damaged stays, for nobody can tell whether an older policy of the name counts
 * without it: who sets the name anew, or removes it, puts that away.
 */
export async function mendPolicies(
	repository: Repository,
	stage: Stage | undefined,
): Promise<MendedPolicies> {
	const { backend, tools } = repository;
	const mended: string[] = [];
	const lost: LostPolicy[] = [];
	const { damaged } = await listPolicies(repository);
	for (const { file, name, cause } of damaged) {
		const bytes =
			cause.name === "CorruptError"
				? await backend.read("policies", file)
				: new Uint8Array(0);
		const decode = (tried: Bytes) =>
			decodePolicyFile(file, tried, (b) => tools.sha256Hex(b));
		const isRight = (tried: Bytes) =>
			!(attemptRead(() => decode(tried)) instanceof Error);
		const right = withOneBitRight(bytes, isRight);
		if (right === undefined) {
			const text = Buffer.from(bytes.subarray(0, mostText)).toString("utf8");
			lost.push({ file, name, text });
			continue;
		}
		mended.push(file);
		if (stage === undefined) continue;
		await backend.quarantine(stage, "policies", file, { stays: true });
		await stage.putBytes("policies", file, right);
	}
	return { mended, lost };
}
