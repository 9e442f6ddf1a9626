import { type Bytes, decodeName } from "@varve/format";
import type { AccountMaps } from "../accounts.ts";

/** Linux's posix_acl_xattr.h: a version in 4 bytes, then entries of tag (2), permissions (2) and number (4), the little end first. */
const version = 2;
const headerBytes = 4;
const entryBytes = 8;
const userTag = 0x02;
const groupTag = 0x08;

export function isAcl(name: Bytes): boolean {
	return decodeName(name).startsWith("system.posix_acl_");
}

/** The ACL with the numbers that its users and groups have here. A value that is none is returned as it is. */
export function mapAcl(value: Bytes, { users, groups }: AccountMaps): Bytes {
	if (users.size === 0 && groups.size === 0) return value;
	if ((value.length - headerBytes) % entryBytes !== 0) return value;
	const mapped = new Uint8Array(value);
	const view = new DataView(mapped.buffer);
	if (view.getUint32(0, true) !== version) return value;
	for (let at = headerBytes; at < mapped.length; at += entryBytes) {
		const tag = view.getUint16(at, true);
		const map = tag === userTag ? users : tag === groupTag ? groups : undefined;
		const number = map?.get(view.getUint32(at + 4, true));
		if (number !== undefined) view.setUint32(at + 4, number, true);
	}
	return mapped;
}
