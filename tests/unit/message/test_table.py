#!/usr/bin/python3
"""test_table.py: does tools/messages.py refuse a changed message without a new version, and stale generated files? Prints TAP."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GENERATED = ["src/message/generated/messages.h", "src/message/generated/messages.c", "src/message/generated/names.h",
             "src/message/generated/names.c", "protocol/kinchaku.cddl", "docs/messages.md"]
FILES = ["tools/messages.py", "protocol/messages.table", "protocol/versions.lock", *GENERATED]
DONE = "message done 25 1"


def run(folder, *words):
    return subprocess.run([sys.executable, folder / "tools/messages.py", *words], capture_output=True, text=True, check=False)


def change(folder, name, pattern, new):
    path = folder / name
    text, count = re.subn(pattern, new, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1, (name, pattern)
    path.write_text(text)


TABLE, LOCKED = "protocol/messages.table", "protocol/versions.lock"
# What, file, what to replace, by what, the words of the refusal. Each is refused by --check, and by --lock too when it says so.
CASES = [
    ("a field of another type", TABLE, r"^(  request) bytes\(32\)", r"\1 bytes(31)", "is not the locked one", True),
    ("a field more", TABLE, r"^(  bank uint -- bank id)$", r"\1\n  more uint -- more", "is not the locked one", True),
    ("a field less", TABLE, r"^  purse-amount amount .*\n", "", "is not the locked one", True),
    ("a field renamed", TABLE, r"^  sequence uint", "  serial uint", "is not the locked one", True),
    ("a field that may be left out", TABLE, r"^(  life enum\(life\))", r"\1?", "is not the locked one", True),
    ("a larger field", TABLE, r"text\(\.\.80\)", "text(..81)", "is not the locked one", True),
    ("another number", TABLE, rf"^{DONE}", "message done 250 1", "is not the locked one", True),
    ("another domain word", TABLE, r"^  signed certified", "  signed certifies", "is not the locked one", True),
    ("signed instead of sealed", TABLE, r"^  sealed done", "  signed done", "is not the locked one", True),
    ("a message renamed", TABLE, rf"^{DONE}", "message finished 25 1", "is not the locked one|locked and gone", True),
    ("a value renumbered", TABLE, r"^  redeem 2", "  redeem 3", "is not locked so", True),
    ("a value renamed", TABLE, r"^  redeem 2", "  repay 2", "is not locked so|locked and gone", True),
    ("a value gone", TABLE, r"^  redeem 2.*\n", "", "locked and gone", True),
    ("two values exchanged", TABLE, r"^  ok 1(.*)\n  ng 2", r"  ng 1\1\n  ok 2", "is not locked so", True),
    ("a number used twice", TABLE, rf"^{DONE}", "message done 24 1", "number is used twice", True),
    ("a value used twice", TABLE, r"^  redeem 2", "  redeem 1", "used once", True),
    ("a value beyond the mask", TABLE, r"^  redeem 2", "  redeem 32", "1 to 31", True),
    ("a type of nothing", TABLE, r"^(  bank) uint", r"\1 number", "no type that is known", True),
    ("an enumeration of nothing", TABLE, r"enum\(life\)", "enum(death)", "no type that is known", True),
    ("a sealed message without its time", TABLE, r"^(  request bytes\(32\).*\n)  time time .*\n", r"\1", "ends with the time", True),
    ("a new value", TABLE, r"^(  redeem 2.*)$", r"\1\n  lend 3 -- lent", "added with --lock", False),
    ("a new version", TABLE, rf"^{DONE}", "message done 25 2", "give it a new version, then run with --lock", False),
    ("an older version", LOCKED, r"^done 1 (.*)$", r"done 1 \1\ndone 2 \1", "never an older one", True),
    ("another digest", LOCKED, r"^(done 1) .*$", r"\1 00", "is not the locked one", True),
    *((f"{name} written by hand", name, r"^(.*made by.*)$", r"\1 ", "not what the table gives", False) for name in GENERATED),
]


def main():
    count = failed = 0

    def check(good, what, log=""):
        nonlocal count, failed
        count, failed = count + 1, failed + (not good)
        print("ok" if good else "not ok", count, "-", what, "" if good else log)

    for what, name, pattern, new, words, also_lock in [("nothing", TABLE, r"\Z", "", "", False), *CASES]:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for file in FILES:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, folder / file)
            change(folder, name, pattern, new)
            done = run(folder, "--check")
            refused = done.returncode == 1 and re.search(words, done.stderr) is not None
            check(refused if words else done.returncode == 0, f"{what}: checked", done.stderr)
            before = {file: (folder / file).read_bytes() for file in FILES}
            locked = run(folder, "--lock")
            check((locked.returncode != 0) == also_lock, f"{what}: locked", locked.stderr)
            if also_lock:
                check(before == {file: (folder / file).read_bytes() for file in FILES}, f"{what}: nothing written")
            else:
                check(run(folder, "--check").returncode == 0, f"{what}: checked again")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
