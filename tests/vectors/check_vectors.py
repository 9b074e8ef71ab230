#!/usr/bin/python3
"""check_vectors.py FOLDER: the second reader opens every good vector and refuses every bad one. Prints TAP."""
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

import reader


def private_key(entry):
    number = {name: int(entry[name], 16) for name in entry if name not in ("name", "holder", "type")}
    if "d" in number:
        return ec.derive_private_key(number["d"], ec.SECP256R1())
    p, q = number["p"], number["q"]
    d = pow(65537, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(p, q, d, number["dp"], number["dq"], number["iq"],
                                 rsa.RSAPublicNumbers(65537, number["n"])).private_key()


def open_vector(vector, name, keys, realm):
    data = bytes.fromhex(vector["bytes"])
    public = keys[vector["signer"]].public_key()
    if vector["form"] == "plain":
        return reader.read_message(data, name)[1]
    if vector["form"] == "identity":
        return reader.open_identity(data, public, realm)
    if vector["form"] == "signed":
        return reader.open_signed(data, public, realm, name)
    if vector["form"] == "mac":
        return reader.open_marked(data, bytes([0x5e]) * 32, realm, name)
    if vector["form"] == "brief":
        return reader.open_brief(data, public, realm, name)
    return reader.open_envelope(data, public, keys[vector["recipient"]], realm, name)[1]


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, list) else value


def main(folder):
    stored = json.loads((folder / "keys.json").read_text())
    realm = (stored["bank"], stored["currency"])
    keys = {entry["name"]: private_key(entry) for entry in stored["keys"]}
    count = failed = 0
    for file in [*reader.SHAPES, "identity", "hostile"]:
        for vector in json.loads((folder / f"{file}.json").read_text()):
            name = vector.get("message", file)
            try:
                fields, found = open_vector(vector, name, keys, realm), "ok"
            except reader.Refused as error:
                fields, found = None, str(error)
            good = found == vector["expect"]
            if good and "fields" in vector:
                wanted = {k: v for k, v in vector["fields"].items() if k != "message"}
                good = {k: plain(v) for k, v in fields.items()} == wanted
            count, failed = count + 1, failed + (not good)
            print("ok" if good else "not ok", count, "-", name, vector["name"], f"want {vector['expect']}, found {found}")
    print(f"1..{count}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
