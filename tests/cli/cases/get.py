# SPDX-License-Identifier: Apache-2.0
"""get: vectors by document id, in every form."""

import array
import json

from files import ag_news_texts, read_npy, same_rows
from harness import SAMPLE, case, check, contains, equal

KEYS = ["id", "position", "label", "text", "dimensions", "normalized", "vector"]


def store(t, documents=20):
    t.sample(documents)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)


@case
def json_has_the_promised_keys(t):
    store(t)
    found = t.run("--json", "get", "train", "7", "0", "7").expect(0, err="").json()
    equal([list(d) for d in found], [KEYS] * 3, "keys")
    equal([d["position"] for d in found], [7, 0, 7], "positions, in the order asked")
    equal((found[0]["id"], found[0]["label"], found[0]["dimensions"], found[0]["normalized"],
           len(found[0]["vector"])), ("7", 1, 128, True, 128), "facts")
    equal(found[1]["text"], ag_news_texts(SAMPLE)[0], "text")
    check(abs(sum(x * x for x in found[0]["vector"]) - 1) < 1e-5, "not of unit length")


@case
def all_forms_say_the_same(t):
    store(t)
    found = t.run("--json", "get", "train", "3", "5").expect(0).json()
    vectors = [d["vector"] for d in found]
    raw = array.array("f")
    raw.frombytes(t.run("get", "train", "3", "5", "--raw").expect(0, err="").raw)
    equal(raw, array.array("f", vectors[0] + vectors[1]), "raw and JSON")
    t.run("get", "train", "3", "5", "--npy", "two.npy").expect(0, out="", err="")
    npy = read_npy(t.dir / "two.npy")
    equal((npy.shape, npy.descr), ((2, 128), "<f4"), "npy")
    equal(npy.values, raw, "npy and raw")
    lines = t.run("get", "train", "3", "5").expect(0, err="").out.splitlines()
    fields = [line.split("\t") for line in lines]
    equal([f[:2] for f in fields], [["3", "1"], ["5", "1"]], "id and label")
    equal([json.loads(f[2]) for f in fields], vectors, "lines and JSON")
    lines = t.run("get", "train", "3", "5", "--text").expect(0).out.splitlines()
    equal([line.split("\t")[2] for line in lines], [d["text"] for d in found], "texts")


@case
def ids_come_from_standard_input_too(t):
    store(t)
    two = t.run("get", "train", "3", "5", "--raw").raw
    equal(t.run("get", "train", "--stdin", "--raw", input=b"3\n5\n").expect(0).raw, two, "LF")
    equal(t.run("get", "train", "--stdin", "--raw", input=b"3\r\n\r\n5").expect(0).raw, two, "CRLF")
    equal(t.run("get", "train", "3", "--stdin", "--raw", input=b"5\n").expect(0).raw, two, "both")
    contains(t.run("get", "train", "--stdin", input=b"").expect(2).err, "no document id")
    many = "".join(f"{i % 20}\n" for i in range(5000))
    equal(len(t.run("get", "train", "--stdin", "--raw", input=many.encode()).expect(0).raw),
          5000 * 128 * 4, "bytes of five thousand")


@case
def what_is_not_there_is_named(t):
    t.show("get", "train", "1").expect(9, out="")
    store(t)
    t.show("get", "train", "1", "99", "x y", "3").expect(9, out="")
    t.show("get", "train", *map(str, range(100, 120))).expect(9, out="")
    t.show("get", "tran", "1").expect(9, out="")
    t.show("get", "train", "-1").expect(9, out="")
    t.show("get", "train", "", "01").expect(9, out="")
    t.show("get", "train", "1", "--model", "other").expect(9, out="")
    t.show("--store", "nowhere", "status").expect(9, out="")
    t.matches("get_not_found")
    check(not (t.dir / "nowhere").exists(), "reading made a directory")


@case
def ids_with_odd_characters_are_found(t):
    ids = ["a,b", "ü", "x y", "-1", "'q'", "../up", "日本", "a\\b"]
    t.write("a.jsonl", "".join(json.dumps({"id": i, "text": "text of " + i}) + "\n" for i in ids))
    t.run("ingest", "s", "--provider", "local", "--format", "jsonl", "--id-field", "id", "--input",
          "a.jsonl").expect(0)
    found = t.run("--json", "get", "s", "--stdin", input="\n".join(ids).encode()).expect(0).json()
    equal([(d["id"], d["text"]) for d in found], [(i, "text of " + i) for i in ids], "documents")
    equal(t.run("--json", "get", "s", "--", "-1").expect(0).json()[0]["id"], "-1", "after --")


@case
def the_vector_as_it_came_is_there_too(t):
    server = t.simulator()
    t.sample(5)
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
          key="good").expect(0)
    found = t.run("--json", "get", "train", "2", "--no-normalize").expect(0).json()[0]
    equal(found["normalized"], False, "normalized")
    same_rows([found["vector"]], t.tools.oracle().vectors([ag_news_texts(SAMPLE)[2]]))


@case
def a_link_in_the_place_of_the_npy_file_is_refused(t):
    store(t)
    t.write("precious", "untouched")
    (t.dir / "out.npy").symlink_to(t.dir / "precious")
    t.run("get", "train", "1", "--npy", "out.npy").expect(2)
    equal(t.read("precious"), "untouched", "the file behind the link")
