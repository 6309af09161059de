# SPDX-License-Identifier: Apache-2.0
"""Reads Arrow IPC files by hand, as far as embstore writes them, without any of its code."""

import pathlib
import struct

from harness import check, equal

MAGIC = b"ARROW1"
TYPES = {2: "int", 3: "float", 5: "utf8", 16: "list"}
V5 = 4


class Table:
    """A FlatBuffers table. Fields go by their number."""

    def __init__(self, data, at):
        self.data = data
        self.at = at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]

    def place(self, field):
        """Where the field is, or None when it has its default."""
        (size,) = struct.unpack_from("<H", self.data, self.vtable)
        if 4 + 2 * field >= size:
            return None
        (offset,) = struct.unpack_from("<H", self.data, self.vtable + 4 + 2 * field)
        return self.at + offset if offset else None

    def number(self, field, form, default=0):
        at = self.place(field)
        return default if at is None else struct.unpack_from("<" + form, self.data, at)[0]

    def target(self, field):
        at = self.place(field)
        return at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, field):
        return Table(self.data, self.target(field))

    def text(self, field):
        at = self.target(field)
        (size,) = struct.unpack_from("<I", self.data, at)
        return self.data[at + 4:at + 4 + size].decode()

    def tables(self, field):
        at = self.target(field)
        (count,) = struct.unpack_from("<I", self.data, at)
        places = (at + 4 + 4 * i for i in range(count))
        return [Table(self.data, p + struct.unpack_from("<I", self.data, p)[0]) for p in places]

    def structs(self, field, form):
        at = self.target(field)
        (count,) = struct.unpack_from("<I", self.data, at)
        size = struct.calcsize("<" + form)
        return [struct.unpack_from("<" + form, self.data, at + 4 + size * i) for i in range(count)]


def root(data):
    return Table(data, struct.unpack_from("<I", data)[0])


class ArrowFile:
    """`fields`, `metadata`, and `columns`, by name, with None for null."""

    def __init__(self, content):
        self.content = content
        equal((content[:8], content[-6:]), (MAGIC + b"\0\0", MAGIC), "magic")
        (size,) = struct.unpack_from("<I", content, len(content) - 10)
        footer = root(content[-10 - size:-10])
        equal(footer.number(0, "h"), V5, "version")
        schema = footer.table(1)
        self.fields = [self.describe(field) for field in schema.tables(1)]
        self.metadata = {pair.text(0): pair.text(1) for pair in schema.tables(2)}
        self.columns = {name: [] for name, _, _ in self.fields}
        self.batch_rows = []
        for offset, metadata_length, body_length in footer.structs(3, "qi4xq"):
            self.read_batch(offset, metadata_length, body_length)

    def describe(self, field):
        """Name, type, nullable. A list's type is ("list", size, type of its items)."""
        kind = TYPES[field.number(2, "B")]
        about = field.table(3)
        if kind == "int":
            kind = ("int", about.number(0, "i"), bool(about.number(1, "B")))
        elif kind == "float":
            kind = ("float", about.number(0, "h"))
        elif kind == "list":
            (item,) = field.tables(5)
            kind = ("list", about.number(0, "i"), self.describe(item)[1])
        return field.text(0), kind, bool(field.number(1, "B"))

    def read_batch(self, offset, metadata_length, body_length):
        continuation, size = struct.unpack_from("<II", self.content, offset)
        equal((continuation, size + 8), (0xFFFFFFFF, metadata_length), "head of a message")
        message = root(self.content[offset + 8:offset + metadata_length])
        equal((message.number(1, "B"), message.number(3, "q")), (3, body_length), "message")
        batch = message.table(2)
        rows = batch.number(0, "q")
        self.batch_rows.append(rows)
        body = offset + metadata_length
        buffers = []
        for start, length in batch.structs(2, "qq"):
            check((body + start) % 64 == 0 and start + length <= body_length, "a buffer's place")
            buffers.append(self.content[body + start:body + start + length])
        nodes = iter(batch.structs(1, "qq"))
        for name, kind, nullable in self.fields:
            length, nulls = next(nodes)
            equal(length, rows, "rows of " + name)
            check(nullable or nulls == 0, f"nulls in {name}")
            valid = bits(buffers.pop(0), rows)
            equal(valid.count(False), nulls, "nulls of " + name)
            if kind == "utf8":
                values = strings(buffers.pop(0), buffers.pop(0), rows)
            elif kind[0] == "int":
                values = struct.unpack(f"<{rows}q", buffers.pop(0))
            else:
                equal((next(nodes), buffers.pop(0)), ((rows * kind[1], 0), b""), "items")
                flat = struct.unpack(f"<{rows * kind[1]}f", buffers.pop(0))
                values = [list(flat[i:i + kind[1]]) for i in range(0, len(flat), kind[1])]
            self.columns[name] += [v if ok else None for v, ok in zip(values, valid)]
        equal(buffers, [], "buffers left over")


def bits(bitmap, count):
    return [not bitmap or bool(bitmap[i // 8] >> i % 8 & 1) for i in range(count)]


def strings(offsets, data, count):
    ends = struct.unpack(f"<{count + 1}i", offsets)
    return [data[a:b].decode() for a, b in zip(ends, ends[1:])]


def read_arrow(path):
    return ArrowFile(pathlib.Path(path).read_bytes())
