# SPDX-License-Identifier: Apache-2.0
"""The API key goes to the configured server alone, whatever a server answers or a machine is set
up to do."""

import json
import shutil
import ssl
import subprocess
import time

import paid
from cases.secrets import nowhere
from harness import CANARY_KEY, Skipped, await_that, case, check, contains, equal
from interposer import Server, forwarded, interposer, recorder

OPENAI = ["--provider", "openai", "--model", "text-embedding-3-small", "--dimensions", 256]
DOCUMENTS = 30


def ingest(t, url, *more, provider="gemini", mode="sync", store="cache", env=None):
    words = OPENAI if provider == "openai" else []
    key = {"openai_key" if provider == "openai" else "key": CANARY_KEY}
    base = url + "/v1" if provider == "openai" else url
    return t.run("--verbose", "--store", store, "ingest", "train", "--base-url", base, "--input",
                 "sample.csv", "--mode", mode, *words, *more, env=env, **key)


def error(status, message):
    body = {"error": {"code": status, "message": message, "status": message, "type": message}}
    return status, {}, json.dumps(body).encode()


ECHOES = {
    "401": lambda heard: error(401, f"not valid: {CANARY_KEY}"),
    "403": lambda heard: error(403, f"{CANARY_KEY} may not do that"),
    "400": lambda heard: error(400, f"API key {CANARY_KEY}"),
    "404": lambda heard: error(404, f"{CANARY_KEY} is not there"),
    "500": lambda heard: error(500, f"while serving {CANARY_KEY}"),
    "page": lambda heard: (200, {"X-Key": CANARY_KEY}, f"<p>{CANARY_KEY}</p>".encode()),
    "headers": lambda heard: (403, {"X-Key": CANARY_KEY, "Retry-After": CANARY_KEY},
                              heard.headers.encode()),
}

# Each step of a batch job, by what is asked for.
STEPS = {
    "begin of an upload": lambda heard: heard.path.startswith("/upload/v1beta/files?") or
    heard.path == "/upload/v1beta/files",
    "upload": lambda heard: heard.body.startswith(b'{"key"'),
    "creation": lambda heard: heard.path.endswith(":asyncBatchEmbedContent"),
    "poll": lambda heard: heard.method == "GET" and "/batches/" in heard.path,
    "download": lambda heard: "download" in heard.path,
}


@case
def openai_does_not_bring_the_key_of_an_answer_into_a_message(t):
    t.sample(DOCUMENTS)
    t.write("config.yaml", t.read("config.yaml").replace("0.01", "0.01, max_rate_limit_waits: 0"))
    for name, answer in {**ECHOES, "429": lambda heard: error(429, CANARY_KEY)}.items():
        with Server(answer) as server:
            result = ingest(t, server.url, provider="openai", store=name)
            check(result.code not in (0, -6, -11), str(result))
            check(server.heard and CANARY_KEY in server.heard[0], "nothing was sent")
            nowhere(t, result, t.run("--store", name, "--json", "status"))


def batch_meets(t, step, name, answer):
    """A job one of whose steps is answered so. The run ends by that, or goes on until killed."""
    simulator = paid.simulator(t, job_seconds=0.05)
    store = f"{step}-{name}".replace(" ", "-")
    results = []
    with interposer(simulator, STEPS[step], answer) as between:
        base = ["--base-url", between.url]
        commands = [["ingest", "train", *base, "--input", "sample.csv", "--mode", "batch",
                     "--no-wait"]]
        if step in ("poll", "download"):
            commands.append(["jobs", "--wait", *base])
        for words in commands:
            running = t.start("--verbose", "--store", store, *words, key=CANARY_KEY)
            if words is not commands[0]:
                await_that(lambda: any(map(STEPS[step], between.heard)) or not running.alive(),
                           f"the {step} is answered")
                time.sleep(0.1)
                running.kill()
            results.append(running.finish())
        check(results[0].code not in (-6, -11), str(results[0]))
        check(any(map(STEPS[step], between.heard)), f"no {step} was seen: {between.heard}")
        nowhere(t, *results)
    simulator.stop()


@case
def a_batch_job_does_not_bring_the_key_of_an_answer_into_a_message(t):
    t.config(paid.QUICK)
    t.sample(DOCUMENTS)
    for step in STEPS:
        for name in ("403", "headers"):
            batch_meets(t, step, name, ECHOES[name])


@case
def a_redirect_does_not_take_the_key_to_another_host(t):
    t.config(paid.QUICK)
    t.sample(DOCUMENTS)
    with recorder() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            def away(heard, status=status):
                return status, {"Location": elsewhere.url + "/steal"}, b""

            for provider in ("gemini", "openai"):
                with Server(away) as server:
                    result = ingest(t, server.url, provider=provider,
                                    store=f"{provider}-{status}")
                    check(result.code not in (0, -6, -11), str(result))
                    check(server.heard, "nothing was sent")
                    nowhere(t, result)
        for step in STEPS:
            batch_meets(t, step, "redirect", away)
        equal(elsewhere.heard, [], "what went to the other host")


@case
def an_upload_address_on_another_host_gets_neither_key_nor_texts(t):
    t.config(paid.QUICK)
    t.sample(DOCUMENTS)
    simulator = paid.simulator(t)
    with recorder() as elsewhere:
        def tempt(heard):
            status, headers, body = forwarded(simulator, heard)
            headers = {name: elsewhere.url + "/upload" if name.lower() == "x-goog-upload-url"
                       else value for name, value in headers.items()}
            return status, headers, body

        with interposer(simulator, STEPS["begin of an upload"], tempt) as between:
            result = ingest(t, between.url, "--no-wait", mode="batch")
            check(result.code != 0, str(result))
            check(any(map(STEPS["begin of an upload"], between.heard)), "no upload was begun")
        equal(elsewhere.heard, [], "what went to the other host")
    nowhere(t, result)


def settings_of_a_machine(t, proxy):
    """What other programs take for theirs: variables and files of the home directory."""
    t.write(".netrc", "machine 127.0.0.1 login netrc-user password netrc-word\n"
                      "default login netrc-user password netrc-word\n")
    (t.dir / ".netrc").chmod(0o600)
    t.write(".curlrc", f'header = "X-Curlrc: netrc-word"\nproxy = "{proxy}"\nverbose\n'
                       f'trace-ascii = "{t.dir}/curl.trace"\nuser = "netrc-user:netrc-word"\n')
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
             "ftp_proxy")
    return {**{name: proxy for name in names}, "CURL_HOME": str(t.dir),
            "SSLKEYLOGFILE": str(t.dir / "tls.log"), "NETRC": str(t.dir / ".netrc")}


@case
def proxies_and_credentials_of_the_machine_are_not_used(t):
    t.config(paid.QUICK)
    t.sample(DOCUMENTS)
    simulator = paid.simulator(t, job_seconds=0.05)
    with recorder() as proxy, interposer(simulator, lambda heard: False, None) as between:
        env = settings_of_a_machine(t, proxy.url)
        results = [ingest(t, between.url, store="a", env=env),
                   ingest(t, between.url, provider="openai", store="b", env=env),
                   ingest(t, between.url, mode="batch", store="c", env=env)]
        for result in results:
            result.expect(0)
        # To a server with TLS, where a proxy of the environment would be asked for a tunnel.
        secure = between.url.replace("http", "https")
        results.append(ingest(t, secure, store="d", env=env))
        check(results[-1].code not in (0, -6, -11), str(results[-1]))
        equal(proxy.heard, [], "what the proxy got")
        check(len(between.heard) > 5, "hardly anything was sent")
        for heard in between.heard:
            check("netrc" not in heard and "Curlrc" not in heard, f"sent along: {heard.headers}")
            basic = "authorization: basic" in heard.headers.lower()
            check(not basic and "cookie" not in heard.headers.lower(), heard.headers)
    check(not (t.dir / "curl.trace").exists(), "~/.curlrc was read")
    check(not (t.dir / "tls.log").exists(), "SSLKEYLOGFILE was written")
    nowhere(t, *results)


@case
def keys_of_real_tls_sessions_are_not_written(t):
    if shutil.which("openssl") is None:
        raise Skipped("openssl, which makes the certificate of a server, is not installed")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", t.dir / "key.pem",
                    "-out", t.dir / "cert.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(t.dir / "cert.pem", t.dir / "key.pem")
    simulator = paid.simulator(t)
    t.sample(DOCUMENTS)
    t.config("http: {ca_file: cert.pem}\n")

    def wrap(socket):
        return context.wrap_socket(socket, server_side=True)

    with Server(lambda heard: forwarded(simulator, heard), wrap, "https") as server:
        env = {"SSLKEYLOGFILE": str(t.dir / "tls.log")}
        for provider in ("gemini", "openai"):
            result = ingest(t, server.url, provider=provider, store=provider, env=env)
            nowhere(t, result.expect(0))
            check(CANARY_KEY in server.heard[-1], "the key was not sent")
        check(not (t.dir / "tls.log").exists(), "SSLKEYLOGFILE was written")
        # Without the certificate nothing is sent.
        t.config("")
        before = len(server.heard)
        result = ingest(t, server.url, store="untrusted")
        check(result.code not in (0, -6, -11), str(result))
        contains(result.err, "certificate")
        equal(server.heard[before:], [], "sent to a server that nobody vouches for")


@case
def a_question_leaves_no_trace_of_the_key(t):
    """`search` pays for its question, and `similar`, `get`, `verify` and `gc` need no key."""
    simulator = paid.simulator(t)
    t.sample(DOCUMENTS)
    both = {"key": CANARY_KEY, "openai_key": CANARY_KEY}
    for provider, suffix in (("gemini", ""), ("openai", "/v1")):
        base = ["--base-url", simulator.url + suffix]
        store = ["--verbose", "--store", provider]
        ingest(t, simulator.url, provider=provider, store=provider).expect(0)
        nowhere(t, t.run(*store, "search", "train", "a question", *base, **both).expect(0),
                t.run(*store, "--json", "search", "train", "another one", *base, **both).expect(0),
                t.run(*store, "get", "train", "1", "--text", **both).expect(0),
                t.run(*store, "similar", "train", "1", **both).expect(0),
                t.run(*store, "export", "train", "--format", "arrow", **both).expect(0),
                t.run(*store, "verify", **both).expect(0),
                t.run(*store, "gc", "--yes", **both).expect(0),
                t.run(*store, "jobs", "--all", **both).expect(0))
        # On failure as well.
        for name in ("401", "403", "headers", "500"):
            with Server(ECHOES[name]) as server:
                nowhere(t, t.run(*store, "search", "train", f"asked {name}", "--base-url",
                                 server.url + suffix, **both))
                check(CANARY_KEY in server.heard[0], "nothing was sent")
