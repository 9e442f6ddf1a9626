"""A repository as it lies on disk: which files there are, where chunks lie, and how they are read."""

import hashlib
import os
import re
import sys

from .encoding import Damaged, Newer, instant, is_id, parse_checked_json, parse_json, require_features
from .packs import Frame, Pack
from .segments import Segment
from .zstd import decode

BATCH = 48 << 20
MAX_BASES = 4 << 20
LABELS_WITH_VALUE = ("add-tag", "remove-tag", "note", "expire")


class NoRepository(Exception):
    """There is none at this path."""


class Usage(Exception):
    """What was asked for is not there, or could be several things."""


def warn(text):
    print(f"varve_reader: {text}", file=sys.stderr)


class Repository:
    def __init__(self, path, segments=True, salvage=False):
        self.path = os.fsencode(path)
        self.use_segments = segments and not salvage
        self.salvage = salvage
        self.packs = {}
        self.kinds = {}
        self.places = None
        self.config = self._read_config()

    # Files

    def names(self, directory):
        try:
            return sorted(os.fsdecode(name) for name in os.listdir(os.path.join(self.path, os.fsencode(directory))))
        except FileNotFoundError:
            return []

    def read(self, path):
        with open(os.path.join(self.path, os.fsencode(path)), "rb") as file:
            return file.read()

    def read_either(self, path, parse):
        """What `parse` makes of a file, or of its second copy where the file is missing or damaged."""
        failure = None
        for candidate in (path, f"copies/{path}"):
            try:
                return parse(self.read(candidate))
            except FileNotFoundError as error:
                failure = failure or error
            except Damaged as error:
                failure = Damaged(f"{candidate}: {error}")
                warn(str(failure))
        raise failure

    def _read_config(self):
        try:
            config = self.read_either("config", parse_checked_json)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoRepository(f"no repository at {os.fsdecode(self.path)}") from error
        if config.get("format") != 1:
            raise Newer(f"format-{config.get('format')}")
        require_features(config)
        return config

    # Snapshots

    def forgotten(self):
        return {name for name in self.names("forgotten") if is_id(name)}

    def snapshot_ids(self):
        names = self.names("snapshots") + self.names("copies/snapshots")
        return sorted({name for name in names if is_id(name)} - self.forgotten())

    def record(self, name):
        def parse(content):
            if hashlib.sha256(content).hexdigest() != name:
                raise Damaged("its SHA-256 is not its name")
            return parse_json(content)

        record = self.read_either(f"snapshots/{name}", parse)
        if record.get("format") != 1:
            raise Newer(f"record-format-{record.get('format')}")
        require_features(record)
        for root in record["roots"]:
            if root["kind"] not in ("directory", "entries"):
                raise Newer(f"root-{root['kind']}")
        return record

    def records(self):
        """(id, record) of all snapshots that are not forgotten, the oldest first."""
        found = [(name, self.record(name)) for name in self.snapshot_ids()]
        return sorted(found, key=lambda pair: (instant(pair[1]["time"]), pair[0]))

    def find(self, word):
        """(id, record) of the one snapshot that is meant: the beginning of an id, or latest."""
        if word == "latest":
            records = self.records()
            if not records:
                raise Usage("there are no snapshots")
            return records[-1]
        found = [name for name in self.snapshot_ids() if name.startswith(word)]
        if len(found) != 1:
            raise Usage(f"{len(found)} snapshots are called {word}")
        return found[0], self.record(found[0])

    def labels(self, name):
        """Changes of the labels of a snapshot, in the order in which they count."""
        found = []
        for file in self.names("labels"):
            if re.fullmatch(f"{name}\\.[0-9a-f]{{32}}", file):
                label = parse_checked_json(self.read(f"labels/{file}"))
                op, value = label.get("op"), label.get("value")
                if op not in (*LABELS_WITH_VALUE, "pin", "unpin"):
                    raise Newer(f"label-{op}")
                if label.get("snapshot") != name or isinstance(value, str) != (op in LABELS_WITH_VALUE):
                    raise Damaged(f"labels/{file} is not what its name says")
                if op == "expire" and value != "":
                    instant(value)
                found.append(((instant(label["time"]), file), op, value))
        return [(op, value) for _, op, value in sorted(found)]

    def labelled(self, name, record):
        """Tags, pin, note and expiry of a snapshot as they are now."""
        now = {"tags": list(record["tags"]), "pin": record["pin"], "note": record["note"], "expire": ""}
        for op, value in self.labels(name):
            if op == "add-tag" and value not in now["tags"]:
                now["tags"].append(value)
            elif op == "remove-tag":
                now["tags"] = [tag for tag in now["tags"] if tag != value]
            elif op in ("pin", "unpin"):
                now["pin"] = op == "pin"
            elif op in ("note", "expire"):
                now[op] = value
        return now

    # Where chunks lie

    def open_packs(self):
        """All packs, by name; of packs that are missing, their second copies."""
        for top in ("packs", "copies/packs"):
            for shelf in self.names(top):
                for name in self.names(f"{top}/{shelf}") if re.fullmatch("[0-9a-f]{2}", shelf) else []:
                    if is_id(name) and name[:2] == shelf:
                        self._open_pack(f"{top}/{shelf}/{name}", name if top == "packs" else f"copy of {name}")
        return self.packs

    def _open_pack(self, path, name):
        if name not in self.packs:
            self.packs[name] = Pack(os.path.join(self.path, os.fsencode(path)), name)

    def index(self):
        """id -> places (frame, ordinal)."""
        if self.places is None:
            self.places = {}
            self.open_packs()
            known = self._index_segments() if self.use_segments else set()
            walked = []
            for name, pack in self.packs.items():
                if name not in known:
                    walked += self._index_pack(pack)
            self._index_by_hash(walked)
        return self.places

    def _add(self, chunk, frame, ordinal):
        self.places.setdefault(chunk, []).append((frame, ordinal))

    def segments(self):
        for name in self.names("segments"):
            if is_id(name):
                content = self.read(f"segments/{name}")
                if hashlib.sha256(content).hexdigest() != name:
                    warn(f"segment {name} is damaged, and not used")
                    continue
                yield name, Segment(content)

    def _index_segments(self):
        known = set()
        for _, segment in self.segments():
            frames = [None] * len(segment.frames)
            fresh = set()
            for name, size, _, _, _ in segment.packs:
                if name in self.packs and self.packs[name].size == size and name not in known:
                    fresh.add(name)
            for at, (pack, offset, length, _, bases) in enumerate(segment.frames):
                name = segment.packs[pack][0]
                if name in fresh:
                    frames[at] = Frame(self.packs[name], offset, length, bases)
            for chunk, frame, _, ordinal in segment.chunks:
                if frames[frame] is not None:
                    self._add(chunk, frames[frame], ordinal)
            known |= fresh
        return known

    def _index_pack(self, pack):
        """Takes the directory of a pack; returns the frames, without ids, of one that has lost it."""
        if not self.salvage:
            try:
                frames = pack.directory()
            except Damaged as error:
                warn(f"{error}; its frames are read one by one")
            else:
                for frame in frames:
                    for ordinal, chunk in enumerate(frame.ids):
                        self._add(chunk, frame, ordinal)
                return []
        return pack.walk()

    def _index_by_hash(self, frames):
        """Decodes frames to learn their ids: those without bases first, since bases lie only there."""
        for with_bases in (False, True):
            chosen = [frame for frame in frames if frame.has_bases == with_bases]
            for frame, chunks in self._decode(chosen):
                for ordinal, chunk in enumerate(chunks or []):
                    self._add(hashlib.sha256(chunk).digest(), frame, ordinal)

    # Reading

    def _kind(self, pack):
        """The kind of a pack, or None if its header may not be relied on."""
        if self.salvage:
            return None
        if pack.name not in self.kinds:
            try:
                self.kinds[pack.name] = pack.header()
            except Damaged as error:
                warn(str(error))
                self.kinds[pack.name] = None
        return self.kinds[pack.name]

    def _decode(self, frames):
        """(frame, its chunks) for each frame, in any order; None instead of chunks for a frame that is damaged."""
        batch, size = [], 0
        for frame in sorted(frames, key=lambda frame: (frame.pack.name, frame.offset)):
            batch.append(frame)
            size += frame.length
            if size > BATCH:
                yield from self._decode_batch(batch)
                batch, size = [], 0
        yield from self._decode_batch(batch)

    def _decode_batch(self, frames):
        plain = []
        for frame in frames:
            try:
                body = frame.pack.read_body(frame, self._kind(frame.pack))
            except Damaged as error:
                warn(str(error))
                yield frame, None
                continue
            if body.codec == 0:
                yield frame, cut(body.payload, body.lengths)
            elif body.bases:
                yield frame, self._decode_with_bases(body)
            else:
                plain.append((frame, body))
        contents = decode([(body.payload, body.raw_length) for _, body in plain])
        for (frame, body), raw in zip(plain, contents):
            if raw is None:
                warn(f"pack {frame.pack.name}: the frame at {frame.offset} is damaged")
            yield frame, None if raw is None else cut(raw, body.lengths)

    def _decode_with_bases(self, body):
        bases = {}
        missing = self.read_chunks(set(body.bases), bases.__setitem__, plain_only=True)
        dictionary = b"".join(bases[base] for base in body.bases) if not missing else b""
        if missing or len(dictionary) > MAX_BASES:
            warn("a frame whose bases are missing, or too long")
            return None
        raw = next(decode([(body.payload, body.raw_length)], dictionary))
        return None if raw is None else cut(raw, body.lengths)

    def read_chunks(self, ids, take, plain_only=False):
        """Calls take(id, bytes) once for each id that can be proven, in any order; returns the others."""
        places = {}
        for chunk in ids:
            found = [place for place in self.index().get(chunk, []) if not (plain_only and place[0].has_bases)]
            places[chunk] = sorted(found, key=lambda place: place[0].has_bases)
        rest = set(ids)
        attempt = 0
        while any(attempt < len(places[chunk]) for chunk in rest):
            wanted = {}
            for chunk in rest:
                if attempt < len(places[chunk]):
                    frame, ordinal = places[chunk][attempt]
                    wanted.setdefault(frame, []).append((ordinal, chunk))
            for frame, chunks in self._decode(wanted):
                for ordinal, chunk in wanted[frame] if chunks else []:
                    if ordinal < len(chunks) and hashlib.sha256(chunks[ordinal]).digest() == chunk:
                        take(chunk, chunks[ordinal])
                        rest.discard(chunk)
            attempt += 1
        return rest

    def objects(self, ids):
        """id -> bytes of all objects that can be read."""
        found = {}
        self.read_chunks(set(ids), found.__setitem__)
        return found


def cut(raw, lengths):
    """The chunks of a decoded frame."""
    chunks = []
    at = 0
    for length in lengths:
        chunks.append(raw[at : at + length])
        at += length
    return chunks
