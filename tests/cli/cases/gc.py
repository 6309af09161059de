# SPDX-License-Identifier: Apache-2.0
"""`gc` drops what no split refers to, and what it dropped is bought again without a word."""

import collections

import paid
from cases.damage import flip
from harness import SAMPLE, await_that, case, check, contains, equal
from paid import KEY, SMALL_JOBS, TEXTS, jobs, simulator
from simulator import sha256

LINES = SAMPLE.read_bytes().splitlines(keepends=True)
KEYS = {"dry_run", "vectors", "texts", "failures", "documents", "bytes", "kept", "questions", "spaces",
        "forgotten", "store_bytes_before", "store_bytes_after"}


def gc(t, *words, code=0):
    result = t.run("--json", "gc", *words).expect(code)
    if code != 0:
        return result
    report = result.json()
    equal(set(report), KEYS, "keys")
    return report


def rows(t, first, last, name="sample.csv"):
    return t.write(name, b"".join(LINES[first:last]))


def ingest(t, server, *words, split="train", name="sample.csv", code=0):
    return t.run("ingest", split, "--base-url", server.url, "--input", name, *words,
                 key=KEY).expect(code)


def billed_again(server):
    counts = collections.Counter(server.billed())
    return {text for text, count in counts.items() if count > 1}


def hashes(first, last):
    return {sha256(text) for text in TEXTS[first:last]}


def replaced(t, server):
    """Documents 0 to 199 were embedded; the split now has 100 to 299."""
    rows(t, 0, 200)
    ingest(t, server)
    rows(t, 100, 300)
    ingest(t, server)


def exported(t, split="train"):
    t.run("export", split).expect(0)
    return (t.dir / f"cache/{split}_embeddings.npy").read_bytes()


@case
def nothing_is_dropped_without_yes(t):
    server = t.simulator()
    replaced(t, server)
    before = t.run("--json", "status").expect(0).json()["spaces"]
    report = gc(t)
    equal((report["dry_run"], report["vectors"], report["texts"], report["kept"]),
          (True, 100, 100, 0), "report")
    space = report["spaces"][0]
    equal((space["vectors"], space["paid"], space["removed"]), (100, 100, False), "space")
    check(abs(space["embed_again_usd"] - space["tokens"] * paid.SYNC_PRICE) < 1e-9, str(space))
    equal(t.run("--json", "status").expect(0).json()["spaces"], before, "spaces")
    result = t.run("gc").expect(0)
    contains(result.out, "would drop  100, ", "gemini-embedding-001", "$0.0")
    contains(result.err, "nothing was dropped; the same command with --yes does it")


@case
def what_was_dropped_is_bought_again_and_nothing_else(t):
    server = t.simulator()
    replaced(t, server)
    right = exported(t)
    report = gc(t, "--yes")
    equal((report["dry_run"], report["vectors"], report["texts"]), (False, 100, 100), "report")
    equal(t.run("--json", "status").json()["spaces"][0]["vectors"], 200, "vectors left")
    equal(exported(t) == right, True, "the rows that stay")
    t.run("verify").expect(0)
    equal(gc(t, "--yes")["vectors"], 0, "vectors at the second time")
    rows(t, 0, 300, "all.csv")
    ingest(t, server, name="all.csv")
    equal(billed_again(server), hashes(0, 100), "billed again")
    equal(len(server.billed()), 400, "billed")
    t.run("verify").expect(0)
    # Bought again, it is a loss again when it goes missing.
    ingest(t, server, name="all.csv", split="more")
    equal(len(server.billed()), 400, "billed")


@case
def the_bytes_are_given_back(t):
    t.config(embedding="provider: local")
    rows(t, 0, 1200)
    t.run("ingest", "train", "--input", "sample.csv").expect(0)
    rows(t, 0, 10)
    t.run("ingest", "train", "--input", "sample.csv").expect(0)
    report = gc(t, "--yes")
    equal(report["vectors"], 1190, "vectors")
    check(report["store_bytes_after"] < report["store_bytes_before"] / 3, str(report))
    files = sum(path.stat().st_size for path in (t.dir / "cache/store").iterdir())
    check(files < report["store_bytes_before"] / 3, f"{files} bytes")


@case
def a_forgotten_split_takes_only_its_own_along(t):
    server = t.simulator()
    rows(t, 0, 200)
    ingest(t, server)
    rows(t, 100, 300, "other.csv")
    ingest(t, server, split="other", name="other.csv")
    right = exported(t, "other")
    report = gc(t, "--forget", "train")
    equal((report["forgotten"], report["vectors"], report["documents"]), (["train"], 100, 200), "")
    t.run("get", "train", "0").expect(0)
    gc(t, "--forget", "train", "--yes")
    contains(t.run("get", "train", "0").expect(9).err, "no split 'train'", "it has: other")
    equal([s["name"] for s in t.run("--json", "status").json()["splits"]], ["other"], "splits")
    equal(exported(t, "other") == right, True, "rows of the other split")
    t.run("verify").expect(0)
    rows(t, 0, 200)
    ingest(t, server)
    equal(billed_again(server), hashes(0, 100), "billed again")
    gc(t, "--forget", "nothing", code=9)


@case
def an_empty_store_is_what_is_left_of_the_only_split(t):
    server = t.simulator()
    rows(t, 0, 50)
    ingest(t, server)
    report = gc(t, "--forget", "train", "--yes")
    equal((report["vectors"], report["spaces"][0]["removed"]), (50, True), "report")
    status = t.run("--json", "status").expect(0).json()
    equal((status["splits"], status["spaces"]), ([], []), "status")
    check(status["money"]["spent_usd"] > 0, "what was spent is still known")
    t.run("verify").expect(0)
    ingest(t, server)
    equal(billed_again(server), hashes(0, 50), "billed again")


@case
def every_model_loses_what_no_split_has(t):
    server = t.simulator()
    replaced(t, server)
    rows(t, 0, 200, "old.csv")
    ingest(t, server, "--model", "gemini-embedding-2", split="old", name="old.csv")
    equal(gc(t)["vectors"], 0, "while a split has the texts")
    report = gc(t, "--forget", "old", "--yes")
    equal(sorted((s["model"], s["vectors"]) for s in report["spaces"]),
          [("gemini-embedding-001", 100), ("gemini-embedding-2", 100)], "dropped")
    equal([s["removed"] for s in report["spaces"]], [False, False], "removed")
    t.run("verify").expect(0)


@case
def nothing_is_dropped_while_another_process_writes(t):
    held = t.hold()
    server = t.simulator("--fault", f"held={held}")
    rows(t, 0, 200)
    running = t.start("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                      key=KEY)
    await_that(server.billed, "the first texts are billed")
    contains(gc(t, "--yes", code=6).err, "is in use by another process")
    held.unlink()
    running.finish().expect(0)
    equal(gc(t, "--yes")["vectors"], 0, "vectors")


@case
def what_a_batch_job_refers_to_stays(t):
    t.config(SMALL_JOBS)
    server = simulator(t, f"job-held={t.dir / 'held'}")
    rows(t, 0, 60)
    paid.ingest(t, server)
    held = t.hold()
    paid.ingest(t, server, "--refresh", "--no-wait")
    rows(t, 100, 110)
    paid.ingest(t, server, "--no-wait")  # No split has the first sixty any more.
    check(jobs(t), "there are open jobs")
    report = gc(t, "--yes")
    equal((report["vectors"], report["kept"]), (0, 60), "dropped and kept")
    contains(gc(t, "--forget", "train", "--yes", code=4).err, "has texts in job",
             "nothing was dropped")
    held.unlink()
    t.run("jobs", "--wait", "--base-url", server.url, key=KEY).expect(0)
    t.run("verify").expect(0)
    report = gc(t, "--yes")
    equal((report["vectors"], report["kept"]), (60, 0), "afterwards")


@case
def a_split_with_a_quarantined_answer_is_not_forgotten(t):
    rows(t, 0, 100)
    server = t.simulator("--fault", "rotate:count=1")
    ingest(t, server, "--batch-size", 100, code=4)
    gc(t, "--forget", "train", "--yes", code=4)
    t.run("jobs", "--abandon", "1").expect(0)
    gc(t, "--forget", "train", "--yes")


@case
def failures_go_with_their_texts(t):
    server = t.simulator("--fault", f"reject-text={TEXTS[5][:30]}")
    rows(t, 0, 20)
    ingest(t, server, code=3)
    rows(t, 10, 20)
    ingest(t, server)
    equal(gc(t, "--yes")["failures"], 1, "failures")
    equal(t.run("--json", "status").json()["failures"], [], "failures left")


@case
def over_damage_nothing_is_dropped(t):
    server = t.simulator()
    replaced(t, server)
    gc(t)  # Opens for writing: all is in tables now.
    for table in sorted((t.dir / "cache/store").glob("*.sst")):
        good = table.read_bytes()
        flip(table, 12)
        gc(t, "--yes", code=5)
        table.write_bytes(good)
    equal(gc(t)["vectors"], 100, "what can be dropped once it is repaired")
