#!/usr/bin/python3
"""Makes the code, CDDL and documentation of every message from protocol/messages.table.

    tools/messages.py            write the generated files
    tools/messages.py --check    write nothing; exit 1 when a generated file differs from what would be written
    tools/messages.py --lock     also add new (message, version) lines to protocol/versions.lock

A message whose shape differs from the locked digest of its version is refused: it needs a new version.
"""
import hashlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "protocol/messages.table"
LOCK = ROOT / "protocol/versions.lock"
NOTICE = "made by tools/messages.py from protocol/messages.table; do not edit"


@dataclass
class Field:
    name: str
    kind: str
    args: list
    optional: bool
    doc: str


@dataclass
class Message:
    group: str
    name: str
    number: int
    version: int
    doc: str
    marks: dict = field(default_factory=dict)
    fields: list = field(default_factory=list)

    @property
    def domain(self):
        return self.marks.get("signed") or self.marks.get("sealed") or self.marks.get("brief")

    def shape_digest(self):
        brief = " brief" if "brief" in self.marks else ""
        lines = [f"{self.name} {self.number} {self.domain}{brief}"]
        lines += [f"{f.name} {f.kind} {f.args} {f.optional}" for f in self.fields]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def fail(message):
    sys.exit(f"messages.table: {message}")


def parse_field(words, doc, where):
    if len(words) != 2:
        fail(f"{where}: want 'name type -- text'")
    match = re.fullmatch(r"([a-z]+)(?:\(([^)]*)\))?(\?)?", words[1])
    if not match:
        fail(f"{where}: bad type {words[1]}")
    args = [a.strip() for a in match[2].split(",")] if match[2] else []
    return Field(words[0], match[1], args, bool(match[3]), doc)


def parse():
    enums, messages, current = {}, [], None
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        where = f"line {number}"
        if not line.strip() or line.startswith("#"):
            continue
        head, _, doc = line.partition(" -- ")
        words = head.split()
        if not line.startswith(" "):
            if words[0] == "enum":
                current = enums[words[1]] = {"doc": doc, "values": []}
            elif words[0] in ("record", "message"):
                current = Message(words[0], words[1], int(words[2]), int(words[3]), doc)
                messages.append(current)
            else:
                fail(f"{where}: unknown word {words[0]}")
        elif isinstance(current, dict):
            current["values"].append((words[0], int(words[1]), doc))
        elif words[0] in ("step", "from", "to", "signed", "sealed", "brief", "source") and not doc:
            current.marks[words[0]] = head.strip().split(" ", 1)[1]
        else:
            current.fields.append(parse_field(words, doc, where))
    numbers = [m.number for m in messages]
    if len(set(numbers)) != len(numbers):
        fail("a message number is used twice")
    return enums, messages


def c_name(name):
    return name.replace("-", "_")


def c_const(name):
    return name.replace("-", "_").upper()


C_TYPES = {"uint": "uint64_t", "bool": "bool", "amount": "struct kc_amount", "time": "uint64_t",
           "account": "struct kc_account_id", "purse": "struct kc_purse_id", "text": "struct kc_view",
           "list": "struct kc_view_list"}


def member_name(f):
    return c_name(f.name) + ("_ms" if f.kind == "time" else "")


def member(f):
    name = member_name(f)
    if f.kind == "enum":
        return f"enum kc_{c_name(f.args[0])} {name};"
    if f.kind == "bytes":
        return f"struct kc_view {name};" if f.args[0].startswith("..") else f"uint8_t {name}[{f.args[0]}];"
    return f"{C_TYPES[f.kind]} {name};"


def descriptor(m, f, enums):
    maximum, count, kind = 0, 0, f.kind.upper()
    if f.kind == "enum":
        maximum = sum(1 << value for _, value, _ in enums[f.args[0]]["values"])
    elif f.kind == "bytes":
        kind = "BYTES" if f.args[0].startswith("..") else "FIXED"
        maximum = int(f.args[0].lstrip("."))
    elif f.kind == "text":
        maximum = int(f.args[0].lstrip("."))
    elif f.kind == "list":
        count, maximum = int(f.args[0]), int(f.args[1])
    struct = f"struct kc_{c_name(m.name)}"
    presence = f"offsetof({struct}, has_{c_name(f.name)})" if f.optional else "0"
    return (f"    {{.offset = offsetof({struct}, {member_name(f)}), .type = KC_FIELD_{kind}, .count = {count},\n"
            f"     .max = {maximum:#x}, .presence = {presence}}},")


def header(enums, messages):
    out = [f"/* Every message and record as a struct; {NOTICE}. */", "#ifndef KC_MESSAGE_GENERATED_MESSAGES_H",
           "#define KC_MESSAGE_GENERATED_MESSAGES_H", "", '#include "message/shape.h"', "",
           f"#define KC_SHAPE_COUNT {len(messages)}", "extern const struct kc_shape *const kc_shapes[KC_SHAPE_COUNT];", ""]
    for name, enum in enums.items():
        out += [f"/* {enum['doc']} */", f"enum kc_{c_name(name)} {{"]
        out += [f"    KC_{c_const(name)}_{c_const(v)} = {n}, /* {d} */" for v, n, d in enum["values"]]
        out += ["};", f"/* The word for a value, such as \"{enum['values'][0][0]}\"; \"?\" for none of them. */",
                f"const char *kc_{c_name(name)}_word(uint64_t value);", ""]
    for m in messages:
        marks = "".join(f"\n * {k}: {v}" for k, v in m.marks.items())
        out += [f"/* {m.doc}{marks} */", f"struct kc_{c_name(m.name)} {{"]
        for f in m.fields:
            out.append(f"    {member(f)} /* {f.doc} */")
            if f.optional:
                # After its field, so that no offset of it is 0, which stands for a required field.
                out.append(f"    bool has_{c_name(f.name)};")
        out += ["};", f"extern const struct kc_shape kc_{c_name(m.name)}_shape;", ""]
    out += ["#endif", ""]
    return "\n".join(out)


def source(enums, messages):
    out = [f"/* {NOTICE}. */", '#include "message/generated/messages.h"', "", "#include <stddef.h>", ""]
    for name, enum in enums.items():
        out += [f"_Static_assert(sizeof(enum kc_{c_name(name)}) == sizeof(uint32_t), \"enums are read as uint32_t\");"]
    for m in messages:
        name = c_name(m.name)
        domain = f"\"kinchaku/{m.version} {m.domain}\"" if m.domain else "NULL"
        out += ["", f"static const struct kc_field {name}_fields[] = {{"]
        out += [descriptor(m, f, enums) for f in m.fields]
        out += ["};", f"const struct kc_shape kc_{name}_shape = {{.number = {m.number}, .version = {m.version},",
                f"    .brief = {'true' if 'brief' in m.marks else 'false'},",
                f"    .field_count = {len(m.fields)}, .struct_size = sizeof(struct kc_{name}),",
                f"    .domain = {domain}, .fields = {name}_fields}};"]
    out += ["", "const struct kc_shape *const kc_shapes[KC_SHAPE_COUNT] = {"]
    out += [f"    &kc_{c_name(m.name)}_shape," for m in messages] + ["};", ""]
    return "\n".join(out)


def names(enums, messages):
    out = [f"/* Words for people and JSON; kept apart because a purse does not need them; {NOTICE}. */",
           '#include "message/generated/names.h"', ""]
    for name, enum in enums.items():
        out += [f"const char *kc_{c_name(name)}_word(uint64_t value)", "{", "    switch (value) {"]
        for v, n, _ in enum["values"]:
            out += [f"    case {n}:", f"        return \"{v}\";"]
        out += ["    default:", "        return \"?\";", "    }", "}", ""]
    for m in messages:
        kinds = {f.name: f.args[0] for f in m.fields if f.kind == "enum"}
        out += [f"static const struct kc_field_name {c_name(m.name)}_names[] = {{"]
        out += [f"    {{\"{f.name}\", {'kc_' + c_name(kinds[f.name]) + '_word' if f.name in kinds else '0'}}},"
                for f in m.fields] + ["};"]
    out += ["", "const struct kc_shape_name kc_shape_names[KC_SHAPE_COUNT] = {"]
    out += [f"    {{\"{m.name}\", {c_name(m.name)}_names}}," for m in messages] + ["};", ""]
    return "\n".join(out)


def names_header():
    return "\n".join([
        f"/* Names of messages, fields and values; {NOTICE}. */", "#ifndef KC_MESSAGE_GENERATED_NAMES_H",
        "#define KC_MESSAGE_GENERATED_NAMES_H", "", '#include "message/generated/messages.h"', "",
        "struct kc_field_name {", "    const char *name;",
        "    const char *(*word)(uint64_t value); /* for enums */", "};", "",
        "struct kc_shape_name {", "    const char *name;", "    const struct kc_field_name *fields;", "};", "",
        "/* In the order of kc_shapes. */", "extern const struct kc_shape_name kc_shape_names[KC_SHAPE_COUNT];", "",
        "#endif", ""])


def cddl_type(f):
    if f.kind == "enum":
        kind = f.args[0]
    elif f.kind == "bytes":
        size = f.args[0]
        kind = f"bstr .size (0{size})" if size.startswith("..") else f"bstr .size {size}"
    elif f.kind == "text":
        kind = f"tstr .size (0{f.args[0]})"
    elif f.kind == "list":
        kind = f"[0*{f.args[0]} bstr .size (0..{f.args[1]})]"
    else:
        kind = f.kind
    return kind + (" / null" if f.optional else "")


def cddl(enums, messages):
    out = [f"; Kinchaku messages and records in CDDL (RFC 8610); {NOTICE}.",
           "; All encodings are deterministic (RFC 8949 §4.2.1). How they are signed and sealed: docs/protocol.md.", "",
           "payload = " + " / ".join(m.name for m in messages), "", "count = uint .le 9223372036854775807",
           "amount = count ; minor units", "time = count ; milliseconds since 1970-01-01T00:00:00Z",
           "account = count", "purse = count", ""]
    for name, enum in enums.items():
        out += [f"; {enum['doc']}", f"{name} = " + " / ".join(f"{n} ; {v}: {d}\n  " if i < len(enum['values']) - 1 else
                f"{n} ; {v}: {d}" for i, (v, n, d) in enumerate(enum["values"])), ""]
    for m in messages:
        marks = "".join(f"\n; {k}: {v}" for k, v in m.marks.items())
        out += [f"; {m.doc}{marks}", f"{m.name} = ["]
        out += [f"  version: {m.version},", f"  number: {m.number},"]
        out += [f"  {f.name}: {cddl_type(f).replace('uint', 'count')}, ; {f.doc}" for f in m.fields]
        out += ["]", ""]
    return "\n".join(out)


def documentation(enums, messages):
    out = ["# Messages and records", "", f"<!-- {NOTICE} -->", "",
           "Each is a CBOR array `[version, number, fields…]` in deterministic encoding. `?` marks a field that may be null.",
           "How they are signed, sealed and carried stands in [protocol.md](protocol.md).", ""]
    for m in messages:
        how = f"sealed, domain `kinchaku/{m.version} {m.domain}`" if "sealed" in m.marks else \
              f"signed in the brief form, domain `kinchaku/{m.version} {m.domain}`" if "brief" in m.marks else \
              f"signed, domain `kinchaku/{m.version} {m.domain}`" if m.domain else "not signed by itself"
        way = f" {m.marks['from']} → {m.marks['to']}." if "from" in m.marks else ""
        step = f" Step {m.marks['step']}." if "step" in m.marks else ""
        src = f" Source: {m.marks['source']}." if "source" in m.marks else ""
        out += [f"## {m.name} ({m.number})", "", f"{m.doc}{way}{step} {how[0].upper() + how[1:]}.{src}", "",
                "| field | type | meaning |", "|---|---|---|"]
        for f in m.fields:
            args = f"({', '.join(f.args)})" if f.args else ""
            out.append(f"| {f.name} | {f.kind}{args}{'?' if f.optional else ''} | {f.doc} |")
        out.append("")
    out += ["## Enumerations", ""]
    for name, enum in enums.items():
        out += [f"**{name}**: {enum['doc']} " + "; ".join(f"{n} `{v}` {d}" for v, n, d in enum["values"]) + ".", ""]
    return "\n".join(out)


def check_lock(messages, add):
    locked = dict(line.rsplit(" ", 1) for line in LOCK.read_text().splitlines()) if LOCK.exists() else {}
    for m in messages:
        key = f"{m.name} {m.version}"
        if key not in locked and add:
            locked[key] = m.shape_digest()
        if locked.get(key) != m.shape_digest():
            fail(f"the shape of {key} is not the locked one: give it a new version, then run with --lock")
    if add:
        LOCK.write_text("".join(f"{k} {v}\n" for k, v in locked.items()))


def main():
    enums, messages = parse()
    check_lock(messages, "--lock" in sys.argv)
    files = {"src/message/generated/messages.h": header(enums, messages),
             "src/message/generated/messages.c": source(enums, messages),
             "src/message/generated/names.h": names_header(),
             "src/message/generated/names.c": names(enums, messages),
             "protocol/kinchaku.cddl": cddl(enums, messages),
             "docs/messages.md": documentation(enums, messages)}
    stale = [name for name, text in files.items()
             if not (ROOT / name).exists() or (ROOT / name).read_text() != text]
    if "--check" in sys.argv:
        if stale:
            sys.exit("not what the table gives: " + ", ".join(stale))
        return
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(files[name])


if __name__ == "__main__":
    main()
