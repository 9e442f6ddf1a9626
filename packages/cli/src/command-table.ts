import type { CommandEntry } from "./command-entry.ts";

const taking = "Take:";
const looking = "Look:";
const restoring = "Get back and prove:";
const keeping = "Keep:";

/** Every command, in the order of the help. A file is loaded only when its command is called. */
export const commandTable: readonly CommandEntry[] = [
	{
		name: "init",
		aliases: [],
		summary: "make a repository",
		group: taking,
		load: () => import("./commands/init.ts"),
	},
	{
		name: "snapshot",
		aliases: ["backup"],
		summary: "take a snapshot",
		group: taking,
		load: () => import("./commands/snapshot.ts"),
	},
	{
		name: "snapshots",
		aliases: ["list"],
		summary: "list snapshots",
		group: looking,
		load: () => import("./commands/snapshots.ts"),
	},
	{
		name: "show",
		aliases: ["info"],
		summary: "show the record of a snapshot",
		group: looking,
		load: () => import("./commands/show.ts"),
	},
	{
		name: "ls",
		aliases: [],
		summary: "list files in a snapshot",
		group: looking,
		load: () => import("./commands/ls.ts"),
	},
	{
		name: "find",
		aliases: [],
		summary: "find where names occur",
		group: looking,
		load: () => import("./commands/find.ts"),
	},
	{
		name: "history",
		aliases: [],
		summary: "show every version of one path",
		group: looking,
		load: () => import("./commands/history.ts"),
	},
	{
		name: "cat",
		aliases: [],
		summary: "print a file of a snapshot",
		group: looking,
		load: () => import("./commands/cat.ts"),
	},
	{
		name: "checksums",
		aliases: [],
		summary: "print the SHA-256 of every file of a snapshot",
		group: looking,
		load: () => import("./commands/checksums.ts"),
	},
	{
		name: "restore",
		aliases: [],
		summary: "restore a snapshot or a part of it",
		group: restoring,
		load: () => import("./commands/restore.ts"),
	},
	{
		name: "verify",
		aliases: ["check"],
		summary: "prove that what is stored can be restored",
		group: restoring,
		load: () => import("./commands/verify.ts"),
	},
	{
		name: "tag",
		aliases: [],
		summary: "change the tags or the note of snapshots",
		group: keeping,
		load: () => import("./commands/tag.ts"),
	},
	{
		name: "pin",
		aliases: [],
		summary: "exempt snapshots from retention",
		group: keeping,
		load: () => import("./commands/pin.ts"),
	},
	{
		name: "unpin",
		aliases: [],
		summary: "take pins away",
		group: keeping,
		load: () => import("./commands/unpin.ts"),
	},
	{
		name: "config",
		aliases: [],
		summary: "show where the repository is and how it was made",
		group: keeping,
		load: () => import("./commands/config.ts"),
	},
	{
		name: "completion",
		aliases: [],
		summary: "print a completion script for a shell",
		group: keeping,
		load: () => import("./commands/completion.ts"),
	},
	{
		name: "__complete",
		aliases: [],
		summary: "print what completes a word",
		group: undefined,
		load: () => import("./commands/complete.ts"),
	},
	{
		name: "__reference",
		aliases: [],
		summary: "print the reference of all commands",
		group: undefined,
		load: () => import("./commands/reference.ts"),
	},
];
