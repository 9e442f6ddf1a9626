"""Restores a snapshot, or what lies at one path of it, below a new or empty directory."""

import os
import stat

from .contents import Entry, locate, roots_of, walk
from .encoding import Damaged
from .repository import Usage, warn
from .trees import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    CHUNK,
    DIRECTORY,
    FIFO,
    FILE,
    LIST,
    SOCKET,
    SYMLINK,
    ZEROS,
    flat_items,
    load_lists,
    parse_links,
    table_pieces,
)

DEVICES = {
    FIFO: stat.S_IFIFO,
    SOCKET: stat.S_IFSOCK,
    CHARACTER_DEVICE: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
}
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
OLD_FILE = os.O_WRONLY | os.O_NOFOLLOW
ZERO_BLOCK = bytes(1 << 20)


class Restore:
    def __init__(self, repository, record, target):
        self.repository = repository
        self.record = record
        self.target = os.fsencode(target)
        self.damaged = []  # paths that are not there because of damage
        self.inexact = []  # paths that are there, but not as they were
        self.files = []  # (path, node)
        self.directories = []  # (path, node), parents first
        self.followers = []  # (path, path of the first of its group)

    def run(self, path=None):
        """The exit code: 0, 4 if something is damaged, 6 if something could not be made as it was."""
        os.makedirs(self.target, exist_ok=True)
        if os.listdir(self.target):
            raise Usage(f"{os.fsdecode(self.target)} is not empty")
        entries = self._everything() if path is None else self._part(path)
        leaders = {}
        groups = self._groups()
        for where, entry in entries:
            self._make(where, entry, groups, leaders)
        self._write_files()
        for where, first in self.followers:
            if first not in self.damaged:
                os.link(first, where, follow_symlinks=False)
            else:
                self.damaged.append(where)
        for where, node in reversed(self.directories):
            self._attributes(where, node)
        return 4 if self.damaged else 6 if self.inexact else 0

    def _damage(self, path, error):
        self.damaged.append(path)
        warn(f"{os.fsdecode(path)}: {error}")

    # What is to be made, as (path on disk, entry)

    def _everything(self):
        roots = roots_of(self.record)
        above = []
        for root in roots:
            above.append(os.path.join(self.target, *root.names))
            existed = os.path.isdir(above[-1])
            os.makedirs(above[-1], exist_ok=True)
            if root.kind == "directory" or not existed:
                self.directories.append((above[-1], root.node))
        start = [(root.index, b"", root.node.tree) for root in roots]
        for entry in walk(self.repository, start, self._damage):
            yield above[entry.root] + b"/" + entry.path, entry

    def _part(self, path):
        index, below, node = locate(self.repository, roots_of(self.record), path)
        if node.kind != DIRECTORY:
            yield os.path.join(self.target, node.name), Entry(index, below, node)
            return
        self.directories.append((self.target, node))
        for entry in walk(self.repository, [(index, below, node.tree)], self._damage):
            yield self.target + b"/" + (entry.path[len(below) + 1 :] if below else entry.path), entry

    def _groups(self):
        """(index of the root, path) -> number of its group of hard links."""
        groups = {}
        if "links" in self.record:
            pieces = table_pieces(self.repository, bytes.fromhex(self.record["links"]))
            for number, group in enumerate(parse_links(pieces, len(self.record["roots"]))):
                groups.update((name, number) for name in group)
        return groups

    # Making

    def _make(self, where, entry, groups, leaders):
        node = entry.node
        group = groups.get((entry.root, entry.path))
        if group is not None and node.kind != DIRECTORY:
            if group in leaders:
                self.followers.append((where, leaders[group]))
                return
            leaders[group] = where
        if node.kind == DIRECTORY:
            os.mkdir(where, 0o700)
            self.directories.append((where, node))
        elif node.kind == FILE:
            self.files.append((where, node))
        else:
            self._make_special(where, node)

    def _make_special(self, where, node):
        try:
            if node.kind == SYMLINK:
                os.symlink(node.target, where)
            else:
                os.mknod(where, DEVICES[node.kind] | 0o600, node.device)
        except OSError as error:
            self.inexact.append(where)
            warn(str(error))
            return
        self._attributes(where, node)

    def _write_files(self):
        wanted_lists = {name for _, node in self.files for kind, _, name in node.items if kind == LIST}
        lists = load_lists(self.repository, wanted_lists)
        places = {}
        for where, node in self.files:
            try:
                self._start_file(where, node, flat_items(node, lists), places)
            except Damaged as error:
                self._damage(where, error)

        def take(chunk, content):
            for where, offset, length in places[chunk]:
                if length != len(content):
                    self._damage(where, f"chunk {chunk.hex()} has another length")
                    continue
                file = os.open(where, OLD_FILE)
                write_at(file, content, offset)
                os.close(file)

        for chunk in self.repository.read_chunks(set(places), take):
            for where, _, _ in places[chunk]:
                self._damage(where, f"chunk {chunk.hex()} is missing or damaged")
        hurt = set(self.damaged)
        for where, node in self.files:
            if where in hurt:
                if os.path.lexists(where):
                    os.unlink(where)
            else:
                self._attributes(where, node)

    def _start_file(self, where, node, items, places):
        file = os.open(where, NEW_FILE, 0o600)
        try:
            os.ftruncate(file, node.size())
            offset = 0
            for kind, length, chunk in items:
                if kind == CHUNK:
                    places.setdefault(chunk, []).append((where, offset, length))
                elif kind == ZEROS and not node.holes:
                    for at in range(0, length, len(ZERO_BLOCK)):
                        write_at(file, ZERO_BLOCK[: length - at], offset + at)
                offset += length
        finally:
            os.close(file)

    def _attributes(self, where, node):
        """Owner first, since a change of it clears set-id bits and capabilities; time last."""
        try:
            now = os.lstat(where)
            if (now.st_uid, now.st_gid) != (node.uid, node.gid):
                os.chown(where, node.uid, node.gid, follow_symlinks=False)
            for name, value in node.attributes:
                os.setxattr(where, name, value, follow_symlinks=False)
        except OSError as error:
            self.inexact.append(where)
            warn(str(error))
        if node.kind != SYMLINK:
            os.chmod(where, node.mode)
        os.utime(where, ns=(node.mtime_ns(), node.mtime_ns()), follow_symlinks=False)


def write_at(file, content, offset):
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view = view[written:]
        offset += written
