import {
	type Bytes,
	decodeLease,
	encodeLease,
	type Lease,
} from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { sha256Hex } from "./repository.ts";

/** Rewrites what others read of the lease of one who is dead, or taken for dead: no process has this number. */
const deadPid = 4_194_400;

export function asDead(bytes: Bytes): Bytes {
	const lease: Lease = decodeLease(bytes, sha256Hex);
	return encodeLease({ ...lease, pid: deadPid }, sha256Hex);
}

/** A repository in which nobody else lives. */
export function allDead(backend: RemoveBackend): RemoveBackend {
	let own = "";
	const changed: Partial<RemoveBackend> = {
		read: async (kind, name, range) => {
			const bytes = await backend.read(kind, name, range);
			return kind === "leases" && !name.startsWith(own) ? asDead(bytes) : bytes;
		},
		size: async (kind, name) =>
			kind === "reserve" ? 1024 * 1024 : backend.size(kind, name),
		stage: (lease) => {
			own = lease;
			return backend.stage(lease);
		},
	};
	return over(backend, changed);
}

/** The same with some of its functions replaced. */
export function over(
	backend: RemoveBackend,
	changed: Partial<RemoveBackend>,
): RemoveBackend {
	return new Proxy(backend, {
		get(target, property) {
			if (property in changed) return changed[property as keyof RemoveBackend];
			const value = Reflect.get(target, property, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
}
