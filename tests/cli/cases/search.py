# SPDX-License-Identifier: Apache-2.0
"""similar and search: the nearest documents, exactly and by sketches, of documents and of texts."""

import math

import paid
from files import read_npy, unit
from harness import case, check, contains, equal, lacks

HIT_KEYS = ["id", "position", "label", "score", "text"]


def local_store(t, documents=300):
    t.sample(documents)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)


def exported(t):
    t.run("export", "train").expect(0)
    return read_npy(t.dir / "cache/train_embeddings.npy").rows()


def nearest(rows, query, k, leave_out=()):
    """Positions by cosine; computed here. The rows have unit length."""
    scores = [sum(a * b for a, b in zip(row, query)) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: -scores[i])
    return [(i, scores[i]) for i in order if i not in leave_out][:k]


def agree(hits, expected):
    """Equal scores in any order: they are single precision."""
    equal(len(hits), len(expected), "hits")
    for hit, (_, score) in zip(hits, expected):
        check(math.isclose(hit["score"], score, abs_tol=2e-6), f"{hit} is not {score}")


@case
def similar_finds_what_the_exported_vectors_say(t):
    local_store(t)
    rows = exported(t)
    for position in (0, 17, 299):
        expected = nearest(rows, rows[position], 10, leave_out=[position])
        for flags in ([], ["--exact"]):
            hits = t.run("--json", "similar", "train", position, *flags).expect(0, err="").json()
            agree(hits, expected)
            equal({tuple(hit) for hit in hits}, {tuple(HIT_KEYS)}, "keys")


@case
def similar_includes_the_document_itself_only_when_asked(t):
    local_store(t, 50)
    hits = t.run("--json", "similar", "train", "7", "--include-self").expect(0).json()
    equal((hits[0]["id"], round(hits[0]["score"], 5)), ("7", 1.0), "itself comes first")
    for flags in ([], ["--exclude-self"]):
        hits = t.run("--json", "similar", "train", "7", *flags).expect(0).json()
        lacks(str([hit["id"] for hit in hits]), "'7'")


@case
def min_score_leaves_worse_hits_out(t):
    local_store(t, 100)
    for flags in ([], ["--exact"]):
        every = t.run("--json", "similar", "train", "3", "-k", "99", *flags).expect(0).json()
        least = every[4]["score"] - 1e-6
        hits = t.run("--json", "similar", "train", "3", "-k", "99", "--min-score", least, *flags)
        equal(hits.expect(0).json(), [hit for hit in every if hit["score"] >= least], "hits")
        equal(t.run("--json", "similar", "train", "3", "--min-score", "1.01",
                    *flags).expect(0).json(), [], "nothing is that near")


@case
def a_text_with_the_free_provider_is_searched_without_writing(t):
    local_store(t, 200)
    text = t.run("--json", "get", "train", "5").expect(0).json()[0]["text"]
    before = (t.dir / "cache/ledger").read_bytes()
    hits = t.run("--json", "search", "train", text, "-k", "3").expect(0, err="").json()
    equal((hits[0]["id"], round(hits[0]["score"], 5)), ("5", 1.0), "its own document")
    hits = t.run("--json", "search", "train", text, "--exclude-self").expect(0).json()
    lacks(str([hit["id"] for hit in hits]), "'5'")
    equal(t.run("--json", "search", "train", "-", "-k", "1", input=text.encode()).expect(0).json()[0]
          ["id"], "5", "from standard input")
    equal((t.dir / "cache/ledger").read_bytes(), before, "ledger")
    for nothing in ("", " \t"):
        contains(t.run("search", "train", nothing).expect(2).err, "no text to search for")
    contains(t.run("search", "absent", "x").expect(9).err, "no split 'absent'")


@case
def a_question_is_paid_once_and_with_the_task_type_of_questions(t):
    server = paid.simulator(t)
    t.sample(40)
    t.config(embedding="task_type: RETRIEVAL_DOCUMENT")
    paid.ingest(t, server, mode="sync")
    rows = exported(t)
    question = "what is set free"
    for times in (1, 2):
        hits = t.run("--json", "search", "train", question, "--base-url", server.url,
                     key=paid.KEY).expect(0, err="").json()
        equal(len(server.billed()), 40 + 1, f"billed after search {times}")
    asked = t.tools.oracle().vectors([question], task_type="RETRIEVAL_QUERY")[0]
    agree(hits, nearest(rows, unit(asked), 10))
    spaces = t.run("--json", "status").expect(0).json()["spaces"]
    equal(sorted((s["task_type"], s["vectors"]) for s in spaces),
          [("RETRIEVAL_DOCUMENT", 40), ("RETRIEVAL_QUERY", 1)], "spaces")
    by_split = t.run("--json", "status").json()["money"]["by_split"]
    equal(sorted(row["name"] for row in by_split), ["(search)", "train"], "who paid")
    # The question is a vector like any other, and none that the split has.
    equal(t.run("--json", "export", "train").expect(0).json()["shape"], [40, 128], "export")


@case
def a_question_that_cannot_be_paid_for_is_not_sent(t):
    server = paid.simulator(t)
    t.sample(10)
    paid.ingest(t, server, mode="sync")
    ask = ["search", "train", "something new", "--base-url", server.url]
    contains(t.run(*ask).expect(10).err, "no API key")
    contains(t.run(*ask, "--max-cost", "0.0000001", key=paid.KEY).expect(8).err, "budget")
    equal(len(server.billed()), 10, "billed")
    # What is cached needs neither key nor server.
    cached = t.run("--json", "get", "train", "3").expect(0).json()[0]["text"]
    equal(t.run("--json", "search", "train", cached, "-k", "1").expect(0).json()[0]["id"], "3",
          "a cached text")


@case
def nothing_is_paid_for_when_there_is_nothing_to_compare_with(t):
    server = paid.simulator(t, job_seconds=60)
    t.sample(10)
    t.run(*paid.words(server, "--no-wait"), key=paid.KEY).expect(0)
    ask = ["search", "train", "--base-url", server.url]
    contains(t.run(*ask, "anything", key=paid.KEY).expect(9).err, "no document", "nothing was sent")
    equal(server.billed(), [], "billed")


@case
def a_question_that_is_in_an_open_job_is_not_sent_again(t):
    server = paid.simulator(t, job_seconds=60)
    t.sample(10)
    t.write("one.csv", t.read("sample.csv").splitlines()[0] + "\n")
    paid.ingest(t, server, mode="sync", input="one.csv", split="one")
    t.run(*paid.words(server, "--no-wait"), key=paid.KEY).expect(0)
    held = t.run("search", "one", paid.TEXTS[5], "--base-url", server.url, key=paid.KEY)
    contains(held.expect(4).err, "in a batch job")
    equal(len(server.billed()), 1, "billed")


@case
def questions_stay_through_gc_unless_they_are_meant(t):
    server = paid.simulator(t)
    t.sample(10)
    paid.ingest(t, server, mode="sync")
    ask = ["search", "train", "what is free", "--base-url", server.url]
    t.run(*ask, key=paid.KEY).expect(0)
    report = t.run("--json", "gc", "--yes").expect(0).json()
    equal((report["vectors"], report["questions"]), (0, 1), "dropped and kept")
    t.run(*ask, key=paid.KEY).expect(0)
    equal(len(server.billed()), 11, "billed")
    equal(t.run("--json", "gc", "--questions", "--yes").expect(0).json()["vectors"], 1, "dropped")
    t.run(*ask, key=paid.KEY).expect(0)
    equal(len(server.billed()), 12, "billed after that")
    t.run("verify").expect(0)


@case
def mistakes_are_named_before_anything_is_read(t):
    local_store(t, 10)
    for flags, words in [(["--max-cost", "abc"], "--max-cost"), (["--min-score", "nan"], "not a number"),
                         (["--task-type", "CLUSTERING"], "no task types")]:
        contains(t.run("search", "train", "x", *flags).expect(2).err, words)
    text = t.run("--json", "get", "train", "5").expect(0).json()[0]["text"]
    hits = t.run("--json", "search", "train", "-", "-k", "1", input=(text + "\n").encode())
    equal(round(hits.expect(0).json()[0]["score"], 6), 1.0, "the newline at the end is no text")
