# SPDX-License-Identifier: Apache-2.0
"""export --format arrow: the table, and that it depends on nothing but the rows."""

import json
import os

from arrow_file import read_arrow
from files import ag_news_texts, read_npy, same_rows, unit
from harness import case, check, contains, equal, lacks

TABLE = "cache/train_embeddings.arrow"
FILES = ["train_embeddings.arrow", "train_embeddings.arrow.json"]
CSV = ["--format", "csv", "--id-field", "id", "--provider", "local", "--input", "a.csv"]
FLOAT32 = ("float", 1)


def local(t, documents=50, *words):
    t.sample(documents)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv", *words).expect(0)


def export(t, *words):
    return t.run("--json", "export", "train", "--format", "arrow", *words).expect(0).json()


def exported(t):
    return sorted(p.name for p in (t.dir / "cache").iterdir() if p.name.startswith("train_"))


@case
def the_table_has_ids_labels_texts_and_the_rows_of_the_array(t):
    local(t)
    report = export(t)
    equal((report["path"], report["shape"]), (TABLE, [50, 128]), "report")
    t.run("export", "train").expect(0)
    table = read_arrow(t.dir / TABLE)
    equal(table.fields, [("id", "utf8", False), ("label", ("int", 64, True), True),
                         ("text", "utf8", True), ("embedding", ("list", 128, FLOAT32), False)],
          "fields")
    rows = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    equal(table.columns["embedding"], [list(row) for row in rows], "rows")
    equal(table.columns["id"], [str(i) for i in range(50)], "ids")
    equal(table.columns["label"], [1] * 50, "labels")
    equal(table.columns["text"], ag_news_texts(t.dir / "sample.csv"), "texts")
    equal(table.metadata, {
        "embstore.columns": "1", "embstore.dataset": "ag_news", "embstore.split": "train",
        "embstore.model": "local-v1-seed42", "embstore.dimensions": "128",
        "embstore.stored_dimensions": "128", "embstore.task_type": "",
        "embstore.text_template_version": "1", "embstore.normalized": "true",
        "embstore.space": json.loads(t.read("cache/train_metadata.json"))["space"]}, "metadata")


@case
def its_metadata_file_vouches_for_it_and_the_array_is_left_alone(t):
    local(t)
    export(t, "--verify")
    equal(exported(t), FILES, "files")
    t.run("export", "train").expect(0)
    facts = json.loads(t.read("cache/train_embeddings.arrow.json"))
    equal(facts["arrow_bytes"], (t.dir / TABLE).stat().st_size, "size")
    others = json.loads(t.read("cache/train_metadata.json"))
    own = {"timestamp", "arrow_bytes", "arrow_xxh3_128"}
    equal({k: v for k, v in facts.items() if k not in own},
          {k: v for k, v in others.items() if k in facts and k not in own}, "what both say")
    before = {name: os.stat(t.dir / "cache" / name) for name in exported(t)}
    equal(export(t)["unchanged"], True, "unchanged")
    t.run("export", "train").expect(0)
    export(t, "--no-normalize")
    for name, old in before.items():
        new = os.stat(t.dir / "cache" / name)
        equal((new.st_ino, new.st_mtime_ns) == (old.st_ino, old.st_mtime_ns), name not in FILES,
              f"{name} was left alone")
    path = t.dir / TABLE
    path.write_bytes(path.read_bytes()[:-7] + b"?" + path.read_bytes()[-6:])
    contains(t.run("export", "train", "--format", "arrow", "--no-normalize", "--verify").expect(5)
             .err, TABLE, "is not what was written; remove it and export again")


@case
def other_labels_are_strings_and_none_is_null(t):
    t.write("a.csv", "text,label,id\na,1,x\nb,two,y\nc,03,z\n")
    t.run("ingest", "train", *CSV, "--label-field", "label").expect(0)
    export(t)
    table = read_arrow(t.dir / TABLE)
    equal(table.fields[1], ("label", "utf8", True), "field")
    equal(table.columns["label"], ["1", "two", "03"], "labels")
    equal(table.columns["id"], ["x", "y", "z"], "ids")
    t.run("ingest", "train", *CSV).expect(0)
    export(t)
    table = read_arrow(t.dir / TABLE)
    equal((table.fields[1], table.columns["label"]), (("label", "utf8", True), [None] * 3), "none")


@case
def rows_without_a_vector_are_refused_or_left_out_or_nan(t):
    rows = [f"text {i},{i}" for i in range(15)]
    rows[1], rows[12] = '"",1', '" ",12'
    t.write("a.csv", "text,id\n" + "\n".join(rows) + "\n")
    t.run("ingest", "train", *CSV).expect(3)
    t.run("export", "train", "--format", "arrow").expect(9)
    equal(exported(t), [], "files")
    equal(export(t, "--missing", "skip")["shape"], [13, 128], "shape without them")
    equal(read_arrow(t.dir / TABLE).columns["id"],
          [str(i) for i in range(15) if i not in (1, 12)], "ids")
    export(t, "--missing", "nan")
    t.run("export", "train", "--missing", "nan").expect(0)
    table = read_arrow(t.dir / TABLE)
    nan = [i for i, row in enumerate(table.columns["embedding"]) if all(x != x for x in row)]
    equal(nan, [1, 12], "rows of NaN")
    array = b"".join(r.tobytes() for r in read_npy(t.dir / "cache/train_embeddings.npy").rows())
    contains(table.content, array)
    equal([i for i, text in enumerate(table.columns["text"]) if text is None], [1, 12], "no text")


@case
def texts_that_are_not_kept_are_null(t):
    t.config(embedding="store_texts: false")
    local(t, 20)
    export(t)
    table = read_arrow(t.dir / TABLE)
    equal((table.columns["text"], len(table.columns["embedding"])), ([None] * 20, 20), "texts")


@case
def a_cut_is_a_cut_and_normalised_only_when_asked(t):
    server = t.simulator()
    t.sample(20)
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
          key="good").expect(0)
    t.run("export", "train", "--no-normalize").expect(0)
    full = [list(row) for row in read_npy(t.dir / "cache/train_embeddings.npy").rows()]
    check(abs(sum(x * x for x in full[0]) - 1) > 0.01, "this model's vectors are not of unit length")
    for words, expected in [(["--no-normalize"], [row[:32] for row in full]),
                            ([], [unit(row[:32]) for row in full])]:
        lacks(t.run("export", "train", "--dimensions", "32", *words).expect(0).err, "Matryoshka")
        export(t, "--dimensions", "32", *words)
        table = read_arrow(t.dir / TABLE)
        equal((table.fields[3][1], table.metadata["embstore.dimensions"],
               table.metadata["embstore.stored_dimensions"]),
              (("list", 32, FLOAT32), "32", "128"), "fields")
        array = read_npy(t.dir / "cache/train_embeddings.npy").rows()
        equal(table.columns["embedding"], [list(row) for row in array], "rows of both formats")
        same_rows(array, expected)
        if words:
            equal([list(row) for row in array], expected, "a cut without rounding")


@case
def a_cut_of_a_model_that_is_not_made_for_it_is_mentioned(t):
    local(t, 5)
    contains(t.run("export", "train", "--dimensions", "32").expect(0).err,
             "note: a cut suits models that are trained for it (Matryoshka)", "local-v1-seed42")
    lacks(t.run("--quiet", "export", "train", "--dimensions", "16").expect(0).err, "note")
    lacks(t.run("export", "train", "--dimensions", "128").expect(0).err, "note")


@case
def bytes_depend_on_the_rows_alone(t):
    lines = [f'"{i % 4 + 1}","title {i % 33}","über text number {i % 37} – 文"\n' for i in range(90)]
    t.write("rows.csv", "".join(lines))
    t.write("shuffled.csv", "".join(lines[i * 49 % 90] for i in range(90)))
    local_words = ["--provider", "local", "--format", "ag_news"]
    for store, first, batch, concurrency in [("one", None, "100", "1"), ("two", "shuffled", "3", "4"),
                                             ("three", "rows", "1", "2")]:
        words = local_words + ["--batch-size", batch, "--concurrency", concurrency]
        if first:
            t.run("--store", store, "ingest", "first", "--input", first + ".csv", "--limit", "40",
                  *words).expect(0)
        t.run("--store", store, "ingest", "train", "--input", "rows.csv", *words).expect(0)
        t.run("--store", store, "export", "train").expect(0)
        t.run("--store", store, "export", "train", "--format", "arrow").expect(0)
    for name in ["train_embeddings.arrow", "train_embeddings.npy", "train_labels.npy",
                 "train_documents.jsonl"]:
        one = (t.dir / "one" / name).read_bytes()
        for store in ["two", "three"]:
            check((t.dir / store / name).read_bytes() == one, f"{name} of {store} differs")


@case
def long_texts_make_smaller_batches(t):
    texts = [f"{i} " + "long text " * 90_000 for i in range(20)]
    t.write("a.csv", "text,id\n" + "".join(f"{text},{i}\n" for i, text in enumerate(texts)))
    t.config(embedding="max_text_tokens: 1000000")
    t.run("ingest", "train", *CSV).expect(0)
    export(t)
    table = read_arrow(t.dir / TABLE)
    equal(table.batch_rows, [9, 9, 2], "rows of the batches")
    check(table.columns["text"] == texts, "texts differ")


@case
def an_unknown_format_is_refused(t):
    local(t, 3)
    contains(t.run("export", "train", "--format", "parquet").expect(2).err,
             "--format is npy or arrow, not 'parquet'")
