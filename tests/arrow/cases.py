# SPDX-License-Identifier: Apache-2.0
"""What readers of Arrow and NumPy files must find in an export. Started by run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import nanoarrow
import nanoarrow.ipc
import numpy
import pandas
import polars
import pyarrow
from pyarrow import feather, ipc

EMBSTORE, FILTER = sys.argv[1:3]
DIMENSIONS = 24
SECONDS = 60
MANY = 9000  # Rows, for several batches.


class Store:
    """A store in a scratch directory with the split `s`, made of (id, text, label) by the built-in
    provider."""

    def __init__(self, documents, config=""):
        self._directory = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self._directory.name)
        (self.dir / "config.yaml").write_text(
            f"embedding: {{provider: local, dimensions: {DIMENSIONS}, cache_dir: cache{config}}}\n")
        fields = ("id", "text", "label")
        lines = [json.dumps(dict(zip(fields, document))) + "\n" for document in documents]
        (self.dir / "s.jsonl").write_text("".join(lines))
        labels = ["--label-field", "label"] if any(d[2] is not None for d in documents) else []
        self.run("ingest", "s", "--input", "s.jsonl", "--format", "jsonl", "--id-field", "id",
                 *labels, may_exit=(0, 3))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._directory.cleanup()

    def run(self, *words, stdin=None, may_exit=(0,)):
        result = subprocess.run([EMBSTORE, *words], cwd=self.dir, capture_output=True, input=stdin,
                                timeout=SECONDS)
        if result.returncode not in may_exit:
            raise AssertionError(f"{words}: exit {result.returncode}\n{result.stderr.decode()}")
        return result.stdout

    def export(self, *words):
        """The path of the table."""
        self.run("export", "s", "--format", "arrow", *words)
        return str(self.dir / "cache" / "s_embeddings.arrow")

    def array(self, *words):
        self.run("export", "s", *words)
        return numpy.load(self.dir / "cache" / "s_embeddings.npy", allow_pickle=False)

    def get(self, ids):
        """The vectors as `get` has them, float32 (ids, D)."""
        raw = self.run("get", "s", "--stdin", "--raw", stdin="\n".join(ids).encode())
        return numpy.frombuffer(raw, "<f4").reshape(len(ids), -1)


def documents(count=100):
    return [(f"id-{i}", f"text number {i} of {i % 7}", i % 4) for i in range(count)]


def same_bits(one, other):
    return one.dtype == other.dtype == numpy.float32 and one.tobytes() == other.tobytes()


def rows_of(column, dimensions=DIMENSIONS):
    """A column of pyarrow as float32 (N, D), without a copy for any of its chunks."""
    chunks = [chunk.values.to_numpy(zero_copy_only=True) for chunk in column.chunks]
    return numpy.concatenate(chunks).reshape(-1, dimensions)


class Readers(unittest.TestCase):
    def test_a_table_has_the_values_of_get(self):
        rows = documents()
        with Store(rows) as store:
            table = feather.read_table(store.export())
            table.validate(full=True)
            self.assertEqual(table.column_names, ["id", "label", "text", "embedding"])
            self.assertEqual(table.schema.field("label").type, pyarrow.int64())
            self.assertEqual(table.schema.field("embedding").type.list_size, DIMENSIONS)
            self.assertEqual(table["id"].to_pylist(), [row[0] for row in rows])
            self.assertEqual(table["text"].to_pylist(), [row[1] for row in rows])
            self.assertEqual(table["label"].to_pylist(), [row[2] for row in rows])
            self.assertTrue(same_bits(rows_of(table["embedding"]),
                                      store.get([row[0] for row in rows])))
            self.assertEqual(table.schema.metadata[b"embstore.normalized"], b"true")

    def test_a_mapped_file_of_many_batches_needs_no_copy_and_is_aligned(self):
        with Store(documents(MANY)) as store:
            path = store.export()
            with pyarrow.memory_map(path) as mapped, ipc.open_file(mapped) as reader:
                self.assertGreater(reader.num_record_batches, 2)
                before = pyarrow.total_allocated_bytes()
                batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
                parts = [batch["embedding"].values.to_numpy(zero_copy_only=True)
                         for batch in batches]
                self.assertEqual(pyarrow.total_allocated_bytes(), before)
                self.assertEqual({part.ctypes.data % 64 for part in parts}, {0})
                self.assertEqual(numpy.concatenate(parts).tobytes(), store.array().tobytes())
                ids = [name for batch in batches for name in batch["id"].to_pylist()]
                self.assertEqual(ids, [row[0] for row in documents(MANY)])
                del batches, parts

    def test_the_file_is_also_a_stream(self):
        with Store(documents(MANY)) as store, open(store.export(), "rb") as file:
            file.seek(8)
            table = ipc.open_stream(file).read_all()
            table.validate(full=True)
            self.assertTrue(same_bits(rows_of(table["embedding"]), store.array()))

    def test_pandas(self):
        rows = documents()
        with Store(rows) as store:
            frame = pandas.read_feather(store.export())
            self.assertEqual(list(frame["id"]), [row[0] for row in rows])
            self.assertEqual(str(frame["label"].dtype), "int64")
            self.assertEqual(list(frame["text"]), [row[1] for row in rows])
            self.assertTrue(same_bits(numpy.stack(frame["embedding"]), store.array()))
            read = pandas.DataFrame(store.array())
            self.assertEqual((read.shape, str(read.dtypes[0])), ((100, DIMENSIONS), "float32"))

    def test_polars(self):
        with Store(documents(MANY)) as store:
            frame = polars.read_ipc(store.export())
            self.assertEqual(frame.schema["embedding"], polars.Array(polars.Float32, DIMENSIONS))
            self.assertEqual(frame["text"].to_list(), [row[1] for row in documents(MANY)])
            self.assertEqual(frame["label"].to_list(), [row[2] for row in documents(MANY)])
            self.assertTrue(same_bits(frame["embedding"].to_numpy(), store.array()))

    def test_nanoarrow(self):
        with Store(documents(MANY)) as store, open(store.export(), "rb") as file:
            file.seek(8)
            table = nanoarrow.Array(nanoarrow.ipc.InputStream.from_readable(file))
            names, labels, texts, vectors = (table.child(i) for i in range(4))
            self.assertEqual(list(names.iter_py()), [row[0] for row in documents(MANY)])
            self.assertEqual(list(labels.iter_py()), [row[2] for row in documents(MANY)])
            self.assertEqual(list(texts.iter_py()), [row[1] for row in documents(MANY)])
            flat = numpy.array(list(vectors.iter_py()), dtype=numpy.float32)
            self.assertTrue(same_bits(flat, store.array()))

    def test_any_text_id_and_label(self):
        rows = [("ключ", "日本語 🦜\u200d\x01 end", "a\tb"), ("x y", "e\u0301 é", ""),
                ("'\"", "one\nline\r\nand another", "-1"), ("\u00e9", "plain", "中")]
        with Store(rows) as store:
            path = store.export()
            for table in (feather.read_table(path), polars.read_ipc(path).to_arrow()):
                self.assertEqual(list(zip(table["id"].to_pylist(), table["text"].to_pylist(),
                                          table["label"].to_pylist())), rows)

    def test_labels_that_nobody_has_are_null(self):
        with Store([(f"{i}", f"text {i}", None) for i in range(20)]) as store:
            path = store.export()
            column = feather.read_table(path)["label"]
            self.assertEqual((column.type, column.null_count), (pyarrow.string(), 20))
            self.assertEqual(polars.read_ipc(path)["label"].null_count(), 20)
            self.assertTrue(pandas.read_feather(path)["label"].isna().all())

    def test_texts_that_are_not_kept_are_null(self):
        with Store(documents(20), config=", store_texts: false") as store:
            table = feather.read_table(store.export())
            table.validate(full=True)
            self.assertEqual(table["text"].null_count, 20)

    def test_rows_without_a_vector(self):
        rows = [(f"id-{i}", "" if i in (0, 13) else f"text {i}", i) for i in range(20)]
        with Store(rows) as store:
            table = feather.read_table(store.export("--missing", "nan"))
            table.validate(full=True)
            vectors = rows_of(table["embedding"])
            self.assertEqual(list(numpy.flatnonzero(numpy.isnan(vectors).all(axis=1))), [0, 13])
            self.assertTrue(same_bits(vectors, store.array("--missing", "nan")))
            table = feather.read_table(store.export("--missing", "skip"))
            self.assertEqual(table["label"].to_pylist(),
                             [i for i in range(20) if i not in (0, 13)])
            vectors = rows_of(table["embedding"])
            self.assertTrue(same_bits(vectors, store.array("--missing", "skip")))

    def test_a_table_without_rows(self):
        with Store([("a", "", 1), ("b", "", 2)]) as store:
            path = store.export("--missing", "skip")
            table = feather.read_table(path)
            self.assertEqual((table.num_rows, table.column_names),
                             (0, ["id", "label", "text", "embedding"]))
            self.assertEqual(len(pandas.read_feather(path)), 0)
            self.assertEqual(polars.read_ipc(path).shape, (0, 4))
            self.assertEqual(store.array("--missing", "skip").shape, (0, DIMENSIONS))

    def test_a_cut(self):
        with Store(documents()) as store:
            full = store.array()
            path = store.export("--dimensions", "8", "--no-normalize")
            cut = rows_of(feather.read_table(path)["embedding"], 8)
            self.assertTrue(same_bits(cut, store.array("--dimensions", "8", "--no-normalize")))
            unit = rows_of(feather.read_table(store.export("--dimensions", "8"))["embedding"], 8)
            self.assertTrue(same_bits(unit, store.array("--dimensions", "8")))
            wide = full[:, :8].astype(numpy.float64)
            wide /= numpy.linalg.norm(wide, axis=1, keepdims=True)
            self.assertLess(abs(unit - wide).max(), 1e-6)

    def test_two_splits_can_be_put_together(self):
        with Store(documents(30)) as store:
            store.run("ingest", "other", "--input", "s.jsonl", "--format", "jsonl", "--id-field",
                      "id", "--label-field", "label")
            store.run("export", "other", "--format", "arrow")
            tables = [feather.read_table(store.export()),
                      feather.read_table(str(store.dir / "cache" / "other_embeddings.arrow"))]
            self.assertEqual(pyarrow.concat_tables(tables).num_rows, 60)

    def test_labels_of_the_array(self):
        with Store(documents()) as store:
            store.array()
            labels = numpy.load(store.dir / "cache" / "s_labels.npy", allow_pickle=False)
            self.assertEqual((labels.dtype, labels.tolist()),
                             (numpy.int64, [row[2] for row in documents()]))


def load_tests(loader, tests, _pattern):
    chosen = unittest.TestSuite()
    for group in tests:
        chosen.addTests(test for test in group if FILTER in test.id())
    return chosen


if __name__ == "__main__":
    for name in [n for n in os.environ if n.startswith("EMBSTORE_")]:
        del os.environ[name]
    unittest.main(argv=sys.argv[:1])
