// Ways to break what the storm is there to prove, so that it can be seen to notice: nothing of the program knows of them.

import { openLocalBackend } from "@varve/store";

const ways = {
	/** Nobody sees the leases of others: a gc does not wait for those who may not know of its list. */
	blind: (backend) =>
		changed(backend, {
			list: async (kind, options) =>
				kind === "leases" ? [] : await backend.list(kind, options),
		}),
	/** Who loses the lease is not fenced: see round.mjs. */
	unfenced: (backend) => backend,
};

/** The backend of a repository, without one of the things it does. */
export async function openSabotaged(location, way) {
	return ways[way](await openLocalBackend(location, { warn: () => {} }));
}

function changed(object, members) {
	return new Proxy(object, {
		get(_, name) {
			if (Object.hasOwn(members, name)) return members[name];
			const member = object[name];
			return typeof member === "function" ? member.bind(object) : member;
		},
	});
}
