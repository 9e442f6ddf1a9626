import type { Bytes } from "@varve/format";
import {
	createKernel,
	type FrameBases,
	type FrameContent,
	type FrameEncoder,
	inlinePool,
	type Kernel,
	type PackFile,
	type PackWriter,
} from "@varve/kernel";
import { openChunkLookup } from "@varve/store";
import { jobFactory } from "../../packages/core/src/jobs.ts";
import { createObjectReader } from "../../packages/core/src/objects.ts";
import type { Repository } from "../../packages/core/src/repository.ts";

/** The repository with another kernel, for this thread and for jobs, which run in it too. */
export function withKernel(repository: Repository, kernel: Kernel): Repository {
	const { backend, config, index } = repository;
	const { tools } = kernel;
	return {
		...repository,
		kernel,
		tools,
		workers: 0,
		// One frame at a time: each buffer is used again for the next.
		objects: createObjectReader({ backend, index, tools, cacheBytes: 1 }),
		async startCrew({ job, setup, signal, stage }) {
			const factory = await jobFactory(job);
			const context = {
				config,
				kernel,
				reads: backend.blocking,
				openLookup: (descriptor: Parameters<typeof openChunkLookup>[0]) =>
					openChunkLookup(descriptor, (bytes) => tools.hash64(bytes)),
				openSpool: () => {
					if (stage === undefined) throw new Error("this job has no stage");
					return stage.spool;
				},
			};
			return inlinePool(await factory(context, setup), { signal });
		},
	};
}

export const poison = 0xdb;

/** A kernel whose every buffer is filled with 0xDB as soon as what was in it counts no longer. */
export function poisoningKernel({ kernel }: Repository): Kernel {
	const { decoder } = kernel.tools;
	return {
		...kernel,
		tools: {
			...kernel.tools,
			decoder: {
				decode(frame, options) {
					options.target?.fill(poison);
					return decoder.decode(frame, options);
				},
			},
		},
		encoder: (compression) => poisoningEncoder(kernel.encoder(compression)),
		packWriter: (kind, create) => poisoningWriter(kernel, kind, create),
	};
}

/** What `encode` returned is poisoned by the next call, though that may write elsewhere. */
function poisoningEncoder(encoder: FrameEncoder): FrameEncoder {
	let last: Bytes | undefined;
	return new Proxy(encoder, {
		get(target, name) {
			const own = Reflect.get(target, name, target);
			if (typeof own !== "function") return own;
			if (name === "encodeBeside")
				return (content: FrameContent, bases: FrameBases) => {
					last?.fill(poison);
					const { frame, based } = target.encodeBeside(content, bases);
					last = frame.slice();
					return { frame: last, based };
				};
			if (name !== "encode") return own.bind(target);
			return (content: FrameContent) => {
				last?.fill(poison);
				last = target.encode(content).slice();
				return last;
			};
		},
	});
}

/** A frame that was added belongs to whoever made it again. */
function poisoningWriter(
	kernel: Kernel,
	kind: Parameters<Kernel["packWriter"]>[0],
	create: () => PackFile,
): PackWriter {
	const writer = kernel.packWriter(kind, () => {
		const file = create();
		return {
			name: file.name,
			write(bytes) {
				file.write(bytes);
				bytes.fill(poison);
			},
			close: () => file.close(),
			discard: () => file.discard(),
		};
	});
	return new Proxy(writer, {
		get(target, name) {
			const own = Reflect.get(target, name, target);
			if (typeof own !== "function") return own;
			if (name !== "add") return own.bind(target);
			return (frame: Bytes, chunks: Parameters<PackWriter["add"]>[1]) => {
				const full = target.add(frame, chunks);
				frame.fill(poison);
				return full;
			};
		},
	});
}

/** Where one bit flips, once, at the n-th occasion. */
export interface Flip {
	readonly at:
		| "content"
		| "compressed"
		| "pack before its checksum"
		| "pack on its way to the disk"
		| "ids in the directory";
	readonly occasion: number;
}

/** A kernel in whose memory one bit flips. */
export function flippingKernel(
	{ kernel: own, config }: Repository,
	{ at, occasion }: Flip,
): Kernel & { readonly flipped: () => boolean } {
	let left = occasion;
	const flip = (where: Flip["at"], bytes: Bytes) => {
		if (where !== at || bytes.length < 64 || left-- !== 0) return;
		const place = bytes.length >>> 1;
		bytes[place] = (bytes[place] as number) ^ 16;
	};
	const tools = {
		...own.tools,
		hash64(bytes: Bytes) {
			flip("pack before its checksum", bytes);
			return own.tools.hash64(bytes);
		},
	};
	const kernel = createKernel(tools, { config });
	return {
		...kernel,
		flipped: () => left < 0,
		encoder: (compression) => {
			const encoder = kernel.encoder(compression);
			return new Proxy(encoder, {
				get(target, name) {
					const own = Reflect.get(target, name, target);
					if (typeof own !== "function") return own;
					if (name === "encodeBeside")
						return (content: FrameContent, bases: FrameBases) => {
							flip("content", content.raw);
							const made = target.encodeBeside(content, bases);
							flip("compressed", made.frame);
							return made;
						};
					if (name !== "encode") return own.bind(target);
					return (content: FrameContent) => {
						flip("content", content.raw);
						const frame = target.encode(content);
						flip("compressed", frame);
						return frame;
					};
				},
			});
		},
		packWriter: (kind, create) => {
			const file = () => flippingFile(create(), flip);
			const writer = kernel.packWriter(kind, file);
			return new Proxy(writer, {
				get(target, name) {
					const own = Reflect.get(target, name, target);
					if (typeof own !== "function") return own;
					if (name !== "add") return own.bind(target);
					return (frame: Bytes, chunks: Parameters<PackWriter["add"]>[1]) => {
						flip("ids in the directory", chunks.ids);
						return target.add(frame, chunks);
					};
				},
			});
		},
	};
}

function flippingFile(
	file: PackFile,
	flip: (where: Flip["at"], bytes: Bytes) => void,
): PackFile {
	return {
		name: file.name,
		write(bytes) {
			flip("pack on its way to the disk", bytes);
			file.write(bytes);
		},
		close: () => file.close(),
		discard: () => file.discard(),
	};
}
