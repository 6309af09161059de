# SPDX-License-Identifier: Apache-2.0
"""export: the files, byte for byte, and when they are written."""

import json
import os
import shutil
import subprocess

from files import read_npy, same_rows, unit
from harness import Skipped, case, check, contains, equal

METADATA_KEYS = {"model", "dimensions", "num_documents", "timestamp", "dataset", "split",
                 "api_calls", "estimated_cost", "dtype", "shape", "normalized", "task_type",
                 "provider", "tokens", "tokens_estimated", "unique_documents", "npy_xxh3_128"}
FILES = ["train_documents.jsonl", "train_embeddings.npy", "train_labels.npy",
         "train_metadata.json"]


def local(t, documents=50, *words):
    t.sample(documents)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv", *words).expect(0)


def exported(directory):
    return sorted(p.name for p in directory.iterdir() if p.name.startswith("train_"))


@case
def the_array_is_what_every_reader_of_npy_understands(t):
    local(t)
    t.run("export", "train").expect(0)
    npy = read_npy(t.dir / "cache/train_embeddings.npy")
    equal((npy.descr, npy.fortran, npy.shape), ("<f4", False, (50, 128)), "header")
    equal((npy.data_at % 64, npy.header[-1]), (0, "\n"), "alignment")
    labels = read_npy(t.dir / "cache/train_labels.npy")
    equal((labels.descr, labels.fortran, labels.shape), ("<i8", False, (50,)), "labels")
    equal(set(labels.values), {1}, "labels")
    vectors = [d["vector"] for d in
               t.run("--json", "get", "train", *map(str, range(50))).expect(0).json()]
    same_rows(npy.rows(), vectors)
    try:
        import numpy
    except ImportError:
        return
    array = numpy.load(t.dir / "cache/train_embeddings.npy", allow_pickle=False)
    equal((array.shape, str(array.dtype)), ((50, 128), "float32"), "numpy")
    check(array.flags["C_CONTIGUOUS"], "not in C order")
    equal(array.tobytes(), npy.values.tobytes(), "what numpy reads")
    check(abs((array * array).sum(axis=1) - 1).max() < 1e-5, "rows are not of unit length")


@case
def metadata_and_documents_describe_the_rows(t):
    local(t)
    t.run("export", "train").expect(0)
    equal(exported(t.dir / "cache"), FILES, "files")
    facts = json.loads(t.read("cache/train_metadata.json"))
    check(METADATA_KEYS <= set(facts), f"missing: {METADATA_KEYS - set(facts)}")
    equal((facts["model"], facts["dimensions"], facts["num_documents"], facts["shape"],
           facts["dtype"], facts["normalized"], facts["provider"], facts["dataset"],
           facts["split"], facts["unique_documents"], facts["api_calls"]),
          ("local-v1-seed42", 128, 50, [50, 128], "float32", True, "local", "ag_news", "train", 50,
           5), "facts")
    lines = [json.loads(line) for line in t.read("cache/train_documents.jsonl").splitlines()]
    equal([list(line) for line in lines], [["row", "id", "label"]] * 50, "keys")
    equal([line["row"] for line in lines], list(range(50)), "rows")
    equal(lines[7], {"row": 7, "id": "7", "label": 1}, "line 7")


@case
def labels_are_an_array_only_when_all_are_integers(t):
    t.write("a.csv", "text,label,id\na,1,x\nb,two,y\n")
    words = ["--provider", "local", "--format", "csv", "--id-field", "id", "--input", "a.csv"]
    t.run("ingest", "train", *words, "--label-field", "label").expect(0)
    t.run("export", "train").expect(0)
    equal(exported(t.dir / "cache"), [f for f in FILES if "labels" not in f], "files")
    lines = [json.loads(line) for line in t.read("cache/train_documents.jsonl").splitlines()]
    equal(lines, [{"row": 0, "id": "x", "label": 1}, {"row": 1, "id": "y", "label": "two"}], "")
    t.write("a.csv", "text,label,id\na,1,x\nb,-2,y\n")
    t.run("ingest", "train", *words, "--label-field", "label").expect(0)
    t.run("export", "train").expect(0)
    equal(list(read_npy(t.dir / "cache/train_labels.npy").values), [1, -2], "labels")
    t.run("ingest", "train", *words).expect(0)
    t.run("export", "train").expect(0)
    equal(exported(t.dir / "cache"), [f for f in FILES if "labels" not in f], "an old file stayed")


@case
def the_digest_is_what_xxhsum_prints(t):
    if shutil.which("xxhsum") is None:
        raise Skipped("xxhsum is not installed")
    local(t)
    t.run("export", "train").expect(0)
    facts = json.loads(t.read("cache/train_metadata.json"))
    for key, file in [("npy", "train_embeddings.npy"), ("documents", "train_documents.jsonl"),
                      ("labels", "train_labels.npy")]:
        printed = subprocess.run(["xxhsum", "-H2", t.dir / "cache" / file], check=True,
                                 capture_output=True, text=True).stdout
        equal(printed.split()[0], facts[key + "_xxh3_128"], file)


def gaps(t):
    """A split with documents 1 and 12 without a vector."""
    rows = [f"text {i},{i}" for i in range(15)]
    rows[1], rows[12] = '"",1', '" ",12'
    t.write("a.csv", "text,id\n" + "\n".join(rows) + "\n")
    t.run("ingest", "train", "--provider", "local", "--format", "csv", "--id-field", "id",
          "--input", "a.csv").expect(3)


@case
def missing_vectors_are_refused_with_their_ids(t):
    gaps(t)
    t.show("export", "train").expect(9)
    equal(exported(t.dir / "cache"), [], "files")
    t.show("export", "train", "--missing", "some").expect(2)
    t.show("export", "train", "--missing", "skip").expect(0)
    npy = read_npy(t.dir / "cache/train_embeddings.npy")
    equal(npy.shape, (13, 128), "shape without them")
    ids = [json.loads(line)["id"] for line in t.read("cache/train_documents.jsonl").splitlines()]
    equal(ids, [str(i) for i in range(15) if i not in (1, 12)], "ids")
    t.show("export", "train", "--missing", "nan").expect(0)
    rows = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    equal([i for i, row in enumerate(rows) if all(x != x for x in row)], [1, 12], "rows of NaN")
    equal(json.loads(t.read("cache/train_metadata.json"))["missing_documents"], 2, "metadata")
    t.matches("export_missing")


@case
def an_unchanged_export_is_left_alone(t):
    local(t)
    t.run("export", "train").expect(0)
    before = {f: os.stat(t.dir / "cache" / f) for f in FILES}
    result = t.run("--json", "export", "train").expect(0)
    equal(result.json()["unchanged"], True, "unchanged")
    for file, old in before.items():
        new = os.stat(t.dir / "cache" / file)
        equal((new.st_ino, new.st_mtime_ns), (old.st_ino, old.st_mtime_ns), file)
    for words in [["--no-normalize"], ["--dimensions", "64"], []]:
        equal(t.run("--json", "export", "train", *words).expect(0).json()["unchanged"], False,
              f"unchanged with {words}")
    (t.dir / "cache/train_labels.npy").unlink()
    equal(t.run("--json", "export", "train").expect(0).json()["unchanged"], False, "a file is gone")
    equal(exported(t.dir / "cache"), FILES, "files")


@case
def verify_finds_one_flipped_bit_in_each_file(t):
    local(t)
    t.run("export", "train", "--verify").expect(0)
    for name in [f for f in FILES if "metadata" not in f]:
        path = t.dir / "cache" / name
        good = path.read_bytes()
        bad = bytearray(good)
        bad[len(bad) * 2 // 3] ^= 0x10
        path.write_bytes(bad)
        result = t.run("export", "train", "--verify").expect(5)
        contains(result.err, name, "is not what was written; remove it and export again")
        path.write_bytes(good)
        t.run("export", "train", "--verify").expect(0)


@case
def fewer_dimensions_are_cut_and_normalised_again(t):
    local(t)
    t.run("export", "train", "--no-normalize").expect(0)
    full = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    t.run("export", "train", "--dimensions", "32", "--output-dir", ".").expect(0)
    short = read_npy(t.dir / "train_embeddings.npy")
    equal(short.shape, (50, 32), "shape")
    same_rows(short.rows(), [unit(row[:32]) for row in full])
    equal(json.loads(t.read("train_metadata.json"))["dimensions"], 32, "dimensions")
    contains(t.run("export", "train", "--dimensions", "129").expect(2).err, "128", "129")


@case
def rows_come_as_they_are_when_asked(t):
    server = t.simulator()
    t.sample(20)
    t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
          key="good").expect(0)
    t.run("export", "train", "--no-normalize").expect(0)
    raw = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    check(abs(sum(x * x for x in raw[0]) - 1) > 0.01, "this model's vectors are not of unit length")
    equal(json.loads(t.read("cache/train_metadata.json"))["normalized"], False, "normalized")
    t.config(embedding="normalize: false")
    equal(t.run("--json", "export", "train").expect(0).json()["unchanged"], True, "configured")
    t.config()
    t.run("export", "train").expect(0)
    same_rows(read_npy(t.dir / "cache/train_embeddings.npy").rows(), [unit(row) for row in raw])


@case
def files_go_where_they_are_told(t):
    local(t)
    (t.dir / "out").mkdir()
    t.run("export", "train", "--output-dir", "out").expect(0)
    equal((exported(t.dir / "out"), exported(t.dir / "cache")), (FILES, []), "files")
    t.run("--store", "cache", "export", "train", "--output-dir", t.dir / "out").expect(0)
    result = t.run("export", "train", "--output-dir", "nowhere/at/all")
    check(result.code == 2, str(result))


@case
def a_link_or_a_directory_in_the_place_of_a_file_is_refused(t):
    local(t)
    t.write("precious", "untouched")
    for name in FILES:
        link = t.dir / "cache" / name
        link.symlink_to(t.dir / "precious")
        contains(t.run("export", "train").expect(2).err, name, "is not a regular file")
        link.unlink()
        link.mkdir()
        t.run("export", "train").expect(2)
        link.rmdir()
        equal(exported(t.dir / "cache"), [], f"files after the refusal of {name}")
    equal(t.read("precious"), "untouched", "the file behind the link")
    t.run("export", "train").expect(0)
    equal([p.name for p in (t.dir / "cache").iterdir() if ".tmp-" in p.name], [], "left over")


@case
def an_unknown_split_or_store_is_not_found(t):
    contains(t.run("export", "train").expect(9).err, "there is no store in 'cache'")
    local(t, 3)
    contains(t.run("export", "tset").expect(9).err, "tset", "train")


@case
def status_tells_whether_the_export_is_what_would_be_written_now(t):
    t.sample(20)
    words = ["ingest", "train", "--provider", "local", "--input", "sample.csv"]
    t.run(*words, "--limit", "10").expect(0)

    def state():
        status = t.run("--json", "status").expect(0).json()
        return status["splits"][0]["export"], status["export_bytes"] > 0

    equal(state(), ("none", False), "before")
    contains(t.run("status").out, "'train' is complete, not exported here  embstore export train")
    t.run("export", "train", "--no-normalize", "--dimensions", "64").expect(0)
    equal(state(), ("current", True), "after it was written")
    equal("next" in t.run("status").out, False, "nothing is left to do")
    t.run(*words).expect(0)
    equal(state(), ("older", True), "after more was embedded")
    contains(t.run("status").out, "its export is older")
    t.run("export", "train").expect(0)
    (t.dir / "cache/train_embeddings.npy").write_bytes(b"cut")
    equal(state(), ("older", True), "after it was hurt")
    t.run("export", "train").expect(0)
    t.run("export", "train", "--format", "arrow").expect(0)
    equal(state(), ("current", True), "in both formats")


@case
def status_says_older_when_the_files_of_one_format_are(t):
    words = ["ingest", "train", "--provider", "local", "--input", "sample.csv"]
    for documents, stale, fresh in ((10, "npy", "arrow"), (20, "arrow", "npy")):
        t.sample(documents)
        t.run(*words).expect(0)
        t.run("export", "train", "--format", stale).expect(0)
        t.sample(documents + 5)
        t.run(*words).expect(0)
        t.run("export", "train", "--format", fresh).expect(0)
        said = t.run("--json", "status").expect(0).json()["splits"][0]["export"]
        equal(said, "older", f"the {stale} files are of {documents} documents")
        advice = "embstore export train" + (" --format arrow" if stale == "arrow" else "")
        contains(t.run("status").out, f"its export is older  {advice}\n")
        t.run("export", "train", "--format", stale).expect(0)
        equal("next" in t.run("status").out, False, "nothing is left to do")
