# SPDX-License-Identifier: Apache-2.0
"""The log of failing_disk.cc, and what it says about payments and promises."""

import collections
import json
import re
import struct

from simulator import sha256

Entry = collections.namedtuple("Entry", "kind number at data")

HEADER = struct.Struct("<cQQQ")

OPEN, WRITE, TRUNCATE, SYNC = "o", "w", "t", "s"
RENAME, LINK, UNLINK, MAKE_DIRECTORY, REMOVE_DIRECTORY = "r", "l", "u", "m", "d"
SAID, SENT, FAULT, COUNT = "a", "n", "f", "c"

WAL_BLOCK = 32768
WAL_HEADER = 7
WAL_FULL, WAL_LAST = 1, 4  # Kinds of fragments that end a record.


def read_log(path):
    content = path.read_bytes() if path.exists() else b""
    entries, at = [], 0
    while at + HEADER.size <= len(content):
        kind, number, place, length = HEADER.unpack_from(content, at)
        at += HEADER.size
        entries.append(Entry(kind.decode(), number, place, content[at:at + length]))
        at += length
    return entries


def faults(log):
    """The faults that were injected, as ("write cache/ledger", place in the log)."""
    return [(entry.data.decode(), at) for at, entry in enumerate(log) if entry.kind == FAULT]


def without_syncs(log, pattern):
    """The record of a disk that says it synced the files with such names, and did not."""
    names, kept = {}, []
    for entry in log:
        if entry.kind == OPEN:
            names[entry.number] = entry.data.decode()
        forgotten = entry.kind == SYNC and re.search(pattern, names[entry.number])
        kept.append(entry._replace(kind="-") if forgotten else entry)
    return kept


class WalText:
    """The whole records of a RocksDB log, put together from their fragments. Of a record whose
    write was cut short some fragments are whole; it does not count."""

    def __init__(self):
        self.records = bytearray()
        self._fragments = b""
        self._rest = b""
        self._at = 0  # Of what was not taken apart yet.

    def append(self, data):
        self._rest += data
        while True:
            left = WAL_BLOCK - self._at % WAL_BLOCK
            if left < WAL_HEADER:
                if len(self._rest) < left:
                    return
                self._take(left)
                continue
            if len(self._rest) < WAL_HEADER:
                return
            length = self._rest[4] | self._rest[5] << 8
            if len(self._rest) < WAL_HEADER + length:
                return
            self._fragments += self._rest[WAL_HEADER:WAL_HEADER + length]
            if self._rest[6] in (WAL_FULL, WAL_LAST):
                self.records += self._fragments
                self._fragments = b""
            self._take(WAL_HEADER + length)

    def _take(self, count):
        self._rest = self._rest[count:]
        self._at += count


def acknowledged(log, texts):
    """For each text whose commit was synced: the place in the log where the sync had returned."""
    names, wals = {}, {}  # By handle.
    places, waiting = {}, set(texts)
    for place, entry in enumerate(log):
        if entry.kind == OPEN:
            names[entry.number] = entry.data.decode()
            if re.search(r"store(\.new)?/\d+\.log$", names[entry.number]):
                wals[entry.number] = WalText()
        elif entry.kind == WRITE and entry.number in wals:
            wals[entry.number].append(entry.data)
        elif entry.kind == FAULT and entry.data.startswith(b"sync "):
            # What a failed sync covered is not known, whatever a later one says.
            for handle, wal in wals.items():
                if names[handle] == entry.data[5:].decode():
                    wal.records.clear()
        elif entry.kind == SYNC and entry.number in wals:
            records = wals[entry.number].records
            found = {text for text in waiting if text.encode() in records}
            waiting -= found
            places.update((text, place) for text in found)
            records.clear()
    return places


# --- What went to the server --------------------------------------------------------------------

Request = collections.namedtuple("Request", "begun sent path body")


def requests(log):
    """The requests whose last byte was sent: (place of the first byte, of the last, path, body)."""
    streams, done = {}, []
    for place, entry in enumerate(log):
        if entry.kind != SENT:
            continue
        begun, data = streams.get(entry.number, (place, b""))
        if not data or re.match(rb"[A-Z]+ /", entry.data) and b"\r\n\r\n" in entry.data:
            begun, data = place, b""  # Also on a new connection with the same number.
        data += entry.data
        streams[entry.number] = (begun, data)
        head, found, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if found and len(body) >= (int(length[1]) if length else 0):
            done.append(Request(begun, place, head.split(b" ")[1].decode(), body))
            del streams[entry.number]
    return done


def is_paid(request):
    """Whether the server bills texts for it."""
    return request.path.split("?")[0].endswith(
        (":batchEmbedContents", ":asyncBatchEmbedContent", "/v1/embeddings"))


def texts_of_call(body):
    call = json.loads(body)
    if "input" in call:
        return call["input"]
    return [request["content"]["parts"][0]["text"] for request in call.get("requests", [])]


def token_of_creation(request):
    """Of the job that the request makes; None: it makes none."""
    if not request.path.split("?")[0].endswith(":asyncBatchEmbedContent"):
        return None
    token = re.search(rb"embstore-[0-9a-f]+-([0-9a-f]+)", request.body)
    return token[1].decode() if token else None


def created_jobs(log):
    """For each job by its token: the place in the log where its creation had been sent."""
    tokens = ((token_of_creation(request), request.sent) for request in requests(log))
    return {token: place for token, place in tokens if token}


def sent_texts(log):
    """For each text that the server was sent to be paid for: the place of the first time."""
    inputs, places = uploads(log), {}
    for request in requests(log):
        if not is_paid(request):
            continue
        if request.path.split("?")[0].endswith(":asyncBatchEmbedContent"):
            texts = inputs.get(token_of_creation(request), [])
        else:
            texts = texts_of_call(request.body)
        for text in texts:
            places.setdefault(sha256(text), request.sent)
    return places


def uploads(log):
    """The texts of each job by its token: what its input file was written with."""
    names, contents = {}, collections.defaultdict(bytearray)
    for entry in log:
        if entry.kind == OPEN:
            names[entry.number] = entry.data.decode()
        elif entry.kind == WRITE and re.search(r"jobs/[0-9a-f]+\.jsonl", names[entry.number]):
            contents[re.search(r"jobs/([0-9a-f]+)", names[entry.number])[1]] += entry.data
    texts = {}
    for token, content in contents.items():
        rows = [json.loads(line) for line in content.splitlines()]
        texts[token] = [row["request"]["content"]["parts"][0]["text"] for row in rows]
    return texts
