# SPDX-License-Identifier: Apache-2.0
"""Answers that are good HTTP and good JSON, or nearly, and mean something else than they should."""

import base64
import json
import math
import re
import struct
import threading

from .replies import edited


def document(change):
    """`change` gets the answer as an object, and may answer another one."""
    def edit(body):
        data = json.loads(body)
        return json.dumps(change(data) or data).encode()
    return edited(edit)


def spelled(text, value):
    """The number `value`, that is not JSON, put in by its text."""
    def edit(body):
        return body.replace(json.dumps(value).encode(), text.encode())
    return edit


# --- Gemini -------------------------------------------------------------------------------------

MARK = 12345.678


def value(text):
    """One value of the middle vector, the smallest, is spelled like this."""
    def edit(body):
        data = json.loads(body)
        items = data["embeddings"] if "embeddings" in data else data["data"]
        item = items[len(items) // 2]
        values = item["values"] if "values" in item else as_numbers(item)
        values[min(range(len(values)), key=lambda at: abs(values[at]))] = MARK
        if "values" not in item:
            item["embedding"] = values
        return json.dumps(data).replace(str(MARK), text).encode()
    return edited(edit)


def digits(count):
    """A small number with so many digits."""
    return "0.00001" + "7" * count


def vectors(change):
    """`change` gets the list of vectors, as lists."""
    def edit(data):
        if "embeddings" in data:
            new = change([item["values"] for item in data["embeddings"]])
            data["embeddings"] = [{"values": item} for item in new]
        else:
            new = change([as_numbers(item) for item in data["data"]])
            data["data"] = [{"object": "embedding", "index": at, "embedding": item}
                            for at, item in enumerate(new)]
    return document(edit)


def rotated(items):
    return items[1:] + items[:1]


def middle(change):
    def edit(items):
        items[len(items) // 2] = change(items[len(items) // 2])
        return items
    return edit


def item_of(change):
    """`change` gets the item of the middle vector, and answers what stands there instead."""
    def edit(data):
        items = data["embeddings"] if "embeddings" in data else data["data"]
        items[len(items) // 2] = change(items[len(items) // 2])
    return document(edit)


def key_twice(name):
    """The whole member once more, in front."""
    def edit(body):
        data = json.loads(body)
        copy = json.dumps({name: data[name]})[1:-1].encode()
        return b"{" + copy + b", " + json.dumps(data).encode()[1:]
    return edited(edit)


class Replay:
    """The answer to the first request is the answer to a later one, too."""

    def __init__(self):
        self._first = None

    def __call__(self, exchange):
        if self._first is None:
            self._first = exchange.ask().raw()
        else:
            exchange.ask()
        exchange.send(self._first)
        return True


class Swap:
    """Two requests at once: each gets the answer of the other."""

    def __init__(self):
        self._barrier = threading.Barrier(2, timeout=10)
        self._answers = [None, None]

    def __call__(self, exchange):
        own = self._barrier.wait()
        self._answers[own] = exchange.ask().raw()
        self._barrier.wait()
        exchange.send(self._answers[1 - own])
        return True


# --- OpenAI -------------------------------------------------------------------------------------


def as_numbers(item):
    if isinstance(item["embedding"], list):
        return item["embedding"]
    raw = base64.b64decode(item["embedding"])
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def index(at, new):
    """The index of one item; None leaves it out."""
    def edit(data):
        item = data["data"][at]
        item.pop("index")
        if new is not None:
            item["index"] = new
    return document(edit)


def in_base64(change):
    """The base64 of the middle vector, changed."""
    def edit(item):
        item["embedding"] = change(item["embedding"])
        return item
    return item_of(edit)


def nan_in_base64(text):
    raw = bytearray(base64.b64decode(text))
    raw[4:8] = struct.pack("<f", math.nan)
    return base64.b64encode(bytes(raw)).decode()


# --- Jobs ---------------------------------------------------------------------------------------


def job(change):
    """`change` gets the job's document."""
    return document(lambda data: change(data) or data)


def state(text):
    def edit(data):
        data["metadata"]["state"] = text
        data["done"] = False
        data.pop("response", None)
        data["metadata"].pop("output", None)
    return job(edit)


def renamed(name):
    def edit(data):
        data["name"] = data["metadata"]["name"] = name
    return job(edit)


class ResultFileElsewhere:
    """The first answer that names the result file names one that leads elsewhere."""

    def __init__(self):
        self._done = False

    def __call__(self, exchange):
        answer = exchange.ask()
        if not self._done and b"responsesFile" in answer.body:
            self._done = True
            answer.body = re.sub(rb'("responsesFile": *)"[^"]*"', rb'\1"files/../../x"',
                                 answer.body)
        exchange.send(answer.raw())
        return True


def listed(change):
    """`change` gets the list of jobs."""
    def edit(data):
        data["operations"] = change(data.get("operations", []))
    return document(edit)


def in_a_circle(exchange):
    """Each page is the first one, and names the next."""
    exchange.head = re.sub(rb"&pageToken=\w+", b"", exchange.head)
    return document(lambda data: {**data, "nextPageToken": "round"})(exchange)


def called(entry, name):
    """The same entry of the list under another name."""
    return {**entry, "name": name, "metadata": {**entry["metadata"], "name": name}}


def one_to_a_page(exchange):
    """As the client asks, but a page never has more than one."""
    exchange.head = exchange.head.replace(b"pageSize=100", b"pageSize=1")
    exchange.send(exchange.ask().raw())
    return True


def lines(change):
    """`change` gets the lines of a result file, without their ends."""
    return edited(lambda body: change(body.splitlines()))


def joined(items):
    return b"\n".join(items) + b"\n"
