"""Proves everything in a repository that the page lets a reader prove."""

import hashlib

from .contents import below, roots_of, walk
from .encoding import Damaged, parse_checked_json
from .checksums import xxh64
from .cut import SPAN, Chunker, items_of
from .packs import BLOCK, FIRST_FRAME
from .trees import DIRECTORY, FILE, LIST, ZEROS, flat_items, load_lists, page_ends, parse_links, parse_pages, parse_scan
from .trees import table_pieces


class Check:
    def __init__(self, repository, cut=False):
        self.repository = repository
        self.chunker = Chunker(repository.config["chunker"]) if cut else None
        self.problems = []
        self.counts = {}
        self.lengths = {}  # id of each chunk that was decoded and hashed -> its length

    def run(self):
        """A list of what is wrong; counts say what was looked at."""
        self.repository.index()
        directories = self._packs()
        self._segments(directories)
        for name in self.repository.names("forgotten"):
            self._try(f"forgotten/{name}", lambda: parse_checked_json(self.repository.read(f"forgotten/{name}")))
        for name in self.repository.snapshot_ids():
            self._try(f"snapshot {name}", lambda: self._snapshot(name))
        return self.problems

    def _count(self, name, number=1):
        self.counts[name] = self.counts.get(name, 0) + number

    def _try(self, what, action):
        try:
            return action()
        except Damaged as error:
            self.problems.append(f"{what}: {error}")
            return None

    # Packs and segments

    def _packs(self):
        """name -> frames as the directory tells them, for each pack."""
        directories = {}
        for name, pack in self.repository.packs.items():
            self._count("packs")
            self._try(f"pack {name}", lambda: self._whole(pack))
            frames = None if self.repository.salvage else self._try(f"pack {name}", pack.directory)
            directories[name] = frames
            self._try(f"pack {name}", lambda: self._frames(pack, frames))
        return directories

    def _whole(self, pack):
        """Name, header, and each block checksum."""
        if pack.digest() != pack.name.removeprefix("copy of "):
            raise Damaged("its SHA-256 is not its name")
        pack.header()
        _, covered, checksums = pack.trailer()
        for block, checksum in enumerate(checksums):
            length = min(BLOCK, covered - block * BLOCK)
            if xxh64(pack.read(block * BLOCK, length)) != checksum:
                raise Damaged(f"block {block} is damaged")
            self._count("blocks")

    def _frames(self, pack, frames):
        """Decodes every frame as its header leads to it, and compares with the directory."""
        walked = pack.walk()
        told = {frame.offset: frame for frame in frames or []}
        if frames is not None and [f.offset for f in walked] != [f.offset for f in frames]:
            raise Damaged("headers of frames and directory do not agree")
        if not walked or walked[0].offset != FIRST_FRAME:
            raise Damaged("no frame at byte 48")
        for frame, chunks in self.repository._decode(walked):
            self._count("frames")
            if chunks is None:
                self.problems.append(f"pack {pack.name}: the frame at {frame.offset} is damaged")
                continue
            ids = [hashlib.sha256(chunk).digest() for chunk in chunks]
            self._count("chunks", len(ids))
            self.lengths.update(zip(ids, map(len, chunks)))
            other = told.get(frame.offset)
            if other and (other.ids, other.lengths, other.bases) != (ids, frame.lengths, frame.bases):
                raise Damaged(f"the directory says something else of the frame at {frame.offset}")

    def _segments(self, directories):
        if not self.repository.use_segments:
            return
        for name, segment in self.repository.segments():
            self._count("segments")
            told = {}
            for chunk, frame, length, ordinal in segment.chunks:
                told.setdefault(frame, {})[ordinal] = (chunk, length)
            for pack, size, kind, first, count in segment.packs:
                frames = directories.get(pack)
                if frames is None or self.repository.packs[pack].size != size:
                    continue
                rows = segment.frames[first : first + count]
                mine = [self._row(rows[i], told.get(first + i, {})) for i in range(count)]
                theirs = [(f.offset, f.length, sum(f.lengths), f.bases, f.ids, f.lengths) for f in frames]
                if mine != theirs or self.repository.packs[pack].header() != kind:
                    self.problems.append(f"segment {name}: pack {pack} has another directory")

    @staticmethod
    def _row(row, chunks):
        _, offset, length, raw_length, bases = row
        pairs = [chunks.get(ordinal, (None, None)) for ordinal in range(len(chunks))]
        return offset, length, raw_length, bases, [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    # Snapshots

    def _snapshot(self, name):
        self._count("snapshots")
        record = self.repository.record(name)
        self.repository.labelled(name, record)
        roots = roots_of(record)
        damage = lambda path, error: self.problems.append(f"snapshot {name}: {path!r}: {error}")
        directories = {(root.index, b""): [] for root in roots}
        files = {}
        for entry in walk(self.repository, [(root.index, b"", root.node.tree) for root in roots], damage):
            self._count("entries")
            parent, _, last = entry.path.rpartition(b"/")
            directories[(entry.root, parent)].append(entry.node)
            if entry.node.kind == DIRECTORY:
                directories[(entry.root, entry.path)] = []
            if entry.node.kind == FILE:
                files[(entry.root, entry.path)] = entry.node
        self._contents(name, files)
        self._page_rule(directories, roots)
        self._tables(record, directories, files)

    def _contents(self, name, files):
        lists = load_lists(self.repository, {i for node in files.values() for kind, _, i in node.items if kind == LIST})
        for (_, path), node in files.items():
            items = self._try(f"snapshot {name}: {path!r}", lambda: flat_items(node, lists)) or []
            if len(node.items) > 16 and not node.torn and all(kind != LIST for kind, _, _ in node.items):
                self.problems.append(f"snapshot {name}: {path!r} has more than 16 items and no list")
            for _, length, chunk in items:
                if chunk is not None and self.lengths.get(chunk) != length:
                    self.problems.append(f"snapshot {name}: {path!r}: chunk {chunk.hex()} is missing")

        if self.chunker:
            for (_, path), node in files.items():
                self._cut(f"snapshot {name}: {path!r}", node, flat_items(node, lists))

    def _cut(self, what, node, items):
        """Cuts the content again, and compares."""
        if node.torn:
            return
        chunks = {}
        self.repository.read_chunks({chunk for _, _, chunk in items if chunk}, chunks.__setitem__)
        content = b"".join(bytes(length) if kind == ZEROS else chunks[chunk] for kind, length, chunk in items)
        spans = [self.chunker.span(content[at : at + SPAN]) for at in range(0, len(content), SPAN)]
        self._count("files cut again")
        if items_of(spans) != node.items:
            self.problems.append(f"{what} has to be cut in another way")

    def _page_rule(self, directories, roots):
        trees = {(root.index, b""): root.node.tree for root in roots}
        for (root, path), nodes in directories.items():
            trees.update({(root, below(path, node.name)): node.tree for node in nodes if node.kind == DIRECTORY})
        for key, nodes in directories.items():
            if len(nodes) <= 4096:
                continue
            pages = parse_pages(self.repository.objects([trees[key]])[trees[key]])
            ends = [sum(count for _, count, _ in pages[: i + 1]) for i in range(len(pages))]
            if ends != page_ends([node.name for node in nodes]):
                self.problems.append(f"{key[1]!r}: pages end elsewhere")
            self._count("pages", len(pages))

    def _tables(self, record, directories, files):
        roots = len(record["roots"])
        if "links" in record:
            pieces = table_pieces(self.repository, bytes.fromhex(record["links"]))
            for group in parse_links(pieces, roots):
                self._count("groups of hard links")
                items = [files[name].items for name in group if name in files]
                if any(other != items[0] for other in items):
                    self.problems.append(f"hard links with different contents: {group!r}")
        if "scan" in record:
            self._scan(record, directories, roots)

    def _scan(self, record, directories, roots):
        seen = {}
        before = None
        for root, path, page, names, columns in parse_scan(
            table_pieces(self.repository, bytes.fromhex(record["scan"])), roots
        ):
            self._count("blocks of scan state")
            key = (root, path.replace(b"/", b"\0"), page)
            if before is not None and key <= before:
                self.problems.append(f"scan state does not ascend at {path!r}")
            before = key
            rows = list(zip(names, *columns[2:3], *columns[4:7]))
            if page != len(seen.get((root, path), [])):
                self.problems.append(f"scan state: page {page} of {path!r} is out of order")
            seen.setdefault((root, path), []).append(rows)
        for (root, path), nodes in directories.items():
            kept = {row[0]: row for rows in seen.get((root, path), []) for row in rows}
            for node in nodes:
                row = kept.get(node.name)
                if row is None:
                    self.problems.append(f"scan state does not have {below(path, node.name)!r}")
                elif (row[1] - node.mtime_ns()) % 2**64 or (row[2] & 0o7777, *row[3:]) != (node.mode, node.uid, node.gid):
                    self.problems.append(f"scan state says something else of {below(path, node.name)!r}")
