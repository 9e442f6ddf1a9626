"""XXH64 with seed 0, after its public specification."""

import struct

P1 = 0x9E3779B185EBCA87
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9
P4 = 0x85EBCA77C2B2AE63
P5 = 0x27D4EB2F165667C5
M = 2**64 - 1


def _rotate(number, count):
    return ((number << count) | (number >> (64 - count))) & M


def _round(lane, word):
    return _rotate((lane + word * P2) & M, 31) * P1 & M


def _stripes(content):
    """The hash of all whole stripes of 32 bytes; in line, because this is where all time goes."""
    a, b, c, d = (P1 + P2) & M, P2, 0, -P1 & M
    p1, p2, mask = P1, P2, M
    for w, x, y, z in struct.iter_unpack("<4Q", content):
        a = (a + w * p2) & mask
        a = ((a << 31 | a >> 33) & mask) * p1 & mask
        b = (b + x * p2) & mask
        b = ((b << 31 | b >> 33) & mask) * p1 & mask
        c = (c + y * p2) & mask
        c = ((c << 31 | c >> 33) & mask) * p1 & mask
        d = (d + z * p2) & mask
        d = ((d << 31 | d >> 33) & mask) * p1 & mask
    mixed = (_rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)) & M
    for lane in (a, b, c, d):
        mixed = ((mixed ^ _round(0, lane)) * P1 + P4) & M
    return mixed


def xxh64(content):
    """The hash as a number."""
    view = memoryview(content)
    whole = len(view) & ~31
    result = _stripes(view[:whole]) if whole else P5
    result = (result + len(view)) & M
    at = whole
    while at + 8 <= len(view):
        (word,) = struct.unpack_from("<Q", view, at)
        result = (_rotate(result ^ _round(0, word), 27) * P1 + P4) & M
        at += 8
    if at + 4 <= len(view):
        (word,) = struct.unpack_from("<I", view, at)
        result = (_rotate(result ^ (word * P1 & M), 23) * P2 + P3) & M
        at += 4
    for byte in view[at:]:
        result = _rotate(result ^ (byte * P5 & M), 11) * P1 & M
    result = (result ^ (result >> 33)) * P2 & M
    result = (result ^ (result >> 29)) * P3 & M
    return result ^ (result >> 32)
