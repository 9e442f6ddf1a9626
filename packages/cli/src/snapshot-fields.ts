import { pathFields, type Snapshot, type Statistics } from "@varve/core";
import type { Message } from "./json-line.ts";
import { shortId } from "./short-id.ts";

/** A snapshot as programs read it: restic's names where it has one. */
export function snapshotFields(snapshot: Snapshot): Message {
	const { id, record, tags, pin, note, expires, forgotten } = snapshot;
	const paths = record.roots.map(({ path }) => pathFields(path));
	const bytes = paths.map(({ path_b64 }) => path_b64 ?? null);
	return {
		id,
		short_id: shortId(id),
		time: record.time,
		stored_late: snapshot.storedLate,
		hostname: record.host,
		username: record.user,
		paths: paths.map(({ path }) => path),
		...(bytes.some((path) => path !== null) ? { paths_b64: bytes } : {}),
		tags,
		tree: record.roots[0]?.tree,
		trees: record.roots.map(({ tree }) => tree),
		parent: record.parent,
		program_version: record.program,
		pinned: pin,
		note: note === "" ? undefined : note,
		expires,
		forgotten,
		files_unread: record.unread.length,
		summary: statisticsFields(record.statistics),
	};
}

export function statisticsFields(s: Statistics): Message {
	return {
		files_new: s.filesNew,
		files_changed: s.filesChanged,
		files_unmodified: s.filesUnmodified,
		dirs_new: s.directoriesNew,
		dirs_changed: s.directoriesChanged,
		dirs_unmodified: s.directoriesUnmodified,
		data_blobs: s.chunksAdded,
		data_added: s.bytesAdded,
		data_added_packed: s.bytesStored,
		total_files_processed: s.files,
		total_dirs_processed: s.directories,
		total_bytes_processed: s.bytes,
		total_duration: s.duration / 1000,
	};
}
