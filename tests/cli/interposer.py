# SPDX-License-Identifier: Apache-2.0
"""Servers that write down what they are sent, and one that stands before the simulator and answers
some requests in its place."""

import http.client
import http.server
import threading


class Heard:
    """A request as a server got it."""

    def __init__(self, method, path, headers, body):
        self.method = method
        self.path = path
        self.headers = str(headers)
        self.body = body

    def __contains__(self, text):
        return text in self.path or text in self.headers or text.encode() in self.body

    def __repr__(self):
        return f"{self.method} {self.path}"


class Server:
    """Answers each request with `answer(heard)`: (status, headers, body). Lives in this process."""

    def __init__(self, answer, wrap=None, scheme="http"):
        self.heard = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                heard = Heard(self.command, self.path, self.headers, body)
                outer.heard.append(heard)
                status, headers, content = answer(heard)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do_PUT = do_CONNECT = reply

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if wrap is not None:
            self._server.socket = wrap(self._server.socket)
        self._server.handle_error = lambda *unused: None  # A client may leave early.
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = self._server.server_port
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()


def recorder():
    """A server that only writes down what comes."""
    return Server(lambda heard: (400, {}, b"{}"))


def forwarded(simulator, heard):
    """What the simulator answers. It is told the name of the host that was asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=30)
    lines = [line.split(": ", 1) for line in heard.headers.splitlines() if ": " in line]
    connection.putrequest(heard.method, heard.path, skip_host=True, skip_accept_encoding=True)
    for name, value in lines:
        connection.putheader(name, value)
    connection.endheaders(heard.body or None)
    response = connection.getresponse()
    body = response.read()
    hop = {"content-length", "connection", "transfer-encoding"}
    headers = {name: value for name, value in response.getheaders() if name.lower() not in hop}
    connection.close()
    return response.status, headers, body


def interposer(simulator, when, instead):
    """Stands before a simulator; where `when(heard)`, `instead(heard)` is the answer."""
    return Server(lambda heard: instead(heard) if when(heard) else forwarded(simulator, heard))
