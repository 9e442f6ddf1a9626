// biome-ignore-all lint/suspicious/noExplicitAny: interim
import { SegmentReader, decodeRecord, type Place, type SegmentPack } from "@varve/format";
import { readFileSync } from "node:fs";
// Interim: answers from segments held in memory, until the LevelDB index takes its place.
export async function openRepositoryIndex({ backend }: any): Promise<any> {
	let readers: SegmentReader[] = []; let listing: any;
	const mk = (readers: SegmentReader[]) => ({ get empty() { return readers.length === 0; }, find(ids: Uint8Array, at: number) { const id = ids.subarray(at, at + 32); for (const r of readers) { const i = r.find(id); if (i >= 0) return r.place(i); } return undefined; }, close() {} });
	return {
		async records(ids: string[]) { const m = new Map(); for (const id of ids) m.set(id, decodeRecord(await backend.read("snapshots", id))); return m; },
		async addRecord() {}, async addSegment() {},
		async catchUp(l: any) { listing = l; readers = []; for (const s of l.segments) { const b = await backend.read("segments", s.name); readers.push(new SegmentReader((at, n) => b.subarray(at, at + n), b.length)); } },
		get lookup() { return mk(readers); },
		get lookupDescriptor() { return { level: undefined, segments: listing.segments.map((s: any) => `${backend.descriptor.path}/segments/${s.name}`), packs: new SharedArrayBuffer(0), empty: readers.length === 0 }; },
		places(ids: Uint8Array) { const l = mk(readers); const out = []; for (let i = 0; i < ids.length; i += 32) out.push(l.find(ids, i)); return out; },
		adopted: [] as SegmentPack[], async verified() { return new Map(); }, async setVerified() {}, async close() {},
	};
}
export async function openChunkLookup(d: any): Promise<any> { const readers = d.segments.map((p: string) => { const b = readFileSync(p); return new SegmentReader((at, n) => b.subarray(at, at + n), b.length); }); return { empty: d.empty, close() {}, find(ids: Uint8Array, at: number): Place | undefined { const id = ids.subarray(at, at + 32); for (const r of readers) { const i = r.find(id); if (i >= 0) return r.place(i); } return undefined; } }; }
export async function openClientCache(folder: any, _h: any): Promise<any> { const { mkdirSync, writeFileSync } = await import("node:fs"); return { folder, async get(n: string) { try { return readFileSync(`${folder}/${n}`); } catch { return undefined; } }, async put(n: string, b: Uint8Array) { if (folder) { mkdirSync(folder, { recursive: true }); writeFileSync(`${folder}/${n}`, b); } } }; }
