/** What is used of the libraries that write archives. */
declare module "tar-stream" {
	interface Header {
		readonly name: string;
		readonly type: string;
		readonly mode: number;
		readonly uid: number;
		readonly gid: number;
		readonly size: number;
		readonly mtime: Date;
		readonly linkname?: string;
		readonly uname?: string;
		readonly gname?: string;
		readonly devmajor?: number;
		readonly devminor?: number;
	}
	export interface Sink {
		/** False if the writer should wait for "drain". */
		write(bytes: Uint8Array): boolean;
		end(): void;
		on(event: "drain" | "close" | "error", listener: () => void): void;
	}
	type Done = (error?: Error | null) => void;
	export interface Pack extends AsyncIterable<Uint8Array> {
		entry(header: Header, done: Done): Sink;
		/** Puts bytes between entries. */
		push(bytes: Uint8Array): boolean;
		finalize(): void;
		destroy(error?: unknown): void;
	}
	const tar: { pack(): Pack };
	export default tar;
}

declare module "yazl" {
	import type { Readable } from "node:stream";

	interface Options {
		readonly mtime: Date;
		readonly mode: number;
		readonly size?: number;
	}
	type Give = (error: Error | null, source?: Readable) => void;
	export interface ZipFile {
		readonly outputStream: Readable & { readonly writableNeedDrain: boolean };
		/** Not in its documentation; state 3 is written. */
		readonly entries: { readonly state: number }[];
		addBuffer(bytes: Buffer, path: string, options: Options): void;
		addReadStreamLazy(
			path: string,
			options: Options,
			open: (give: Give) => void,
		): void;
		addEmptyDirectory(path: string, options: Options): void;
		end(): void;
		on(event: "error", listener: (error: Error) => void): void;
	}
	const yazl: { ZipFile: new () => ZipFile };
	export default yazl;
}
