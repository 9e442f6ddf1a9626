"""Cuts content as section 6 wants writers to cut it, and arranges items as section 7 says. For the check of a writer only."""

import hashlib
import re

from .trees import CHUNK, LIST, ZERO_RUN, ZEROS

SPAN = 64 << 20
M = 2**64 - 1


class Chunker:
    """gear1 with the parameters of a config."""

    def __init__(self, parameters):
        self.min, self.average, self.max = (parameters[name] for name in ("min", "average", "max"))
        bits = self.average.bit_length() - 1
        self.hard = 64 - (bits + 2)
        self.easy = 64 - (bits - 2)
        self.table = [
            int.from_bytes(hashlib.sha256(bytes(32) + bytes([x])).digest()[:8], "little") for x in range(256)
        ]

    def _length(self, content, start):
        """Length of the chunk of a stretch that begins at `start`."""
        left = len(content) - start
        if left <= self.min:
            return left
        table = self.table
        fingerprint = 0
        first = start + self.min - 64
        for byte in content[first : start + self.min - 1]:
            fingerprint = (fingerprint * 2 + table[byte]) & M
        shift = self.hard
        for length in range(self.min, min(left, self.max) + 1):
            fingerprint = (fingerprint * 2 + table[content[start + length - 1]]) & M
            if length == self.average:
                shift = self.easy
            if fingerprint >> shift == 0:
                return length
        return min(left, self.max)

    def _stretch(self, content):
        items = []
        at = 0
        while at < len(content):
            length = self._length(content, at)
            items.append((CHUNK, length, hashlib.sha256(content[at : at + length]).digest()))
            at += length
        return items

    def span(self, content):
        """Items of a span."""
        items = []
        at = 0
        for run in re.finditer(b"\0{%d,}" % ZERO_RUN, content):
            items += self._stretch(content[at : run.start()])
            items.append((ZEROS, len(run[0]), None))
            at = run.end()
        return items + self._stretch(content[at:])


def merged(items):
    """The same items, zeros that follow each other made one."""
    result = []
    for item in items:
        if result and item[0] == ZEROS and result[-1][0] == ZEROS:
            result[-1] = (ZEROS, result[-1][1] + item[1], None)
        else:
            result.append(item)
    return result


def varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded) + bytes([number])


def list_object(items):
    """The bytes of a list object."""
    headers = b"".join(varint(length * 4 + kind) for kind, length, _ in items)
    return b"VL1\0" + varint(len(items)) + headers + b"".join(name for _, _, name in items if name)


def items_of(spans):
    """Items as they have to stand in the node of a file, from those of its spans."""
    flat = merged([item for span in spans for item in span])
    if len(flat) <= 16:
        return flat
    row = []
    for span in spans:
        if len(span) == 1:
            row.append(span[0])
        else:
            row.append((LIST, sum(item[1] for item in span), hashlib.sha256(list_object(span)).digest()))
    return merged(row)
