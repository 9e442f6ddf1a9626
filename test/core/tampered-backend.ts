import type { Bytes } from "@varve/format";
import {
	createMemoryBackend,
	type FileKind,
	type ListedFile,
	type Range,
	type RemoveBackend,
} from "@varve/store";

type Change = (bytes: Bytes) => Bytes | undefined;

/** A repository in memory whose files can be made to look damaged, and whole again. */
export interface TamperedBackend extends RemoveBackend {
	/** Reads of this file see what `change` makes of its bytes; undefined: there is no such file. */
	tamper(kind: FileKind, name: string, change: Change): void;
	/** Everything is as it was. */
	heal(): void;
	files(kind: FileKind): Promise<ListedFile[]>;
}

export function tamperedBackend(): TamperedBackend {
	const inner = createMemoryBackend();
	const changed = new Map<string, Bytes | undefined>();
	const key = (kind: FileKind, name: string) => `${kind}/${name}`;
	const whole = (kind: FileKind, name: string): Bytes => {
		const size = inner.blocking.size(kind, name) ?? 0;
		const bytes = new Uint8Array(size);
		inner.blocking.readInto(kind, name, 0, bytes);
		return bytes;
	};
	const readInto = (
		kind: FileKind,
		name: string,
		at: number,
		target: Bytes,
	): void => {
		const path = key(kind, name);
		const bytes = changed.get(path);
		if (bytes === undefined) {
			// An absent name fails as the backend itself fails.
			const asked = changed.has(path) ? "0".repeat(64) : name;
			inner.blocking.readInto(kind, asked, at, target);
		} else if (at + target.length > bytes.length)
			inner.blocking.readInto(kind, name, 2 ** 40, target);
		else target.set(bytes.subarray(at, at + target.length));
	};
	const sizeOf = (kind: FileKind, name: string) => {
		const path = key(kind, name);
		return changed.has(path)
			? changed.get(path)?.length
			: inner.blocking.size(kind, name);
	};
	const list = async (kind: FileKind): Promise<ListedFile[]> =>
		(await inner.list(kind)).flatMap(({ name }) => {
			const size = sizeOf(kind, name);
			return size === undefined ? [] : [{ name, size }];
		});
	const read = async (kind: FileKind, name: string, range?: Range) => {
		const length = range?.length ?? sizeOf(kind, name) ?? 0;
		const bytes = new Uint8Array(length);
		readInto(kind, name, range?.at ?? 0, bytes);
		return bytes;
	};
	return new Proxy(inner, {
		get(target, property) {
			const own: { [name: string | symbol]: unknown } = {
				tamper: (kind: FileKind, name: string, change: Change) =>
					void changed.set(key(kind, name), change(whole(kind, name))),
				heal: () => changed.clear(),
				files: (kind: FileKind) => inner.list(kind),
				list,
				read,
				size: async (kind: FileKind, name: string) => sizeOf(kind, name),
				blocking: { readInto, size: sizeOf, close: () => undefined },
			};
			if (property in own) return own[property];
			const value = Reflect.get(target, property, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	}) as TamperedBackend;
}

/** Flips one bit. */
export const flip =
	(at: number, bit = 0) =>
	(bytes: Bytes): Bytes => {
		const changed = bytes.slice();
		changed[at] = (changed[at] as number) ^ (1 << bit);
		return changed;
	};
