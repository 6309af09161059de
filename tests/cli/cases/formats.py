# SPDX-License-Identifier: Apache-2.0
"""Input files: what is understood, and what is refused before anything is paid for."""

import gzip
import json
import os
import shutil
import subprocess

from harness import Skipped, case, check, contains, equal

GOOD_CSV = """\
key,topic,head,body
d1,7,One,first text
d2,8,Two,"second, text"
d3,9,Three,"a ""b"" c"
"""
FIELDS = ["--format", "csv", "--text-field", "head,body", "--id-field", "key", "--label-field",
          "topic"]
TEXTS = ["One first text", "Two second, text", 'Three a "b" c']


def documents(t, name, *words, ids=("d1", "d2", "d3"), store="cache"):
    t.run("--store", store, "ingest", "s", "--provider", "local", "--input", name,
          *words).expect(0)
    return t.run("--store", store, "--json", "get", "s", *ids).expect(0).json()


def expect_three(found):
    equal([d["id"] for d in found], ["d1", "d2", "d3"], "ids")
    equal([d["label"] for d in found], [7, 8, 9], "labels")
    equal([d["text"] for d in found], TEXTS, "texts")
    equal([d["position"] for d in found], [0, 1, 2], "positions")


@case
def csv_fields_are_chosen_by_name(t):
    t.write("a.csv", GOOD_CSV)
    expect_three(documents(t, "a.csv", *FIELDS))
    one = documents(t, "a.csv", "--format", "csv", "--text-field", "body", ids=["0", "1"],
                    store="one")
    equal([(d["id"], d["label"], d["text"]) for d in one],
          [("0", None, "first text"), ("1", None, "second, text")], "one field, no id, no label")


@case
def jsonl_fields_are_chosen_by_name(t):
    rows = [{"key": "d1", "topic": 7, "head": "One", "body": "first text"},
            {"key": "d2", "topic": 8, "head": "Two", "body": "second, text", "more": [1, {}]},
            {"key": "d3", "topic": "9", "body": 'a "b" c', "head": "Three"}]
    t.write("a.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    expect_three(documents(t, "a.jsonl", "--format", "jsonl", *FIELDS[2:]))
    t.write("b.jsonl", '{"id": 5, "text": "caf\\u00e9 \\ud83d\\ude00", "ok": true}')
    found = documents(t, "b.jsonl", "--format", "jsonl", "--id-field", "id", "--label-field", "ok",
                      ids=["5"], store="b")
    equal((found[0]["text"], found[0]["label"]), ("café 😀", "true"), "escapes, boolean label")


@case
def compressed_files_are_known_by_their_content(t):
    t.write("a.csv", GOOD_CSV)
    t.write("gzip", gzip.compress(GOOD_CSV.encode()))
    t.write("two", gzip.compress(GOOD_CSV[:40].encode()) + gzip.compress(GOOD_CSV[40:].encode()))
    expect_three(documents(t, "gzip", *FIELDS))
    expect_three(documents(t, "two", *FIELDS, store="two.d"))
    if shutil.which("zstd") is None:
        raise Skipped("zstd is not installed; gzip is fine")
    subprocess.run(["zstd", "-q", "a.csv", "-o", "packed.bin"], cwd=t.dir, check=True)
    expect_three(documents(t, "packed.bin", *FIELDS, store="zstd.d"))


@case
def line_ends_and_byte_order_marks_are_no_part_of_the_text(t):
    t.write("crlf.csv", GOOD_CSV.replace("\n", "\r\n"))
    t.write("bom.csv", b"\xef\xbb\xbf" + GOOD_CSV.encode())
    t.write("noend.csv", GOOD_CSV.rstrip("\n"))
    for name in ["crlf.csv", "bom.csv", "noend.csv"]:
        expect_three(documents(t, name, *FIELDS, store=name + ".d"))


@case
def line_breaks_inside_quotes_belong_to_the_text(t):
    t.write("a.csv", 'text,id\n"one\ntwo",a\n"three\r\nfour",b\n')
    found = documents(t, "a.csv", "--format", "csv", "--id-field", "id", ids=["a", "b"])
    equal([d["text"] for d in found], ["one\ntwo", "three\r\nfour"], "texts")
    # On a terminal one document is one line.
    lines = t.run("get", "s", "a", "b", "--text").expect(0).out.splitlines()
    equal(len(lines), 2, "lines")


@case
def control_characters_of_a_text_do_not_reach_the_terminal(t):
    t.write("a.csv", "text\n\x1b[31mred\x07\n")
    documents(t, "a.csv", "--format", "csv", ids=["0"])
    t.write("a.csv", "text\nplain\n\x1b[31mred\x07\n")
    documents(t, "a.csv", "--format", "csv", ids=["0"])
    for words in [["get", "s", "1", "--text"], ["similar", "s", "0"]]:
        check("\x1b" not in t.run(*words).expect(0).out, f"an escape character from {words}")


def broken_files():
    ag, csv, jsonl = ["--format", "ag_news"], ["--format", "csv"], ["--format", "jsonl"]
    deep = "[" * 100 + "]" * 100
    return {
        "open_quote.csv": (b'"1","a","b"\n"2","never closed\n', ag),
        "columns.csv": (b'"1","a","b"\n"2","a"\n', ag),
        "more_columns.csv": (b"text,id\na,1\nb,2,3\n", csv),
        "header_in_ag_news.csv": (b"class,title,text\n1,a,b\n", ag),
        "class.csv": (b'"1","a","b"\n"x","a","b"\n', ag),
        "nul.csv": (b'"1","a","b"\n"2","a\0b","c"\n', ag),
        "utf16.csv": ('"1","a","b"\n'.encode("utf-16"), ag),
        "latin1.csv": (b'"1","a","b"\n"2","caf\xe9","c"\n', ag),
        "after_quote.csv": (b'"1","a"x,"b"\n', ag),
        "bare_quote.csv": (b'text\na"b\n', csv),
        "carriage_return.csv": (b"text\na\rb\n", csv),
        "empty.csv": (b"", ag),
        "only_header.csv": (b"text\n", csv),
        "field.csv": (b"body,id\na,1\n", csv + ["--text-field", "bodi"]),
        "twice.csv": (b"text,text\na,1\n", csv),
        "same_id.csv": (b"text,id\na,1\nb,2\nc,1\n", csv + ["--id-field", "id"]),
        "empty_id.csv": (b"text,id\na,1\nb,\n", csv + ["--id-field", "id"]),
        "long_id.csv": (b"text,id\na," + b"x" * 5000 + b"\n", csv + ["--id-field", "id"]),
        "control_id.csv": (b"text,id\na,x\x1by\n", csv + ["--id-field", "id"]),
        "syntax.jsonl": (b'{"text": "a"}\n{"text": }\n', jsonl),
        "array.jsonl": (b'[{"text": "a"}]\n', jsonl),
        "number.jsonl": (b'{"text": "a"}\n7\n', jsonl),
        "missing.jsonl": (b'{"text": "a"}\n{"txt": "b"}\n', jsonl),
        "type.jsonl": (b'{"text": "a"}\n{"text": 5}\n', jsonl),
        "duplicate_key.jsonl": (b'{"text": "a", "text": "b"}\n', jsonl),
        "surrogate.jsonl": (b'{"text": "a"}\n{"text": "\\ud800 alone"}\n', jsonl),
        "utf8.jsonl": (b'{"text": "a"}\n{"text": "\xff"}\n', jsonl),
        "nul.jsonl": (b'{"text": "a\\u0000b"}\n', jsonl),
        "depth.jsonl": (b'{"text": "a", "more": ' + deep.encode() + b"}\n", jsonl),
        "huge_id.jsonl": (b'{"text": "a", "id": 1e400}\n', jsonl + ["--id-field", "id"]),
        "cut.gz": (gzip.compress(b'"1","a","b"\n' * 100, mtime=0)[:-9], ag),
        "flipped.gz": (gzip.compress(b'"1","a","b"\n', mtime=0)[:-6] + b"\0\0\0\0\0\0", ag),
        "garbage.zst": (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, ag),
    }


@case
def broken_files_are_refused_with_file_and_line_before_anything_is_sent(t):
    server = t.simulator()
    for name, (content, words) in sorted(broken_files().items()):
        t.write(name, content)
        result = t.show("ingest", "s", "--base-url", server.url, "--input", name, *words,
                        key="good").expect(2, out="")
        check(f"{name}:" in result.err or f"{name}'" in result.err, f"no file in: {result.err}")
        contains(t.run("plan", "s", "--input", name, *words).expect(2, out="").err,
                 result.err.split(": ", 1)[1].strip())
    equal(server.stop(), 0, "calls")
    t.matches("broken_files")


@case
def a_broken_line_at_the_end_of_a_long_file_sends_nothing(t):
    server = t.simulator()
    t.sample()
    with open(t.dir / "sample.csv", "ab") as file:
        file.write(b'"1","no third column"\n')
    result = t.run("ingest", "s", "--base-url", server.url, "--input", "sample.csv", key="good")
    contains(result.expect(2).err, "sample.csv:1201:")
    equal((server.stop(), server.billed()), (0, []), "calls")


@case
def only_regular_files_are_read(t):
    os.mkfifo(t.dir / "pipe")
    for name in ["pipe", ".", "/dev/null", "nowhere.csv", "sample.csv/x", ""]:
        t.show("ingest", "s", "--provider", "local", "--input", name, seconds=5).expect(2, out="")
    t.matches("not_regular_files")


@case
def a_record_beyond_the_limit_is_refused(t):
    t.write("long.jsonl", b'{"text": "' + b"x" * (17 << 20) + b'"}\n')
    result = t.run("ingest", "s", "--provider", "local", "--format", "jsonl", "--input",
                   "long.jsonl")
    contains(result.expect(2).err, "long.jsonl:1: ")
    check(len(result.err) < 2000, "the record itself is in the message")


@case
def a_bad_file_leaves_the_earlier_split_as_it_was(t):
    t.write("a.csv", GOOD_CSV)
    expect_three(documents(t, "a.csv", *FIELDS))
    t.write("a.csv", GOOD_CSV + "d4,1,open\n")
    t.run("ingest", "s", "--provider", "local", "--input", "a.csv", *FIELDS).expect(2)
    expect_three(t.run("--json", "get", "s", "d1", "d2", "d3").expect(0).json())


@case
def empty_texts_are_counted_and_never_sent(t):
    server = t.simulator()
    t.write("a.csv", 'text,id\none,a\n"",b\n"  ",c\n"",d\n')
    result = t.run("--json", "ingest", "s", "--base-url", server.url, "--format", "csv",
                   "--id-field", "id", "--input", "a.csv", key="good").expect(3)
    report = result.json()
    equal((report["documents"], report["unique_documents"], report["embedded"], report["skipped"],
           report["failed"], report["complete"]), (4, 3, 1, 2, 0, False), "counts")
    contains(result.err, "2 texts are not sent (2 empty, 0 too long); the first is document 'b'")
    equal(len(server.billed()), 1, "billed")
    failures = t.run("--json", "status").json()["failures"]
    equal(sorted((f["id"], f["reason"]) for f in failures),
          [("b", "the text is empty"), ("c", "the text is empty")], "reasons")


@case
def too_long_texts_are_counted_and_never_sent(t):
    server = t.simulator()
    t.write("a.csv", "text\nshort\n" + "word " * 9000 + "\n")
    result = t.run("ingest", "s", "--base-url", server.url, "--format", "csv", "--input", "a.csv",
                   key="good").expect(3)
    contains(result.err, "1 texts are not sent (0 empty, 1 too long); the first is document '1'")
    equal((server.stop(), len(server.billed())), (1, 1), "calls and texts")
    contains(t.run("status").out, "the text has about 11250 tokens, the model takes 2048")
