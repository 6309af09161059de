# SPDX-License-Identifier: Apache-2.0
"""The API key is nowhere but in the header of a request."""

import base64
import http.server
import json
import os
import pathlib
import socket
import threading

from harness import CANARY_KEY, await_that, case, check, contains, equal, lacks
from paid import QUICK

# Nothing leaves this machine, and what would go to the world outside fails at once. A proxy is not
# asked about addresses of this machine.
CLOSED_PROXY = QUICK + "http: {proxy: \"http://127.0.0.1:9\"}\n"


def nowhere(t, *results):
    """The key is neither in what was said nor in any file, plainly or as a header has it."""
    key = CANARY_KEY.encode()
    forms = [key, base64.b64encode(key).rstrip(b"="), key.hex().encode()]

    def check_bytes(content, where):
        for form in forms:
            check(form not in content, f"the key is in {where}")

    for result in results:
        check_bytes(result.raw, f"the output of {result.words}")
        check_bytes(result.err.encode(), f"what {result.words} said")
    for path in t.dir.rglob("*"):
        check_bytes(str(path).encode(), "a name")
        if path.is_file() and not path.is_symlink():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # A run that goes on has removed it.
            check_bytes(content, path.relative_to(t.dir))


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
def a_life_with_batch_jobs_leaves_no_trace_of_the_key(t):
    """In all files: ledger, inputs, results and quarantined answers of jobs."""
    t.config(QUICK)
    server = t.simulator("--batch-seconds", "0.1", "--fault", "create-lost:count=1", "--fault",
                         "poll-500:count=1", "--fault", "upload-start/status=403:at=3", "--fault",
                         "missing-row:count=1", "--fault", "download-cut:count=1")
    t.sample(60)
    words = ["train", "--base-url", server.url, "--input", "sample.csv", "--mode", "batch"]

    def run(*command):
        return t.run(*command, key=CANARY_KEY)

    nowhere(t, run("--verbose", "ingest", *words, "--no-wait").expect(0))
    contains(" ".join(path.name for path in (t.dir / "cache/jobs").iterdir()), ".jsonl")
    check((t.dir / "cache/ledger").stat().st_size > 0, "no ledger")
    nowhere(t, run("--json", "jobs", "--wait", "--base-url", server.url).expect(4),
            run("--json", "jobs").expect(0), run("--json", "status").expect(0),
            run("ingest", *words).expect(4))
    nowhere(t, run("--verbose", "jobs", "--accept", "1", "--base-url", server.url).expect(0),
            run("ingest", *words), run("status"), run("jobs", "--all").expect(0))


@case
def a_quarantined_answer_does_not_hold_the_key(t):
    t.config(QUICK)
    server = t.simulator("--fault", "rotate:count=1")
    t.sample(100)
    words = ["train", "--base-url", server.url, "--input", "sample.csv", "--batch-size", 100]
    nowhere(t, t.run("--verbose", "ingest", *words, key=CANARY_KEY).expect(4))
    check(list((t.dir / "cache/jobs").iterdir()), "nothing is in quarantine")
    nowhere(t, t.run("jobs", "--accept", "1", key=CANARY_KEY).expect(0))


@case
def a_life_with_the_other_key_leaves_no_trace_of_it(t):
    for number, fault in enumerate(["status=503:at=1", "nan:at=1", "cut-body:at=1", "rotate:at=1",
                                    "insufficient-quota:at=1", "status=401:at=1"]):
        server = t.simulator("--fault", fault)
        t.sample(100)
        words = ["--provider", "openai", "--model", "text-embedding-3-small", "--dimensions", 256,
                 "--base-url", server.url + "/v1", "--input", "sample.csv", "--batch-size", 100]
        store = ["--verbose", "--store", f"s{number}"]
        nowhere(t, t.run(*store, "ingest", "train", *words, openai_key=CANARY_KEY),
                t.run(*store, "--json", "status", openai_key=CANARY_KEY))
    # The simulator repeats a key that it refuses.
    key = "bad-" + CANARY_KEY
    result = t.run("--verbose", "--store", "refused", "ingest", "train", *words, openai_key=key)
    nowhere(t, result.expect(10))
    # One provider's key is not for the other one's server.
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/v1"
        running = t.start("ingest", "train", "--provider", "openai", "--model", "m", "--base-url",
                          url, "--input", "sample.csv", key=CANARY_KEY)
        elsewhere.settimeout(20)
        connection, _ = elsewhere.accept()
        connection.settimeout(20)
        with connection:
            request = connection.recv(65536)
        contains(request.decode(errors="replace"), "POST /v1/embeddings")
        check(CANARY_KEY.encode() not in request, "the key of Gemini was sent")
        running.kill()


def listener(t):
    """A server that takes whatever comes and notes the paths and the headers of it."""
    requests = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append((self.path, str(self.headers)))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_error(400)

        do_GET = do_POST

        def log_message(self, *unused):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}", requests


@case
def a_configured_address_is_for_the_configured_provider_only(t):
    """With another provider neither its key nor a text goes there."""
    t.sample(3)
    for configured, suffix, other in (("openai", "/v1", "gemini"), ("gemini", "", "openai")):
        server, url, requests = listener(t)
        with server:
            t.config(CLOSED_PROXY,
                     embedding=f"provider: {configured}, base_url: \"{url}{suffix}\"")
            words = ["ingest", "train", "--input", "sample.csv", "--mode", "sync"]
            both = {"key": CANARY_KEY, "openai_key": CANARY_KEY}
            t.run(*words, "--provider", other, **both).expect(1)
            t.run(*words, env={"EMBSTORE_PROVIDER": other}, **both).expect(1)
            equal(requests, [], f"what {other} sent to the server of {configured}")
            # What is given by hand counts for the provider that is chosen.
            for given in ({}, {"EMBSTORE_BASE_URL": url + "/given"}):
                flags = [] if given else ["--base-url", url + "/given"]
                t.run(*words, "--provider", other, *flags, env=given, **both)
                check(requests and requests[-1][0].startswith("/given/"), str(requests))
                requests.clear()
            server.shutdown()


@case
def a_configured_address_is_not_asked_about_the_jobs_of_another_provider(t):
    t.config(QUICK)
    gemini = t.simulator("--batch-seconds", "30")
    t.sample(3)
    t.run("ingest", "train", "--base-url", gemini.url, "--input", "sample.csv", "--mode", "batch",
          "--no-wait", key=CANARY_KEY).expect(0)
    server, url, requests = listener(t)
    with server:
        t.config(CLOSED_PROXY, embedding=f"provider: openai, base_url: \"{url}/v1\"")
        t.run("jobs", "--cancel", "1", key=CANARY_KEY).expect(1)
        collecting = t.start("jobs", "--wait", key=CANARY_KEY)
        collecting.wait_for("trying again")
        collecting.kill()
        equal(requests, [], "what was sent to the other provider's server")
        t.run("jobs", "--cancel", "1", "--base-url", gemini.url, key=CANARY_KEY).expect(0)
        t.run("jobs", "--cancel", "1", env={"EMBSTORE_BASE_URL": gemini.url},
              key=CANARY_KEY).expect(0)
        server.shutdown()


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
    t.sample(1)
    for section in (f"GEMINI_API_KEY: {CANARY_KEY}\n", f"openai: {{api_key: {CANARY_KEY}}}\n"):
        a_key_in_this_section_is_refused(t, section)


@case
def the_other_key_in_the_configuration_is_refused(t):
    t.sample(1)
    a_key_in_this_section_is_refused(t, f"OPENAI_API_KEY: {CANARY_KEY}\n")


def a_key_in_this_section_is_refused(t, section):
    t.config(section)
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
    server = t.simulator("--batch-seconds", "30")
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", "--mode", "batch",
          "--no-wait", key=CANARY_KEY).expect(0)
    equal(oct((t.dir / "cache/jobs").stat().st_mode & 0o777), oct(0o700), "mode of the jobs")
    equal(oct((t.dir / "cache/ledger").stat().st_mode & 0o777), oct(0o600), "mode of the ledger")
