#!/usr/bin/python3
"""Does docs/apdu.md say what src/purse says? TAP: instructions, their classes and PINs, tags, status words."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/apdu.md").read_text(encoding="utf-8")
HEADER = (ROOT / "src/purse/apdu.h").read_text(encoding="utf-8")
CODE = (ROOT / "src/purse/apdu.c").read_text(encoding="utf-8")
ERRORS = (ROOT / "src/base/result.h").read_text(encoding="utf-8")
CLASSES = {"KC_CLA_STANDARD": "00", "KC_CLA_KINCHAKU": "80"}


def rows(section):
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def instructions():
    return {name.replace("_", " "): number for name, number in
            re.findall(r"#define KC_INS_(\w+)\s*\\?\s*0x([0-9a-f]{2})u", HEADER)}


def same_numbers():
    return {row[2]: row[1] for row in rows("Commands")} == instructions()


def same_classes_and_pins():
    table = re.findall(r"\{(KC_CLA_\w+), KC_INS_(\w+), (true|false),", CODE)
    code = {name.replace("_", " "): (CLASSES[cla], pin == "true") for cla, name, pin in table}
    page = {row[2]: (row[0], row[7] == "PIN") for row in rows("Commands")}
    return len(code) > 20 and all(page[name] == code[name] for name in code) and \
        set(page) - set(code) == {"SELECT", "GET RESPONSE"}


def same_tags():
    header = {name.replace("_", " "): number for name, number in re.findall(r"KC_TAG_(\w+) = (\d+)", HEADER)}
    return len(header) > 10 and {row[1]: row[0] for row in rows("Items")} == header


def same_status_words():
    words = {int(word, 16): name for number, name, word in
             re.findall(r'X\(\w+, (0x[0-9a-f]+), "([a-z-]+)", (0x[0-9a-f]{4})', ERRORS)}
    page = {row[0].upper(): row[1] for row in rows("Status words")}
    own = {f"{word:04X}": name for word, name in words.items() if word >> 8 != 0x9E and name not in ("ok", "pin-wrong")}
    numbered = all(f"{word:04x}" == f"9e{int(number, 16):02x}" for number, _, word in
                   ((n, x, int(w, 16)) for n, x, w in
                    re.findall(r'X\(\w+, (0x[0-9a-f]+), "([a-z-]+)", (0x9e[0-9a-f]{2})', ERRORS)))
    return numbered and len(own) > 8 and all(f"`{name}`" in page.get(word, "") for word, name in own.items())


CHECKS = [same_numbers, same_classes_and_pins, same_tags, same_status_words]
results = [check() for check in CHECKS]
print(f"1..{len(results)}")
for at, (check, good) in enumerate(zip(CHECKS, results), 1):
    print(f"{'ok' if good else 'not ok'} {at} - {check.__name__}")
sys.exit(0 if all(results) else 1)
