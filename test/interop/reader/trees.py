"""Objects: trees and pages (section 11), lists (7), hard links (12), scan state (13)."""

import re
import zlib

from .encoding import Cursor, Damaged, Newer, require_name
from .packs import take_ids

FILE, DIRECTORY, SYMLINK, FIFO, SOCKET, CHARACTER_DEVICE, BLOCK_DEVICE = range(1, 8)
ZEROS, CHUNK, LIST = 0, 1, 2
ZERO_RUN = 65536
MAX_NODES = 8192
SECONDS = 2**51


class Node:
    __slots__ = (
        *("name", "kind", "holes", "torn", "mode", "uid", "gid", "mtime", "nanoseconds"),
        *("target", "device", "items", "tree", "attributes"),
    )

    def size(self):
        return sum(length for _, length, _ in self.items)

    def mtime_ns(self):
        return self.mtime * 10**9 + self.nanoseconds


def open_object(content, letters, feature):
    """A cursor behind the four bytes that every object begins with."""
    if content[:2] != letters or len(content) < 4:
        raise Damaged(f"not an object {letters.decode()}")
    if content[2] != 0x31:
        if chr(content[2]).isdigit():
            raise Newer(f"{feature}-{chr(content[2])}")
        raise Damaged(f"not an object {letters.decode()}")
    if content[3]:
        raise Damaged("no zero behind the letters of an object")
    return Cursor(content, 4)


# Items and lists


def parse_item_header(number, kinds):
    kind, length = number & 3, number >> 2
    if kind not in kinds or length < 1:
        raise Damaged(f"an item of kind {kind} and length {length}")
    return kind, length


def check_zeros(items):
    before = None
    for kind, length, _ in items:
        if kind == ZEROS and (before == ZEROS or length < ZERO_RUN):
            raise Damaged("zeros that are not one run")
        before = kind


def parse_list(content):
    """The items (kind, length, id) of a list object."""
    cursor = open_object(content, b"VL", "list")
    headers = [parse_item_header(cursor.varint(), (ZEROS, CHUNK)) for _ in range(cursor.count(1, 1))]
    ids = iter(take_ids(cursor, sum(1 for kind, _ in headers if kind != ZEROS)))
    cursor.end()
    items = [(kind, length, None if kind == ZEROS else next(ids)) for kind, length in headers]
    check_zeros(items)
    return items


def load_lists(repository, ids):
    """id -> items of all lists that can be read."""
    return {name: parse_list(content) for name, content in repository.objects(ids).items()}


def flat_items(node, lists):
    """The items of a file with those of its lists in their place."""
    items = []
    for kind, length, name in node.items:
        if kind != LIST:
            items.append((kind, length, name))
            continue
        if name not in lists:
            raise Damaged(f"list {name.hex()} is missing")
        if sum(part[1] for part in lists[name]) != length:
            raise Damaged(f"list {name.hex()} has another length")
        items += lists[name]
    return items


# Trees


def parse_attributes(cursor, count, must_understand):
    """index of the node -> its attributes."""
    found = {}
    total = 0
    last = -1
    for _ in range(cursor.count(2, 0, count)):
        index = cursor.varint()
        if index <= last or index >= count:
            raise Damaged("attributes of no node")
        last = index
        attributes = []
        for _ in range(cursor.count(3, 1)):
            name = cursor.block()
            if not name or b"\0" in name or (attributes and name <= attributes[-1][0]):
                raise Damaged("names of attributes do not ascend")
            if must_understand and name.startswith(b"!"):
                if not re.fullmatch(b"![!-~]{0,63}", name):
                    raise Damaged("an attribute with an impossible name")
                raise Newer(f"attribute-{name.decode('ascii')}")
            attributes.append((name, cursor.block()))
        total += len(attributes)
        if total > 1 << 20:
            raise Damaged("too many attributes")
        found[index] = attributes
    return found


def _names_and_kinds(cursor, nodes):
    before = None
    for node in nodes:
        node.name = cursor.block()
        require_name(node.name)
        if before is not None and node.name <= before:
            raise Damaged("names do not ascend")
        before = node.name
    for node, byte in zip(nodes, cursor.take(len(nodes))):
        node.kind = byte & 15
        node.holes, node.torn = bool(byte & 16), bool(byte & 32)
        if not 1 <= node.kind <= 7 or byte & 0xC0:
            raise Newer(f"node-{byte}")
        if byte & 0x30 and node.kind != FILE:
            raise Damaged("flags of files on what is none")


def _mode_owner_time(cursor, nodes):
    for node, mode in zip(nodes, cursor.fixed("H", len(nodes))):
        node.mode = mode
        if mode > 0o7777:
            raise Damaged(f"mode {mode:o}")
    for node in nodes:
        node.uid = cursor.varint()
    for node in nodes:
        node.gid = cursor.varint()
    mtime = 0
    for node in nodes:
        mtime += cursor.zigzag()
        if not -SECONDS <= mtime < SECONDS or node.uid >= 2**32 or node.gid >= 2**32:
            raise Damaged("an owner or a time that cannot be")
        node.mtime = mtime
    for node, nanoseconds in zip(nodes, cursor.fixed("I", len(nodes))):
        node.nanoseconds = nanoseconds
        if nanoseconds > 999_999_999:
            raise Damaged("nanoseconds that make more than a second")


def _content(cursor, nodes):
    for node in nodes:
        node.target = cursor.block() if node.kind == SYMLINK else None
        if node.kind == SYMLINK and (not node.target or b"\0" in node.target):
            raise Damaged("a symlink to nothing")
    for node in nodes:
        node.device = cursor.varint() if node.kind in (CHARACTER_DEVICE, BLOCK_DEVICE) else 0
    files = [node for node in nodes if node.kind == FILE]
    counts = [cursor.count(1) for _ in files]
    for node, count in zip(files, counts):
        node.items = [parse_item_header(cursor.varint(), (ZEROS, CHUNK, LIST)) for _ in range(count)]
    for node in nodes:
        node.tree = cursor.take(32) if node.kind == DIRECTORY else None
        if node.kind == FILE:
            node.items = [(kind, length, None if kind == ZEROS else cursor.take(32)) for kind, length in node.items]
            check_zeros(node.items)
            if node.size() >= SECONDS:
                raise Damaged("a file that is too long")


def parse_tree(content):
    """The nodes of a tree object."""
    cursor = open_object(content, b"VT", "tree")
    nodes = [Node() for _ in range(cursor.count(10, 0, MAX_NODES))]
    _names_and_kinds(cursor, nodes)
    _mode_owner_time(cursor, nodes)
    _content(cursor, nodes)
    attributes = parse_attributes(cursor, len(nodes), False)
    parse_attributes(cursor, len(nodes), True)
    cursor.end()
    for index, node in enumerate(nodes):
        node.attributes = attributes.get(index, [])
    return nodes


def parse_pages(content):
    """(last name, number of entries, id) of each page."""
    cursor = open_object(content, b"VP", "pages")
    pages = []
    for _ in range(cursor.count(34, 1)):
        last = cursor.block()
        require_name(last)
        if pages and last <= pages[-1][0]:
            raise Damaged("last names of pages do not ascend")
        pages.append((last, cursor.varint(), cursor.take(32)))
    cursor.end()
    if sum(count for _, count, _ in pages) <= 4096:
        raise Damaged("pages for so few entries")
    return pages


def join_pages(pages, contents):
    nodes = []
    for last, count, name in pages:
        if name not in contents:
            raise Damaged(f"page {name.hex()} is missing")
        page = parse_tree(contents[name])
        if len(page) != count or page[-1].name != last or (nodes and page[0].name <= nodes[-1].name):
            raise Damaged(f"page {name.hex()} is not the one that is meant")
        nodes += page
    return nodes


def page_ends(names):
    """Where pages end, by the rule of section 11."""
    ends = []
    count = 0
    for index, name in enumerate(names):
        count += 1
        if count == MAX_NODES or (count >= 32 and zlib.crc32(name) & 1023 == 0) or index == len(names) - 1:
            ends.append(index + 1)
            count = 0
    return ends


def load_directories(repository, ids):
    """id -> nodes, or the Damaged that says why not, for each tree id."""
    contents = repository.objects(ids)
    paged = {name: parse_pages(content) for name, content in contents.items() if content[1:2] == b"P"}
    pages = repository.objects(page[2] for list_of_pages in paged.values() for page in list_of_pages)
    found = {}
    for name in ids:
        try:
            if name not in contents:
                raise Damaged(f"tree {name.hex()} is missing")
            found[name] = join_pages(paged[name], pages) if name in paged else parse_tree(contents[name])
        except Damaged as error:
            found[name] = error
    return found


# Tables


def table_pieces(repository, name):
    """The pieces of a table, in order."""
    lists = repository.objects([name])
    if name not in lists:
        raise Damaged(f"table {name.hex()} is missing")
    items = parse_list(lists[name])
    contents = repository.objects(item[2] for item in items if item[0] == CHUNK)
    for kind, length, piece in items:
        if kind != CHUNK or piece not in contents or len(contents[piece]) != length:
            raise Damaged(f"a piece of table {name.hex()} is missing, or has another length")
        yield contents[piece]


def walk_order(root, path):
    """The key that sorts paths in walk order: a slash before every other byte."""
    return root, [byte if byte != 0x2F else -1 for byte in path]


def parse_links(pieces, roots):
    """Groups of (index of the root, path)."""
    groups = []
    for content in pieces:
        cursor = open_object(content, b"VH", "links")
        for _ in range(cursor.count(5, 1)):
            group = [(cursor.varint(), cursor.block()) for _ in range(cursor.count(2, 2))]
            keys = [walk_order(root, path) for root, path in group]
            if any(a >= b for a, b in zip(keys, keys[1:])) or group[-1][0] >= roots:
                raise Damaged("paths of a group of hard links do not ascend")
            if groups and walk_order(*groups[-1][0]) >= keys[0]:
                raise Damaged("groups of hard links do not ascend")
            groups.append(group)
        cursor.end()
    return groups


def parse_scan(pieces, roots):
    """Blocks of the scan state: (root, path, page, names, columns of eight), the last of these birth times, zeros where there are none."""
    pieces = list(pieces)
    states = [content for content in pieces if content[:2] != b"VB"]
    if any(content[:2] != b"VB" for content in pieces[len(states) :]) or len(pieces) - len(states) not in (0, len(states)):
        raise Damaged("birth times that do not fit the scan state")
    for number, content in enumerate(states):
        births = None
        if len(pieces) > len(states):
            births = open_object(pieces[len(states) + number], b"VB", "births")
        cursor = open_object(content, b"VS", "scan")
        if not cursor.left():
            raise Damaged("a piece of scan state without blocks")
        while cursor.left():
            root, path, page = cursor.varint(), cursor.block(), cursor.varint()
            count = cursor.varint()
            joined = cursor.block()
            names = joined.split(b"\0") if count else []
            if root >= roots or count > MAX_NODES or len(names) != count or (joined and not count):
                raise Damaged("a block of scan state with other names than it says")
            if any(a >= b for a, b in zip(names, names[1:])):
                raise Damaged("names in scan state do not ascend")
            columns = [cursor.fixed(form, count) for form in "QQqqIII"]
            yield root, path, page, names, columns + [births.fixed("q", count) if births else (0,) * count]
        if births is not None:
            births.end()
