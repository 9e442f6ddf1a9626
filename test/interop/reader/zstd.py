"""Decoding with the zstd command. Many frames go through one process, since it decodes what is concatenated."""

import os
import subprocess
import tempfile
import threading

from .encoding import Damaged


def require_one_frame(payload, raw_length):
    """Refuses what is not exactly one zstd frame (RFC 8878) that states this content size, without dictionary id and checksum."""
    if payload[:4] != b"\x28\xb5\x2f\xfd" or len(payload) < 6:
        raise Damaged("not a zstd frame")
    descriptor = payload[4]
    single_segment = descriptor >> 5 & 1
    if descriptor & 0b1111:
        raise Damaged("a zstd frame with a checksum or a dictionary id")
    width = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    at = 5 + (1 - single_segment)
    size = int.from_bytes(payload[at : at + width], "little") + (256 if width == 2 else 0)
    if width == 0 or size != raw_length:
        raise Damaged("a zstd frame that does not state its raw length")
    at += width
    last = 0
    while not last:
        header = int.from_bytes(payload[at : at + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        at += 3 + (1 if kind == 1 else size)
        if kind == 3 or at > len(payload):
            raise Damaged("a zstd frame that is cut off")
    if at != len(payload):
        raise Damaged("something follows the zstd frame")


def _feed(pipe, payloads):
    try:
        for payload in payloads:
            pipe.write(payload)
        pipe.close()
    except BrokenPipeError:
        pass  # The process met damage and ended; whoever reads its output sees that.


def _run(frames, options):
    """Contents of as many of the frames as can be decoded; a frame that is damaged ends it."""
    process = subprocess.Popen(
        ["zstd", "-d", "-c", "-q", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    feeder = threading.Thread(target=_feed, args=(process.stdin, [payload for payload, _ in frames]))
    feeder.start()
    try:
        for _, raw_length in frames:
            raw = process.stdout.read(raw_length)
            if len(raw) < raw_length:
                return
            yield raw
    finally:
        process.stdout.close()
        process.kill()
        process.wait()
        feeder.join()


def decode(frames, dictionary=None):
    """Content for each (payload, raw length), in order; None for one that is damaged.

    The payloads have passed `require_one_frame`, so none of them can give more than its raw length.
    """
    if dictionary is None:
        yield from _decode(frames, [])
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8) + dictionary)
        file.flush()
        yield from _decode(frames, ["-D", os.path.abspath(file.name)])


def _decode(frames, options):
    done = 0
    while done < len(frames):
        for raw in _run(frames[done:], options):
            yield raw
            done += 1
        if done < len(frames):
            yield None
            done += 1
