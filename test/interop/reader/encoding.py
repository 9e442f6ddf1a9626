"""Numbers, names, canonical JSON and times, as sections 1 and 4 of the page describe them."""

import base64
import datetime
import hashlib
import json
import re
import struct

MAX_NUMBER = 2**53 - 1


class Damaged(Exception):
    """These bytes are not what was stored."""


class Newer(Exception):
    """A program that knows more is needed; the first argument names the feature."""


class Cursor:
    """Reads the encodings of section 1 from bytes, one after the other."""

    __slots__ = ("bytes", "at")

    def __init__(self, content, at=0):
        self.bytes = content
        self.at = at

    def left(self):
        return len(self.bytes) - self.at

    def take(self, length):
        end = self.at + length
        if end > len(self.bytes):
            raise Damaged("ends too early")
        piece = self.bytes[self.at : end]
        self.at = end
        return piece

    def varint(self):
        content = self.bytes
        at = self.at
        number = 0
        shift = 0
        while True:
            if at >= len(content):
                raise Damaged("ends within a number")
            byte = content[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 49:
                raise Damaged("a number of more than 8 bytes")
        if byte == 0 and shift > 0:
            raise Damaged("a number that is not in its shortest form")
        if number > MAX_NUMBER:
            raise Damaged("a number of 2^53 or more")
        self.at = at
        return number

    def zigzag(self):
        number = self.varint()
        return -((number + 1) >> 1) if number & 1 else number >> 1

    def block(self):
        return self.take(self.varint())

    def count(self, least_bytes, low=0, high=MAX_NUMBER):
        """A number of things, each of which takes at least so many bytes."""
        number = self.varint()
        if number < low or number > high or number * least_bytes > self.left():
            raise Damaged(f"a count of {number}")
        return number

    def fixed(self, form, count):
        """`count` little-endian numbers of one struct format letter."""
        return struct.unpack(f"<{count}{form}", self.take(struct.calcsize(form) * count))

    def end(self):
        if self.at != len(self.bytes):
            raise Damaged(f"{self.left()} bytes too many")


def require_name(name):
    if not name or len(name) > 4096 or name in (b".", b"..") or b"/" in name or b"\0" in name:
        raise Damaged(f"a name that is none: {name!r}")


def is_id(text):
    return isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text) is not None


ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
TO_ESCAPE = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')


def canonical(value, depth=0):
    """The text of a JSON value as section 4 wants it."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int) and abs(value) <= MAX_NUMBER:
        return str(value)
    if isinstance(value, str):
        return '"' + TO_ESCAPE.sub(lambda found: ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}", value) + '"'
    if depth == 64:
        raise Damaged("JSON is too deep")
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name], depth + 1) for name in names) + "}"
    raise Damaged(f"JSON with {value!r}")


def parse_json(content):
    """A canonical JSON object; any other text is damage."""
    if content[:8] == b"VARVESLD":
        raise Newer("sealed")
    try:
        value = json.loads(content.decode("utf-8"))
        if not isinstance(value, dict) or canonical(value).encode("utf-8") != content:
            raise Damaged("not canonical JSON")
    except (ValueError, RecursionError) as error:
        raise Damaged(f"not canonical JSON: {error}") from error
    return value


def parse_checked_json(content):
    """A canonical JSON object with a right `check`, which is left out of the result."""
    value = parse_json(content)
    check = value.pop("check", None)
    if hashlib.sha256(canonical(value).encode("utf-8")).hexdigest() != check:
        raise Damaged("check does not fit")
    return value


def instant(text):
    """The moment a time of section 1 stands for."""
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)"
    if not isinstance(text, str) or re.fullmatch(form, text, re.ASCII) is None:
        raise Damaged(f"not a time: {text!r}")
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Damaged(f"not a time: {text}") from error


def path_bytes(value):
    """The bytes of the members path and path_b64."""
    text = value.get("path")
    if not isinstance(text, str):
        raise Damaged("no path")
    try:
        if "path_b64" not in value:
            return text.encode("utf-8")
        path = base64.b64decode(value["path_b64"], validate=True)
    except ValueError as error:
        raise Damaged(f"not a path: {text!r}") from error
    shown = re.sub("[\udc80-\udcff]", "\ufffd", path.decode("utf-8", "surrogateescape"))
    if shown != text or "\ufffd" not in text:
        raise Damaged(f"path and path_b64 do not agree: {text!r}")
    return path


def require_features(value):
    features = value.get("features")
    if not isinstance(features, list):
        raise Damaged("no list of features")
    for name in features:
        raise Newer(str(name))
