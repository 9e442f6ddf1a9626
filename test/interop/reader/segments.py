"""Segments: section 10."""

import struct

from .encoding import Damaged, Newer


class Segment:
    """The tables of a segment, taken apart.

    packs: (name, size, kind, first frame, number of frames). frames: (pack, offset, length, raw length, bases).
    chunks: (id, frame, length, ordinal).
    """

    def __init__(self, content):
        if content[:8] == b"VARVESLD":
            raise Newer("sealed")
        if len(content) < 1088 or content[:8] != b"VARVESEG":
            raise Damaged("not a segment")
        version, packs, frames, bases, chunks, zero = struct.unpack_from("<6I", content, 8)
        if version != 1:
            raise Newer(f"segment-{version}")
        if zero or any(content[48:64]) or len(content) != 1088 + 56 * packs + 24 * frames + 32 * bases + 42 * chunks:
            raise Damaged("a segment of a wrong size")
        at = 64
        self.packs = [self._pack(row) for row in struct.iter_unpack("<32sQIIB7s", content[at : at + 56 * packs])]
        at += 56 * packs
        base_at = at + 24 * frames
        base_ids = [content[base_at + 32 * i : base_at + 32 * i + 32] for i in range(bases)]
        self.frames = [self._frame(row, base_ids) for row in struct.iter_unpack("<IIIIHHI", content[at:base_at])]
        at = base_at + 32 * bases
        fan_out = struct.unpack_from("<256I", content, at)
        at += 1024
        ids = [content[at + 32 * i : at + 32 * i + 32] for i in range(chunks)]
        at += 32 * chunks
        places = struct.iter_unpack("<IIH", content[at:])
        self.chunks = [(chunk, frame, length, ordinal) for chunk, (frame, length, ordinal) in zip(ids, places)]
        self._check(fan_out)

    @staticmethod
    def _pack(row):
        name, size, first, count, kind, zero = row
        if any(zero):
            raise Damaged("a pack of a segment is not zero where it has to be")
        if kind not in (1, 2):
            raise Damaged(f"a pack of kind {kind} in a segment")
        return name.hex(), size, kind, first, count

    def _frame(self, row, base_ids):
        offset, length, raw_length, first, count, zero, pack = row
        if zero or first + count > len(base_ids) or pack >= len(self.packs):
            raise Damaged("a frame of a segment points nowhere")
        return pack, offset, length, raw_length, base_ids[first : first + count]

    def _check(self, fan_out):
        before = b""
        counts = [0] * 256
        for chunk, frame, _, _ in self.chunks:
            if chunk < before or frame >= len(self.frames):
                raise Damaged("ids of a segment do not ascend, or point nowhere")
            before = chunk
            counts[chunk[0]] += 1
        total = 0
        for byte, count in enumerate(counts):
            total += count
            if fan_out[byte] != total:
                raise Damaged("the fan-out of a segment is wrong")
        for index, (_, _, _, first, count) in enumerate(self.packs):
            if any(frame[0] != index for frame in self.frames[first : first + count]) or first + count > len(self.frames):
                raise Damaged("a pack of a segment does not have its frames")
