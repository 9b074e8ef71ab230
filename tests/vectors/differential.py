#!/usr/bin/python3
"""differential.py CHECK-VECTORS FOLDER [--seed S] [--count N]: do the two readers refuse the same of what nobody thought of?

Changes the bytes of published vectors, and of headers and seals that are then signed as they should be, asks the Python reader, and
wants the same from check-vectors: what one takes the other takes, what one refuses the other refuses."""
import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import cbor2

import make_hostile
import reader
from check_vectors import open_vector

INTERESTING = b"\x00\x01\x17\x18\x19\x1a\x1b\x1c\x1f\x20\x40\x58\x5f\x60\x78\x7f\x80\x98\x9f\xa0\xb8\xbf\xc0\xd8\xf4\xf5\xf6\xf7\xf9\xfb\xff"


def change(data, source):
    """One to three small changes, mostly of single bytes."""
    data = bytearray(data)
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        place = source.randrange(len(data) + 1)
        kind = source.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << source.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = source.choice(INTERESTING)
        elif kind == 2:
            data.insert(place, source.choice(INTERESTING))
        elif kind == 3 and place < len(data):
            del data[place]
        elif kind == 4:
            data[place:place] = data[place:place + source.randrange(1, 12)]
        elif kind == 5 and place < len(data) and data[place] & 31 < 24:
            data[place:place + 1] = [data[place] & 0xe0 | 24, data[place] & 31]  # a head that is longer than needed
    return bytes(data)


def plain_cases(folder, source, count):
    """Changed plain messages, each good one in its turn; and each published bad one once more, changed."""
    goods = [(name, bytes.fromhex(vector["bytes"])) for name in reader.SHAPES
             for vector in json.loads((folder / f"{name}.json").read_text()) if vector["form"] == "plain"]
    for _ in range(count):
        name, data = source.choice(goods)
        yield name, "plain", change(data[:600], source) if len(data) > 600 else change(data, source)


def signed_cases(party, source, count):
    payload, plain = cbor2.dumps(make_hostile.PLAIN_CERTIFIED), cbor2.dumps(make_hostile.PLAIN_DONE)
    claims = make_hostile.pairs((2, "18"), (4, 1895478400), (6, 1795478400),
                                (8, {1: make_hostile.cose_key(party.recipient.public_key())}), (-65538, [1, 26, party.realm[0]]))
    sealed = party.seal(plain, make_hostile.MESSAGE)
    for _ in range(count):
        header = change(party.header(make_hostile.RECORD, False), source)
        yield "certified", "signed", party.sign(payload, make_hostile.RECORD, header=header)
        yield "certified", "signed", party.sign(change(payload, source), make_hostile.RECORD)
        yield "certified", "signed", change(party.sign(payload, make_hostile.RECORD), source)
        header = change(party.header(make_hostile.MESSAGE, True), source)
        yield "done", "envelope", party.sign(sealed, make_hostile.MESSAGE, header=header)
        yield "done", "envelope", party.envelope(change(sealed, source))
        yield "done", "envelope", party.envelope(party.seal(change(plain, source), make_hostile.MESSAGE))
        yield "identity", "identity", party.sign(change(claims, source), "kinchaku/2-identity", header=cbor2.dumps({1: party.alg}))


def outcome(vector, keys, realm):
    try:
        open_vector(vector, vector["message"], keys, realm)
    except reader.Refused:
        return "refused"
    return "ok"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("check_vectors")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    source = random.Random(options.seed)
    stored = json.loads((options.folder / "keys.json").read_text())
    realm = (stored["bank"], stored["currency"])
    party = make_hostile.Party("es256", {entry["name"]: entry for entry in stored["keys"]}, realm)
    cases = [*plain_cases(options.folder, source, options.count), *signed_cases(party, source, options.count // 10)]
    vectors = []
    for number, (message, form, data) in enumerate(cases):
        vector = make_hostile.vector(party, message, form, f"seed {options.seed} case {number}", "", data)
        vectors.append({**vector, "expect": outcome(vector, party.keys, realm)})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(vectors, file)
        file.flush()
        done = subprocess.run([options.check_vectors, options.folder, file.name], capture_output=True, text=True, check=False)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    taken = sum(vector["expect"] == "ok" for vector in vectors)
    good = done.returncode == 0 and 0 < taken < len(vectors)
    print("\n".join(wrong[:20]))
    print(f"seed {options.seed}: {len(vectors)} cases, {taken} taken by both" if good else f"seed {options.seed}: the readers differ")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
