import {
	describePolicy,
	InputError,
	listPolicies,
	type PolicyException,
	type Repository,
	removePolicy,
	type StoredPolicy,
	setPolicy,
} from "@varve/core";
import { Argument } from "commander";
import type { CommandFile } from "../command-entry.ts";
import { ExitCode } from "../exit-code.ts";
import { policyFields } from "../forget-account.ts";
import type { Message } from "../json-line.ts";
import { withRepository } from "../open-repository.ts";
import {
	addPolicyFlags,
	type PolicyFlags,
	retentionOf,
	saysPolicy,
} from "../policy-flags.ts";

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Show the policies of the repository, or set or remove one. `varve forget --policy NAME` goes by one; `varve snapshot --forget` goes by the one named default after each snapshot.",
			)
			.addArgument(
				new Argument("[action]", "what to do; list if not said").choices([
					"list",
					"set",
					"remove",
				]),
			)
			.argument("[name]", "of the policy");
		addPolicyFlags(command);
	},
	examples: [
		[
			"varve policy set default --keep-last 3 --keep-daily 14 --keep-monthly 12",
			"keep rules in the repository",
		],
		["varve policy", "show them"],
		["varve policy remove default", "take them away"],
	],
	async run(session, command) {
		const flags = command.opts<PolicyFlags>();
		const [action = "list", name] = command.args;
		requireCall(action, name, flags);
		return await withRepository(session, { workers: 0 }, async (repository) => {
			await act(repository, { action, name: name ?? "", flags });
			const { policies, damaged } = await listPolicies(repository);
			const { report } = session;
			for (const { name, file } of damaged)
				report.warning(
					`the policy ${name} cannot be read, in policies/${file}: varve repair snapshots sets it right if it can; varve policy set ${name} … says its rules anew`,
				);
			for (const policy of policies)
				report.message("policy", policyMessage(policy));
			report.message("summary", {
				policies_count: policies.length,
				policies_damaged: damaged.map(({ name }) => name),
			});
			const lines = policies.flatMap(policyLines);
			if (lines.length > 0) report.lines(lines);
			else if (damaged.length === 0) report.lines(["no policies"]);
			const isDamaged = action === "list" && damaged.length > 0;
			return isDamaged ? ExitCode.damaged : ExitCode.done;
		});
	},
};

interface Call {
	readonly action: string;
	readonly name: string;
	readonly flags: PolicyFlags;
}

async function act(
	repository: Repository,
	{ action, name, flags }: Call,
): Promise<void> {
	if (action === "set") await setPolicy(repository, name, retentionOf(flags));
	if (action === "remove") await removePolicy(repository, name);
}

function requireCall(
	action: string,
	name: string | undefined,
	flags: PolicyFlags,
): void {
	if (action === "list" && name === undefined && !saysPolicy(flags)) return;
	if (action === "list")
		throw new InputError(
			"WRONG_MIXTURE",
			"list takes no name and no rules; did you mean set?",
		);
	if (name === undefined)
		throw new InputError("NO_POLICY_NAMED", `${action} which policy?`);
	if (action === "remove" && saysPolicy(flags))
		throw new InputError("WRONG_MIXTURE", "remove takes no rules");
}

function policyMessage({
	name,
	time,
	host,
	user,
	retention,
}: StoredPolicy): Message {
	return {
		name,
		time,
		hostname: host,
		username: user,
		group_by: retention?.groupBy,
		policy: policyFields(retention?.policy ?? {}),
		exceptions: retention?.exceptions.map(({ policy, ...scope }) => ({
			...scope,
			policy: policyFields(policy),
		})),
	};
}

function policyLines({ name, retention }: StoredPolicy): string[] {
	if (retention === undefined) return [];
	const { groupBy, policy, exceptions } = retention;
	return [
		`${name}: ${describePolicy(policy)}`,
		...exceptions.map(
			(exception) =>
				`  for ${scopeText(exception)}: ${describePolicy(exception.policy)}`,
		),
		`  judged apart: ${groupBy.length > 0 ? groupBy.join(", ") : "nothing"}`,
	];
}

function scopeText({ hosts, paths, tags }: PolicyException): string {
	return [
		...(hosts === undefined ? [] : [`host ${hosts.join(" or ")}`]),
		...(paths === undefined ? [] : [`paths ${paths.join(" and ")}`]),
		...(tags === undefined ? [] : [`tag ${tags.join(" or ")}`]),
	].join(", ");
}
