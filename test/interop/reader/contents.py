"""What a snapshot holds: a walk from its roots, level by level."""

import base64

from .encoding import Damaged, path_bytes, require_name
from .repository import Usage
from .trees import DIRECTORY, SECONDS, Node, load_directories


class Root:
    """A root of a record."""

    def __init__(self, index, value):
        self.index = index
        self.path = path_bytes(value)
        self.kind = value["kind"]
        if self.path[:1] != b"/":
            raise Damaged(f"a root that is not absolute: {self.path!r}")
        self.names = self.path[1:].split(b"/") if self.path != b"/" else []
        for name in self.names:
            require_name(name)
        self.node = Node()
        self.node.kind = DIRECTORY
        self.node.tree = bytes.fromhex(value["tree"])
        self.node.mode, self.node.uid, self.node.gid = value["mode"], value["uid"], value["gid"]
        self.node.mtime, self.node.nanoseconds = value["mtime"], value["mtimeNs"]
        self.node.attributes = root_xattrs(value)
        if not -SECONDS <= self.node.mtime < SECONDS:
            raise Damaged("the mtime of a root")


def root_xattrs(value):
    """(name, value) of the extended attributes of a root."""
    found = []
    for xattr in value.get("xattrs", []):
        fields = {"path": xattr["name"]}
        if "name_b64" in xattr:
            fields["path_b64"] = xattr["name_b64"]
        found.append((path_bytes(fields), base64.b64decode(xattr["value"], validate=True)))
    names = [name for name, _ in found]
    if "xattrs" in value and not found or any(a >= b for a, b in zip(names, names[1:])) or b"" in names:
        raise Damaged("extended attributes of a root out of order")
    return found


class Entry:
    """A node and where it is: index of the root and path below it."""

    __slots__ = ("root", "path", "node")

    def __init__(self, root, path, node):
        self.root = root
        self.path = path
        self.node = node


def roots_of(record):
    return [Root(index, value) for index, value in enumerate(record["roots"])]


def below(path, name):
    return path + b"/" + name if path else name


def walk(repository, start, damage):
    """All entries below the given (root, path, tree id), parents before children. Trees that cannot be read go to `damage`."""
    level = list(start)
    while level:
        directories = load_directories(repository, {tree for _, _, tree in level})
        following = []
        for root, path, tree in level:
            nodes = directories[tree]
            if isinstance(nodes, Damaged):
                damage(path, nodes)
                continue
            for node in nodes:
                entry = Entry(root, below(path, node.name), node)
                yield entry
                if node.kind == DIRECTORY:
                    following.append((root, entry.path, node.tree))
        level = following


def locate(repository, roots, path):
    """(index of the root, path below it, node) of an absolute path in a snapshot."""
    names = [name for name in path.split(b"/") if name]
    for root in roots:
        if names[: len(root.names)] != root.names:
            continue
        node = root.node
        rest = names[len(root.names) :]
        for name in rest:
            found = load_directories(repository, {node.tree})[node.tree] if node.kind == DIRECTORY else []
            if isinstance(found, Damaged):
                raise found
            node = next((child for child in found if child.name == name), None)
            if node is None:
                break
        if node is not None:
            return root.index, b"/".join(rest), node
    raise Usage(f"{path!r} is not in this snapshot")
