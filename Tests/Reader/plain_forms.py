"""What a root's description says, and how values lie in plain structs. Written from Docs/FileFormat.md."""

import base64
import struct
import uuid

from heap_file import Bad, need

class Shape:
    def __init__(self, kind, name, parts=(), size=0, alignment=1):
        self.kind, self.name, self.parts, self.size, self.alignment = kind, name, parts, size, alignment


# Types in types.
MOST_LEVELS = 200
TOO_DEEP = "the types in a description are nested %d levels deep or more" % MOST_LEVELS


class Parser:
    def __init__(self, text):
        self.text, self.at, self.level = text, 0, 0

    def whole(self):
        shape = self.type()
        need(self.at == len(self.text), "a description goes on where it should end: %s" % self.text)
        return shape

    def take(self, token):
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def expect(self, token):
        need(self.take(token), "%r is missing in the description %s" % (token, self.text))

    def type(self):
        shape, optionals = self.plain(), 0
        while self.take("?"):
            optionals += 1
            need(self.level + optionals < MOST_LEVELS, TOO_DEEP)
            shape = Shape("optional", "", [shape])
        return shape

    def plain(self):
        self.level += 1
        need(self.level < MOST_LEVELS, TOO_DEEP)
        shape = self.plain_inside()
        self.level -= 1
        return shape

    def plain_inside(self):
        if self.take("enum "):
            name = self.name()
            self.expect(": ")
            return Shape("enum", name, [self.plain()])
        if self.take("union "):
            return self.union()
        is_record, start = self.take("record "), self.at
        start, name = self.at, self.name()
        if self.take("{"):
            return self.braces(name, "record" if is_record else "struct")
        if "<" not in name or not name.endswith(">"):
            return Shape("named", name)
        self.at = start + name.index("<") + 1
        parts = [self.type()]
        while self.take(", "):
            parts.append(self.type())
        self.expect(">")
        return Shape("generic", name[:name.index("<")], parts)

    def braces(self, name, kind):
        start, number = self.at, self.number()
        if kind == "struct" and number is not None:
            if self.take(" bytes}"):
                return Shape("opaque", name, size=number)
            if self.take(" bytes, aligned to "):
                alignment = self.number()
                self.expect("}")
                return Shape("opaque", name, size=number, alignment=alignment)
        self.at, fields = start, []
        while not self.take("; "):
            if fields:
                self.expect(", ")
            label = self.label()
            shape = self.type()
            self.expect(" @")
            fields.append((label, shape, self.number()))
        size = self.number()
        self.expect(" bytes}")
        return Shape(kind, name, fields, size)

    def union(self):
        name, cases = self.name(), []
        self.expect("{")
        while not self.take("}"):
            if cases:
                self.expect(", ")
            label, payload = self.label(), []
            self.expect("(")
            while not self.take(")"):
                if payload:
                    self.expect(", ")
                payload.append(self.type())
            cases.append((label, payload))
        return Shape("union", name, cases)

    def label(self):
        end = self.text.index(":", self.at)
        label, self.at = self.text[self.at:end], end
        self.expect(": ")
        return label

    def name(self):
        start, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "<(":
                depth += 1
            elif depth == 0 and char in ">)}{?,;@: ":
                break
            elif char in ">)":
                depth -= 1
            self.at += 1
        need(self.at > start and depth == 0, "a name is missing in the description %s" % self.text)
        return self.text[start:self.at]

    def number(self):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in "0123456789":
            self.at += 1
        return int(self.text[start:self.at]) if self.at > start else None


# ---- Numbers and plain structs


class Number(str):
    """The text of a number."""


def float_text(value, is_single=False):
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "+inf" if value > 0 else "-inf"
    text = repr(value)
    if is_single:
        digits = 1
        while struct.pack("<f", float("%.*g" % (digits, value))) != struct.pack("<f", value):
            digits += 1
        text = repr(float("%.*g" % (digits, value)))
    return Number(text[:-2] if text.endswith(".0") else text)


def round_up(count, multiple):
    return -(-count // multiple) * multiple


NUMBERS = {"Int": "q", "Int8": "b", "Int16": "h", "Int32": "i", "Int64": "q", "UInt": "Q", "UInt8": "B", "UInt16": "H",
           "UInt32": "I", "UInt64": "Q", "Float": "f", "Double": "d", "Date": "d", "Bool": "B"}


def number(name, data):
    value = struct.unpack("<" + NUMBERS[name], data)[0]
    if name == "Bool":
        need(value < 2, "a Bool is %d" % value)
        return value == 1
    return float_text(value, name == "Float") if NUMBERS[name] in "fd" else value


def uuid_text(data):
    return str(uuid.UUID(bytes=data)).upper()


def duration(data):
    """The two halves of a duration's number of attoseconds."""
    return list(divmod(int.from_bytes(data, "little", signed=True), 1 << 64))


class Plain:
    """A struct as Swift lays it out, or a part of one."""

    def __init__(self, shape):
        self.shape, self.alignment = shape, 1
        kind, parts = shape.kind, shape.parts
        # For what is kept in a byte with patterns to spare: how many are taken, so that the next is the nil of an optional around it.
        self.spare, self.flag_at = None, 0
        if kind == "named" and shape.name in NUMBERS:
            self.size = self.alignment = struct.calcsize(NUMBERS[shape.name])
            self.spare = 2 if shape.name == "Bool" else None
        elif kind == "named" and shape.name == "UUID":
            self.size = 16
        elif kind == "opaque":
            self.size, self.alignment = shape.size, shape.alignment
        elif kind == "optional":
            self.inner = Plain(parts[0])
            self.size, self.alignment = self.inner.size, self.inner.alignment
            self.is_known = self.inner.is_simple()
            if self.is_known and self.inner.spare is not None:
                self.spare, self.nil, self.flag_at = self.inner.spare + 1, self.inner.spare, self.inner.flag_at
            elif self.is_known:
                self.nil, self.flag_at, self.size = 1, self.size, self.size + 1
        elif kind == "struct":
            self.fields = [(name, Plain(field), offset) for name, field, offset in parts]
            self.size, self.alignment = shape.size, max([1] + [field.alignment for _, field, _ in self.fields])
        elif kind == "generic" and shape.name == "InlineArray":
            self.count, self.element = int(parts[0].name), Plain(parts[1])
            self.size, self.alignment = self.count * self.element.stride, self.element.alignment
        else:
            raise Bad("a plain struct holds a %s %s" % (kind, shape.name))
        self.stride = max(1, round_up(self.size, self.alignment))

    def is_simple(self):
        """Whether it is known where an optional of it keeps its nil."""
        kind = self.shape.kind
        if kind == "named":
            return True
        if kind == "optional":
            return self.is_known
        if kind == "struct":
            return all(field.is_plainest() for _, field, _ in self.fields)
        return kind == "generic" and self.element.is_plainest()

    def is_plainest(self):
        return self.is_simple() and self.spare is None and self.shape.kind != "optional"

    def value(self, data):
        kind = self.shape.kind
        if kind == "named":
            return uuid_text(data) if self.shape.name == "UUID" else number(self.shape.name, data)
        if kind == "optional" and self.is_known:
            if data[self.flag_at] == self.nil:
                return None
            inner = self.inner.value(data[:self.inner.size])
            return [inner] if self.inner.shape.kind == "optional" else inner
        if kind == "struct":
            return {name: field.value(data[at:at + field.size]) for name, field, at in self.fields}
        if kind == "generic":
            return [self.element.value(data[at:at + self.element.size]) for at in range(0, self.size, self.element.stride)]
        return {"bytes": base64.b64encode(data[:self.size]).decode()}
