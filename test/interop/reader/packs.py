"""Frames and packs: sections 8 and 9."""

import hashlib
import os
import struct
import zlib

from .checksums import xxh64
from .encoding import Cursor, Damaged, Newer
from .zstd import require_one_frame

CHUNKS, OBJECTS, DIRECTORY = 1, 2, 3
MAX_RAW = 64 << 20
MAX_BODY = 68 << 20
BLOCK = 1 << 20
FIRST_FRAME = 48


class Frame:
    """Where a frame lies. Bases, lengths and ids are None where only its body tells them."""

    __slots__ = ("pack", "offset", "length", "bases", "lengths", "ids", "has_bases")

    def __init__(self, pack, offset, length, bases=None, lengths=None, ids=None):
        self.pack = pack
        self.offset = offset
        self.length = length
        self.bases = bases
        self.lengths = lengths
        self.ids = ids
        self.has_bases = bool(bases)


class Body:
    """A frame body taken apart, not yet decoded."""

    __slots__ = ("codec", "bases", "lengths", "raw_length", "payload")


def parse_frame_header(header):
    """(kind, length of the body), or None for what is no header."""
    if len(header) < 16 or header[:4] != b"VFRM":
        return None
    kind, flags, zero, length, crc = struct.unpack_from("<BBHII", header, 4)
    if zlib.crc32(header[:12]) != crc:
        return None
    if flags == 1 and zero == 0 and kind in (CHUNKS, OBJECTS, DIRECTORY):
        raise Newer("sealed")
    if kind not in (CHUNKS, OBJECTS, DIRECTORY) or flags or zero:
        raise Newer(f"frame-{kind}-{flags}")
    return kind, length


def take_ids(cursor, count):
    content = cursor.take(32 * count)
    return [content[at : at + 32] for at in range(0, len(content), 32)]


def take_bases_and_lengths(cursor):
    bases = take_ids(cursor, cursor.count(32, 0, 65535))
    lengths = [cursor.varint() for _ in range(cursor.count(1, 1, 65535))]
    if min(lengths) == 0 or sum(lengths) > MAX_RAW:
        raise Damaged("lengths of chunks that cannot be")
    return bases, lengths


def parse_body(content):
    """The body of a frame of kind 1 or 2."""
    if len(content) > MAX_BODY:
        raise Damaged("a frame that is too long")
    cursor = Cursor(content)
    body = Body()
    body.codec = cursor.take(1)[0]
    if body.codec > 1:
        raise Newer(f"codec-{body.codec}")
    body.bases, body.lengths = take_bases_and_lengths(cursor)
    body.raw_length = sum(body.lengths)
    body.payload = cursor.take(cursor.left())
    if body.codec == 1:
        require_one_frame(body.payload, body.raw_length)
    elif body.bases or len(body.payload) != body.raw_length:
        raise Damaged("a raw frame of a wrong length, or with bases")
    return body


class Pack:
    """An open pack."""

    def __init__(self, path, name):
        self.path = path
        self.name = name
        self.file = open(path, "rb")
        self.size = os.fstat(self.file.fileno()).st_size

    def read(self, offset, length):
        content = os.pread(self.file.fileno(), length, offset)
        if len(content) < length:
            raise Damaged(f"pack {self.name} ends too early")
        return content

    def read_body(self, frame, kind=None):
        """The body of a frame whose header says what is known of it."""
        content = self.read(frame.offset, frame.length)
        found = parse_frame_header(content)
        if found is None or found[1] + 16 != frame.length or found[0] == DIRECTORY:
            raise Damaged(f"pack {self.name}: no such frame at {frame.offset}")
        if kind is not None and found[0] != kind:
            raise Damaged(f"pack {self.name}: a frame of another kind at {frame.offset}")
        return parse_body(content[16:])

    def header(self):
        """The kind of the pack."""
        header = self.read(0, FIRST_FRAME)
        if header[:8] != b"VARVEPAK":
            raise Damaged(f"pack {self.name} is none")
        version, kind = header[8], header[9]
        if version != 1 or kind not in (CHUNKS, OBJECTS):
            raise Newer(f"pack-{version}-{kind}")
        if any(header[10:16]):
            raise Damaged(f"pack {self.name}: its header is not zero where it has to be")
        return kind

    def trailer(self):
        """(where the directory frame begins, covered length, block checksums)."""
        footer = self.read(max(0, self.size - 40), 40)
        directory, covered, count, zero, checksum = struct.unpack("<QQIIQ", footer[:32])
        fits = count == -(-covered // BLOCK) and covered + 8 * count + 40 == self.size
        if footer[32:] != b"VARVEEND" or zero or not fits or not FIRST_FRAME < directory < covered:
            raise Damaged(f"pack {self.name}: its trailer is damaged")
        checksums = self.read(covered, 8 * count)
        if xxh64(checksums + footer[:24]) != checksum:
            raise Damaged(f"pack {self.name}: its trailer is damaged")
        return directory, covered, struct.unpack(f"<{count}Q", checksums)

    def directory(self):
        """All frames, as the directory tells them, after its blocks have been checked."""
        start, covered, checksums = self.trailer()
        for block in range(start // BLOCK, len(checksums)):
            length = min(BLOCK, covered - block * BLOCK)
            if xxh64(self.read(block * BLOCK, length)) != checksums[block]:
                raise Damaged(f"pack {self.name}: its directory is damaged")
        content = self.read(start, covered - start)
        if parse_frame_header(content) != (DIRECTORY, covered - start - 16):
            raise Damaged(f"pack {self.name}: no directory where it has to be")
        return self._parse_directory(Cursor(content, 16), start)

    def _parse_directory(self, cursor, end):
        frames = []
        offset = FIRST_FRAME
        for _ in range(cursor.count(36, 1)):
            length = cursor.varint()
            if length < 21:
                raise Damaged(f"pack {self.name}: a frame of {length} bytes")
            bases, lengths = take_bases_and_lengths(cursor)
            frames.append(Frame(self, offset, length, bases, lengths, take_ids(cursor, len(lengths))))
            offset += length
        cursor.end()
        if offset != end:
            raise Damaged(f"pack {self.name}: the frames of its directory end elsewhere")
        return frames

    def walk(self):
        """All frames that can be found without directory and trailer: by their headers, from byte 48."""
        frames = []
        at = FIRST_FRAME
        searched = False
        while at + 16 <= self.size:
            found = self._header_at(at, searched)
            if found is not None and found[0] == DIRECTORY:
                break
            if found is None or at + 16 + found[1] > self.size:
                searched = True
                at = self._next_header(at + 1)
                continue
            frame = Frame(self, at, 16 + found[1])
            try:
                body = parse_body(self.read(at + 16, found[1]))
            except (Damaged, Newer) as error:
                if isinstance(error, Newer) and not searched:
                    raise
                searched = True
                at = self._next_header(at + 1)
                continue
            frame.bases, frame.lengths, frame.has_bases = body.bases, body.lengths, bool(body.bases)
            frames.append(frame)
            at += frame.length
        return frames

    def _header_at(self, at, searched):
        """What a search finds may be content of a file that is a pack itself: there, a directory or a newer frame means nothing."""
        try:
            found = parse_frame_header(self.read(at, 16))
        except Newer:
            if not searched:
                raise
            return None
        return None if found is not None and searched and found[0] == DIRECTORY else found

    def _next_header(self, at):
        """Where the next four letters stand, or the end."""
        window = 1 << 20
        while at < self.size:
            content = os.pread(self.file.fileno(), window + 3, at)
            found = content.find(b"VFRM")
            if found >= 0:
                return at + found
            at += window
        return self.size

    def digest(self):
        hashed = hashlib.sha256()
        for at in range(0, self.size, 8 * BLOCK):
            hashed.update(self.read(at, min(8 * BLOCK, self.size - at)))
        return hashed.hexdigest()
