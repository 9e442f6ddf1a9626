#!/usr/bin/env python3
"""Rewrites the content packs of a repository so that most frames have bases, by the page alone: with_bases.py REPO

Of each pack, the first frame stays as it is; each frame behind it becomes one with chunks of the first as its bases. One new segment
names all packs, and takes the place of those that were there.
No program writes such frames yet, so this is how readers are tested with them. Prints how many frames have bases.
"""

import glob
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from reader.checksums import xxh64  # noqa: E402
from reader.cut import varint  # noqa: E402
from reader.packs import BLOCK, CHUNKS, DIRECTORY  # noqa: E402
from reader.repository import Repository  # noqa: E402

MAX_BASES = 3


def frame_bytes(kind, body):
    header = b"VFRM" + struct.pack("<BBHI", kind, 0, 0, len(body))
    return header + struct.pack("<I", zlib.crc32(header)) + body


def compressed(raw, dictionary):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/d", "wb") as file:
            file.write(bytes(8) + dictionary)
        with open(f"{folder}/raw", "wb") as file:
            file.write(raw)
        command = ["zstd", "-q", "-c", "--no-check", "-D", f"{folder}/d", f"{folder}/raw"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def head(bases, lengths):
    """Bases and lengths, as they stand in a frame and in the directory alike."""
    counts = b"".join(varint(length) for length in lengths)
    return varint(len(bases)) + b"".join(bases) + varint(len(lengths)) + counts


def pack_bytes(frames):
    """A pack of (bases, chunks, bytes of the frame)."""
    content = b"VARVEPAK" + bytes([1, CHUNKS]) + bytes(6) + os.urandom(32)
    directory = varint(len(frames))
    for bases, chunks, frame in frames:
        content += frame
        ids = b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)
        directory += varint(len(frame)) + head(bases, [len(chunk) for chunk in chunks]) + ids
    start = len(content)
    content += frame_bytes(DIRECTORY, directory)
    blocks = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
    trailer = b"".join(struct.pack("<Q", xxh64(block)) for block in blocks)
    trailer += struct.pack("<QQII", start, len(content), len(blocks), 0)
    return content + trailer + struct.pack("<Q", xxh64(trailer)) + b"VARVEEND"


def rewrite(repository, pack):
    """The same chunks with bases, or None for a pack that has but one frame."""
    decoded = sorted(repository._decode(pack.walk()), key=lambda pair: pair[0].offset)
    if len(decoded) < 2:
        return None, 0
    first, bases = decoded[0]
    frames = [([], bases, pack.read(first.offset, first.length))]
    bases = bases[:MAX_BASES]
    ids = [hashlib.sha256(base).digest() for base in bases]
    for _, chunks in decoded[1:]:
        body = b"\1" + head(ids, list(map(len, chunks))) + compressed(b"".join(chunks), b"".join(bases))
        frames.append((ids, chunks, frame_bytes(CHUNKS, body)))
    return pack_bytes(frames), len(frames) - 1


def segment_bytes(packs):
    """A segment of all packs."""
    tables = {"packs": b"", "frames": b"", "bases": b""}
    chunks = []
    counts = [0, 0, 0]
    for number, pack in enumerate(packs):
        frames = pack.directory()
        row = struct.pack("<QIIB7x", pack.size, counts[1], len(frames), pack.header())
        tables["packs"] += bytes.fromhex(pack.name) + row
        for frame in frames:
            row = (frame.offset, frame.length, sum(frame.lengths), counts[2], len(frame.bases), 0, number)
            tables["frames"] += struct.pack("<IIIIHHI", *row)
            tables["bases"] += b"".join(frame.bases)
            for ordinal, chunk in enumerate(frame.ids):
                chunks.append((chunk, struct.pack("<IIH", counts[1], frame.lengths[ordinal], ordinal)))
            counts[1] += 1
            counts[2] += len(frame.bases)
    chunks.sort()
    counts[0] = len(packs)
    header = b"VARVESEG" + struct.pack("<6I", 1, *counts, len(chunks), 0) + os.urandom(16) + bytes(16)
    fan_out = [sum(chunk[0] <= byte for chunk, _ in chunks) for byte in range(256)]
    ids, places = b"".join(chunk for chunk, _ in chunks), b"".join(place for _, place in chunks)
    return header + b"".join(tables.values()) + struct.pack("<256I", *fan_out) + ids + places


def store(folder, content):
    name = hashlib.sha256(content).hexdigest()
    shelf = os.path.join(folder, name[:2]) if folder.endswith("packs") else folder
    os.makedirs(shelf, exist_ok=True)
    with open(os.path.join(shelf, name), "wb") as file:
        file.write(content)


def main():
    top = sys.argv[1]
    total = 0
    for pack in list(Repository(top).open_packs().values()):
        content, count = rewrite(Repository(top), pack) if pack.header() == CHUNKS else (None, 0)
        if content is not None:
            store(os.path.join(top, "packs"), content)
            os.unlink(pack.path)
            total += count
    for segment in glob.glob(os.path.join(top, "segments", "*")):
        os.unlink(segment)
    packs = [pack for name, pack in Repository(top).open_packs().items() if not name.startswith("copy of ")]
    store(os.path.join(top, "segments"), segment_bytes(packs))
    print(total)


main()
