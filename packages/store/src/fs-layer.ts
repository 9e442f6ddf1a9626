import fs from "node:fs";
import type { Bytes } from "@varve/format";

export interface FileStat {
	readonly size: number;
	readonly dev: number;
	/** Undefined where nobody tells. */
	readonly mtimeMs?: number | undefined;
	isFile(): boolean;
	isDirectory(): boolean;
}

/**
 * Every operation on files that the store does, so that a test can record them, drop what was not synced, or make the n-th one
 * fail. File descriptors are numbers. Failures are those of node:fs.
 */
export interface FsLayer {
	open(path: string, flags: string, mode?: number): Promise<number>;
	/** Bytes read, 0 at the end of the file. */
	read(fd: number, target: Bytes, position: number): Promise<number>;
	/** Appends; returns the number of bytes written, which may be too few. */
	write(fd: number, bytes: Bytes): Promise<number>;
	fsync(fd: number): Promise<void>;
	close(fd: number): Promise<void>;
	fstat(fd: number): Promise<FileStat>;
	stat(path: string): Promise<FileStat>;
	rename(from: string, to: string): Promise<void>;
	link(from: string, to: string): Promise<void>;
	unlink(path: string): Promise<void>;
	mkdir(path: string, mode: number): Promise<void>;
	rmdir(path: string): Promise<void>;
	readdir(path: string): Promise<string[]>;
	/** Bytes that can still be written. */
	space(path: string): Promise<number>;

	openSync(path: string, flags: string, mode?: number): number;
	readSync(fd: number, target: Bytes, position: number): number;
	writeSync(fd: number, bytes: Bytes): number;
	closeSync(fd: number): void;
	statSync(path: string): FileStat;
	unlinkSync(path: string): void;
}

/** The operating system's. */
export const nodeFs: FsLayer = {
	open: (path, flags, mode) =>
		call((done) => fs.open(path, flags, mode ?? 0o600, done)),
	read: (fd, target, position) =>
		call((done) => fs.read(fd, target, 0, target.length, position, done)),
	write: (fd, bytes) =>
		call((done) => fs.write(fd, bytes, 0, bytes.length, null, done)),
	fsync: (fd) => act((done) => fs.fsync(fd, done)),
	close: (fd) => act((done) => fs.close(fd, done)),
	fstat: (fd) => call<FileStat>((done) => fs.fstat(fd, done)),
	stat: (path) => call<FileStat>((done) => fs.stat(path, done)),
	rename: (from, to) => act((done) => fs.rename(from, to, done)),
	link: (from, to) => act((done) => fs.link(from, to, done)),
	unlink: (path) => act((done) => fs.unlink(path, done)),
	mkdir: (path, mode) => act((done) => fs.mkdir(path, mode, done)),
	rmdir: (path) => act((done) => fs.rmdir(path, done)),
	readdir: (path) => call<string[]>((done) => fs.readdir(path, done)),
	space: async (path) => {
		const { bavail, bsize } = await call<fs.StatsFs>((done) =>
			fs.statfs(path, done),
		);
		return bavail * bsize;
	},

	openSync: (path, flags, mode) => fs.openSync(path, flags, mode ?? 0o600),
	readSync: (fd, target, position) =>
		fs.readSync(fd, target, 0, target.length, position),
	writeSync: (fd, bytes) => fs.writeSync(fd, bytes, 0, bytes.length, null),
	closeSync: (fd) => fs.closeSync(fd),
	statSync: (path) => fs.statSync(path),
	unlinkSync: (path) => fs.unlinkSync(path),
};

type Failure = NodeJS.ErrnoException | null;

function call<T>(
	start: (done: (error: Failure, value: T) => void) => void,
): Promise<T> {
	return new Promise((resolve, reject) => {
		start((error, value) => (error ? reject(error) : resolve(value)));
	});
}

function act(start: (done: (error: Failure) => void) => void): Promise<void> {
	return new Promise((resolve, reject) => {
		start((error) => (error ? reject(error) : resolve()));
	});
}
