import type { AccountMaps } from "../accounts.ts";
import type { OwnerRules } from "./tasks.ts";

const setUserId = 0o4000;
const setGroupId = 0o2000;

/** What can be given back of owner, group and mode, decided for one entry after the other. */
export class Owners {
	readonly #rules: OwnerRules;
	readonly users: AccountMaps["users"];
	readonly groups: AccountMaps["groups"];
	readonly isRoot: boolean;
	/** Whether to change the owner to `uid` and `gid`. */
	changes = false;
	/** The new owner is another user than this process. */
	givesAway = false;
	uid = 0;
	gid = 0;
	/** Permission bits to set; without set-id bits where the owner they were meant for is not given back. */
	mode = 0;
	lostOwner = false;
	lostSetId = false;

	constructor(rules: OwnerRules) {
		this.#rules = rules;
		this.users = rules.accounts.users;
		this.groups = rules.accounts.groups;
		this.isRoot = rules.uid === 0;
	}

	/** Sets all of the above for an entry, whose owners have the numbers of where the snapshot was taken. */
	judge(
		mode: number,
		numberOfUser: number,
		numberOfGroup: number,
		kind: "file" | "directory" | "symlink" | "special" = "file",
	): void {
		const rules = this.#rules;
		const { isRoot } = this;
		const uid = this.users.get(numberOfUser) ?? numberOfUser;
		const gid = this.groups.get(numberOfGroup) ?? numberOfGroup;
		const keepsUser = isRoot || uid === rules.uid;
		const keepsGroup =
			isRoot ||
			(keepsUser && (gid === rules.gid || rules.groups.includes(gid)));
		this.uid = keepsUser ? uid : rules.uid;
		this.gid = keepsGroup ? gid : rules.gid;
		this.changes =
			this.uid !== rules.uid || this.gid !== rules.gid || rules.inheritsGroup;
		this.givesAway = this.uid !== rules.uid;
		const lost = (keepsUser ? 0 : setUserId) | (keepsGroup ? 0 : setGroupId);
		this.mode = mode & ~lost;
		this.lostOwner = !keepsUser || !keepsGroup;
		this.lostSetId = this.mode !== mode && kind !== "symlink";
	}
}
