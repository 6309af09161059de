# SPDX-License-Identifier: Apache-2.0
"""import: vectors that were paid for elsewhere are brought in, checked, and not bought again."""

import base64
import hashlib
import json
import shutil
import sqlite3
import struct

import harness
from files import read_npy, same_rows, unit
from harness import PROJECT, SIGKILL, await_that, case, contains, equal, lacks
from paid import KEY, QUICK, TEXTS, jobs, money
from simulator import sha256

DOCUMENTS = 300


def npy(rows, descr="<f4", shape=None, version=1, fortran=False):
    """A .npy file, written by hand."""
    code, order = {"f4": "f", "f8": "d", "f2": "e"}[descr[1:]], descr[0]
    data = b"".join(struct.pack(f"{order}{len(row)}{code}", *row) for row in rows)
    shape = shape or (len(rows), len(rows[0]))
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


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


# --- Files that other tools wrote; tests/data/import/make_fixtures says how ---------------------

FIXTURES = PROJECT / "tests/data/import"
MADE_UP = TEXTS[:12]


def made_up(text):
    """As make_fixtures does it."""
    return [byte / 128 - 1 for byte in hashlib.sha256(text.encode()).digest()[:8]]


def foreign(t, *words, store="cache", code=0, documents=12):
    """Imports into a space of 8 dimensions from a file of the folder of fixtures."""
    t.sample(documents)
    words = [FIXTURES / word[1:] if str(word).startswith("@") else word for word in words]
    return t.run("--json", "--store", store, "import", "s", "--input", "sample.csv", "--provider",
                 "openai", "--model", "made-up", "--dimensions", 8, *words).expect(code)


def has(t, texts, store="cache"):
    """Exactly these texts have a vector, and the right one."""
    t.run("--store", store, "export", "s", "--no-normalize", "--missing", "skip").expect(0)
    same_rows(read_npy(t.dir / store / "s_embeddings.npy").rows(), [made_up(x) for x in texts])


def counts(result, *keys):
    report = result.json()
    return [report[key] for key in keys or ("matched", "unmatched_rows", "missing", "conflicting")]


@case
def files_written_by_numpy_are_read(t):
    for name in ("float32", "float16", "float64", "big_endian", "version2", "version3"):
        foreign(t, "--npy", f"@{name}.npy", store=name)
        has(t, MADE_UP, store=name)
    contains(foreign(t, "--npy", "@fortran.npy", code=2).err, "Fortran order",
             "numpy.ascontiguousarray")
    contains(foreign(t, "--npy", "@integers.npy", code=2).err, "its numbers are '<i8'")


@case
def a_database_of_llm_is_read_by_text_and_by_hash(t):
    said = foreign(t, "--llm", "@llm.db", code=2).err
    contains(said, "which collection is meant", "'hashed', 'stored'", "nothing was stored")
    contains(foreign(t, "--llm", "@llm.db", "--collection", "store", code=2).err,
             "there is no collection 'store'")
    for name in ("stored", "hashed"):
        result = foreign(t, "--llm", "@llm.db", "--collection", name, store=name)
        equal(counts(result), [12, 0, 0, 0], name)
        contains(result.err, "was made with the model 'made-up'")
        has(t, MADE_UP, store=name)


@case
def of_a_database_of_llm_the_rest_is_counted_and_named(t):
    result = foreign(t, "--llm", "@llm.db", "--collection", "hashed", documents=10)
    equal(counts(result), [10, 2, 0, 0], "counts")
    contains(result.err, "2 rows of", "belong to no document: 'doc10', 'doc11'")
    result = foreign(t, "--llm", "@llm.db", "--collection", "hashed", documents=20)
    equal(counts(result), [12, 0, 8, 0], "counts")
    contains(result.err, "8 documents have no vector: 12, 13, 14, 15, 16, ...")
    equal(result.json()["complete"], False, "complete")


@case
def a_database_that_is_none_of_llm_is_refused(t):
    t.sample(12)
    base = ["--llm", "a.db", "--provider", "openai", "--model", "m", "--dimensions", 8]
    t.write("a.db", "no database at all, but long enough to look like one" * 20)
    contains(run(t, *base, code=2).err, "a.db: no embeddings database of llm", "nothing was stored")
    t.write("a.db", "")
    contains(run(t, *base, code=2).err, "no such table: collections")
    shutil.copy(FIXTURES / "llm.db", t.dir / "a.db")
    with sqlite3.connect(t.dir / "a.db") as database:
        database.execute("update embeddings set embedding = x'00112233' where id = 'doc3'")
    database.close()
    base += ["--collection", "stored"]
    contains(run(t, *base, code=2).err, "'doc3': 1 values instead of 8")
    with sqlite3.connect(t.dir / "a.db") as database:
        database.execute("update embeddings set embedding = x'001122' where id = 'doc3'")
    database.close()
    contains(run(t, *base, code=2).err, "'doc3': its embedding has 3 bytes")
    whole = (t.dir / "a.db").read_bytes()
    t.write("a.db", whole[:len(whole) // 2])
    contains(run(t, *base, code=2).err, "no embeddings database of llm that can be read")
    t.write("a.db", whole[:4096] + b"\xff" * 8192 + whole[12288:])
    contains(run(t, *base, code=2).err, "a.db", "nothing was stored")


@case
def a_cache_of_langchain_is_read_whatever_its_keys_are(t):
    for encoder in ("sha1", "blake2b", "sha256", "sha512"):
        result = foreign(t, "--langchain", f"@langchain/{encoder}", store=encoder)
        equal(counts(result), [12, 0, 0, 0], encoder)
        contains(result.err, "is 'made-up-'")
        has(t, MADE_UP, store=encoder)
    result = foreign(t, "--langchain", "@langchain/sha1", "--namespace", "made-up-", documents=10,
                     store="named")
    equal(counts(result), [10, 2, 0, 0], "with the namespace given")
    contains(foreign(t, "--langchain", "@langchain/sha1", "--namespace", "made", code=2).err,
             "which namespace is meant? There are: 'made-up-'")


@case
def a_cache_of_langchain_with_bad_files_is_refused(t):
    shutil.copytree(FIXTURES / "langchain/sha256", t.dir / "cc")
    contains(foreign(t, "--langchain", "none", code=2).err, "'none' is no folder")
    file = sorted((t.dir / "cc").iterdir())[0]
    for content, part in (("[1,2,3]", "3 values instead of 8"), ("{}", "no JSON list of numbers"),
                          ("[1,2,3,4,5,6,7", "no JSON list of numbers"), ("", "no JSON list"),
                          ("[" + "0," * 7 + "0]", "only zeros"),
                          ("[" + " " * 5000 + "]", "is larger than")):
        file.write_text(content)
        contains(foreign(t, "--langchain", "cc", code=2).err, file.name, part, "nothing was stored")
    file.rename(t.dir / "cc" / ("other-" + "0" * 64))
    contains(foreign(t, "--langchain", "cc", code=2).err, "which namespace is meant? There are: "
             "'made-up-', 'other-'")
    t.write("empty/readme.txt", "nothing")
    contains(foreign(t, "--langchain", "empty", code=2).err, "no file of CacheBackedEmbeddings")


@case
def lines_with_texts_or_ids_are_read(t):
    for name in ("texts", "ids"):
        equal(counts(foreign(t, "--jsonl", f"@{name}.jsonl", store=name)), [12, 0, 0, 0], name)
        has(t, MADE_UP, store=name)
    packed = [json.dumps({"id": i, "embedding": base64.b64encode(
        struct.pack("<8f", *made_up(text))).decode()}) for i, text in enumerate(MADE_UP)]
    t.write("base64.jsonl", "\n".join(packed))
    foreign(t, "--jsonl", "base64.jsonl", store="base64")
    has(t, MADE_UP, store="base64")


@case
def bad_lines_are_refused_with_file_and_line(t):
    good = (FIXTURES / "texts.jsonl").read_text()
    for line, part in (("{", "a.jsonl:13: "), ("[]", "neither \"text\" nor \"id\""),
                       ('{"text":"a"}', 'no "embedding"'),
                       ('{"text":"a","embedding":[1,2]}', "line 13: 2 values instead of 8"),
                       ('{"text":"a","embedding":[]}', "neither a list of numbers nor base64"),
                       ('{"text":"a","embedding":"AAAA"}', "neither a list of numbers nor base64"),
                       ('{"text":"a","embedding":[0,0,0,0,0,0,0,0]}', "only zeros"),
                       ('{"text":"a","embedding":[0,0,0,0,0,0,0,1e99]}', "no finite float32"),
                       ('{"embedding":[1,2,3,4,5,6,7,8]}', "neither \"text\" nor \"id\"")):
        t.write("a.jsonl", good + line + "\n")
        contains(foreign(t, "--jsonl", "a.jsonl", code=2).err, "a.jsonl", part,
                 "nothing was stored")
    t.write("a.jsonl", "")
    contains(foreign(t, "--jsonl", "a.jsonl", code=2).err, "there is no vector in it")
    t.write("a.jsonl", '{"text":"other","embedding":[1,2,3,4,5,6,7,8]}\n')
    contains(foreign(t, "--jsonl", "a.jsonl", code=2).err, "none of its vectors belongs to a "
             "document")
    equal(t.run("--json", "status").expect(0).json()["splits"], [], "splits")


@case
def lines_that_contradict_each_other_are_counted_and_the_first_counts(t):
    good = (FIXTURES / "texts.jsonl").read_text()
    first = json.loads(good.splitlines()[0])
    more = dict(first, embedding=[1] * 8)
    t.write("a.jsonl", good + json.dumps(first) + "\n" + json.dumps(more) + "\n"
            + json.dumps(more) + "\n")
    result = foreign(t, "--jsonl", "a.jsonl")
    equal(counts(result), [12, 0, 0, 1], "counts")
    contains(result.err, "1 texts or ids have several different vectors")
    has(t, MADE_UP)


@case
def the_result_of_a_batch_job_of_gemini_is_read(t):
    result = foreign(t, "--gemini-batch", "@gemini_results.jsonl", "--requests",
                     "@gemini_requests.jsonl")
    equal(counts(result), [11, 0, 1, 0], "counts")
    contains(result.err, "1 rows of", "have an error in the place of a vector; the first is line 4")
    has(t, MADE_UP[:8] + MADE_UP[9:])
    said = foreign(t, "--gemini-batch", "@gemini_results.jsonl", store="other", code=2).err
    contains(said, "none of its vectors belongs to a document")
    t.write("r.jsonl", (FIXTURES / "gemini_results.jsonl").read_text().replace("request_", ""))
    equal(counts(foreign(t, "--gemini-batch", "r.jsonl", store="by-id")), [11, 0, 1, 0], "by id")
    has(t, MADE_UP[:8] + MADE_UP[9:], store="by-id")


@case
def the_result_of_a_batch_job_of_openai_is_read(t):
    result = foreign(t, "--openai-batch", "@openai_results.jsonl", "--requests",
                     "@openai_requests.jsonl")
    equal(counts(result), [11, 0, 1, 0], "counts")
    contains(result.err, "1 rows of", "have an error in the place of a vector; the first is line 1")
    has(t, MADE_UP[:11])
    contains(foreign(t, "--openai-batch", "@openai_results.jsonl", code=2).err,
             "'many-1': 3 embeddings for 1 texts", "input file")
    lines = (FIXTURES / "openai_results.jsonl").read_text().replace("one-", "").splitlines()[:6]
    t.write("r.jsonl", "\n".join(lines))
    equal(counts(foreign(t, "--openai-batch", "r.jsonl", store="by-id")), [5, 0, 7, 0], "by id")
    has(t, MADE_UP[6:11], store="by-id")


@case
def batch_results_and_requests_of_different_jobs_are_refused(t):
    contains(foreign(t, "--gemini-batch", "@gemini_results.jsonl", "--requests",
                     "@openai_requests.jsonl", code=2).err, "openai_requests.jsonl:1: ",
             "not an input line of a batch job")
    t.write("q.jsonl", "".join((FIXTURES / "gemini_requests.jsonl").read_text()
                               .splitlines(keepends=True)[:3]))
    contains(foreign(t, "--gemini-batch", "@gemini_results.jsonl", "--requests", "q.jsonl",
                     code=2).err, "gemini_results.jsonl:1: 'request_11' is not in the file of "
             "requests")
    line = (FIXTURES / "gemini_requests.jsonl").read_text().splitlines(keepends=True)[1]
    t.write("q.jsonl", line + line.replace('"text":"', '"text":"another '))
    contains(foreign(t, "--gemini-batch", "@gemini_results.jsonl", "--requests", "q.jsonl",
                     code=2).err, "q.jsonl:2: 'request_1' was there before, with other texts")
    contains(foreign(t, "--npy", "@float32.npy", "--requests", "q.jsonl", code=2).err,
             "--requests belongs to")


# --- What else there is to an import ------------------------------------------------------------


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
