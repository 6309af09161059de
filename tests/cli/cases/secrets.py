# SPDX-License-Identifier: Apache-2.0
"""The API key is nowhere but in the header of a request."""

import http.server
import json
import os
import pathlib
import threading

from harness import CANARY_KEY, await_that, case, check, contains, equal, lacks


def nowhere(t, *results):
    key = CANARY_KEY.encode()
    for result in results:
        said = result.raw + result.err.encode()
        check(key not in said, f"the key is in the output of {result.words}")
    for path in t.dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            check(key not in path.read_bytes(), f"the key is in {path.relative_to(t.dir)}")


@case
def a_whole_life_leaves_no_trace_of_the_key(t):
    server = t.simulator("--fault", "status=503:at=1", "--fault", "nan:at=3", "--fault",
                         "cut-body:at=5", "--fault", "reject-text=plebiscite")
    t.sample(60)
    words = ["train", "--base-url", server.url, "--input", "sample.csv"]
    nowhere(t, t.run("--verbose", "ingest", *words, key=CANARY_KEY).expect(3),
            t.run("--json", "ingest", *words, key=CANARY_KEY).expect(3),
            t.run("plan", *words, key=CANARY_KEY).expect(0),
            t.run("--json", "status", key=CANARY_KEY).expect(0),
            t.run("export", "train", "--missing", "nan", key=CANARY_KEY).expect(0),
            t.run("get", "train", "1", "--text", key=CANARY_KEY).expect(0))


@case
def a_server_that_repeats_the_key_does_not_bring_it_into_a_message(t):
    replies = []

    class Echo(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["x-goog-api-key"]
            status, headers, body = replies[0](key)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *unused):
            pass

    def error(status, message):
        return status, {}, json.dumps({"error": {"code": status, "message": message,
                                                 "status": message}})

    behaviours = [
        lambda key: error(400, f"API key not valid: {key}"),
        lambda key: error(403, f"{key} may not do that"),
        lambda key: error(500, f"internal error for {key}"),
        lambda key: error(429, f"too many for {key}"),
        lambda key: (200, {}, f"<html>hello {key}</html>"),
        lambda key: (200, {}, "x" * 190 + key),
        lambda key: (302, {"Location": f"http://{key}.example.com/?key={key}"}, key),
        lambda key: (200, {"X-Key": key}, json.dumps({"embeddings": [{"values": [key]}]})),
        lambda key: (404, {}, f"no such model, {key}"),
    ]
    t.sample(3)
    t.config("")
    t.write("config.yaml", t.read("config.yaml").replace("0.01", "0.01, max_rate_limit_waits: 0"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for number, behaviour in enumerate(behaviours):
            replies[:] = [behaviour]
            result = t.run("--verbose", "--store", f"s{number}", "ingest", "train", "--base-url",
                           url, "--input", "sample.csv", key=CANARY_KEY)
            check(result.code not in (0, -6, -11), str(result))
            nowhere(t, result, t.run("--store", f"s{number}", "--json", "status"))
        server.shutdown()


@case
def the_process_list_does_not_show_the_key(t):
    server = t.simulator("--latency-ms", "20000")
    t.sample(30)
    running = t.start("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                      key=CANARY_KEY)
    await_that(lambda: server.billed(), "a request is in flight")
    process = pathlib.Path("/proc") / str(running.pid)
    lacks((process / "cmdline").read_text(), CANARY_KEY)
    # Not dumpable: nobody but root may look at its memory or its first environment.
    status = os.stat(process / "environ")
    equal(status.st_uid, 0, "owner of environ")
    limits = (process / "limits").read_text()
    contains(" ".join(limits.split()), "Max core file size 0 0 bytes")
    running.kill()


@case
def a_key_in_the_configuration_is_refused(t):
    t.config(f"GEMINI_API_KEY: {CANARY_KEY}\n")
    t.sample(1)
    result = t.run("ingest", "train", "--input", "sample.csv").expect(2)
    contains(result.err, "config.yaml:3", "environment only")
    lacks(result.err, CANARY_KEY)


@case
def keys_of_tls_sessions_are_not_written(t):
    server = t.simulator()
    t.sample(3)
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", key=CANARY_KEY,
          env={"SSLKEYLOGFILE": str(t.dir / "tls.log")}).expect(0)
    check(not (t.dir / "tls.log").exists(), "SSLKEYLOGFILE was written")


@case
def a_proxy_of_the_environment_is_not_asked(t):
    server = t.simulator()
    t.sample(3)
    unused = {name: "http://127.0.0.1:9" for name in
              ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY")}
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", key=CANARY_KEY,
          env=unused).expect(0)
    equal(server.stop(), 1, "calls")


@case
def the_store_is_for_its_owner_only(t):
    t.sample(3)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    equal(oct((t.dir / "cache/store").stat().st_mode & 0o777), oct(0o700), "mode of the store")
