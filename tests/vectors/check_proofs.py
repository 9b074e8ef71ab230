#!/usr/bin/python3
"""check_proofs.py FOLDER: the second reader of evidence files gives each the verdict that it must get. Prints TAP."""
import json
import sys
from pathlib import Path

import evidence
import reader
from check_vectors import private_key


def main(folder):
    stored = json.loads((folder / "keys.json").read_text())
    bank = next(private_key(entry) for entry in stored["keys"] if entry["name"] == "es256-sign").public_key()
    proofs = json.loads((folder / "proofs.json").read_text())
    failed = 0
    for count, proof in enumerate(proofs, 1):
        try:
            evidence.verify_evidence(bytes.fromhex(proof["bytes"]), bank)
            found = "ok"
        except reader.Refused as error:
            found = str(error)
        good = found == proof["expect"]
        failed += not good
        print("ok" if good else "not ok", count, "-", proof["name"], f"want {proof['expect']}, found {found}")
    print(f"1..{len(proofs)}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
