#!/usr/bin/env python3
"""Reads a Holdfast heap file and prints its roots as lines of JSON.

    holdfast_reader.py HEAP [--without-shared]

It is written from Docs/FileFormat.md and shares no code with Holdfast: what it prints must be what `exportLines` writes (Docs/Exchange.md). On the way it
checks what the page says can be checked: header, page checksums, the log's records, page map, hashes, tags. Python 3.8, standard library only.
"""

import base64
import collections
import json
import struct
import sys
import unicodedata

from heap_file import (
    DESCRIPTION_SEED, LINE, PAGE, TAG_SEED, Bad, Heap, hash_bytes, hash_word, need, word)
from plain_forms import NUMBERS, Number, Parser, Plain, Shape, duration, float_text, number, round_up, uuid_text


class Type:
    """A stored form: its size and alignment, how to read what lies at a place, and the hash of it if it can be a key."""

    can_be_null = False

    def __init__(self, size, alignment, read, key=None):
        self.size, self.alignment, self.read, self.key = size, alignment, read, key
        self.stride = max(1, round_up(size, alignment))


class Reader:
    def __init__(self, heap):
        self.heap = heap
        # Places of records: those that something owns, those that references lead to, and what numbers they are printed with.
        self.owned, self.referred, self.references = set(), set(), []
        self.numbers, self.pending, self.is_printing = {}, collections.deque(), False

    # Roots

    def roots(self):
        place = self.heap.word(2 * PAGE + 16)
        if place == 0:
            return []
        catalogue = Type(32, 8, lambda at: (self.heap.word(at), self.text(at + 8), self.heap.word(at + 24)))
        roots = []
        for name, (fingerprint, description, offset) in self.map(place, self.make(Shape("named", "String")), catalogue):
            # What follows the first line is for people.
            description = description.split("\n")[0]
            need(hash_bytes(description.encode(), DESCRIPTION_SEED) == fingerprint, "the fingerprint of %s is wrong" % name)
            roots.append((name, description, offset))
        return sorted(roots)

    def print_all(self, write):
        roots, version = [], 0
        for name, description, offset in self.roots():
            if name == "\0version":
                version = self.heap.word(offset)
            elif not name.startswith("\0"):
                roots.append((name, description, Parser(description).whole(), offset))
        # Which of the records that references lead to have an owner; printing numbers them then.
        for _, _, shape, offset in roots:
            self.lines(shape, offset)
        done = set()
        while self.references:
            place, record = self.references.pop()
            if place not in self.owned and place not in done:
                done.add(place)
                record(place)
        self.is_printing = True
        for name, description, shape, offset in roots:
            lines = self.lines(shape, offset)
            extra = ',"dataVersion":%d' % version if version else ""
            write('{"holdfast":1,"root":%s,"type":%s,"count":%d%s}' % (json_text(name), json_text(description), len(lines), extra))
            for line in lines:
                write(json_text(line))
            while self.pending:
                number, place, record = self.pending.popleft()
                write('{"object":%d,"value":%s}' % (number, json_text(record(place))))

    def lines(self, shape, offset):
        kind, name, parts = shape.kind, shape.name, shape.parts
        if name == "PersistentString":
            data, pieces, start = self.array_bytes(offset), [], 0
            data.decode()
            while start < len(data):
                end = min(start + 16384, len(data))
                while end > start + 4 and end < len(data) and data[end] & 0xC0 == 0x80:
                    end -= 1
                pieces.append(data[start:end].decode())
                start = end
            return pieces
        if name == "PersistentBytes":
            data = self.array_bytes(offset)
            return [base64.b64encode(data[at:at + 49152]).decode() for at in range(0, len(data), 49152)]
        if name == "PersistentBitSet":
            return self.bits(offset)
        need(kind == "generic", "a root is a %s" % name)
        if name == "Value":
            return [self.make(parts[0]).read(offset)]
        if name in ("Map", "SortedMap"):
            return [[key, value] for key, value in self.entries(name, offset, parts)]
        return self.elements(name, offset, parts[0])

    # Types

    def make(self, shape, enclosing={}):
        kind, name, heap = shape.kind, shape.name, self.heap
        if kind == "named" and name in NUMBERS:
            size = struct.calcsize(NUMBERS[name])
            return Type(size, size, lambda at: number(name, heap.bytes(at, size)), self.number_hash(name))
        if kind == "named" and name == "String":
            return Type(16, 8, self.text, lambda at: hash_bytes(self.canonical(self.stored_bytes(at)), heap.seed))
        if kind == "named" and name == "Data":
            return Type(16, 8, lambda at: base64.b64encode(self.stored_bytes(at)).decode(), lambda at: hash_bytes(self.stored_bytes(at), heap.seed))
        if kind == "named" and name == "UUID":
            return Type(16, 8, lambda at: uuid_text(heap.bytes(at, 16)), lambda at: hash_bytes(heap.bytes(at, 16), heap.seed))
        if kind == "named" and name in ("Int128", "UInt128"):
            return Type(16, 8, lambda at: str(int.from_bytes(heap.bytes(at, 16), "little", signed=name == "Int128")))
        if kind == "named" and name == "Duration":
            return Type(16, 8, lambda at: duration(heap.bytes(at, 16)))
        if kind == "named" and name in ("URL", "Decimal"):
            return Type(16, 8, self.text)
        if kind == "named" and name in enclosing:
            return Type(8, 8, lambda at: self.owned_record(heap.word(at), enclosing[name][0]))
        if kind == "named" and name in ("PersistentString", "PersistentBytes", "PersistentBitSet"):
            return Type(8, 8, lambda at: self.whole(shape, heap.word(at)))
        if kind == "enum":
            return self.make(shape.parts[0], enclosing)
        if kind == "optional":
            return self.optional(self.make(shape.parts[0], enclosing))
        if kind == "record":
            record = self.record(shape, enclosing)
            return Type(8, 8, lambda at: self.owned_record(heap.word(at), record))
        if kind == "union":
            return self.union(shape, enclosing)
        if kind in ("struct", "opaque") or name == "InlineArray":
            plain = Plain(shape)
            return Type(plain.size, plain.alignment, lambda at: plain.value(heap.bytes(at, plain.size)))
        need(kind == "generic", "the type %s is not known" % name)
        if name == "Encoded":
            made = Type(16, 8, lambda at: json.loads(self.text(at), parse_float=lambda text: float_text(float(text)))[0])
            made.can_be_null = True
            return made
        if name in ("Range", "ClosedRange"):
            bound = self.make(shape.parts[0], enclosing)
            upper = round_up(bound.size, bound.alignment)
            return Type(upper + bound.size, bound.alignment, lambda at: [bound.read(at), bound.read(at + upper)])
        if name in ("Ref", "Shared"):
            return self.reference(shape.parts[0], enclosing)
        if name == "Value":
            inner = self.make(shape.parts[0], enclosing)
            made = Type(8, 8, lambda at: inner.read(heap.word(at)))
            made.can_be_null = inner.can_be_null
            return made
        parts = shape.parts
        if name in ("Map", "SortedMap"):
            if parts[0].kind == "named" and parts[0].name == "String":
                return Type(8, 8, lambda at: dict(self.entries(name, heap.word(at), parts, enclosing)))
            return Type(8, 8, lambda at: [list(entry) for entry in self.entries(name, heap.word(at), parts, enclosing)])
        need(name in ("Array", "Deque", "Set", "SortedSet"), "the type %s is not known" % name)
        return Type(8, 8, lambda at: self.elements(name, heap.word(at), parts[0], enclosing))

    def number_hash(self, name):
        def key(at):
            data = self.heap.bytes(at, struct.calcsize(NUMBERS[name]))
            value = struct.unpack("<" + NUMBERS[name], data)[0]
            return hash_word(word(struct.pack("<d", value + 0.0), 0) if NUMBERS[name] in "fd" else value, self.heap.seed)
        return key

    def optional(self, wrapped):
        def read(at):
            flag = self.heap.bytes(at, 1)[0]
            need(flag < 2, "an optional's flag is %d" % flag)
            value = wrapped.read(at + wrapped.alignment) if flag else None
            return [value] if flag and wrapped.can_be_null else value
        made = Type(wrapped.alignment + wrapped.size, wrapped.alignment, read)
        made.can_be_null = True
        return made

    def union(self, shape, enclosing):
        cases = [(label, [self.make(part, enclosing) for part in payload]) for label, payload in shape.parts]
        names = [label for label, _ in cases]

        def read(at):
            index, place = self.heap.half(at), self.heap.word(at + 8)
            need(index < len(cases), "case %d of %s is none" % (index, shape.name))
            label, payload = cases[index]
            found = {"case": label if names.index(label) == index else index}
            values, end = [], 0
            for part in payload:
                end = round_up(end, part.alignment)
                values.append(part.read(place + end))
                end += part.size
            return dict(found, values=values) if payload else found
        return Type(16, 8, read)

    # Records

    def record(self, shape, enclosing):
        """Reads the fields of the record at a place."""
        if shape.kind == "named":
            need(shape.name in enclosing, "the record %s is not described" % shape.name)
            return lambda place: enclosing[shape.name][0](place)
        text = "record %s{%s; %d bytes}" % (shape.name, ", ".join("%s:  @%d" % (name, at) for name, _, at in shape.parts), shape.size)
        tag, fields, self_made = hash_bytes(text.encode(), TAG_SEED) & 0xFFFFFFFF | 1, [], []
        inner = dict(enclosing)
        inner[shape.name] = self_made

        def read(place):
            need(self.heap.half(place) == tag, "what should be a %s lies at %d and does not begin as one" % (shape.name, place))
            return {name: made.read(place + at) for name, made, at in fields}
        self_made.append(read)
        end = 8
        for name, field, at in shape.parts:
            made = self.make(field, inner)
            need(at == round_up(end, made.alignment), "the field %s.%s lies at %d" % (shape.name, name, at))
            fields.append((name, made, at))
            end = at + made.size
        need(end == shape.size, "%s has %d bytes and not %d" % (shape.name, end, shape.size))
        return read

    def owned_record(self, place, record):
        if not self.is_printing:
            self.owned.add(place)
            return record(place)
        found = {}
        if place in self.referred:
            found["#"] = self.number(place, record)
        found.update(record(place))
        return found

    def reference(self, target, enclosing):
        record = self.record(target, enclosing)

        def read(at):
            place = self.heap.word(at)
            if not self.is_printing:
                self.referred.add(place)
                self.references.append((place, record))
                return None
            return {"ref": self.number(place, record)}
        return Type(8, 8, read)

    def number(self, place, record):
        if place not in self.numbers:
            self.numbers[place] = len(self.numbers) + 1
            if place not in self.owned:
                self.pending.append((self.numbers[place], place, record))
        return self.numbers[place]

    # Bytes and texts

    def stored_bytes(self, at):
        data = self.heap.bytes(at, 16)
        if data[15] == 0xFF:
            return self.heap.bytes(word(data, 0), word(data, 8) & (1 << 56) - 1)
        need(data[15] <= 15, "a text claims %d bytes in place" % data[15])
        return data[:data[15]]

    def text(self, at):
        return self.stored_bytes(at).decode()

    @staticmethod
    def canonical(data):
        # Exact with the tables of Unicode 15.0 (Python 3.12); later ones know scalars that keys keep as they are.
        return unicodedata.normalize("NFC", data.decode()).encode() if max(data, default=0) >= 128 else data

    # Collections

    def header(self, place, magic, what):
        need(self.heap.bytes(place, 4) == magic, "%s at %d does not begin as one" % (what, place))

    def array(self, place, stride):
        self.header(place, b"HFAR", "an array")
        count, capacity, buffer = struct.unpack("<3Q", self.heap.bytes(place + 8, 24))
        need(count <= capacity, "an array claims more elements than it has room for")
        return count, buffer

    def array_bytes(self, place):
        count, buffer = self.array(place, 1)
        return self.heap.bytes(buffer, count) if count else b""

    def bits(self, place):
        count, buffer = self.array(place, 8)
        words = struct.unpack("<%dQ" % count, self.heap.bytes(buffer, count * 8) if count else b"")
        need(not words or words[-1], "a bit set ends with a word of zeros")
        return [index * 64 + bit for index, word in enumerate(words) for bit in range(64) if word >> bit & 1]

    def whole(self, shape, place):
        if shape.name == "PersistentBitSet":
            return self.bits(place)
        data = self.array_bytes(place)
        return data.decode() if shape.name == "PersistentString" else base64.b64encode(data).decode()

    def elements(self, name, place, shape, enclosing={}):
        made = self.make(shape, enclosing)
        if name == "Array":
            count, buffer = self.array(place, made.stride)
            return [made.read(buffer + index * made.stride) for index in range(count)]
        if name == "Deque":
            self.header(place, b"HFDQ", "a deque")
            count, head, capacity, buffer = struct.unpack("<4Q", self.heap.bytes(place + 8, 32))
            need(count <= capacity and (head < capacity or head == 0), "a deque's ring is too short")
            return [made.read(buffer + (head + index) % capacity * made.stride) for index in range(count)]
        nothing = Type(0, 1, lambda at: None)
        return [key for key, _ in (self.map if name == "Set" else self.sorted)(place, made, nothing)]

    def entries(self, name, place, parts, enclosing={}):
        return (self.map if name == "Map" else self.sorted)(place, self.make(parts[0], enclosing), self.make(parts[1], enclosing))

    @staticmethod
    def slot(key, value):
        """Where the value lies in a slot, the slot's alignment, and its bytes."""
        alignment = max(key.alignment, value.alignment)
        at = round_up(key.size, value.alignment)
        return at, alignment, max(1, round_up(at + value.size, alignment))

    def map(self, place, key, value):
        self.header(place, b"HFMP", "a map")
        depth, count, table = struct.unpack("<IQQ", self.heap.bytes(place + 4, 20))
        value_at, alignment, stride = self.slot(key, value)
        first = round_up(8, alignment)
        chunk_bytes = round_up(first + 7 * stride, LINE)
        words = [table] if depth == 0 else [self.heap.word(table + 8 * entry) for entry in range(1 << depth)]
        found, entry = [], 0
        while table and entry < len(words):
            segment, local, exponent = words[entry] & (1 << 48) - 1, words[entry] >> 48 & 255, words[entry] >> 56
            shared = 1 << depth - local
            need(entry % shared == 0 and words[entry:entry + shared] == words[entry:entry + 1] * shared, "a map's directory contradicts itself")
            passed = [0] * (1 << exponent)
            for chunk in range(1 << exponent):
                base = segment + chunk * chunk_bytes
                control = self.heap.bytes(base, 8)
                for index in range(7):
                    if control[index] == 0:
                        continue
                    at = base + first + index * stride
                    hashed = key.key(at)
                    need(control[index] == hashed >> 32 & 0x7F | 0x80, "the tag of a map's key is wrong")
                    need(local == 0 or hashed >> 64 - local == entry >> depth - local, "a map's key lies in the wrong segment")
                    home = hashed & (1 << exponent) - 1
                    while home != chunk:
                        passed[home] += 1
                        home = (home + 1) & (1 << exponent) - 1
                    found.append((key.read(at), value.read(at + value_at)))
            for chunk in range(1 << exponent):
                over = self.heap.bytes(segment + chunk * chunk_bytes, 8)[7]
                need(over == 255 or over == passed[chunk], "a chunk of a map has a wrong count of keys that were sent on")
            entry += shared
        need(len(found) == count, "a map claims %d entries and has %d" % (count, len(found)))
        return found

    def sorted(self, place, key, value):
        self.header(place, b"HFSM", "a sorted map")
        height, count, root = struct.unpack("<IQQ", self.heap.bytes(place + 4, 20))
        value_at, _, stride = self.slot(key, value)
        children_at = round_up(round_up(8, key.alignment) + 63 * key.stride, 8)
        found = []

        def walk(node, level):
            kind, number, says = self.heap.bytes(node, 3)
            if level:
                need(kind == 0x49 and 1 <= number <= 64 and says == level, "an inner node at level %d does not begin as one" % level)
                for child in range(number):
                    walk(self.heap.word(node + children_at + child * 8), level - 1)
                return
            need(kind == 0x4C and number <= min(28, max(8, 960 // stride)), "a leaf does not begin as one")
            tags, order = self.heap.bytes(node + 8, 28), self.heap.bytes(node + 36, number)
            need(sorted(order) == list(range(number)), "the order of a leaf is none")
            for index in order:
                at = node + LINE + index * stride
                need(tags[index] == key.key(at) >> 56, "the tag of a sorted map's key is wrong")
                found.append((key.read(at), value.read(at + value_at)))
        if root:
            walk(root, height)
        need(len(found) == count, "a sorted map claims %d entries and has %d" % (count, len(found)))
        return found


# ---- JSON


# Levels of arrays and objects in a line, beyond which an export refuses a value.
MOST_LEVELS = 400


def json_text(value, level=0):
    need(level <= MOST_LEVELS, "a value is nested more than %d levels deep" % MOST_LEVELS)
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join(
            json_text(str(name)) + ":" + json_text(value[name], level + 1) for name in sorted(value))
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join(json_text(element, level + 1) for element in value)
    return json.dumps(value, ensure_ascii=False)


def main(arguments):
    names = [argument for argument in arguments if not argument.startswith("--")]
    if len(names) != 1 or set(arguments) - set(names) - {"--without-shared"}:
        sys.stderr.write(__doc__)
        return 64
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        Reader(Heap(names[0], "--without-shared" not in arguments)).print_all(print)
    except RecursionError:
        # Far beyond those levels: only what is read calls itself, and no list of references does.
        sys.stderr.write(
            "%s: a value is nested more than %d levels deep\n" % (names[0], MOST_LEVELS))
        return 1
    except (Bad, OSError, ValueError, LookupError, ArithmeticError, TypeError, struct.error,
            MemoryError) as error:
        # Whatever a damaged file leads to is a sentence, and not a list of calls.
        sys.stderr.write("%s: %s\n" % (names[0], error or type(error).__name__))
        return 1
    return 0


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    sys.exit(main(sys.argv[1:]))
