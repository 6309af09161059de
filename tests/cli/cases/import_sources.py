# SPDX-License-Identifier: Apache-2.0
"""import: what other tools wrote is read, and what is broken is refused and named."""

import base64
import json
import shutil
import sqlite3
import struct

from harness import case, contains, equal
from imports import FIXTURES, MADE_UP, counts, foreign, has, made_up


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
    base = ["--llm", "a.db"]
    t.write("a.db", "no database at all, but long enough to look like one" * 20)
    contains(foreign(t, *base, code=2).err, "a.db: no embeddings database of llm",
             "nothing was stored")
    t.write("a.db", "")
    contains(foreign(t, *base, code=2).err, "no such table: collections")
    shutil.copy(FIXTURES / "llm.db", t.dir / "a.db")
    with sqlite3.connect(t.dir / "a.db") as database:
        database.execute("update embeddings set embedding = x'00112233' where id = 'doc3'")
    database.close()
    base += ["--collection", "stored"]
    contains(foreign(t, *base, code=2).err, "'doc3': 1 values instead of 8")
    with sqlite3.connect(t.dir / "a.db") as database:
        database.execute("update embeddings set embedding = x'001122' where id = 'doc3'")
    database.close()
    contains(foreign(t, *base, code=2).err, "'doc3': its embedding has 3 bytes")
    whole = (t.dir / "a.db").read_bytes()
    t.write("a.db", whole[:len(whole) // 2])
    contains(foreign(t, *base, code=2).err, "no embeddings database of llm that can be read")
    t.write("a.db", whole[:4096] + b"\xff" * 8192 + whole[12288:])
    contains(foreign(t, *base, code=2).err, "a.db", "nothing was stored")


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
        contains(foreign(t, "--langchain", "cc", code=2).err, f"cc/{file.name}", part,
                 "nothing was stored")
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
                       ('{"text":"a","embedding":[1,2]}', "a.jsonl:13: 2 values instead of 8"),
                       ('{"text":"a","embedding":[]}', "neither a list of numbers nor base64"),
                       ('{"text":"a","embedding":"AAAA"}', "neither a list of numbers nor base64"),
                       ('{"text":"a","embedding":[0,0,0,0,0,0,0,0]}', "a.jsonl:13: only zeros"),
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
