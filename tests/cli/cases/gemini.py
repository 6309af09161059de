# SPDX-License-Identifier: Apache-2.0
"""Ingest from the simulated Gemini API: what is sent, billed, stored and refused."""

import socket

from files import ag_news_texts, read_npy, same_rows, unit
from harness import SAMPLE, SAMPLE_DOCUMENTS, case, check, contains, equal
from simulator import sha256

KEY = "good-key"


def ingest(t, server, *words, split="train", input="sample.csv", code=0, key=KEY):
    return t.run("--json", "ingest", split, "--base-url", server.url, "--input", input, *words,
                 key=key).expect(code)


def status_of(t):
    status = t.run("--json", "status").expect(0).json()
    return status["splits"][0], status["money"], status["failures"]


@case
def every_distinct_text_is_billed_once_and_its_row_is_right(t):
    server = t.simulator()
    t.sample()
    report = ingest(t, server, "--batch-size", "100").json()
    texts = ag_news_texts(SAMPLE)
    equal((report["documents"], report["embedded"], report["api_calls"], report["complete"]),
          (SAMPLE_DOCUMENTS, SAMPLE_DOCUMENTS, 12, True), "report")
    equal(sorted(server.billed()), sorted(map(sha256, texts)), "billed texts")
    t.run("export", "train", "--verify").expect(0)
    same_rows(read_npy(t.dir / "cache/train_embeddings.npy").rows(),
              [unit(v) for v in t.tools.oracle().vectors(texts)])
    # Stored as they came; normalised only on the way out.
    t.run("export", "train", "--no-normalize", "--output-dir", ".").expect(0)
    same_rows(read_npy(t.dir / "train_embeddings.npy").rows(), t.tools.oracle().vectors(texts))
    again = ingest(t, server).json()
    equal((again["embedded"], again["cached"], len(server.billed())), (0, 1200, 1200), "again")


@case
def tokens_and_cost_are_estimated_and_said_to_be(t):
    server = t.simulator()
    t.sample(100)
    plan = t.run("--json", "plan", "train", "--input", "sample.csv").expect(0).json()
    report = ingest(t, server).json()
    equal((report["tokens"], report["tokens_estimated"]), (plan["tokens"], True), "tokens")
    check(abs(report["estimated_cost_usd"] - plan["tokens"] * 0.15e-6) < 1e-6, str(report))
    split, money, _ = status_of(t)
    check(abs(money["spent_usd"] - report["estimated_cost_usd"]) < 1e-9, str(money))
    equal(split["embedded"], 100, "embedded")
    # This model counts tokens itself.
    report = ingest(t, server, "--model", "gemini-embedding-2").json()
    equal(report["tokens_estimated"], False, "tokens_estimated")
    check(report["tokens"] > 0, str(report))


@case
def duplicates_are_paid_once(t):
    server = t.simulator()
    t.write("a.csv", "text,id\n" + "".join(f"text {i % 7},{i}\n" for i in range(50)))
    report = ingest(t, server, "--format", "csv", "--id-field", "id", input="a.csv").json()
    equal((report["documents"], report["unique_documents"], report["embedded"]), (50, 7, 7), "")
    equal(sorted(server.billed()), sorted(sha256(f"text {i}") for i in range(7)), "billed")
    found = t.run("--json", "get", "train", "0", "7", "49").expect(0).json()
    equal(found[1]["vector"], found[0]["vector"], "the vector of the same text")
    equal([d["id"] for d in found], ["0", "7", "49"], "ids")


@case
def the_same_text_in_two_splits_is_paid_once(t):
    server = t.simulator()
    t.sample(40)
    t.sample(60, name="more.csv")
    ingest(t, server)
    report = ingest(t, server, split="test", input="more.csv").json()
    equal((report["cached"], report["embedded"], len(server.billed())), (40, 20, 60), "")


@case
def another_task_or_size_is_another_vector(t):
    server = t.simulator()
    t.sample(20)
    ingest(t, server)
    t.config(embedding="task_type: CLASSIFICATION")
    ingest(t, server)
    ingest(t, server, "--dimensions", "256")
    equal((len(server.billed()), server.billed_twice()), (60, 40), "billed")
    spaces = t.run("--json", "status").json()["spaces"]
    equal(sorted((s["task_type"], s["dimensions"], s["vectors"]) for s in spaces),
          [("CLASSIFICATION", 128, 20), ("CLASSIFICATION", 256, 20), ("CLUSTERING", 128, 20)], "")
    found = t.run("--json", "get", "train", "3").expect(0).json()[0]
    text = ag_news_texts(SAMPLE)[3]
    same_rows([found["vector"]],
              [unit(t.tools.oracle().vectors([text], task_type="CLASSIFICATION")[0])])


@case
def without_a_key_nothing_is_sent(t):
    server = t.simulator()
    t.sample(3)
    for key in [None, "", "two words", "line\nbreak"]:
        result = t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                       key=key)
        contains(result.expect(10, out="").err, "API key")
    equal(server.stop(), 0, "calls")
    check(not (t.dir / "cache").exists(), "something was written")


@case
def a_refused_key_ends_the_run_at_once(t):
    server = t.simulator()
    t.sample(100)
    result = ingest(t, server, "--concurrency", "1", key="bad-key", code=10)
    contains(result.err, "the server does not know this API key: check it",
             "Check the key, then run the same command.")
    equal(result.json()["complete"], False, "complete")
    equal((server.stop(), server.billed()), (1, []), "calls")
    for status in (401, 403):
        server = t.simulator("--fault", f"status={status}")
        contains(ingest(t, server, "--concurrency", "1", code=10).err, f"HTTP {status}")
        equal(server.stop(), 1, f"calls that answer {status}")


@case
def plain_http_is_for_this_machine_only(t):
    t.sample(3)
    for url in ["http://192.0.2.1", "http://example.com:8080", "http://localhost.example.com",
                "http://user:pw@127.0.0.1", "ftp://127.0.0.1", "file:///etc/passwd", "127.0.0.1:80",
                "http://169.254.169.254", "https://127.0.0.1/?x=1#y", "http://"]:
        result = t.run("ingest", "train", "--base-url", url, "--input", "sample.csv", key=KEY,
                       seconds=5)
        contains(result.expect(2, out="").err, "base_url")


@case
def an_unknown_model_ends_the_run_with_its_name(t):
    server = t.simulator()
    t.sample(30)
    result = ingest(t, server, "--model", "gemini-embedding-9", "--concurrency", "1", code=2)
    contains(result.err, "no price is known", "HTTP 404", "gemini-embedding-9")
    equal((server.stop(), server.billed()), (1, []), "calls")


@case
def a_server_that_is_not_there_is_tried_again_and_then_named(t):
    t.sample(100)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = t.run("--json", "ingest", "train", "--base-url", url, "--input", "sample.csv",
                       "--concurrency", "1", key=KEY).expect(1)
    report = result.json()
    # Five batches with four attempts each end it; one more may have begun.
    check(5 <= report["batches"]["failed"] <= 6 and 20 <= report["api_calls"] <= 24, str(report))
    equal(report["estimated_cost_usd"], 0, "cost")
    contains(result.err, "⚠️ Batch 1 failed after 3 retries, skipping",
             "the request was not sent", "❌ Embedding generation failed: 5 batches in a row")


@case
def a_budget_is_never_passed_and_the_next_run_goes_on(t):
    server = t.simulator()
    t.sample(100)
    budget = 0.0001
    result = ingest(t, server, "--max-cost", budget, code=8)
    report = result.json()
    contains(result.err, "the budget of this run of $0.0001 is reached",
             "Raise the budget to go on.")
    equal(len(server.billed()), report["embedded"], "billed and stored")
    check(0 < report["embedded"] < 100, str(report))
    check(report["tokens"] * 0.15e-6 <= budget, f"{report['tokens']} tokens cost too much")
    check(report["estimated_cost_usd"] <= budget, str(report))
    rest = ingest(t, server).json()
    equal((rest["cached"], rest["complete"], len(server.billed()), server.billed_twice()),
          (report["embedded"], True, 100, 0), "the next run")


@case
def a_budget_of_nothing_sends_nothing(t):
    server = t.simulator()
    t.sample(3)
    ingest(t, server, "--max-cost", "0", code=8)
    for amount in ["-1", "1e3", "", "nan", "1,5"]:
        contains(ingest(t, server, "--max-cost=" + amount, code=2).err, "--max-cost")
    equal(server.stop(), 0, "calls")


@case
def the_name_of_a_model_may_have_the_prefix_of_the_api(t):
    server = t.simulator()
    t.sample(3)
    space = ingest(t, server).json()["space"]
    report = ingest(t, server, "--model", "models/gemini-embedding-001").json()
    equal((report["space"], report["embedded"]), (space, 0), "space")


@case
def a_used_up_day_ends_the_run_and_tomorrow_goes_on(t):
    today = t.simulator("--quota-rpd", "45")
    t.sample(100)
    result = ingest(t, today, "--concurrency", "1", code=10)
    report = result.json()
    contains(result.err, "the daily quota is used up", "goes on where it stopped",
             "Run the same command when the quota is fresh.")
    equal((report["embedded"], report["complete"], len(today.billed())), (40, False, 40), "today")
    equal(report["error"]["code"], "quota exhausted", "code")
    check((t.dir / "cache/.checkpoint_train.json").exists(), "no checkpoint")
    tomorrow = t.simulator()
    report = ingest(t, tomorrow).json()
    equal((report["cached"], report["embedded"], report["complete"]), (40, 60, True), "tomorrow")
    equal(len(set(today.billed() + tomorrow.billed())), 100, "texts billed, none twice")
    check(not (t.dir / "cache/.checkpoint_train.json").exists(), "the checkpoint is still there")


@case
def the_environment_and_the_file_can_say_it_too(t):
    server = t.simulator()
    t.sample(10)
    t.config(f"dataset: {{splits: {{train: {{path: sample.csv}}}}}}\n")
    report = t.run("--json", "ingest", "train", key=KEY,
                   env={"EMBSTORE_BASE_URL": server.url, "EMBSTORE_DIMENSIONS": "256",
                        "EMBSTORE_BATCH_SIZE": "5", "EMBSTORE_STORE": "elsewhere",
                        "EMBSTORE_CONCURRENCY": "1", "EMBSTORE_MODEL": "gemini-embedding-2"})
    equal(report.expect(0).json()["api_calls"], 2, "calls")
    equal((t.dir / "elsewhere/store").is_dir(), True, "EMBSTORE_STORE")
    equal({line.split()[1:3] == ["gemini-embedding-2", "256"]
           for line in server.log.read_text().splitlines()}, {True}, "model and size")
    # A flag is stronger than the environment.
    ingest(t, server, "--dimensions", "128", key=KEY)
    equal(server.log.read_text().splitlines()[-1].split()[2], "128", "dimensions")


@case
def two_texts_with_one_hash_have_two_vectors(t):
    """XXH3-128 of both is 6a67cb492e86ca8626f61705f9ecf037."""
    first = bytearray(b"e" * 256)
    first[32:36], first[96:100], first[36:37], first[100:101] = b" @@@", b"icvs", b"b", b"c"
    second = bytearray(first)
    second[36:37], second[100:101] = b"c", b"b"
    texts = [bytes(first).decode(), bytes(second).decode()]
    check(texts[0] != texts[1], "the texts are the same")
    server = t.simulator()
    t.write("a.csv", "text\n" + "\n".join(texts) + "\nother\n")
    report = ingest(t, server, "--format", "csv", input="a.csv").json()
    equal((report["unique_documents"], report["embedded"]), (3, 3), "report")
    equal(sorted(server.billed()), sorted(map(sha256, texts + ["other"])), "billed")
    t.run("export", "train").expect(0)
    rows = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    check(rows[0] != rows[1], "both rows are the same")
    same_rows(rows, [unit(v) for v in t.tools.oracle().vectors(texts + ["other"])])
    found = t.run("--json", "get", "train", "0", "1").expect(0).json()
    equal([d["text"] for d in found], texts, "texts")
    # The second slot is found again: in another order, alone, and after it came first.
    t.write("b.csv", "text\n" + "\n".join(reversed(texts)) + "\n")
    report = ingest(t, server, "--format", "csv", split="other", input="b.csv").json()
    equal(report["embedded"], 0, "embedded")
    same_rows([d["vector"] for d in t.run("--json", "get", "other", "0", "1").json()],
              [rows[1], rows[0]])
    equal(len(server.billed()), 3, "billed in the end")
