# SPDX-License-Identifier: Apache-2.0
"""Answers that are no good as HTTP, and connections that end: each is a fault of front.py. What an
answer means is left as it was."""

import email.utils
import gzip
import json
import time
import zlib

from .front import later

MEBIBYTE = 1 << 20


def reply(make, billed=True, fin=False):
    """Bytes in the place of the answer; `billed`: the server did the work before."""
    def fault(exchange):
        if billed:
            data = make(exchange.ask())
        else:
            exchange.body()
            data = make(None)
        exchange.send(data)
        if fin:
            exchange.fin()
        return not fin
    return fault


def status(code, headers=(), body=b"", billed=False):
    """A status of its own, as a gateway sends it."""
    lines = [f"HTTP/1.1 {code} Word", *headers, f"Content-Length: {len(body)}"]
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return reply(lambda answer: data, billed=billed)


def error_status(code, **options):
    """The same with an error object that fits."""
    body = json.dumps({"error": {"code": code, "message": f"made up {code}",
                                 "status": "UNKNOWN", "type": "made_up"}}).encode()
    return status(code, ["Content-Type: application/json"], body, **options)


def redirect(code, place):
    """To another place, or to the trap's port."""
    def fault(exchange):
        to = place.replace("TRAP", str(exchange.front.trap))
        return status(code, ["Location: " + to])(exchange)
    return fault


def edited(edit):
    """The body changed, and framed as it should be."""
    return reply(lambda answer: answer.raw(body=edit(answer.body)))


def framed(head, body=lambda body: body, fin=False):
    """Status line and headers of its own, then the body."""
    return reply(lambda answer: head.encode() + body(answer.body), fin=fin)


def chunks(body, size=100):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n"


def flood(start, piece, times):
    """More of the same than anybody wants."""
    def fault(exchange):
        exchange.ask()
        exchange.send(start)
        for _ in range(times):
            exchange.send(piece)
        exchange.fin()
    return fault


def packed(body):
    return gzip.compress(body, mtime=0)


def with_gzip(change, fin=False):
    return reply(lambda answer: answer.raw(body=change(packed(answer.body)),
                                           headers=[("Content-Encoding", "gzip")]), fin=fin)


BOMB_PRESS = zlib.compressobj(9, zlib.DEFLATED, 31)
BOMB = b"".join(BOMB_PRESS.compress(bytes(MEBIBYTE)) for _ in range(64)) + BOMB_PRESS.flush()


def interim(answer):
    return (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" +
            answer.raw())


def with_length(length):
    return reply(lambda answer: answer.raw(headers=[("Content-Length", length(answer.body))],
                                           length=False), fin=True)


def two_lengths(more):
    return reply(lambda answer: answer.raw(headers=[("Content-Length",
                                                     len(answer.body) + more)]))


def length_and_chunks(answer):
    return answer.raw(body=chunks(answer.body) + b"0\r\n\r\n", length=False, headers=[
        ("Content-Length", "5"), ("Transfer-Encoding", "chunked")])


def until_close(answer):
    return answer.raw(length=False)


# --- Connections --------------------------------------------------------------------------------


def silent(exchange):
    """Reads the request, does the work, says nothing."""
    exchange.ask()
    exchange.wait_for_the_end()


def unread(exchange):
    """Does not even read the body."""
    later(2)


def ended(reset=False, billed=True, share=None, size=None):
    """FIN or RST, before the answer, or after a share or so many bytes of it."""
    def fault(exchange):
        answer = exchange.ask().raw() if billed else exchange.body()
        cut = size if share is None else int(len(answer) * share)
        if cut:
            exchange.send(answer[:cut])
        exchange.rst() if reset else exchange.fin()
    return fault


def inside_request(reset):
    """Ends after the head; the body was not read."""
    def fault(exchange):
        exchange.rst() if reset else exchange.fin()
    return fault


def half_closed(exchange):
    """Ends its side, and goes on listening."""
    exchange.ask()
    exchange.connection.socket.shutdown(1)
    exchange.wait_for_the_end()


def closed_idle(exchange):
    """A good answer, and then the connection is closed though it was to be kept."""
    exchange.send(exchange.ask().raw())
    exchange.fin()


def dripped(what, seconds=0.05):
    """A byte at a time, of the headers or of the body."""
    def fault(exchange):
        data = exchange.ask().raw()
        start = 0 if what == "headers" else data.index(b"\r\n\r\n") + 4
        exchange.send(data[:start])
        for at in range(start, len(data)):
            exchange.send(data[at:at + 1])
            later(seconds)
    return fault


def late(seconds):
    def fault(exchange):
        answer = exchange.ask()
        later(seconds)
        exchange.send(answer.raw())
        return True
    return fault


# --- 429 ----------------------------------------------------------------------------------------


def too_many(header=None, delay=None):
    headers = ["Content-Type: application/json", "Date: " + email.utils.formatdate(usegmt=True)]
    details = []
    if header:
        headers.append("Retry-After: " + header)
    if delay:
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    body = {"error": {"code": 429, "message": "made up", "status": "RESOURCE_EXHAUSTED",
                      "details": details}}
    return status(429, headers, json.dumps(body).encode())


def in_seconds(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)
