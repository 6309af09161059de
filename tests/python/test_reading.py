# SPDX-License-Identifier: Apache-2.0
"""Documents, vectors and exports as NumPy has them."""

import gc
import json
import os
import pickle
import subprocess
import tracemalloc
import unittest

import numpy as np

import embstore
from support import COMMAND, DIMENSIONS, SAMPLE, Model, StoreCase, run_python, unit


class Vectors(StoreCase):

    def test_a_split_is_float32_rows_of_unit_length_in_document_order(self):
        raw = self.fill()
        vectors = self.reader().split("s").vectors()
        self.assertEqual((vectors.shape, vectors.dtype), ((50, DIMENSIONS), np.float32))
        np.testing.assert_allclose(vectors, unit(raw), rtol=1e-6)

    def test_without_normalize_they_are_bit_for_bit_what_the_provider_returned(self):
        raw = self.fill()
        split = self.reader().split("s")
        np.testing.assert_array_equal(split.vectors(normalize=False), raw)
        np.testing.assert_array_equal(split.get("3", normalize=False), raw[3])

    def test_ids_choose_rows_in_their_order_and_may_repeat(self):
        raw = self.fill(ids=[f"d{i}" for i in range(50)])
        rows = self.reader().split("s").get(["d7", "d3", "d7"], normalize=False)
        np.testing.assert_array_equal(rows, raw[[7, 3, 7]])

    def test_positions_are_ids_where_there_are_no_others(self):
        raw = self.fill()
        split = self.reader().split("s")
        for ids in ([4, "5"], np.array([4, 5]), range(4, 6)):
            np.testing.assert_array_equal(split.get(ids, normalize=False), raw[4:6])
        self.assertEqual(split.get(np.int64(4)).shape, (DIMENSIONS,))

    def test_no_ids_are_an_array_without_rows(self):
        self.fill()
        self.assertEqual(self.reader().split("s").get([]).shape, (0, DIMENSIONS))

    def test_an_array_of_the_callers_is_filled_in_place(self):
        raw = self.fill()
        split = self.reader().split("s")
        out = np.empty((50, DIMENSIONS), dtype=np.float32)
        self.assertIs(split.vectors(normalize=False, out=out), out)
        np.testing.assert_array_equal(out, raw)
        split.get([1, 0], normalize=False, out=out[10:12])
        np.testing.assert_array_equal(out[10:12], raw[[1, 0]])

    def test_an_array_that_does_not_fit_is_refused(self):
        self.fill()
        split = self.reader().split("s")
        read_only = np.empty((50, DIMENSIONS), dtype=np.float32)
        read_only.flags.writeable = False
        for out in (np.empty((50, DIMENSIONS)), np.empty((49, DIMENSIONS), dtype=np.float32),
                    np.empty((DIMENSIONS, 50), dtype=np.float32).T, read_only, [[0.0]]):
            with self.assertRaises(embstore.InvalidArgument):
                split.vectors(out=out)

    def test_reading_a_split_takes_the_memory_of_its_array_once(self):
        with self.writer() as store:
            store.ingest("s", [f"word {i}" for i in range(2000)], embstore.local())
        split = self.reader().split("s")
        split.vectors()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        vectors = split.vectors()
        self.assertLess(tracemalloc.get_traced_memory()[1], 1.05 * vectors.nbytes)

    def test_missing_vectors_are_an_error_that_names_documents_or_nan(self):
        def fail(call, texts):
            if call == 2:
                raise RuntimeError
        with self.writer() as store, self.assertRaises(RuntimeError):
            store.ingest("s", self.TEXTS, Model(fail).provider(batch_size=30), check_pairing=False)
        split = self.reader().split("s")
        with self.assertRaises(embstore.NotFound) as raised:
            split.vectors()
        self.assertEqual(raised.exception.ids, [str(i) for i in range(30, 50)])
        vectors = split.vectors(missing="nan")
        self.assertTrue(np.isfinite(vectors[:30]).all() and np.isnan(vectors[30:]).all())
        with self.assertRaisesRegex(embstore.NotFound, "no vector for '40'"):
            split.get([1, 40])

    def test_unknown_ids_are_named(self):
        self.fill()
        with self.assertRaisesRegex(embstore.NotFound, "split 's'.*'50', 'x'") as raised:
            self.reader().split("s").get([0, 50, "x"])
        self.assertEqual(raised.exception.ids, ["50", "x"])
        self.assertIsInstance(raised.exception, KeyError)


class Documents(StoreCase):

    def test_labels_are_int64_when_all_are_integers(self):
        self.fill(labels=[i % 3 for i in range(50)])
        labels = self.reader().split("s").labels
        self.assertEqual(labels.dtype, np.int64)
        np.testing.assert_array_equal(labels, np.arange(50) % 3)

    def test_other_labels_are_a_list(self):
        self.fill(["a", "b", "c"], labels=["x", None, 7])
        self.assertEqual(self.reader().split("s").labels, ["x", None, 7])

    def test_a_document_has_position_id_label_and_text(self):
        self.fill(["one", "two"], ids=["a", "b"], labels=["x", 2])
        split = self.reader().split("s")
        self.assertEqual(split.document("b"), embstore.Document(1, "b", 2, "two"))
        self.assertEqual((len(split), split.ids, split.texts()), (2, ["a", "b"], ["one", "two"]))
        self.assertEqual((split.text("a"), split.texts(["b", "a"])), ("one", ["two", "one"]))

    def test_texts_that_were_not_stored_are_an_error_and_none_in_documents(self):
        with self.writer(store_texts=False) as store:
            store.ingest("s", ["one"], Model().provider())
        split = self.reader().split("s")
        self.assertIsNone(split.document(0).text)
        for call in (split.texts, lambda: split.text(0)):
            with self.assertRaisesRegex(embstore.NotFound, "store_texts"):
                call()

    def test_text_keeps_every_character(self):
        texts = ["über den Wolken", "日本語", "line\nbreak", "🙂"]
        self.fill(texts)
        self.assertEqual(self.reader().split("s").texts(), texts)


class Spaces(StoreCase):

    def setUp(self):
        super().setUp()
        with self.writer() as store:
            store.ingest("s", ["one", "two"], embstore.local(dimensions=8))
            store.ingest("s", ["one", "two"], embstore.local(dimensions=16))
            store.ingest("s", ["one", "two"], embstore.local(dimensions=16, seed=1))
            store.ingest("bare", ["one"], embstore.local(dimensions=8))

    def test_with_several_the_error_lists_them_and_says_how_to_choose(self):
        split = self.reader().split("s")
        with self.assertRaises(embstore.InvalidArgument) as raised:
            split.vectors()
        for words in ("local-v1-seed42 (8 dimensions)", "local-v1-seed1 (16", "dimensions=..."):
            self.assertIn(words, str(raised.exception))
        self.assertEqual(len(split.spaces), 3)
        self.assertEqual(split.ids, ["0", "1"])

    def test_model_and_dimensions_choose(self):
        store = self.reader()
        self.assertEqual(store.split("s", dimensions=8).vectors().shape, (2, 8))
        self.assertEqual(store.split("s", model="local-v1-seed1").space.dimensions, 16)
        both = store.split("s", model="local-v1-seed42", dimensions=16, task_type="")
        self.assertEqual(both.get(0).shape, (16,))
        self.assertEqual(store.split("bare").space.model, "local-v1-seed42")

    def test_one_that_is_not_there_is_not_found(self):
        with self.assertRaisesRegex(embstore.NotFound, "has vectors of: local-v1"):
            self.reader().split("s", model="other").vectors()


class Exports(StoreCase):

    def test_memmap_is_the_export_mapped_for_reading(self):
        self.fill(labels=[1] * 50)
        split = self.reader().split("s")
        mapped = split.memmap()
        self.assertIsInstance(mapped, np.memmap)
        self.assertFalse(mapped.flags.writeable)
        np.testing.assert_array_equal(mapped, split.vectors())
        self.assertTrue((self.path / "s_labels.npy").exists())

    def test_an_export_that_is_up_to_date_is_left_alone(self):
        self.fill()
        split = self.reader().split("s")
        first = split.export()
        inode = first.path.stat().st_ino
        second = split.export()
        self.assertEqual((first.unchanged, second.unchanged), (False, True))
        self.assertEqual(second.path.stat().st_ino, inode)

    def test_a_mapped_array_stays_as_it_was_when_the_file_is_replaced(self):
        raw = self.fill()
        mapped = self.reader().split("s").memmap(normalize=False)
        self.fill(["another"])
        self.reader().split("s").memmap(normalize=False)
        np.testing.assert_array_equal(mapped, raw)

    def test_export_takes_the_options_of_the_command(self):
        self.fill()
        output = self.directory / "out"
        output.mkdir()
        report = self.reader().split("s").export(output, dimensions=2, verify=True)
        self.assertEqual((report.rows, report.dimensions, report.missing), (50, 2, 0))
        self.assertEqual(report.path, output / "s_embeddings.npy")
        self.assertEqual(np.load(report.path).shape, (50, 2))


    def test_arrow_is_another_file(self):
        self.fill()
        report = self.reader().split("s").export(format="arrow")
        self.assertEqual(report.path.read_bytes()[:6], b"ARROW1")
        with self.assertRaisesRegex(embstore.InvalidArgument, "'npy' or 'arrow'"):
            self.reader().split("s").export(format="parquet")


class Stores(StoreCase):

    def test_status_is_the_document_of_the_command(self):
        with self.writer() as store:
            store.ingest("a", self.TEXTS, Model().provider(price="0.5"), check_pairing=False)
        printed = subprocess.run([COMMAND, "--store", self.path, "--json", "status"], check=True,
                                 capture_output=True).stdout
        self.assertEqual(self.reader().status(), json.loads(printed))

    def test_what_the_command_wrote_is_read_and_the_other_way_round(self):
        subprocess.run([COMMAND, "--store", self.path, "--quiet", "ingest", "sample", "--input",
                        SAMPLE, "--provider", "local"], check=True, capture_output=True)
        split = self.reader().split("sample")
        self.assertEqual((split.vectors().shape, split.labels[0]), ((1200, 768), 1))
        raw = self.fill()
        printed = subprocess.run([COMMAND, "--store", self.path, "--json", "get", "s", "7",
                                  "--no-normalize"], check=True, capture_output=True).stdout
        np.testing.assert_array_equal(json.loads(printed)[0]["vector"], raw[7])

    def test_a_closed_store_says_so_and_its_arrays_live_on(self):
        raw = self.fill()
        with self.reader() as store:
            split = store.split("s")
            vectors = split.vectors(normalize=False)
            mapped = split.memmap(normalize=False)
        store.close()
        self.assertTrue(store.closed)
        np.testing.assert_array_equal(vectors, raw)
        np.testing.assert_array_equal(mapped, raw)
        for call in (split.vectors, split.texts, store.status, store.refresh):
            with self.assertRaisesRegex(embstore.InvalidArgument, "closed"):
                call()

    def test_a_split_keeps_its_store(self):
        raw = self.fill()
        split = embstore.open(self.path).split("s")
        gc.collect()
        np.testing.assert_array_equal(split.vectors(normalize=False), raw)
        split.store.close()

    def test_a_store_for_reading_can_be_pickled_and_one_for_writing_cannot(self):
        self.fill()
        store = self.reader()
        with pickle.loads(pickle.dumps(store)) as copy:
            self.assertEqual((copy.id, copy.read_only, len(copy.split("s"))), (store.id, True, 50))
        with self.assertRaises(embstore.InvalidArgument):
            pickle.dumps(self.writer())

    def test_the_errors_of_opening_say_what_is_wrong(self):
        with self.assertRaises(embstore.NotFound):
            embstore.open(self.directory / "none")
        with self.assertRaises(embstore.NotFound):
            embstore.open(self.directory / "none", read_only=False, create=False)
        self.fill()
        with self.assertRaisesRegex(embstore.NotFound, "it has: s") as raised:
            self.reader().split("t")
        self.assertEqual(raised.exception.code, "not found")
        with self.assertRaises(embstore.InvalidArgument):
            self.reader().ingest("s", ["a"], Model().provider())

    def test_damage_is_corruption(self):
        self.fill()
        for table in (self.path / "store").glob("*.sst"):
            content = bytearray(table.read_bytes())
            content[: len(content) // 2] = os.urandom(len(content) // 2)
            table.write_bytes(content)
        with self.assertRaises(embstore.Corruption):
            with embstore.open(self.path) as store:
                store.split("s").vectors()

    def test_everything_public_is_documented(self):
        output = run_python("import embstore\n"
                            "for name in embstore.__all__:\n"
                            "    if not getattr(embstore, name).__doc__: print(name)\n")
        self.assertEqual(output, "")


if __name__ == "__main__":
    unittest.main()
