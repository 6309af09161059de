# SPDX-License-Identifier: Apache-2.0
"""import: vectors that were paid for elsewhere are brought in, checked, and not bought again."""

import json
import struct

import harness
from cases.disk import file_size_limit
from files import npy, read_npy, same_rows, unit
from harness import SIGKILL, await_that, case, contains, equal, lacks
from imports import FIXTURES, MADE_UP, counts, made_up
from paid import KEY, QUICK, TEXTS, jobs, money
from simulator import sha256

DOCUMENTS = 300


def vectors(t, documents=DOCUMENTS):
    """The right vectors of the first documents, as the API would give them."""
    return t.tools.oracle().vectors(TEXTS[:documents])


def run(t, *words, code=0, input="sample.csv", **options):
    return t.run("--json", "import", "s", "--input", input, *words, **options).expect(code)


def embed(t, server, *words, code=0):
    return t.run("--json", "ingest", "s", "--base-url", server.url, "--input", "sample.csv",
                 *words, key=KEY).expect(code).json()


def exported(t):
    t.run("export", "s", "--verify").expect(0)
    return read_npy(t.dir / "cache/s_embeddings.npy").rows()


@case
def what_was_imported_is_not_bought_again(t):
    t.sample(DOCUMENTS)
    server = t.simulator()
    right = vectors(t)
    t.write("v.npy", npy(right))
    report = run(t, "--npy", "v.npy").json()
    equal({key: report[key] for key in ("source", "documents", "unique_documents", "matched",
                                        "imported", "cached", "differing", "conflicting",
                                        "unmatched_rows", "missing", "dimensions", "complete",
                                        "dry_run")},
          dict(source="v.npy", documents=DOCUMENTS, unique_documents=DOCUMENTS, matched=DOCUMENTS,
               imported=DOCUMENTS, cached=0, differing=0, conflicting=0, unmatched_rows=0,
               missing=0, dimensions=128, complete=True, dry_run=False), "report")
    same_rows(exported(t), [unit(row) for row in right])
    done = embed(t, server)
    equal((done["cached"], done["embedded"], done["complete"], done["space"]),
          (DOCUMENTS, 0, True, report["space"]), "ingest afterwards")
    equal(server.stop(), 0, "calls")


@case
def only_the_rest_is_bought(t):
    t.sample(100)
    t.write("v.npy", npy(vectors(t, 100)))
    run(t, "--npy", "v.npy")
    t.sample(130)
    server = t.simulator()
    done = embed(t, server)
    equal((done["cached"], done["embedded"]), (100, 30), "counts")
    equal(set(server.billed()), set(map(sha256, TEXTS[100:130])), "texts billed")


@case
def a_file_with_another_number_of_rows_is_refused_as_a_whole(t):
    t.sample(DOCUMENTS)
    right = vectors(t)
    for name, rows in (("short.npy", right[:-1]), ("long.npy", right + right[:1])):
        t.write(name, npy(rows))
        said = run(t, "--npy", name, code=2).err
        contains(said, f"{name} has {len(rows)} rows", f"sample.csv has {DOCUMENTS} documents",
                 "nothing was stored")
    equal(t.run("--json", "status").expect(0).json()["splits"], [], "splits")


@case
def bad_numbers_and_bad_files_are_refused_and_named(t):
    t.sample(10)
    right = vectors(t, 10)
    good = npy(right)
    nan = [list(row) for row in right]
    nan[7][3] = float("nan")
    zero = [list(row) for row in right]
    zero[4] = [0.0] * 128
    large = [list(row) for row in right]
    large[2][0] = 1e300
    for content, part in (
            (npy(nan), "document '7' (position 7): value 3 is no finite float32"),
            (npy(zero), "document '4' (position 4): only zeros"),
            (npy(large, "<f8"), "document '2' (position 2): value 0 is no finite float32"),
            (npy([row[:64] for row in right]), "(10, 64), but vectors here have 128 dimensions"),
            (npy(right, fortran=True), "Fortran order"),
            (good[:-1], "it ends within row 9 of the 10 that its header names"),
            (good[:40], "it ends within its header"),
            (good + b"\0", "it goes on behind the 10 rows"),
            (b"class,title\n", "it does not begin as one"),
            (npy(right, shape=(2 ** 62, 128)), "beyond all bounds")):
        t.write("v.npy", content)
        contains(run(t, "--npy", "v.npy", code=2).err, "v.npy", part, "nothing was stored")
    equal(t.run("--json", "status").expect(0).json()["splits"], [], "splits")
    contains(run(t, "--npy", "no.npy", code=2).err, "no.npy")


@case
def rows_in_another_order_are_refused_unless_accepted(t):
    t.sample(DOCUMENTS)
    words = ["--provider", "local", "--dimensions", "256"]
    t.run("ingest", "s", "--input", "sample.csv", *words).expect(0)
    t.run("export", "s", "--no-normalize").expect(0)
    rows = [list(row) for row in read_npy(t.dir / "cache/s_embeddings.npy").rows()]
    t.write("v.npy", npy(rows[-1:] + rows[:-1]))
    words += ["--store", "other", "--npy", "v.npy"]
    contains(run(t, *words, code=2).err, "do not fit their texts", "the texts 1 before",
             "nothing was stored", "--accept")
    report = run(t, *words, "--accept").json()
    equal((report["imported"], report["complete"]), (DOCUMENTS, True), "with --accept")


@case
def when_it_cannot_tell_whether_vectors_fit_it_says_so(t):
    doubt = "could not tell whether the vectors fit their texts; compare a few with " \
            "'embstore similar'"
    local = ["--provider", "local", "--dimensions", "256"]
    t.sample(DOCUMENTS)
    t.run("ingest", "s", "--input", "sample.csv", *local).expect(0)
    t.run("export", "s", "--no-normalize").expect(0)
    rows = [list(row) for row in read_npy(t.dir / "cache/s_embeddings.npy").rows()]
    for store, documents, remarks in (("few", 10, [doubt]), ("many", DOCUMENTS, [])):
        t.sample(documents)
        t.write("v.npy", npy(rows[:documents]))
        result = run(t, *local, "--store", store, "--npy", "v.npy")
        equal(result.json()["remarks"], remarks, "remarks")
        equal(f"⚠️ {doubt}\n" in result.err, bool(remarks), "a warning")
    result = run(t, *local, "--store", "asked", "--npy", "v.npy", "--accept")
    equal(result.json()["remarks"], [], "with --accept")


@case
def other_number_types_and_packed_files_are_read(t):
    t.sample(10)
    right = vectors(t, 10)
    half = [[struct.unpack("<e", struct.pack("<e", x))[0] for x in row] for row in right]
    for descr, version, rows in (("<f8", 2, right), (">f4", 3, right), (">f8", 1, right),
                                 ("<f2", 1, half), (">f2", 1, half)):
        t.write("v.npy", npy(right, descr, version=version))
        run(t, "--npy", "v.npy", "--overwrite")
        same_rows(exported(t), [unit(row) for row in rows])


@case
def a_dry_run_counts_and_writes_nothing(t):
    t.sample(10)
    t.write("v.npy", npy(vectors(t, 10)))
    before = sorted(p.name for p in t.dir.iterdir())
    report = run(t, "--npy", "v.npy", "--dry-run").json()
    equal((report["imported"], report["missing"], report["dry_run"]), (10, 0, True), "report")
    equal(sorted(p.name for p in t.dir.iterdir()), before, "files")


@case
def vectors_that_are_there_are_left_alone_unless_overwritten(t):
    t.sample(10)
    right = vectors(t, 10)
    t.write("v.npy", npy(right))
    run(t, "--npy", "v.npy")
    other = right[:9] + [[-x for x in right[9]]]
    t.write("w.npy", npy(other))
    result = run(t, "--npy", "w.npy")
    equal([result.json()[key] for key in ("matched", "imported", "cached", "differing")],
          [10, 0, 10, 1], "left alone")
    contains(result.err, "1 texts have another vector than w.npy and were left alone")
    same_rows(exported(t), [unit(row) for row in right])
    report = run(t, "--npy", "w.npy", "--overwrite").json()
    equal([report[key] for key in ("imported", "cached", "differing")], [1, 9, 1], "overwritten")
    same_rows(exported(t), [unit(row) for row in other])


@case
def one_text_with_two_vectors_gets_the_first_and_that_is_said(t):
    t.write("a.csv", "text\none\ntwo\none\n")
    rows = [[1.0] * 128, [2.0] * 128, [3.0] * 128]
    t.write("v.npy", npy(rows))
    result = run(t, "--format", "csv", "--npy", "v.npy", input="a.csv")
    equal([result.json()[key] for key in ("documents", "matched", "imported", "conflicting")],
          [3, 2, 2, 1], "counts")
    contains(result.err, "1 texts or ids have several different vectors in v.npy")
    t.run("export", "s", "--no-normalize").expect(0)
    same_rows(read_npy(t.dir / "cache/s_embeddings.npy").rows(), [rows[0], rows[1], rows[0]])


@case
def a_text_that_is_too_long_to_be_sent_counts_as_cached_once_imported(t):
    t.write("a.csv", "text\nshort\n" + "x" * 20_000 + "\n")
    t.write("v.npy", npy([[1.0] * 128, [2.0] * 128]))
    run(t, "--format", "csv", "--npy", "v.npy", input="a.csv")
    t.write("a.csv", (t.dir / "a.csv").read_bytes() + b"short\n")
    server = t.simulator()
    result = t.run("--json", "ingest", "s", "--base-url", server.url, "--format", "csv", "--input",
                   "a.csv", key=KEY).expect(0)
    equal([result.json()[key] for key in ("cached", "skipped", "complete")], [2, 0, True], "ingest")
    lacks(result.err, "no vector")


@case
def killed_on_the_way_the_same_command_goes_on(t):
    t.sample()
    right = vectors(t, 1200)
    t.write("v.npy", npy(right))
    words = ["--json", "import", "s", "--input", "sample.csv", "--npy", "v.npy"]
    if harness.CRASH_POINTS:
        for point in ("commit-stored", "commit-recorded", "commit-begins"):
            t.run(*words, env={"EMBSTORE_CRASH_AT": point}).expect(-SIGKILL)
    else:
        running = t.start(*words)
        await_that(lambda: (t.dir / "cache/ledger").exists() or not running.alive(), "it begins")
        running.process.kill()
        running.finish()
    report = t.run(*words).expect(0).json()
    equal((report["cached"] + report["imported"], report["complete"]), (1200, True), "report")
    same_rows(exported(t), [unit(row) for row in right])


@case
def an_import_that_ended_early_does_not_speak_of_missing_documents(t):
    t.sample()
    right = vectors(t, 1200)
    t.write("v.jsonl", "".join(json.dumps({"text": text, "embedding": row}) + "\n"
                               for text, row in zip(TEXTS[:1199], right)))
    # Room for the vectors in the temporary file, but not for them and the texts in the store.
    result = run(t, "--jsonl", "v.jsonl", under=file_size_limit(650_000), code=7)
    contains(result.err, "Run the same command to go on")
    lacks(result.err, "no vector", ", ...")
    contains(run(t, "--jsonl", "v.jsonl", code=0).err, "1 documents have no vector: 1199\n")


@case
def where_no_missing_document_is_known_by_name_none_is_listed(t):
    # More documents without a vector in the source, but in the store, than are remembered.
    t.sample(1100)
    local = ["--provider", "local", "--dimensions", "256"]
    t.run("ingest", "s", "--input", "sample.csv", *local).expect(0)
    t.sample(1150)
    t.write("v.jsonl", json.dumps({"text": TEXTS[0], "embedding": [1.0] * 256}))
    contains(run(t, *local, "--jsonl", "v.jsonl").err, "50 documents have no vector\n")


@case
def exactly_one_source_is_named(t):
    t.sample(12)
    for words in ([], ["--npy", "a.npy", "--jsonl", "a.jsonl"]):
        contains(run(t, *words, code=2).err, "Give one of --npy")
    contains(run(t, "--npy", "a.npy", "--collection", "x", code=2).err, "--llm")


@case
def without_an_input_the_list_and_the_texts_of_the_store_are_used(t):
    t.sample(12)
    t.run("ingest", "s", "--input", "sample.csv", "--provider", "local").expect(0)
    words = ["--json", "import", "s", "--provider", "openai", "--model", "made-up", "--dimensions",
             8, "--jsonl", FIXTURES / "texts.jsonl"]
    for more in (["--dry-run"], []):
        equal(counts(t.run(*words, *more).expect(0)), [12, 0, 0, 0], "counts")
    t.run("export", "s", "--model", "made-up", "--no-normalize").expect(0)
    same_rows(read_npy(t.dir / "cache/s_embeddings.npy").rows(), [made_up(x) for x in MADE_UP])
    contains(t.run("--store", "new", *words).expect(2).err, "no input for split 's'")
    contains(t.run(*words, "--limit", 3).expect(2).err, "no input for split 's'")


@case
def texts_that_the_store_does_not_keep_need_the_input(t):
    t.config(embedding="store_texts: false")
    t.sample(12)
    t.run("ingest", "s", "--input", "sample.csv", "--provider", "local").expect(0)
    contains(t.run("import", "s", "--provider", "openai", "--model", "made-up", "--dimensions", 8,
                   "--jsonl", FIXTURES / "texts.jsonl").expect(2).err,
             "does not keep the text of document '0' of split 's': give the input file")


@case
def the_books_say_that_imports_cost_nothing(t):
    t.sample(20)
    t.write("v.npy", npy(vectors(t, 10)))
    run(t, "--npy", "v.npy", "--limit", 10)
    server = t.simulator()
    embed(t, server)
    equal(len(server.billed()), 10, "texts billed")
    spent = money(t)["spent_usd"]
    t.run("export", "s").expect(0)
    metadata = json.loads(t.read("cache/s_metadata.json"))
    equal((metadata["imported"], metadata["api_calls"]), (10, 1), "metadata")
    equal(round(metadata["estimated_cost"] - spent, 12), 0, "cost")
    split = t.run("--json", "status").expect(0).json()["splits"][0]
    equal((split["embedded"], split["imported"]), (20, 10), "status")


@case
def texts_in_an_open_job_may_be_imported_and_the_job_is_collected_all_the_same(t):
    t.config(QUICK)
    t.sample(30)
    server = t.simulator("--batch-seconds", 2)
    embed(t, server, "--mode", "batch", "--no-wait")
    t.write("v.npy", npy(vectors(t, 30)))
    equal(run(t, "--npy", "v.npy").json()["imported"], 30, "imported")
    done = embed(t, server, "--mode", "batch")
    equal((done["cached"], done["complete"]), (30, True), "ingest")
    jobs(t, "--wait", server=server)
    equal(jobs(t), [], "open jobs")
    equal(server.billed_twice(), 0, "billed twice")
    same_rows(exported(t), [unit(row) for row in vectors(t, 30)])
