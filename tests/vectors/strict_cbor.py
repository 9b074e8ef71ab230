"""Reads CBOR in deterministic encoding (RFC 8949 §4.2.1) and nothing else; a reader of its own, because general ones forgive.

No tags, no floats, no simple values but false, true and null; keys of maps are integers or texts. Python takes 1, 1.0 and True for one
key of a dict, so that a lenient decoder would hide a duplicate or a key of another type.
"""
import cbor2

DEPTH_MAX = 8
UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP = range(6)
SIMPLE = {0xf4: False, 0xf5: True, 0xf6: None}


class Refused(Exception):
    """Carries the stable name of the error."""


def want(condition, error="malformed"):
    if not condition:
        raise Refused(error)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        want(size <= len(self.data) - self.at)
        self.at += size
        return self.data[self.at - size:self.at]

    def argument(self, info):
        want(info != 31, "not-canonical")  # an indefinite length
        want(info < 28)
        if info < 24:
            return info
        size = 1 << (info - 24)
        value = int.from_bytes(self.take(size), "big")
        least = 24 if size == 1 else 1 << (4 * size)
        want(value >= least, "not-canonical")
        return value

    def item(self, depth=0):
        want(depth <= DEPTH_MAX)
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if major > MAP:
            want(first in SIMPLE)
            return SIMPLE[first]
        argument = self.argument(info)
        if major == UINT:
            return argument
        if major == NEGATIVE:
            return -1 - argument
        if major == BYTES:
            return self.take(argument)
        if major == TEXT:
            return self.text(self.take(argument))
        want(argument <= len(self.data) - self.at)
        if major == ARRAY:
            return [self.item(depth + 1) for _ in range(argument)]
        return self.map(argument, depth)

    @staticmethod
    def text(data):
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise Refused("malformed") from error
        want(not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in text))
        return text

    def map(self, count, depth):
        found, last = {}, b""
        for _ in range(count):
            start = self.at
            key = self.item(depth + 1)
            want(type(key) in (int, str))
            want(self.data[start:self.at] > last)  # sorted, and none twice
            last = self.data[start:self.at]
            found[key] = self.item(depth + 1)
        return found


def decode(data):
    """One item and nothing after it. Debian's cbor2 has to agree on what was read."""
    reader = Reader(data)
    item = reader.item()
    want(reader.at == len(data), "trailing-bytes")
    assert cbor2.loads(data) == item and cbor2.dumps(item) == data, data.hex()
    return item


def same(found, wanted):
    """Equal and of one type: for Python, True is 1."""
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return list(found) == list(wanted) and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return found == wanted
