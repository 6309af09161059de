# SPDX-License-Identifier: Apache-2.0
"""`verify` names whatever is damaged, goes on behind it, and changes nothing."""

import os
import re
import shutil

from cases.damage import bought, flip, ingest, killed_store, largest, put_back, store
from harness import case, check, contains, equal, lacks
from paid import KEY, SMALL_JOBS, jobs, simulator
import paid

DOCUMENTS = 300
KEYS = {"ok", "checked", "damaged", "total_damaged", "litter", "kept_replies", "embed_again_usd",
        "elapsed_seconds"}
CHECKED = {"vectors", "texts", "documents", "records", "ledger_entries", "exports", "bytes"}


def verify(t, *words, code=0):
    report = t.run("--json", "verify", *words).expect(code).json()
    equal(set(report), KEYS, "keys")
    equal(set(report["checked"]), CHECKED, "keys of checked")
    equal(report["ok"], code == 0, "ok")
    equal(report["total_damaged"], len(report["damaged"]), "number of damages")
    for damage in report["damaged"]:
        equal(set(damage), {"kind", "where", "what", "next"}, "keys of a damage")
        check(all(damage.values()), f"an empty word in {damage}")
    return report


def damages(t, *words):
    return verify(t, *words, code=5)["damaged"]


def named(found, kind, *parts):
    """The damages of a kind that have these parts in one of their words."""
    return [d for d in found if d["kind"] == kind and all(p in "\n".join(d.values()) for p in parts)]


def files_of(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@case
def a_whole_store_is_read_back_and_left_as_it_was(t):
    store(t)
    t.run("export", "train").expect(0)
    before = files_of(t.dir / "cache")
    report = verify(t, "--output-dir", ".")
    checked = report["checked"]
    equal((checked["vectors"], checked["texts"], checked["documents"], checked["exports"]),
          (DOCUMENTS, DOCUMENTS, DOCUMENTS, 2), "checked")
    check(checked["records"] >= 4 * DOCUMENTS and checked["ledger_entries"] > 0, str(checked))
    check(checked["bytes"] > 2 * (t.dir / "train_embeddings.npy").stat().st_size, str(checked))
    equal((report["damaged"], report["litter"]), ([], []), "damage and litter")
    equal(files_of(t.dir / "cache") == before, True, "the files are as they were")
    contains(t.run("verify").expect(0).out, "vectors    300", "damaged    nothing")


@case
def without_a_store_there_is_nothing_to_verify(t):
    contains(t.run("verify").expect(9).err, "there is no store in 'cache'")
    store(t)
    contains(t.run("verify", "--output-dir", "nowhere").expect(2).err, "no directory 'nowhere'")


@case
def a_flipped_bit_in_any_table_file_is_named_with_the_file(t):
    store(t)
    shutil.copytree(t.dir / "cache", t.dir / "good")
    families = set()
    for table in sorted((t.dir / "good/store").glob("*.sst")):
        put_back(t, "good")
        damaged = t.dir / "cache/store" / table.name
        flip(damaged, 12)
        found = named(damages(t), "table", f"cache/store/{table.name}")
        equal(len(found), 1, f"damages of {table.name}")
        families.add(re.match("it holds '([^']*)': ", found[0]["what"]).group(1))
        contains(found[0]["next"], "'embstore recover'", "from a backup as a whole")
    equal(families >= {"meta", "spaces", "index", "vectors", "texts", "splits", "documents",
                       "runs"}, True, str(families))


@case
def a_flipped_bit_anywhere_in_a_table_file_is_found(t):
    store(t)
    shutil.copytree(t.dir / "cache", t.dir / "good")
    for pattern in ("*.sst",):
        for table in sorted((t.dir / "good/store").glob(pattern)):
            size = table.stat().st_size
            for at in (size // 3, size - 200, size - 60, size - 1):
                put_back(t, "good")
                flip(t.dir / "cache/store" / table.name, at)
                found = damages(t)
                check(any(table.name in "\n".join(d.values()) for d in found),
                      f"byte {at} of {size} of {table.name}: {found}")


@case
def damaged_vectors_are_all_named_with_their_documents(t):
    """Two blocks, far from each other: what lies between them and behind them is read."""
    store(t)
    table = largest(t, "*.sst")
    size = table.stat().st_size
    flip(table, size // 4)
    flip(table, size * 3 // 4)
    report = verify(t, code=5)
    vectors = named(report["damaged"], "vector", "lies in a block that cannot be read")
    equal(len(named(report["damaged"], "block", "family 'vectors'")), 2, "unreadable blocks")
    equal(report["checked"]["vectors"] + len(vectors), DOCUMENTS, "vectors read and named")
    hurt = {re.search("document '([0-9]+)' of split 'train'", d["what"]).group(1) for d in vectors}
    equal(len(hurt), len(vectors), "documents named")
    # They are the very ones that cannot be read.
    for document in hurt:
        t.run("get", "train", document).expect(5)
    t.run("get", "train", *sorted(set(map(str, range(DOCUMENTS))) - hurt)).expect(0)


@case
def a_store_that_does_not_open_is_still_checked_file_by_file(t):
    store(t)
    t.run("export", "train").expect(0)
    shutil.copytree(t.dir / "cache", t.dir / "good")
    tables = sorted(path.name for path in (t.dir / "good/store").glob("*.sst"))

    def cut_the_manifest():
        manifest = largest(t, "MANIFEST-*")
        os.truncate(manifest, manifest.stat().st_size // 2)

    def flip_the_manifest():
        manifest = largest(t, "MANIFEST-*")
        flip(manifest, manifest.stat().st_size // 2)

    for hurt in (lambda: (t.dir / "cache/store/CURRENT").unlink(),
                 lambda: t.write("cache/store/CURRENT", "MANIFEST-004005\n"),
                 lambda: largest(t, "*.sst").unlink(),
                 cut_the_manifest, flip_the_manifest):
        put_back(t, "good")
        hurt()
        # Elsewhere too.
        there = [name for name in tables if (t.dir / "cache/store" / name).exists()]
        flip(t.dir / "cache/store" / there[0], 12)
        flip(t.dir / "cache/train_embeddings.npy", 5000)
        report = verify(t, code=5)
        found = report["damaged"]
        equal(len(named(found, "store", "cache/store")), 1, f"the store in {found}")
        equal(len(named(found, "table", there[0])), 1, f"the table in {found}")
        equal(len(named(found, "export", "train_embeddings.npy")), 1, f"the export in {found}")
        check(report["checked"]["ledger_entries"] > 0, "the ledger was not read")


@case
def a_flipped_bit_in_the_log_is_named(t):
    killed_store(t)
    log = largest(t, "*.log")
    flip(log, log.stat().st_size // 3)
    contains(damages(t)[0]["what"], "cannot open the store", "Corruption")


@case
def a_store_older_than_its_ledger_is_named(t):
    bought(t)
    put_back(t, "half", "store")
    found = named(damages(t), "ledger")
    equal(len(named(found, "ledger", "the store is older than its ledger", "150 texts")), 1, "")
    equal(len(named(found, "ledger", "150 texts were paid for and stored",
                    "the store does not have their vectors")), 1, str(found))
    put_back(t, "good", "store")
    verify(t)


@case
def an_older_ledger_or_none_or_a_foreign_one_is_named(t):
    server, _ = bought(t)
    put_back(t, "half", "ledger")
    equal(len(named(damages(t), "ledger", "is older than the store")), 1, "older")
    (t.dir / "cache/ledger").unlink()
    equal(len(named(damages(t), "ledger", "it is gone")), 1, "gone")
    t.run("--store", "foreign", "ingest", "train", "--base-url", server.url, "--input",
          "sample.csv", key="good").expect(0)
    put_back(t, "foreign", "ledger")
    equal(len(named(damages(t), "ledger", "another store")), 1, "foreign")


@case
def a_flipped_bit_in_the_ledger_is_named_with_its_place(t):
    bought(t)
    size = (t.dir / "cache/ledger").stat().st_size
    for at in [0, 60, size // 4, size // 2, size * 3 // 4]:
        put_back(t, "good", "ledger")
        flip(t.dir / "cache/ledger", at)
        found = named(damages(t), "ledger", "cache/ledger")
        equal(len(found), 1, f"byte {at} of {size}")
        check("at byte" in found[0]["what"] or at < 80, f"{found}")


@case
def damaged_and_missing_files_of_jobs_are_named(t):
    t.config(SMALL_JOBS)
    t.sample(120)
    server = simulator(t, job_seconds=30)
    paid.ingest(t, server, "--no-wait")
    verify(t)
    files = sorted((t.dir / "cache/jobs").glob("*.jsonl"))
    equal(len(files), 3, "files")
    flip(files[0], 100)
    files[1].unlink()
    t.write("cache/jobs/0123456789abcdef.jsonl", "left over\n")
    report = verify(t, code=5)
    equal(len(named(report["damaged"], "job", files[0].name, "is damaged")), 1, "flipped")
    equal(len(named(report["damaged"], "job", files[1].name, "is gone", "jobs --abandon")), 1,
          "gone")
    equal(len(report["damaged"]), 2, str(report["damaged"]))
    contains("\n".join(report["litter"]), "0123456789abcdef.jsonl: a file of no open job")


@case
def a_damaged_answer_in_quarantine_is_named(t):
    t.sample(100)
    server = t.simulator("--fault", "rotate:count=1")
    paid.ingest(t, server, "--batch-size", 100, mode="sync", code=4)
    verify(t)
    flip(t.dir / "cache/jobs/request-1.jsonl", 50)
    equal(len(named(damages(t), "job", "request-1.jsonl", "--abandon 1")), 1, "damages")


@case
def damaged_exports_are_named_and_made_again_for_nothing(t):
    store(t)
    t.run("export", "train").expect(0)
    for name in ("train_embeddings.npy", "train_documents.jsonl", "train_labels.npy"):
        path = t.dir / "cache" / name
        good = path.read_bytes()
        for hurt in (lambda p: flip(p, p.stat().st_size - 9), lambda p: p.unlink(),
                     lambda p: os.truncate(p, p.stat().st_size - 8)):
            hurt(path)
            found = damages(t)
            equal(len(named(found, "export", name, "costs nothing")), 1, f"{name}: {found}")
            equal(len(found), 1, f"{name}: {found}")
            path.write_bytes(good)
    t.write("cache/train_metadata.json", "{}")
    equal(len(named(damages(t), "export", "train_metadata.json")), 1, "metadata")
    (t.dir / "cache/train_metadata.json").unlink()
    contains("\n".join(verify(t)["litter"]), "an export without its metadata file")
    # Another directory counts only when it is named.
    flip(t.dir / "train_embeddings.npy", 5000)
    verify(t)
    equal(len(damages(t, "--output-dir", ".")), 1, "in another directory")


@case
def what_unfinished_work_left_behind_is_litter_not_damage(t):
    store(t)
    t.write("cache/train_embeddings.npy.tmp-999999999-1", b"half")
    (t.dir / "cache/store.new").mkdir()
    litter = "\n".join(verify(t)["litter"])
    contains(litter, "train_embeddings.npy.tmp-999999999-1: a file that was never finished",
             "store.new: a store that was never finished")
    contains(t.run("verify").expect(0).out, "left over, harmless:")
    # A file that a living process writes is no litter.
    t.write(f"cache/other_embeddings.npy.tmp-{os.getpid()}-1", b"half")
    lacks("\n".join(verify(t)["litter"]), "other_embeddings")


@case
def a_writer_at_work_is_no_damage(t):
    t.sample(1200)
    server = t.simulator("--latency-ms", "5")
    looks = 0
    for split in ("train", "again"):
        running = t.start("ingest", split, "--base-url", server.url, "--input", "sample.csv",
                          "--refresh", "--concurrency", 2, key=KEY)
        while running.alive():
            result = t.run("verify")
            check(result.code in (0, 9), f"verify beside a writer: {result}")
            looks += 1
        running.finish().expect(0)
    check(looks >= 2, f"{looks} looks")
    equal(verify(t)["checked"]["vectors"], 1200, "vectors")


@case
def the_price_of_embedding_all_again_is_told(t):
    server, _ = bought(t)
    flip(largest(t, "*.sst"), 12)
    report = verify(t, code=5)
    check(report["embed_again_usd"] > 0, str(report["embed_again_usd"]))
    result = t.run("verify").expect(5)
    contains(result.out, "to embed all vectors of this store again would cost about $0.0")
    contains(result.err, "nothing was changed")


@case
def an_arrow_export_is_checked_like_the_other(t):
    store(t)
    t.run("export", "train", "--format", "arrow").expect(0)
    equal(verify(t)["checked"]["exports"], 1, "exports")
    flip(t.dir / "cache/train_embeddings.arrow", 5000)
    equal(len(named(damages(t), "export", "train_embeddings.arrow")), 1, "flipped")
    (t.dir / "cache/train_embeddings.arrow.json").unlink()
    contains("\n".join(verify(t)["litter"]), "train_embeddings.arrow: an export without its")


@case
def a_sketch_is_checked_too(t):
    store(t)
    for table in (t.dir / "cache/store").glob("*.sst"):
        if b"sketches" in table.read_bytes():
            flip(table, 300)
    equal(len(named(damages(t), "table", "it holds 'sketches'")), 1, "the table")
