# SPDX-License-Identifier: Apache-2.0
"""What a trace says of the ledger, the log of RocksDB and the requests."""

import functools
import hashlib
import json
import os
import re
import struct

from calls import OPENS, RENAMES, SENDS, SYNCS, UNLINKS, WRITES

NEVER = float("inf")

REQUEST, COMMIT, ENDING, JOB, DROP = 1, 2, 3, 4, 5
CREATING = 2  # A step of a job.

WAL_BLOCK = 32768
WAL_HEADER = 7


def key_of(text):
    """As the ledger names a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class Table:
    """Reads the root table of a FlatBuffer by the numbers of its fields."""

    def __init__(self, payload):
        self._bytes = payload
        self._root = struct.unpack_from("<I", payload)[0]
        self._vtable = self._root - struct.unpack_from("<i", payload, self._root)[0]
        self._vtable_bytes = struct.unpack_from("<H", payload, self._vtable)[0]

    def _place(self, field):
        at = 4 + 2 * field
        if at >= self._vtable_bytes:
            return None
        offset = struct.unpack_from("<H", self._bytes, self._vtable + at)[0]
        return self._root + offset if offset else None

    def number(self, field, form):
        place = self._place(field)
        return 0 if place is None else struct.unpack_from(form, self._bytes, place)[0]

    def items(self, field, form):
        """The items of a list of numbers or of structs."""
        place = self._place(field)
        if place is None:
            return []
        place += struct.unpack_from("<I", self._bytes, place)[0]
        count = struct.unpack_from("<I", self._bytes, place)[0]
        size = struct.calcsize(form)
        return [struct.unpack_from(form, self._bytes, place + 4 + size * at)
                for at in range(count)]


class Entry:
    """An entry of the ledger as it was written."""

    def __init__(self, kind, payload, written, durable):
        self.kind = kind
        self.table = Table(payload)
        self.written = written  # The call.
        self.durable = durable  # Where the sync that came after it had ended.

    def request(self):
        return self.table.number(0, "<Q")

    def keys(self):
        field = {REQUEST: 8, DROP: 1}[self.kind]
        return [key for key, in self.table.items(field, "<Q")]

    def texts(self):
        """How many a commit brought."""
        return sum(share[3] for share in self.table.items(1, "<QQQIBB2x"))

    def shares(self):
        return [share[0] for share in self.table.items(1, "<QQQIBB2x")]


class Request:
    """A request as it went over a connection."""

    def __init__(self, head, body, first, last):
        self.method, self.path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        self.body = body
        self.first = first  # The call that sent its first byte.
        self.last = last

    def texts(self):
        """The texts in it that are to be embedded, by a call or by the input of a job."""
        if self.method != "POST":
            return []
        if self.path.endswith(":batchEmbedContents"):
            return [one["content"]["parts"][0]["text"] for one in json.loads(self.body)["requests"]]
        if self.path.endswith("/embeddings"):
            return json.loads(self.body)["input"]
        if self.is_upload():
            return [json.loads(line)["request"]["content"]["parts"][0]["text"]
                    for line in self.body.splitlines()]
        return []

    def is_upload(self):
        return self.method == "POST" and self.body.startswith(b'{"key"')

    def is_creation(self):
        return self.path.endswith(":asyncBatchEmbedContent")

    def __repr__(self):
        return f"{self.method} {self.path} ({len(self.body)} bytes)"


class Witnesses:
    """Questions to one trace. Places are those of `Event.start` and `Event.end`."""

    def __init__(self, trace):
        self.trace = trace
        self.events = trace.events
        self.directory = trace.directory
        self.exits = [event for event in self.events if event.name == "exit_group"]

    def named(self, names):
        return [event for event in self.events if event.name in names]

    @functools.cached_property
    def syncs(self):
        return self.named(SYNCS)

    def durable(self, event, path):
        """Where the first sync of `path` that began after the call had ended."""
        return min((sync.end for sync in self.syncs
                    if sync.path == path and sync.start > event.end), default=NEVER)

    def durable_write(self, event):
        return self.durable(event, event.path)

    def durable_name(self, event, name):
        """The same for what a rename, a creation or a removal did to a directory."""
        return self.durable(event, os.path.dirname(name))

    # --- The ledger ---------------------------------------------------------------------------

    @functools.cached_property
    def ledger_writes(self):
        path = self.directory + "/ledger"
        return [event for event in self.named(WRITES) if event.path == path]

    @functools.cached_property
    def entries(self):
        found = []
        for event in self.ledger_writes:
            size, kind = struct.unpack_from("<II", event.data)
            found.append(Entry(kind, event.data[16:16 + size], event, self.durable_write(event)))
        return found

    def of_kind(self, kind):
        return [entry for entry in self.entries if entry.kind == kind]

    # --- The log of RocksDB -------------------------------------------------------------------

    @functools.cached_property
    def wal_writes(self):
        name = re.compile(re.escape(self.directory) + r"/store/\d+\.log")
        return [event for event in self.named(WRITES) if name.fullmatch(event.path)]

    def unsynced(self, writes, place):
        """Those that were made before `place` and not durable there."""
        return [event for event in writes
                if event.start < place and not self.durable_write(event) < place]

    def wal_content(self, place):
        """What was durable in the log at `place`, without the heads of its fragments."""
        files = {}
        for event in self.wal_writes:
            if self.durable_write(event) < place:
                files.setdefault(event.path, bytearray()).extend(event.data)
        return b"".join(map(without_heads, files.values()))

    # --- Requests -----------------------------------------------------------------------------

    @functools.cached_property
    def requests(self):
        connections = {}
        for event in self.named(SENDS | WRITES):
            if event.path.startswith("TCP") and event.data:
                connections.setdefault(event.path, []).append(event)
        found = [request for sends in connections.values() for request in requests_of(sends)]
        return sorted(found, key=lambda request: request.first.start)

    @functools.cached_property
    def paid_requests(self):
        return [request for request in self.requests if request.texts()]

    # --- Files --------------------------------------------------------------------------------

    def renames(self):
        return self.named(RENAMES)

    def removals(self):
        return self.named(UNLINKS)

    def opened(self, path):
        return [event for event in self.named(OPENS) if event.path == path]

    def writes_to(self, path):
        return [event for event in self.named(WRITES) if event.path == path]


def without_heads(log):
    """The payload of RocksDB's log: blocks of 32 KiB, fragments with a head of 7 bytes."""
    payload = bytearray()
    at = 0
    while at + WAL_HEADER <= len(log):
        left = WAL_BLOCK - at % WAL_BLOCK
        if left < WAL_HEADER:
            at += left
            continue
        size = struct.unpack_from("<H", log, at + 4)[0]
        payload += log[at + WAL_HEADER:at + WAL_HEADER + size]
        at += WAL_HEADER + size
    return bytes(payload)


def requests_of(sends):
    """The requests that went over one connection."""
    stream = b"".join(event.data for event in sends)
    ends = []
    for event in sends:
        ends.append((ends[-1] if ends else 0) + len(event.data))

    def call_at(offset):
        return next(event for event, end in zip(sends, ends) if offset < end)

    found, at = [], 0
    while at < len(stream):
        split = stream.index(b"\r\n\r\n", at) + 4
        head = stream[at:split]
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        end = split + (int(length[1]) if length else 0)
        last = call_at(min(end, len(stream)) - 1)
        found.append(Request(head, stream[split:end], call_at(at), last))
        at = end
    return found
