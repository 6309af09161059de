# SPDX-License-Identifier: Apache-2.0
"""A server between the command and the simulator that does what a case says to one request: it
answers with other bytes, with none, or ends the connection. All other requests go through."""

import collections
import contextlib
import http.client
import re
import socket
import ssl
import struct
import threading
import time

LONGEST = 30  # Seconds that any wait of a fault may take; the command gives up earlier.

ROUTES = [(r"POST /\S+:batchEmbedContents ", "embed"), (r"POST /\S+/embeddings ", "embed"),
          (r"POST /\S+:asyncBatchEmbedContent ", "create"),
          (r"POST /\S+:cancel ", "cancel"), (r"GET /v1beta/batches/", "poll"),
          (r"GET /v1beta/batches", "list"), (r"GET /\S+:download", "download"),
          (r"(GET|DELETE) /v1beta/files", "files")]
OWN_HEADERS = ("transfer-encoding", "content-length", "connection", "content-encoding")


def kind_of(head):
    text = head.decode("latin-1")
    if re.match(r"POST /upload/", text):
        started = re.search(r"(?im)^x-goog-upload-command: *start", text)
        return "upload-start" if started else "upload"
    return next((kind for route, kind in ROUTES if re.match(route, text)), "other")


class Answer:
    """What the simulator said, decoded."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def raw(self, body=None, headers=(), status=None, length=True):
        """As bytes of HTTP, with other parts where given."""
        body = self.body if body is None else body
        lines = [f"HTTP/1.1 {status or self.status} Word"]
        lines += [f"{name}: {value}" for name, value in [*self.headers, *headers]]
        lines += [f"Content-Length: {len(body)}"] if length else []
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Exchange:
    """One request, as a fault sees it. Nothing of the body is read before `body` is asked for."""

    def __init__(self, front, connection, head, number):
        self.front = front
        self.connection = connection
        self.head = head
        self.kind = kind_of(head)
        self.number = number
        self._body = None

    def body(self):
        if self._body is None:
            length = re.search(rb"(?im)^content-length: *(\d+)", self.head)
            self._body = self.connection.take(int(length[1]) if length else 0)
            if self._body is None:
                raise ConnectionError("the client left inside its body")
        return self._body

    def ask(self):
        """What the simulator answers; that is when it bills."""
        return self.front.forward(self.head, self.body())

    def send(self, data):
        self.connection.socket.sendall(data)

    def fin(self):
        self.connection.end()

    def rst(self):
        self.connection.end(reset=True)

    def wait_for_the_end(self):
        """Until the client gives up."""
        self.connection.drain()


class Connection:
    def __init__(self, stream):
        self.socket = stream
        self.pending = b""

    def fill(self):
        data = self.socket.recv(65536)
        self.pending += data
        return bool(data)

    def take_head(self):
        while b"\r\n\r\n" not in self.pending:
            if not self.fill():
                return None
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def take(self, size):
        while len(self.pending) < size:
            if not self.fill():
                return None
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def drain(self):
        with contextlib.suppress(OSError):
            while self.fill():
                self.pending = b""

    def end(self, reset=False):
        with contextlib.suppress(OSError):
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            else:
                self.socket.shutdown(socket.SHUT_WR)
                # Closed with unread bytes, TCP would send a reset.
                self.socket.settimeout(0.05)
                self.drain()
        self.socket.close()


class Front:
    """`fault(exchange)` is called for each request for which `strikes(kind, number)`; numbers count
    from 1 for each kind. It does as it likes and answers whether the connection may go on."""

    def __init__(self, simulator, strikes=lambda kind, number: False, fault=None, tls=None,
                 greet=None, cut_request=None):
        self.simulator_port = simulator.port
        self.strikes = strikes
        self.fault = fault
        self.greet = greet  # In the place of all else, for each connection.
        self.cut_request = cut_request  # (connection) -> bool, before a request is read.
        self.tls = tls
        self.requests = collections.Counter()  # By kind, whole or not.
        self.connections = 0
        self.trap = 0  # A port that nothing may come to.
        self._mutex = threading.Lock()
        self._local = threading.local()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Wakes the one that accepts.
        self._listener.close()
        with self._mutex:
            still_open = list(self._open)
        for stream in still_open:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[stream], daemon=True).start()

    def _serve(self, stream):
        with self._mutex:
            self.connections += 1
            self._open.add(stream)
        try:
            stream.settimeout(LONGEST)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.greet and self.greet(stream) is not True:
                return
            if self.tls:
                stream = self.tls.wrap_socket(stream, server_side=True)
            connection = Connection(stream)
            while self._one(connection):
                pass
        except (OSError, ssl.SSLError, http.client.HTTPException):
            pass
        finally:
            with contextlib.suppress(OSError):
                stream.close()

    def _one(self, connection):
        if self.cut_request and not self._goes_on(connection):
            return False
        head = connection.take_head()
        if head is None:
            return False
        with self._mutex:
            self.requests[kind_of(head)] += 1
            number = self.requests[kind_of(head)]
        exchange = Exchange(self, connection, head, number)
        if self.strikes(exchange.kind, number):
            return bool(self.fault(exchange))
        exchange.send(exchange.ask().raw())
        return True

    def _goes_on(self, connection):
        """Whether the next request, all of which is of one kind, is not cut."""
        if not connection.pending and not connection.fill():
            return False
        if self.cut_request(connection):
            return True
        with self._mutex:
            self.requests["embed"] += 1
        return False

    def forward(self, head, body):
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        headers.pop("Accept-Encoding", None)
        link = getattr(self._local, "link", None)
        if link is None:
            link = http.client.HTTPConnection("127.0.0.1", self.simulator_port, timeout=LONGEST)
            self._local.link = link
        link.request(method, target, body or None, headers)
        reply = link.getresponse()
        data = reply.read()
        kept = [(name, self._named_here(value)) for name, value in reply.getheaders()
                if name.lower() not in OWN_HEADERS]
        return Answer(reply.status, kept, data)

    def _named_here(self, value):
        return value.replace(f"http://127.0.0.1:{self.port}", self.url) if self.tls else value


def later(seconds):
    """A wait inside a fault."""
    time.sleep(min(seconds, LONGEST))
