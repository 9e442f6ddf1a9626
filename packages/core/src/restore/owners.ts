import type { OwnerRules } from "./tasks.ts";

const setUserId = 0o4000;
const setGroupId = 0o2000;

/** What can be given back of owner, group and mode, decided for one entry after the other. */
export class Owners {
	readonly #rules: OwnerRules;
	/** Whether to change the owner to `uid` and `gid`. */
	changes = false;
	uid = 0;
	gid = 0;
	/** Permission bits to set; without set-id bits where the owner they were meant for is not given back. */
	mode = 0;
	lostOwner = false;
	lostSetId = false;

	constructor(rules: OwnerRules) {
		this.#rules = rules;
	}

	/** Sets all of the above for an entry. */
	judge(mode: number, uid: number, gid: number): void {
		const rules = this.#rules;
		const isRoot = rules.uid === 0;
		const keepsUser = isRoot || uid === rules.uid;
		const keepsGroup =
			isRoot ||
			(keepsUser && (gid === rules.gid || rules.groups.includes(gid)));
		this.uid = keepsUser ? uid : rules.uid;
		this.gid = keepsGroup ? gid : rules.gid;
		this.changes =
			this.uid !== rules.uid || this.gid !== rules.gid || rules.inheritsGroup;
		const lost = (keepsUser ? 0 : setUserId) | (keepsGroup ? 0 : setGroupId);
		this.mode = mode & ~lost;
		this.lostOwner = !keepsUser || !keepsGroup;
		this.lostSetId = this.mode !== mode;
	}
}
