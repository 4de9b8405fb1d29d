"""A Holdfast heap's files, as bytes: header, log, page checksums, page map. Written from Docs/FileFormat.md."""

import os
import struct

PAGE, LINE, MASK = 4096, 64, (1 << 64) - 1
HEADER_SEED, PAGE_SEED = 0x686F6C6466617374, 0x7061676573756D73
RING = 16384


class Bad(Exception):
    """The file is not as the page on the format says."""


def need(condition, problem):
    if not condition:
        raise Bad(problem)


# ---- Checksums and hashes


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = crc_table()


def lane(crc, data):
    table = CRC
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc


def checksum(seed, data):
    """Two CRC-32C lanes: the even words and the odd ones."""
    words = [bytes(data[at:at + 8]).ljust(8, b"\0") for at in range(0, len(data), 8)]
    return lane(seed >> 32, b"".join(words[1::2])) << 32 | lane(seed & 0xFFFFFFFF, b"".join(words[0::2]))


def fold(a, b):
    product = a * b
    return product >> 64 ^ product & MASK


def hash_word(word, seed):
    return fold(fold(word & MASK ^ seed[0], 0xA0761D6478BD642F ^ seed[1]), 0xE7037ED1A0B428DB)


def hash_bytes(data, seed):
    if not data:
        state = fold(seed[1], seed[0])
        return fold(state, 0xE7037ED1A0B428DB)
    state, at = seed[0], 0
    while len(data) - at >= 16:
        a, b = struct.unpack_from("<QQ", data, at)
        state = fold(a ^ seed[1], b ^ state)
        at += 16
    a, b = struct.unpack("<QQ", data[at:].ljust(16, b"\0"))
    return fold(fold(a ^ seed[1], b ^ state) ^ len(data), 0xE7037ED1A0B428DB)


DESCRIPTION_SEED = (0x486F6C6466617374, 0x5479706553656564)
TAG_SEED = (0x5265636F72645461, 0x6754616754616754)


# ---- The files


def word(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def half(data, at):
    return struct.unpack_from("<I", data, at)[0]


class Header:
    def __init__(self, data):
        need(len(data) >= 512 and data[:8] == b"\x89HFST\r\n\x1a", "the file does not begin as a heap")
        need(half(data, 12) == 0x01020304, "the byte order is another one")
        need(checksum(HEADER_SEED, data[:504]) == word(data, 504), "a copy of the header is damaged")
        self.version = half(data, 8)
        self.identity, self.sequence, self.position, self.chain, self.epoch = data[24:40], *struct.unpack_from("<4Q", data, 40)
        self.commit, self.pages, self.flags = word(data, 72), word(data, 80), half(data, 88)
        self.incompatible = word(data, 152)
        self.seed = struct.unpack_from("<QQ", data, 96)
        self.parts = struct.unpack_from("<32I", data, 256)


def current_header(data):
    found, problem = [], None
    for copy in (0, PAGE):
        try:
            found.append(Header(data[copy:copy + 512]))
        except Bad as error:
            problem = error
    if not found:
        raise problem
    for header in found:
        need(header.version in (1, 2), "the format's version is %d" % header.version)
        need(header.version == 1 or not header.incompatible, "the heap has unknown features")
    return max(found, key=lambda header: header.sequence)


class LogFile:
    """A ring of records: NAME-log or NAME-shared."""

    def __init__(self, data, capacity):
        need(0 < capacity and capacity % 65536 == 0, "a log's capacity is %d" % capacity)
        self.data, self.capacity = data, capacity

    def read(self, position, count):
        start = position % self.capacity
        first = min(count, self.capacity - start)
        found = self.data[RING + start:RING + start + first].ljust(first, b"\0")
        return found + self.data[RING:RING + count - first].ljust(count - first, b"\0")

    def record(self, position, epoch):
        """The fields and the bytes of the whole record at a position; None if there is none."""
        fields = struct.unpack("<4sI8Q", self.read(position, 72))
        magic, runs, at, count, span, commit, previous, durable, pages, total = fields
        if magic != b"HFLR" or at != position or count < 72 or count % 8 or span < count or count > self.capacity or pages < 5:
            return None
        data = self.read(position, count)
        if checksum(checksum(epoch, data[:64]), data[72:]) != total:
            return None
        place, lines = 88 if span > count else 72, []
        for _ in range(runs):
            run = word(data, place)
            need((run >> 16) >= 128 and (run >> 16) + (run & 0xFFFF) <= pages * 64, "a record changes lines outside of the heap")
            lines.append((run >> 16, data[place + 8:place + 8 + (run & 0xFFFF) * LINE]))
            place += 8 + (run & 0xFFFF) * LINE
        need(place == count, "the runs of a record do not fill it")
        chain = word(data, 72) if span > count else total
        lowest = min(pages, word(data, 80)) if span > count else pages
        return dict(lines=lines, span=span, commit=commit, previous=previous, durable=durable, pages=pages, chain=chain, lowest=lowest)


def open_logs(path, header, uses_shared):
    need(os.path.exists(path + "-log"), "the heap was in use, and its log is missing")
    with open(path + "-log", "rb") as file:
        data = file.read()
    found = None
    for copy in (0, PAGE):
        part = data[copy:copy + 128]
        if len(part) == 128 and part[:8] == b"\x89HFLG\r\n\x1a" and checksum(HEADER_SEED, part[:120]) == word(part, 120):
            need(half(part, 8) in (2, 3), "the log's version is %d" % half(part, 8))
            need(half(part, 8) == 2 or not word(part, 80), "the log has unknown features")
            if found is None or word(part, 56) > word(found, 56):
                found = part
    need(found is not None and found[16:32] == header.identity and word(found, 32) == header.epoch, "the log is another heap's")
    logs = [LogFile(data, word(found, 40))]
    if uses_shared and os.path.exists(path + "-shared"):
        with open(path + "-shared", "rb") as file:
            data = file.read()
        if len(data) >= RING and data[:8] == b"\x89HFSH\r\n\x1a" and data[16:32] == header.identity and word(data, 704) == header.epoch:
            logs.append(LogFile(data, word(data, 712)))
    return logs, word(found, 48)


class Heap:
    """The bytes of a heap as of its last commit."""

    def __init__(self, path, uses_shared=True):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.header = header = current_header(self.data)
        need(len(self.data) >= -(-header.pages * PAGE // 65536) * 65536, "the file has been cut short")
        self.seed = header.seed
        records, required = [], 0
        if header.flags & 1:
            records, required = self.records(path, uses_shared)
        cut_short = required > header.position
        changed = {page for record in records for line, data in record["lines"] for page in range(line // 64, (line + len(data) // 64 + 63) // 64)}
        self.check_pages(changed if cut_short else set(), cut_short, [record["lowest"] for record in records])
        self.apply(records)
        self.check_page_map()

    def records(self, path, uses_shared):
        logs, required = open_logs(path, self.header, uses_shared)
        position, chain, commit, found = self.header.position, self.header.chain, self.header.commit, []
        while True:
            for log in logs:
                record = log.record(position, self.header.epoch)
                if record and record["previous"] == chain and record["commit"] > commit:
                    found.append(record)
                    position, chain, commit = position + record["span"], record["chain"], record["commit"]
                    break
            else:
                break
        need(position >= required, "the log ends before the position that a checkpoint needs")
        for log in logs:
            for place in range(position + 8, position + log.capacity, 8):
                if log.read(place, 4) == b"HFLR":
                    later = log.record(place, self.header.epoch)
                    need(not (later and later["durable"] > position), "the log is damaged in a part that was durable")
        return found, required

    def apply(self, records):
        for record in records:
            if len(self.data) < record["pages"] * PAGE:
                self.data.extend(bytes(record["pages"] * PAGE - len(self.data)))
            for line, data in record["lines"]:
                self.data[line * LINE:line * LINE + len(data)] = data

    # Pages

    def part(self, page, parts):
        """Where the part of the page map begins that speaks of a page, and the first page that it speaks of."""
        if page < 256:
            return 3, 0, 1
        k = page.bit_length() - 1
        return parts[k - 8], 1 << k, 1 << k - 8

    def checksum_pages(self):
        found = {4}
        for k, first in enumerate(self.header.parts, 8):
            if first:
                found.update(range(first + (1 << k - 8), first + (1 << k - 8) + -(-(1 << k) // 511)))
        return found

    def check_pages(self, changed, cut_short, lowest):
        reserved = self.checksum_pages()
        end = min([self.header.pages] + (lowest if cut_short else []))
        for copy in (0, 1):
            need(not any(self.data[copy * PAGE + 512:copy * PAGE + PAGE]), "there is something behind a copy of the header")
        may_be_torn, torn = cut_short or self.header.flags & 2, set()
        for page in reserved:
            data = bytes(self.data[page * PAGE:page * PAGE + PAGE])
            if word(data, 4088) != ((checksum(PAGE_SEED ^ page, data[:4088]) or 1) if any(data) else 0):
                need(may_be_torn, "page %d, of checksums, is damaged" % page)
                torn.add(page)
        free = None
        for page in range(2, end):
            data = bytes(self.data[page * PAGE:page * PAGE + PAGE])
            if page in changed or page in reserved:
                continue
            first, start, pages = self.part(page, self.header.parts)
            number = page - start
            place = first + pages + number // 511
            if place in torn:
                continue
            entry = word(self.data, place * PAGE + number % 511 * 8) if first else 0
            if (not any(data)) if entry == 0 else (checksum(PAGE_SEED ^ page, data) or 1) == entry:
                continue
            # Of a free page the contents may have been given back.
            if free is None:
                free = {page for first, length, kind in self.runs(self.header.pages) if kind == 1 for page in range(first, first + length)}
            need(page in free and (entry == 0 or not any(data)), "page %d does not match its checksum" % page)
        if not self.header.flags & 1:
            need(not any(self.data[self.header.pages * PAGE:]), "there is something behind the heap's end")

    def runs(self, end):
        parts = struct.unpack_from("<32I", self.data, 2 * PAGE + 480)
        page = 0
        while page < end:
            first, start, _ = self.part(page, parts)
            need(first, "page %d has no descriptor" % page)
            kind, _, _, length = struct.unpack_from("<BBHI", self.data, first * PAGE + (page - start) * 16)
            need(kind in (1, 2, 3, 4) and 0 < length <= end - page, "page %d begins no run" % page)
            yield page, length, kind
            page += length

    def check_page_map(self):
        need(self.data[2 * PAGE:2 * PAGE + 8] == b"HFALROOT", "the allocator's root is none")
        self.end = word(self.data, 2 * PAGE + 8)
        need(5 <= self.end <= len(self.data) // PAGE, "the heap's end lies outside of the file")
        for _ in self.runs(self.end):
            pass

    def bytes(self, at, count):
        need(0 <= at and at + count <= self.end * PAGE, "something lies outside of the heap, at %d" % at)
        return bytes(self.data[at:at + count])

    def word(self, at):
        return word(self.bytes(at, 8), 0)

    def half(self, at):
        return half(self.bytes(at, 4), 0)
