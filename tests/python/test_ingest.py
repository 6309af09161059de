# SPDX-License-Identifier: Apache-2.0
"""Embedding with a function, with the built-in providers, and being interrupted."""

import dataclasses
import gzip
import json
import logging
import os
import signal
import subprocess
import threading
import unittest

import numpy as np

import embstore
from support import COMMAND, DIMENSIONS, SAMPLE, Model, Simulator, StoreCase, vector_of


class Function(StoreCase):

    def test_each_distinct_text_is_asked_for_once_in_the_stores_life(self):
        model = Model()
        store = self.writer()
        report = store.ingest("s", ["a", "b", "a"], model.provider())
        self.assertEqual((report.documents, report.unique_documents, report.embedded), (3, 2, 2))
        self.assertTrue(report.complete)
        again = store.ingest("other", ["b", "a", "c"], model.provider())
        self.assertEqual((again.cached, again.embedded), (2, 1))
        self.assertEqual(sorted(model.texts), ["a", "b", "c"])

    def test_refresh_asks_again(self):
        model = Model()
        store = self.writer()
        store.ingest("s", ["a"], model.provider())
        store.ingest("s", ["a"], model.provider(), refresh=True)
        self.assertEqual(model.texts, ["a", "a"])

    def test_any_array_like_will_do(self):
        store = self.writer()
        for number, kind in enumerate((list, tuple, np.array, lambda rows: np.array(rows, "f2"),
                                       lambda rows: np.asfortranarray(rows, "f4"))):
            provider = embstore.from_function(
                lambda texts, kind=kind: kind([[len(text), 1] for text in texts]),
                model=f"m{number}", dimensions=2)
            store.ingest("s", ["a", "bb"], provider)
            rows = store.split("s", model=f"m{number}").vectors(normalize=False)
            np.testing.assert_array_equal(rows, [[1, 1], [2, 1]])

    def test_an_answer_of_another_shape_ends_the_run_with_an_error_that_says_so(self):
        store = self.writer()
        for answer in ([[1.0]], [1.0, 2.0], [[1.0, 2.0]] * 3):
            provider = embstore.from_function(lambda texts, a=answer: a, model="m", dimensions=2)
            with self.assertRaisesRegex(ValueError, r"shape .* for 2 texts, not \(2, 2\)"):
                store.ingest("s", ["a", "b"], provider)

    def test_batch_size_and_concurrency_are_kept(self):
        barrier = threading.Barrier(3)
        model = Model(lambda call, texts: barrier.wait(30))
        provider = model.provider(batch_size=10, concurrency=3)
        self.writer().ingest("s", [f"text {i}" for i in range(60)], provider, check_pairing=False)
        self.assertEqual([len(call) for call in model.calls], [10] * 6)

    def test_an_exception_comes_out_and_what_was_stored_stays(self):
        class Broken(Exception):
            pass

        def fail(call, texts):
            if call == 3:
                raise Broken("at the third call")
        store = self.writer()
        with self.assertRaisesRegex(Broken, "third") as raised:
            store.ingest("s", self.TEXTS, Model(fail).provider(batch_size=10), check_pairing=False)
        self.assertEqual((raised.exception.report.embedded, raised.exception.report.complete),
                         (20, False))
        model = Model()
        report = store.ingest("s", self.TEXTS, model.provider(), check_pairing=False)
        self.assertEqual((report.cached, len(model.texts)), (20, 30))

    def test_a_passing_trouble_is_retried(self):
        def fail_twice(call, texts):
            if call < 3:
                raise embstore.Unavailable("busy")
        model = Model(fail_twice)
        report = self.writer().ingest("s", ["a"], model.provider(), retry_wait=0.001)
        self.assertTrue(report.complete)
        self.assertEqual(len(model.calls), 3)

    def test_an_error_of_ones_own_keeps_the_meaning_of_its_base(self):
        class Busy(embstore.Unavailable):
            def __init__(self, seconds=None):  # Never calls that of its base.
                if seconds is not None:
                    self.retry_after = seconds
        store = self.writer()
        for number, busy in enumerate((Busy(), Busy("soon"), Busy(-1), Busy(float("nan")),
                                       Busy(float("inf")))):
            def fail_once(call, texts):
                if call == 1:
                    raise busy
            with self.subTest(seconds=busy.retry_after):
                model = Model(fail_once)
                report = store.ingest("s", [f"text {number}"], model.provider(), retry_wait=0.001)
                self.assertTrue(report.complete)
                self.assertEqual(len(model.calls), 2)

    def test_what_ended_a_run_is_said_in_one_line(self):
        errors = ((KeyError("x"), "KeyError: 'x'"), (OSError(), "OSError"),
                  (ValueError("\ud800"), "ValueError"))
        for error, words in errors:
            def fail(call, texts):
                raise error
            seen = Model(fail).provider()._for_run()[0]
            with self.assertRaises(embstore.InvalidArgument) as raised:
                seen.embed(["a"], np.empty((1, DIMENSIONS), dtype=np.float32))
            self.assertEqual(str(raised.exception), words)

    def test_a_refused_text_is_found_and_its_neighbours_are_stored(self):
        def refuse(call, texts):
            if "text number 33 of them" in texts:
                raise embstore.Rejected("that one is bad")
        store = self.writer()
        report = store.ingest("s", self.TEXTS, Model(refuse).provider(), check_pairing=False)
        self.assertEqual((report.embedded, report.failed, report.complete), (49, 1, False))
        self.assertEqual(store.status()["failures"][0]["id"], "33")

    def test_a_refusal_for_good_ends_the_run(self):
        def refuse(call, texts):
            raise embstore.PermissionDenied("who are you?")
        with self.assertRaisesRegex(embstore.Refused, "who are you") as raised:
            self.writer().ingest("s", ["a"], Model(refuse).provider())
        self.assertEqual(raised.exception.code, "permission denied")
        self.assertEqual(raised.exception.report.embedded, 0)

    def test_calls_with_a_price_go_through_the_ledger_and_keep_to_the_budget(self):
        store = self.writer()
        report = store.ingest("s", self.TEXTS, Model().provider(price=1), check_pairing=False)
        self.assertAlmostEqual(report.estimated_cost_usd, report.tokens / 1e6)
        self.assertAlmostEqual(store.status()["money"]["spent_usd"], report.tokens / 1e6)
        with self.assertRaises(embstore.BudgetReached):
            store.ingest("t", ["new " + text for text in self.TEXTS], Model().provider(price=1),
                         max_cost="0.000001", check_pairing=False)

    def test_a_paid_call_that_raised_is_in_doubt(self):
        def fail(call, texts):
            raise OSError("the connection died")
        store = self.writer()
        with self.assertRaises(OSError):
            store.ingest("s", ["a", "b"], Model(fail).provider(price=1))
        self.assertEqual(store.status()["money"]["in_doubt_texts"], 2)

    def test_plan_asks_nothing(self):
        model = Model()
        store = self.writer()
        store.ingest("s", ["a"], model.provider())
        plan = store.plan("s", ["a", "b", "b"], model.provider(price=2))
        self.assertEqual((plan.documents, plan.cached, plan.to_embed, plan.duplicates),
                         (3, 1, 1, 1))
        self.assertGreater(plan.cost_usd, 0)
        self.assertEqual(model.texts, ["a"])

    def test_embed_answers_vectors_and_stores_nothing(self):
        provider = Model().provider(batch_size=2)
        rows = provider.embed(["a", "b", "c"])
        np.testing.assert_array_equal(rows, [vector_of(text) for text in "abc"])
        with self.assertRaises(ZeroDivisionError):
            embstore.from_function(lambda texts: 1 / 0, model="m", dimensions=2).embed(["a"])


class Texts(StoreCase):

    def test_texts_of_no_split_are_embedded_once(self):
        model = Model()
        store = self.writer()
        store.ingest("s", ["a"], model.provider())
        for _ in range(2):
            rows = store.embed(["a", "b", "b"], model.provider(), normalize=False)
            np.testing.assert_array_equal(rows, [vector_of(text) for text in "abb"])
        self.assertEqual(model.texts, ["a", "b"])
        self.assertEqual(store.splits, ["s"])

    def test_a_store_for_reading_answers_what_it_has(self):
        self.fill(["a"])
        provider = Model().provider()
        self.assertAlmostEqual(np.linalg.norm(self.reader().embed(["a"], provider)), 1, delta=1e-6)
        with self.assertRaisesRegex(embstore.InvalidArgument, "1 of 2 texts.*read_only=False"):
            self.reader().embed(["a", "b"], provider)

    def test_a_text_without_a_vector_is_named(self):
        def refuse(call, texts):
            if "b" in texts:
                raise embstore.Rejected("not that")
        with self.assertRaisesRegex(embstore.NotFound, "1 of 2 texts .* 'b'"):
            self.writer().embed(["a", "b"], Model(refuse).provider())


class Input(StoreCase):

    def test_files_of_every_format(self):
        csv = self.directory / "x.csv"
        csv.write_text("key,words,more,kind\na,one,1,7\nb,two,2,8\n")
        jsonl = self.directory / "x.jsonl.gz"
        jsonl.write_bytes(gzip.compress(b'{"key": "a", "text": "one"}\n{"key": "b", "text": "two"}'))
        store = self.writer()
        store.ingest("csv", csv, Model().provider(), format="csv", text_fields=["words", "more"],
                     id_field="key", label_field="kind")
        store.ingest("jsonl", str(jsonl), Model().provider(), format="jsonl", id_field="key")
        store.ingest("ag", SAMPLE, embstore.local(dimensions=8), format="ag_news", limit=10)
        split = store.split("csv")
        self.assertEqual((split.texts(), split.ids), (["one 1", "two 2"], ["a", "b"]))
        np.testing.assert_array_equal(split.labels, [7, 8])
        self.assertEqual(store.split("jsonl").text("b"), "two")
        self.assertEqual(len(store.split("ag")), 10)

    def test_a_file_needs_its_format_and_no_lists(self):
        store = self.writer()
        with self.assertRaisesRegex(embstore.InvalidArgument, "format='csv'"):
            store.ingest("s", SAMPLE, Model().provider())
        with self.assertRaisesRegex(embstore.InvalidArgument, "id_field"):
            store.ingest("s", SAMPLE, Model().provider(), format="ag_news", ids=["a"])
        with self.assertRaisesRegex(embstore.InvalidArgument, "'tsv'"):
            store.ingest("s", SAMPLE, Model().provider(), format="tsv")

    def test_bad_input_is_an_error_and_loses_nothing(self):
        self.fill(["one"])
        store = self.writer()
        for documents, more, error in [(["a", 3], {}, TypeError), (["a\ud800"], {}, ValueError),
                                       (["a\0"], {}, embstore.InvalidArgument),
                                       (["a"], {"ids": ["x", "y"]}, embstore.InvalidArgument),
                                       (["a"], {"labels": []}, embstore.InvalidArgument),
                                       (["a", "b"], {"ids": ["x", ""]}, embstore.InvalidArgument),
                                       (["a", "b"], {"ids": ["x", "x"]}, embstore.InvalidArgument),
                                       (["a"], {"mode": "fast"}, embstore.InvalidArgument),
                                       (["a"], {"mode": "batch"}, embstore.InvalidArgument)]:
            with self.subTest(documents=documents, **more), self.assertRaises(error):
                store.ingest("s", documents, Model().provider(), **more)
        with self.assertRaises(embstore.InvalidArgument):
            store.ingest("../s", ["a"], Model().provider())
        self.assertEqual(store.split("s").texts(), ["one"])

    def test_a_split_shows_the_new_list_after_an_ingest(self):
        store = self.writer()
        store.ingest("s", ["one", "two"], Model().provider())
        split = store.split("s")
        self.assertEqual(split.ids, ["0", "1"])
        store.ingest("s", ["three"], Model().provider(), ids=["x"])
        self.assertEqual((split.ids, split.texts(), split.vectors().shape),
                         (["x"], ["three"], (1, DIMENSIONS)))


class Interruption(StoreCase):

    def interrupt(self, call, texts):
        if call == 3:
            os.kill(os.getpid(), signal.SIGINT)

    def test_ctrl_c_keeps_what_is_in_flight_and_the_same_call_goes_on(self):
        # A process that was started in the background ignores the signal.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        model = Model(self.interrupt)
        store = self.writer()
        with self.assertRaises(KeyboardInterrupt) as raised:
            store.ingest("s", [f"text {i}" for i in range(1000)], model.provider(batch_size=1),
                         check_pairing=False)
        report = raised.exception.report
        self.assertFalse(report.complete)
        self.assertEqual(report.embedded, len(model.texts))
        rest = Model()
        report = store.ingest("s", [f"text {i}" for i in range(1000)], rest.provider(),
                              check_pairing=False)
        self.assertTrue(report.complete)
        self.assertEqual(set(rest.texts) & set(model.texts), set())

    def test_what_ends_the_program_comes_out_of_a_provider_as_itself(self):
        for kind in (KeyboardInterrupt, SystemExit, GeneratorExit):
            def end(call, texts):
                if call == 3:
                    raise kind(7)
            for price in (None, 1):
                with self.subTest(kind=kind, price=price), self.assertRaises(kind) as raised:
                    texts = [f"{kind} {price} {text}" for text in self.TEXTS]
                    with self.writer() as store:
                        store.ingest("s", texts, Model(end).provider(batch_size=10, price=price),
                                     check_pairing=False)
                self.assertEqual((raised.exception.args, raised.exception.report.embedded),
                                 ((7,), 20))
            with self.assertRaises(kind):
                Model(end).provider(batch_size=1).embed(self.TEXTS)

    def test_progress_is_told_in_the_callers_thread_and_grows(self):
        threads = set()
        seen = []

        def progress(state):
            threads.add(threading.current_thread())
            seen.append(state)
        self.writer().ingest("s", self.TEXTS, Model().provider(batch_size=5), check_pairing=False,
                             progress=progress)
        self.assertEqual(threads, {threading.current_thread()})
        done = [state.texts_done for state in seen]
        self.assertEqual(done, sorted(done))
        self.assertEqual((seen[-1].texts_done, seen[-1].texts_total), (50, 50))

    def test_an_exception_of_progress_ends_the_run_cleanly(self):
        store = self.writer()

        def progress(state):
            raise LookupError("enough")
        with self.assertRaisesRegex(LookupError, "enough") as raised:
            store.ingest("s", self.TEXTS, Model().provider(batch_size=1), check_pairing=False,
                         progress=progress)
        self.assertEqual(store.status()["splits"][0]["embedded"], raised.exception.report.embedded)

    def test_a_store_cannot_be_closed_by_its_own_provider(self):
        store = self.writer()
        errors = []

        def close(call, texts):
            try:
                store.close()
            except embstore.InvalidArgument as error:
                errors.append(str(error))
        self.assertTrue(store.ingest("s", ["a"], Model(close).provider()).complete)
        self.assertIn("in use by ingest", errors[0])

    def test_a_provider_may_read_the_store(self):
        store = self.writer()
        store.ingest("s", ["a"], Model().provider())
        seen = []
        model = Model(lambda call, texts: seen.append(store.split("s").text(0)))
        store.ingest("t", ["b"], model.provider())
        self.assertEqual(seen, ["a"])

    def test_warnings_go_to_the_logger(self):
        def refuse(call, texts):
            raise embstore.Rejected("bad")
        with self.assertLogs("embstore", logging.WARNING) as logs:
            self.writer().ingest("s", ["a"], Model(refuse).provider())
        self.assertIn("bad", logs.output[0])


class Builtin(StoreCase):

    def test_gemini_by_batch_jobs_and_by_calls(self):
        store = self.writer()
        with Simulator() as server:
            provider = embstore.gemini(api_key="a-key", base_url=server.url, dimensions=128)
            jobs = store.ingest("a", ["one", "two"], provider)
            calls = store.ingest("b", ["three"], provider, mode="sync")
        self.assertTrue(jobs.complete and calls.complete)
        self.assertEqual(calls.estimated_cost_usd, 3e-7)  # 2 tokens, at the table's price.
        self.assertGreater(store.status()["money"]["spent_usd"], 0)
        self.assertEqual(store.split("a").space.task_type, "CLUSTERING")

    def test_openai(self):
        store = self.writer()
        with Simulator() as server:
            provider = embstore.openai(api_key="a-key", base_url=server.url + "/v1", dimensions=8)
            self.assertTrue(store.ingest("s", ["one", "two"], provider).complete)
        self.assertEqual(store.split("s").vectors().shape, (2, 8))

    def test_a_refused_key_is_an_error_without_the_key(self):
        with Simulator() as server:
            provider = embstore.gemini(api_key="bad-key-7231", base_url=server.url, dimensions=128)
            with self.assertRaises(embstore.PermissionDenied) as raised:
                self.writer().ingest("s", ["one"], provider, mode="sync")
        self.assertNotIn("7231", str(raised.exception) + repr(raised.exception) + repr(provider)
                         + repr(vars(provider)))

    def test_without_a_key_nothing_is_made(self):
        for variable in ("GEMINI_API_KEY", "OPENAI_API_KEY"):
            os.environ.pop(variable, None)
        for make in (embstore.gemini, embstore.openai):
            with self.assertRaisesRegex(embstore.PermissionDenied, "API key|no key|key"):
                make()

    def test_the_key_may_come_from_the_environment(self):
        os.environ["GEMINI_API_KEY"] = "a-key"
        self.addCleanup(os.environ.pop, "GEMINI_API_KEY")
        self.assertEqual(embstore.gemini().model, "gemini-embedding-001")

    def test_the_report_has_the_keys_of_the_command(self):
        report = self.writer().ingest("s", SAMPLE, embstore.local(dimensions=8), format="ag_news",
                                      batch_size=100)
        printed = subprocess.run(
            [COMMAND, "--store", self.directory / "other", "--json", "ingest", "s", "--input",
             SAMPLE, "--provider", "local", "--dimensions", "8"], check=True,
            capture_output=True).stdout
        ours, theirs = dataclasses.asdict(report), json.loads(printed)
        for timing in ("elapsed_seconds", "mean_batch_seconds"):
            ours.pop(timing), theirs.pop(timing)
        self.assertEqual(ours, theirs)


if __name__ == "__main__":
    unittest.main()
