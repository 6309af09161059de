# SPDX-License-Identifier: Apache-2.0
"""A damaged store answers with an error, never with other numbers and never with a crash."""

import os
import random
import shutil

from files import read_npy
from harness import SIGKILL, await_that, case, check, contains, equal

DOCUMENTS = 300
READING = [["status"], ["get", "train", "1"], ["export", "train"]]


def store(t):
    """A closed store; answers the right rows."""
    t.sample(DOCUMENTS)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    t.run("export", "train", "--output-dir", ".").expect(0)
    return (t.dir / "train_embeddings.npy").read_bytes()


def killed_store(t):
    """A store whose writer was killed: everything is still in its log."""
    held = t.hold()
    server = t.simulator("--fault", f"held={held}:from=20")
    t.sample(DOCUMENTS)
    running = t.start("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                      key="good")

    def at_rest():
        status = t.run("--json", "status")
        if status.code != 0:
            return False
        facts = status.json()
        stored = sum(space["vectors"] for space in facts["spaces"])
        under_way = facts["money"]["under_way_texts"]
        return (stored, under_way, len(server.billed())) == (190, 40, 230)

    await_that(at_rest, "190 texts are stored and in the books, and 40 in flight")
    running.signal(SIGKILL)
    running.finish()
    held.unlink()
    return server


def ingest(t, server, *words):
    return t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", *words,
                 key="good")


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
        for reading in READING:
            t.run(*reading).expect(5)


@case
def a_current_file_that_names_nothing_is_damage(t):
    store(t)
    t.write("cache/store/CURRENT", "MANIFEST-004005\n")
    for reading in READING:
        t.run(*reading).expect(5)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(5)


@case
def a_deleted_manifest_is_damage(t):
    store(t)
    largest(t, "MANIFEST-*").unlink()
    for reading in READING:
        contains(t.run(*reading).expect(5).err, "lacks a file", "embstore recover")


@case
def a_missing_file_is_damage_also_beside_a_writer(t):
    server = t.simulator("--fault", f"held={t.hold()}")
    t.sample(DOCUMENTS)
    running = t.start("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                      key="good")
    await_that(lambda: len(server.billed()) > 0, "something is billed")
    largest(t, "MANIFEST-*").unlink()
    contains(t.run("status").expect(5).err, "lacks a file")
    running.kill()


@case
def readers_say_so_when_vectors_that_were_paid_for_are_gone(t):
    """An older MANIFEST under the last one's name leaves tables out, and the log behind them has
    the last commit."""
    server, _ = bought(t)
    shutil.rmtree(t.dir / "cache")
    shutil.copytree(t.dir / "half", t.dir / "cache")
    ingest(t, server, "--limit", "250").expect(0)
    slow = t.simulator("--fault", f"held={t.hold()}:at=4")
    running = t.start("ingest", "train", "--base-url", slow.url, "--input", "sample.csv",
                      "--concurrency", "1", key="good")
    await_that(lambda: len(slow.billed()) >= 40, "thirty texts are answered")
    running.signal(SIGKILL)
    running.finish()
    t.run("get", "train", "0", "200").expect(0)
    shutil.copy(next((t.dir / "half/store").glob("MANIFEST-*")), largest(t, "MANIFEST-*"))
    for reading in [["get", "train", "200"], ["similar", "train", "1"],
                    ["export", "train", "--missing", "nan"]]:
        contains(t.run(*reading).expect(5).err, "lost vectors", "embstore recover")
    check(not (t.dir / "cache/train_embeddings.npy").exists(), "a file was written")


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


@case
def a_deleted_log_is_noticed_before_anything_is_paid_again(t):
    server = killed_store(t)
    largest(t, "*.log").unlink()
    nothing_is_paid_again(t, server, "is older than its ledger", "nothing was sent")


@case
def with_a_cut_manifest_nothing_is_paid_again_and_no_row_is_wrong(t):
    server, _ = bought(t)
    right = read_npy(t.dir / "train_embeddings.npy").rows()
    for tenths in range(1, 10):
        cut_manifest(t, tenths)
        result = t.run("export", "train")
        check(result.code in (0, 1, 5), str(result))
        if result.code == 0:
            rows = read_npy(t.dir / "cache/train_embeddings.npy").rows()
            equal(rows == right[:len(rows)], True, f"rows with {tenths} tenths of the manifest")
        ingest(t, server, "--limit", "299")
        equal(len(server.billed()), DOCUMENTS, f"billed with {tenths} tenths of the manifest")


@case
def a_cut_manifest_is_always_damage(t):
    server, _ = bought(t)
    for tenths in range(1, 10):
        cut_manifest(t, tenths)
        t.run("export", "train").expect(5)
        ingest(t, server, "--limit", "299").expect(5)


def cut_manifest(t, tenths):
    put_back(t, "good")
    manifest = largest(t, "MANIFEST-*")
    os.truncate(manifest, manifest.stat().st_size * tenths // 10)


# --- The store and its ledger are witnesses of each other ---------------------------------------


def bought(t):
    """A store that was paid for, with a copy of it half way (`half`) and at the end (`good`);
    answers the server and the right rows."""
    server = t.simulator()
    t.sample(DOCUMENTS)
    ingest(t, server, "--limit", "150").expect(0)
    shutil.copytree(t.dir / "cache", t.dir / "half")
    ingest(t, server).expect(0)
    t.run("export", "train", "--output-dir", ".").expect(0)
    shutil.copytree(t.dir / "cache", t.dir / "good")
    return server, (t.dir / "train_embeddings.npy").read_bytes()


def put_back(t, copy, *parts):
    """Puts a copy of the cache directory, or of some parts of it, in the place of what is there."""
    for part in parts or [""]:
        source, target = t.dir / copy / part, t.dir / "cache" / part
        if target.is_dir():
            shutil.rmtree(target)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)


def nothing_is_paid_again(t, server, *words):
    billed = len(server.billed())
    for mode in ("sync", "batch"):
        result = t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                       "--mode", mode, key="good").expect(5)
        contains(result.err, "❌", *words)
    result = t.run("ingest", "other", "--base-url", server.url, "--input", "sample.csv", key="good")
    check(result.code == 5, f"another split: {result}")
    equal(len(server.billed()), billed, "billed")


def goes_on(t, server, documents_billed):
    """All is well again: the run ends with every row, and pays for what is missing."""
    ingest(t, server).expect(0)
    equal(len(server.billed()), documents_billed, "billed")


@case
def an_older_copy_of_the_store_is_noticed(t):
    server, _ = bought(t)
    put_back(t, "half", "store")
    nothing_is_paid_again(t, server, "is older than its ledger", "150 texts that were paid for",
                          "nothing was sent")
    contains(t.run("export", "train").expect(5).err, "is older than its ledger")
    put_back(t, "good", "store")
    goes_on(t, server, DOCUMENTS)


@case
def an_older_copy_of_the_ledger_is_noticed(t):
    server, _ = bought(t)
    put_back(t, "half", "ledger")
    nothing_is_paid_again(t, server, "the ledger ", "is older than the store", "nothing was sent")
    put_back(t, "good", "ledger")
    goes_on(t, server, DOCUMENTS)


@case
def an_older_copy_of_both_is_a_backup(t):
    """The cache directory as a whole is consistent; what came later is paid for again."""
    server, _ = bought(t)
    put_back(t, "half")
    goes_on(t, server, DOCUMENTS + 150)


@case
def a_deleted_ledger_is_noticed_and_can_be_begun_anew(t):
    server, right = bought(t)
    (t.dir / "cache/ledger").unlink()
    nothing_is_paid_again(t, server, "the ledger ", "is gone", "--new-ledger")
    check(not (t.dir / "cache/ledger").exists(), "a ledger was made unasked")
    ingest(t, server, "--new-ledger").expect(0)
    goes_on(t, server, DOCUMENTS)
    t.run("export", "train").expect(0)
    equal((t.dir / "cache/train_embeddings.npy").read_bytes(), right, "rows")
    equal(t.run("--json", "status").json()["money"]["spent_usd"], 0, "spent")


@case
def a_new_ledger_is_not_begun_where_there_is_one(t):
    server, _ = bought(t)
    before = (t.dir / "cache/ledger").read_bytes()
    contains(ingest(t, server, "--new-ledger").expect(2).err, "there is a ledger")
    equal((t.dir / "cache/ledger").read_bytes() == before, True, "the ledger is as it was")


@case
def a_cut_ledger_is_noticed(t):
    """Wherever it is cut: a torn last entry is dropped, and then the store knows more."""
    server, _ = bought(t)
    size = (t.dir / "cache/ledger").stat().st_size
    for length in [0, 1, 7, 40, size // 3, size // 2, size - 400, size - 1]:
        put_back(t, "good", "ledger")
        os.truncate(t.dir / "cache/ledger", length)
        result = ingest(t, server, "--limit", "299")
        equal(len(server.billed()), DOCUMENTS, f"billed with {length} of {size} bytes")
        if length < size - 1:
            check(result.code == 5, f"{length} of {size} bytes: {result}")
        elif result.code != 0:
            contains(result.expect(5).err, "❌")


@case
def a_flipped_bit_in_the_ledger_is_noticed(t):
    server, _ = bought(t)
    size = (t.dir / "cache/ledger").stat().st_size
    for at in [0, 3, 20, 60, size // 4, size // 2, size * 3 // 4, size - 200, size - 20, size - 1]:
        put_back(t, "good", "ledger")
        flip(t.dir / "cache/ledger", at)
        # Unchanged, it needs no ledger; another limit is another run.
        result = ingest(t, server, "--limit", "299")
        check(result.code in (1, 5) or (result.code == 0 and at > size - 250),
              f"byte {at} of {size}: {result}")
        equal(len(server.billed()), DOCUMENTS, f"billed with byte {at} of {size} flipped")
        check(t.run("status").code in (0, 1, 5), "status")


@case
def the_ledger_of_another_store_is_noticed(t):
    server, _ = bought(t)
    t.run("--store", "foreign", "ingest", "train", "--base-url", server.url, "--input",
          "sample.csv", key="good").expect(0)
    billed = len(server.billed())
    put_back(t, "foreign", "ledger")
    result = ingest(t, server, "--limit", "299")
    check(result.code in (1, 5), str(result))
    contains(result.err, "another store")
    equal(len(server.billed()), billed, "billed")


@case
def a_deleted_store_is_noticed_by_its_ledger(t):
    server, _ = bought(t)
    shutil.rmtree(t.dir / "cache/store")
    nothing_is_paid_again(t, server, "is gone, but its ledger knows of", "300 texts", "nothing was "
                          "sent")
    for reading in READING:
        contains(t.run(*reading).expect(5).err, "is gone, but its ledger knows of")
    # The way out is named, and works.
    (t.dir / "cache/ledger").rename(t.dir / "old-ledger")
    goes_on(t, server, 2 * DOCUMENTS)


@case
def the_ledger_alone_says_what_was_lost_while_jobs_are_open(t):
    """Texts in open jobs are paid for, too."""
    t.sample(50)
    server = t.simulator("--batch-seconds", "30")
    words = ["ingest", "train", "--base-url", server.url, "--input", "sample.csv", "--mode",
             "batch", "--no-wait"]
    t.run(*words, key="good").expect(0)
    shutil.rmtree(t.dir / "cache/store")
    t.run(*words, key="good").expect(5)


@case
def a_torn_log_keeps_what_was_acknowledged_before(t):
    """What a power failure during a commit leaves: the last record of the log is incomplete, and
    the ledger ends before it."""
    server = killed_store(t)
    log, ledger = largest(t, "*.log"), t.dir / "cache/ledger"
    os.truncate(log, log.stat().st_size - 7)
    # As long as the ledger knows of that commit, it is a loss.
    contains(t.run("status").expect(5).err, "texts that were paid for are missing")
    while t.run("status").code == 5:
        check(ledger.stat().st_size > 1000, "the ledger is gone")
        os.truncate(ledger, ledger.stat().st_size - 40)
    status = t.run("--json", "status").expect(0).json()
    check(status["spaces"][0]["vectors"] >= 100, f"lost: {status['spaces']}")
    ingest(t, server).expect(0)
    check(server.billed_twice() <= 2 * 40, f"{server.billed_twice()} paid twice")


@case
def a_hole_in_what_was_never_synced_is_no_damage(t):
    """What a power failure may leave behind the last sync: a page of a write without the one
    before it."""
    server = killed_store(t)
    before = t.run("--json", "status").expect(0).json()["spaces"]
    with open(largest(t, "*.log"), "ab") as log:
        log.write(b"\x11\x22\x33\x44\x14\x00\x01" + bytes(range(20)))
    equal(t.run("--json", "status").expect(0).json()["spaces"], before, "spaces")
    t.run("verify").expect(0)
    ingest(t, server).expect(0)
    check(server.billed_twice() <= 2 * 40, f"{server.billed_twice()} paid twice")
    t.run("verify").expect(0)


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
