# SPDX-License-Identifier: Apache-2.0
"""A damaged store answers with an error, never with other numbers and never with a crash."""

import os
import random
import shutil

from harness import SIGKILL, await_that, case, check, contains, equal, gap

DOCUMENTS = 300


def store(t):
    """A closed store; answers the right rows."""
    t.sample(DOCUMENTS)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    t.run("export", "train", "--output-dir", ".").expect(0)
    return (t.dir / "train_embeddings.npy").read_bytes()


def killed_store(t):
    """A store whose writer was killed: everything is still in its log."""
    server = t.simulator("--latency-ms", "30")
    t.sample(DOCUMENTS)
    running = t.start("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                      key="good")
    await_that(lambda: len(server.billed()) >= 200, "two hundred texts are billed")
    running.signal(SIGKILL)
    running.finish()
    return server


def ingest(t, server):
    return t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", key="good")


def largest(t, pattern):
    return max((t.dir / "cache/store").glob(pattern), key=lambda path: path.stat().st_size)


def flip(path, at, mask=0x40):
    content = bytearray(path.read_bytes())
    content[at] ^= mask
    path.write_bytes(content)


@case
def a_flipped_bit_in_the_largest_table_is_found(t):
    store(t)
    table = largest(t, "*.sst")
    flip(table, table.stat().st_size // 2)
    ids = [str(i) for i in range(DOCUMENTS)]
    for words in [["get", "train", *ids], ["export", "train"]]:
        result = t.run(*words).expect(5)
        contains(result.err, "❌")
    check(not (t.dir / "cache/train_embeddings.npy").exists(), "a file was written")


@case
def flipped_bits_anywhere_never_change_a_number(t):
    right = store(t)
    shutil.move(t.dir / "cache", t.dir / "good")
    random_source = random.Random(5)
    outcomes = {}
    for _ in range(40):
        shutil.rmtree(t.dir / "cache", ignore_errors=True)
        shutil.copytree(t.dir / "good", t.dir / "cache")
        files = sorted(p for p in (t.dir / "cache/store").iterdir()
                       if p.is_file() and p.stat().st_size > 0 and p.name not in ("LOCK", "lock"))
        path = random_source.choice(files)
        flip(path, random_source.randrange(path.stat().st_size), 1 << random_source.randrange(8))
        result = t.run("export", "train")
        kind = path.suffix or path.name.split("-")[0]
        outcomes.setdefault(kind, set()).add(result.code)
        if result.code == 0:
            equal((t.dir / "cache/train_embeddings.npy").read_bytes() == right, True,
                  f"right numbers with a flipped bit in {path.name}")
        else:
            check(result.code in (1, 5), f"a flipped bit in {path.name}: {result}")
    check(5 in outcomes[".sst"], str(outcomes))


@case
def a_missing_table_is_damage(t):
    store(t)
    largest(t, "*.sst").unlink()
    for words in [["export", "train"], ["get", "train", "1"], ["status"],
                  ["ingest", "train", "--provider", "local", "--input", "sample.csv"]]:
        result = t.run(*words)
        check(result.code == 5, f"{result}")


@case
def a_store_without_its_current_file_is_never_taken_for_a_new_one(t):
    """Everything would be paid for again."""
    server = t.simulator()
    t.sample(DOCUMENTS)
    ingest(t, server).expect(0)
    tables = sorted(p.name for p in (t.dir / "cache/store").glob("*.sst"))
    (t.dir / "cache/store/CURRENT").unlink()
    for _ in range(2):
        result = ingest(t, server)
        equal(len(server.billed()), DOCUMENTS, "billed")
        result.expect(5)
        equal(sorted(p.name for p in (t.dir / "cache/store").glob("*.sst")), tables, "tables")
        for reading in [["status"], ["get", "train", "1"], ["export", "train"]]:
            check(t.run(*reading).code in (1, 5), "reading")


@case
def a_current_file_that_names_nothing_is_damage(t):
    store(t)
    t.write("cache/store/CURRENT", "MANIFEST-004005\n")
    for reading in [["status"], ["export", "train"]]:
        # To a reader it looks as if a writer had just replaced files: it may ask to try again.
        check(t.run(*reading).code in (1, 5), "reading")
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(5)


@case
def damage_during_an_answer_leaves_one_json_document(t):
    store(t)
    table = largest(t, "*.sst")
    flip(table, table.stat().st_size // 2)
    ids = [str(i) for i in range(DOCUMENTS)]
    document = t.run("--json", "get", "train", *ids).expect(5).json()
    equal(document["error"]["code"], "corruption", "code")


@case
def an_unreadable_manifest_is_damage(t):
    store(t)
    manifest = largest(t, "MANIFEST-*")
    flip(manifest, manifest.stat().st_size // 2)
    for words in [["status"], ["export", "train"],
                  ["ingest", "train", "--provider", "local", "--input", "sample.csv"]]:
        contains(t.run(*words).expect(5).err, "cannot open the store")


@case
def a_flipped_bit_in_the_log_is_damage(t):
    server = killed_store(t)
    log = largest(t, "*.log")
    flip(log, log.stat().st_size // 3)
    billed = len(server.billed())
    for words in [["status"], ["export", "train", "--missing", "skip"]]:
        t.run(*words).expect(5)
    ingest(t, server).expect(5)
    equal(len(server.billed()), billed, "billed")


@gap("there is no second witness outside the store yet, which would know what was bought")
@case
def a_cut_manifest_is_noticed_before_anything_is_paid_again(t):
    right = store(t)
    shutil.move(t.dir / "cache", t.dir / "good")
    for tenths in range(1, 10):
        for words in [["export", "train"], ["--json", "ingest", "train", "--provider", "local",
                                            "--input", "sample.csv", "--limit", "299"]]:
            shutil.rmtree(t.dir / "cache", ignore_errors=True)
            shutil.copytree(t.dir / "good", t.dir / "cache")
            manifest = largest(t, "MANIFEST-*")
            os.truncate(manifest, manifest.stat().st_size * tenths // 10)
            result = t.run(*words)
            if result.code == 0 and words[0] == "export":
                equal((t.dir / "cache/train_embeddings.npy").read_bytes(), right, "rows")
            elif result.code == 0:
                equal(result.json()["embedded"], 0, "embedded again")
            else:
                result.expect(5)


@gap("there is no second witness outside the store yet, which would know what was bought")
@case
def a_deleted_log_is_noticed_before_anything_is_paid_again(t):
    server = killed_store(t)
    largest(t, "*.log").unlink()
    billed = len(server.billed())
    ingest(t, server).expect(5)
    equal(len(server.billed()), billed, "billed")


@case
def a_torn_log_keeps_what_was_acknowledged_before(t):
    """What a power failure leaves: the last record is incomplete."""
    server = killed_store(t)
    log = largest(t, "*.log")
    with open(log, "r+b") as file:
        file.truncate(log.stat().st_size - 7)
    status = t.run("--json", "status").expect(0).json()
    check(status["spaces"][0]["vectors"] > 0, "everything is gone")
    ingest(t, server).expect(0)
    check(server.billed_twice() <= 2 * 40, f"{server.billed_twice()} paid twice")


@case
def files_that_are_no_store_are_refused(t):
    t.sample(3)
    for content in [b"MANIFEST-000001\n", b"", b"\xff" * 99]:
        t.write("cache/store/CURRENT", content)
        for words in [["status"], ["ingest", "train", "--provider", "local", "--input",
                                   "sample.csv"]]:
            result = t.run(*words)
            check(result.code in (1, 5, 7), f"{content}: {result}")
    t.write("file", b"")
    contains(t.run("--store", "file", "status").expect(9).err, "there is no store in 'file'")
    t.run("--store", "file", "ingest", "train", "--provider", "local", "--input",
          "sample.csv").expect(7)
