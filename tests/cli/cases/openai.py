# SPDX-License-Identifier: Apache-2.0
"""Ingest from servers with the API of OpenAI."""

import base64
import contextlib
import hashlib
import http.server
import json
import struct
import threading

from files import read_npy, same_rows, unit
from harness import case, check, contains, equal, lacks
from paid import KEY, QUICK, TEXTS, TOKENS, money
from simulator import sha256

DOCUMENTS = 120
MODEL = "text-embedding-3-small"


def words(url, *more, input="sample.csv", model=MODEL, dimensions=256):
    return ["--json", "ingest", "train", "--provider", "openai", "--model", model, "--dimensions",
            dimensions, "--base-url", url, "--input", input, *more]


def ingest(t, server, *more, code=0, openai_key=KEY, **options):
    return t.run(*words(server.url + "/v1", *more, **options), openai_key=openai_key).expect(code)


def prepared(t, *faults, flags=(), documents=DOCUMENTS):
    t.config(QUICK)
    t.sample(documents)
    return t.simulator(*flags, *(word for fault in faults for word in ("--fault", fault)))


def right_rows(t):
    return [unit(v) for v in t.tools.oracle().openai_vectors(TEXTS[:DOCUMENTS])]


def all_is_there(t, server, billed_twice=0):
    t.run("export", "train", "--verify").expect(0)
    same_rows(read_npy(t.dir / "cache/train_embeddings.npy").rows(), right_rows(t))
    equal(set(server.billed()), set(map(sha256, TEXTS[:DOCUMENTS])), "texts billed")
    equal(server.billed_twice(), billed_twice, "billed more than once")


@case
def every_text_is_billed_once_and_its_row_is_right(t):
    server = prepared(t)
    report = ingest(t, server).json()
    equal((report["embedded"], report["complete"], report["api_calls"]), (DOCUMENTS, True, 12), "")
    equal(report["tokens_estimated"], False, "tokens_estimated")
    tokens = sum(TOKENS[sha256(text)] for text in TEXTS[:DOCUMENTS])
    check(abs(report["estimated_cost_usd"] - tokens * 0.02e-6) < 1e-9, str(report))
    check(abs(money(t)["spent_usd"] - tokens * 0.02e-6) < 1e-9, str(money(t)))
    all_is_there(t, server)
    equal((ingest(t, server).json()["embedded"], len(server.billed())), (0, DOCUMENTS), "again")
    lines = {tuple(line.split()[1:4]) for line in server.log.read_text().splitlines()}
    equal(lines, {(MODEL, "256", "embeddings")}, "the bill")


@case
def a_vector_of_one_provider_is_none_of_another(t):
    server = prepared(t)
    ingest(t, server)
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", "--dimensions", 256,
          key=KEY).expect(0)
    equal(len(server.billed()), 2 * DOCUMENTS, "billed")
    spaces = t.run("--json", "status").json()["spaces"]
    equal(sorted(space["model"] for space in spaces), ["gemini-embedding-001", MODEL], "models")


@case
def faults_on_the_way_are_retried(t):
    for number, (fault, twice, in_doubt) in enumerate([
            ("reset-before-reply:at=3", 10, 10), ("cut-body:at=2", 10, 10),
            ("status=503:at=2", 0, 0),
            ("status=500:count=2", 0, 0), ("status=502:at=2", 0, 10), ("status=429:at=2", 0, 0),
            ("plain-error:count=1", 0, 0)]):
        server = prepared(t, fault)
        report = ingest(t, server, "--concurrency", 1, "--store", f"s{number}").json()
        equal((report["embedded"], report["complete"], server.billed_twice(),
               report["in_doubt_texts"]), (DOCUMENTS, True, twice, in_doubt), fault)


@case
def a_hint_of_the_server_is_kept(t):
    server = prepared(t, "status=429:count=1")
    result = ingest(t, server, "--concurrency", 1)
    check(result.seconds > 1.5, f"waited {result.seconds} s of the 1.5 s asked for")
    all_is_there(t, server)


@case
def invalid_answers_are_left_out_and_asked_for_by_the_next_run(t):
    for number, fault in enumerate(["short-reply:at=2", "extra-reply:at=2", "nan:at=2",
                                    "wrong-dims:at=2", "zero-vector:at=2", "html-200:at=2",
                                    "empty-200:at=2", "duplicate-json:at=2"]):
        server = prepared(t, fault)
        store = ["--concurrency", 1, "--store", f"s{number}"]
        result = ingest(t, server, *store, code=3)
        equal((result.json()["embedded"], result.json()["failed"]), (110, 10), fault)
        contains(result.err, "⚠️ Batch 2: invalid reply, skipping: ")
        equal(ingest(t, server, *store).json()["embedded"], 10, "after " + fault)


@case
def answers_in_another_order_or_without_the_first_index_are_understood(t):
    for number, fault in enumerate(["reverse-data", "no-index"]):
        server = prepared(t, fault)
        ingest(t, server, "--store", f"s{number}")
        t.run("--store", f"s{number}", "export", "train", "--output-dir", ".").expect(0)
        same_rows(read_npy(t.dir / "train_embeddings.npy").rows(), right_rows(t))


@case
def an_answer_moved_by_one_place_is_set_aside(t):
    server = prepared(t, "rotate:count=1", documents=300)
    result = ingest(t, server, "--batch-size", 100, "--concurrency", 1, code=4)
    contains(result.err, "do not fit their texts", "jobs --accept 1")
    ingest(t, server, "--batch-size", 100, code=4)
    equal((len(server.billed()), server.billed_twice()), (300, 0), "billed")
    t.run("jobs", "--abandon", "1").expect(0)
    ingest(t, server, "--batch-size", 100)
    equal(server.billed_twice(), 100, "billed again")


@case
def an_account_without_credit_ends_the_run_at_once(t):
    server = prepared(t, "insufficient-quota:at=3")
    result = ingest(t, server, "--concurrency", 1, code=10)
    contains(result.err, "no credit left", "goes on where it stopped")
    equal((result.json()["embedded"], server.stop()), (20, 3), "stored, calls")
    healthy = prepared(t)
    report = ingest(t, healthy).json()
    equal((report["cached"], report["embedded"]), (20, 100), "later")


@case
def a_refused_key_ends_the_run_at_once(t):
    server = prepared(t)
    result = ingest(t, server, "--concurrency", 1, code=10, openai_key="bad-key")
    contains(result.err, "API key")
    equal((server.stop(), server.billed()), (1, []), "calls")


@case
def a_missing_key_matters_only_beyond_this_machine(t):
    t.sample(3)
    for url in ("https://api.openai.com/v1", "https://192.0.2.1/v1"):
        result = t.run(*words(url), key=KEY, seconds=5).expect(10)
        contains(result.err, "no API key")
    # Another provider's key is not sent.
    server = prepared(t, documents=20)
    ingest(t, server, model="local-words", openai_key=None, dimensions=384)
    equal(len(server.billed()), 20, "billed without a key")
    result = t.run(*words(server.url + "/v1", "--store", "other"), key=KEY).expect(10)
    contains(result.err, "API key")


@case
def a_missing_key_is_said_to_belong_into_the_environment(t):
    t.sample(3)
    result = t.run(*words("https://api.openai.com/v1"), seconds=5).expect(10)
    contains(result.err, "OPENAI_API_KEY")


@case
def plain_http_beyond_this_machine_has_to_be_allowed(t):
    t.sample(3)
    result = t.run(*words("http://192.0.2.1/v1"), openai_key=KEY, seconds=5).expect(2)
    contains(result.err, "base_url")


@case
def an_unknown_model_is_named_and_has_no_price(t):
    server = prepared(t)
    result = ingest(t, server, "--concurrency", 1, model="text-embedding-9", code=2)
    contains(result.err, "no price is known", "text-embedding-9")
    equal((server.stop(), server.billed()), (1, []), "calls")


@case
def a_budget_holds_for_this_provider_too(t):
    server = prepared(t)
    budget = 0.00002
    result = ingest(t, server, "--max-cost", "0.00002", code=8)
    tokens = sum(TOKENS[text] for text in server.billed())
    check(0 < tokens * 0.02e-6 <= budget, f"{tokens} tokens")
    equal(len(server.billed()), result.json()["embedded"], "stored what was billed")
    ingest(t, server)
    all_is_there(t, server)


# --- Servers of one's own ---------------------------------------------------------------------


def own_vector(text):
    return [byte / 255 - 0.4 for byte in hashlib.sha256(text.encode()).digest()[:8]]


@contextlib.contextmanager
def own_server(answer):
    """`answer(texts, request)` is the list under data."""
    requests = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append((self.path, dict(self.headers), request))
            texts = request["input"]
            body = json.dumps({"object": "list", "data": answer(texts, request)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", requests
        finally:
            server.shutdown()


def rows_texts(t, count=7):
    texts = [f"text number {number}" for number in range(count)]
    t.write("a.csv", "text\n" + "\n".join(texts) + "\n")
    return texts


def own_words(url, *more):
    return words(url, "--format", "csv", *more, input="a.csv", model="mine", dimensions=8)


@case
def numbers_in_place_of_base64_are_understood(t):
    texts = rows_texts(t)
    with own_server(lambda all_texts, _: [
            {"object": "embedding", "index": at, "embedding": own_vector(text)}
            for at, text in enumerate(all_texts)]) as (url, requests):
        result = t.run(*own_words(url)).expect(0)
    report = result.json()
    equal((report["embedded"], report["complete"], report["tokens_estimated"]), (7, True, True), "")
    path, headers, request = requests[0]
    equal((path, request["model"], request["dimensions"], request["encoding_format"]),
          ("/v1/embeddings", "mine", 8, "base64"), "the request")
    lacks({name.lower() for name in headers}, "authorization", "x-goog-api-key")
    t.run("export", "train", "--no-normalize").expect(0)
    same_rows(read_npy(t.dir / "cache/train_embeddings.npy").rows(), list(map(own_vector, texts)))


@case
def base64_is_little_endian(t):
    texts = rows_texts(t)
    with own_server(lambda all_texts, _: [
            {"index": at, "embedding":
             base64.b64encode(struct.pack("<8f", *own_vector(text))).decode()}
            for at, text in enumerate(all_texts)]) as (url, _):
        t.run(*own_words(url)).expect(0)
    t.run("export", "train", "--no-normalize").expect(0)
    same_rows(read_npy(t.dir / "cache/train_embeddings.npy").rows(), list(map(own_vector, texts)))


@case
def a_wrong_index_is_refused(t):
    rows_texts(t)
    for number, index in enumerate([lambda at: at + 1, lambda at: 0, lambda at: -at,
                                    lambda at: str(at), lambda at: at + 0.5, lambda at: 2 ** 70]):
        with own_server(lambda all_texts, _: [
                {"index": index(at), "embedding": own_vector(text)}
                for at, text in enumerate(all_texts)]) as (url, _):
            result = t.run(*own_words(url, "--store", f"s{number}")).expect(3)
        contains(result.err, "⚠️ Batch 1: invalid reply, skipping: ")
        equal(result.json()["embedded"], 0, "embedded")


@case
def dimensions_can_be_left_out_of_the_request(t):
    t.config("openai: {send_dimensions: false}\n")
    rows_texts(t)
    with own_server(lambda all_texts, _: [{"index": at, "embedding": own_vector(text)}
                                          for at, text in enumerate(all_texts)]) as (url, requests):
        t.run(*own_words(url)).expect(0)
    check("dimensions" not in requests[0][2], str(requests[0][2]))
