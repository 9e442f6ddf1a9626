import { type Attribute, type Bytes, utf8 } from "@varve/format";

export interface AclOwners {
	readonly uids: readonly number[];
	readonly gids: readonly number[];
}

/** As in restore/acl-ids.ts: a version (4 bytes), then entries of tag (2), permissions (2) and number (4), the little end first. */
const version = 2;
const headerBytes = 4;
const entryBytes = 8;
const userTag = 0x02;
const groupTag = 0x08;
const prefix = utf8("system.posix_acl_");

/** Users and groups that the ACLs among these attributes name by number. */
export function aclOwners(xattrs: readonly Attribute[]): AclOwners {
	const uids: number[] = [];
	const gids: number[] = [];
	for (const { name, value } of xattrs) {
		if (!startsWith(name, prefix)) continue;
		const view = new DataView(value.buffer, value.byteOffset, value.length);
		if (value.length < headerBytes || view.getUint32(0, true) !== version)
			continue;
		const last = value.length - entryBytes;
		for (let at = headerBytes; at <= last; at += entryBytes) {
			const tag = view.getUint16(at, true);
			const number = view.getUint32(at + 4, true);
			if (tag === userTag) uids.push(number);
			else if (tag === groupTag) gids.push(number);
		}
	}
	return { uids, gids };
}

function startsWith(bytes: Bytes, start: Bytes): boolean {
	return start.every((byte, i) => bytes[i] === byte);
}
