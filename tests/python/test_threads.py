# SPDX-License-Identifier: Apache-2.0
"""Threads of this process, its end, and other processes."""

import os
import subprocess
import sys
import threading
import time
import unittest

import numpy as np

import embstore
from support import DIMENSIONS, SECONDS, Model, StoreCase, run_python

INGEST_IN_A_DAEMON_THREAD = """
import atexit, sys, threading
# Called after what embstore has registered: the last moment at which a thread may be running.
atexit.register(lambda: print([t.name for t in threading.enumerate() if "embstore" in t.name]))
import embstore
store = embstore.open(sys.argv[1], read_only=False)
started = threading.Event()

def embed(texts):
    started.set()
    return [[1.0, len(text)] for text in texts]

def work():
    store.ingest("s", [f"text {i}" for i in range(100_000)],
                 embstore.from_function(embed, model="m", dimensions=2, batch_size=1),
                 check_pairing=False)

threading.Thread(target=work, daemon=True).start()
assert started.wait(30)
"""

SEARCH_IN_DAEMON_THREADS = """
import sys, threading, numpy, embstore
store = embstore.open(sys.argv[1])
split = store.split("s")
queries = numpy.random.default_rng(1).normal(size=(200, 4)).astype(numpy.float32)
started = threading.Barrier(4)

def work():
    split.search_batch(queries)
    started.wait(30)
    while True:
        split.search_batch(queries, exact=True)
        split.vectors()

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
started.wait(30)
"""

# Writes one more document a line that it reads, and says so.
WRITER = """
import sys, embstore
with embstore.open(sys.argv[1], read_only=False) as store:
    provider = embstore.local(dimensions=8)
    for line in sys.stdin:
        count = int(line)
        store.ingest("s", [f"document {i}" for i in range(count)], provider)
        print(count, flush=True)
"""


class Threads(StoreCase):

    def assert_others_run(self, call):
        """Another thread gets to run while the engine works, and only then: nothing else switches."""
        steps = 0
        stop = False

        def count():
            nonlocal steps
            while not stop:
                steps += 1
                time.sleep(0)  # Lets go of the lock.
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        thread = threading.Thread(target=count)
        thread.start()
        try:
            for _ in range(100):
                before = steps
                call()
                if steps > before:
                    return
            self.fail("no other thread ran")
        finally:
            stop = True
            sys.setswitchinterval(interval)
            thread.join()

    def test_other_threads_run_while_the_engine_works(self):
        with self.writer() as store:
            store.ingest("s", [f"word {i}" for i in range(2000)], embstore.local(dimensions=64))
        split = self.reader().split("s")
        vectors = split.vectors()
        ids = split.ids
        for call in (split.vectors, lambda: split.get(ids), split.texts, split.export,
                     lambda: split.search_batch(vectors[:50], exact=True)):
            self.assert_others_run(call)

    def test_many_threads_read_while_one_changes_the_list(self):
        store = self.writer()
        lists = [[f"{text} {i}" for text in self.TEXTS] for i in range(2)]
        for texts in lists:  # From here on every document of either list has a vector.
            store.ingest("s", texts, Model().provider(), check_pairing=False)
        split = store.split("s")
        stop = threading.Event()
        errors = []

        def read():
            try:
                while not stop.is_set():
                    vectors = split.vectors(normalize=False)
                    self.assertTrue((vectors[:, 0] > 0).all())
                    split.get([0, 1])
                    split.search(np.ones(DIMENSIONS), k=3)
                    split.texts()
            except BaseException as error:
                errors.append(error)
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for step in range(40):
            store.ingest("s", lists[step % 2], Model().provider(), check_pairing=False)
        stop.set()
        for reader in readers:
            reader.join(SECONDS)
        self.assertEqual(errors, [])

    def test_closing_waits_for_readers_of_other_threads(self):
        self.fill([f"text {i}" for i in range(3000)])
        store = self.reader()
        split = store.split("s")
        ready = threading.Barrier(4)
        ends = []

        def read():
            ready.wait(SECONDS)
            try:
                while True:
                    split.vectors()
            except embstore.InvalidArgument as error:
                ends.append(str(error))
        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        ready.wait(SECONDS)
        store.close()
        for thread in threads:
            thread.join(SECONDS)
        self.assertEqual(ends, ["the store is closed"] * 3)


class End(StoreCase):

    def test_the_interpreter_ends_in_the_middle_of_an_ingest(self):
        self.assertEqual(run_python(INGEST_IN_A_DAEMON_THREAD, self.path), "[]\n")
        status = self.reader().status()
        self.assertLess(status["splits"][0]["embedded"], 100_000)
        with self.writer():
            pass  # The lock is free.

    def test_the_interpreter_ends_in_the_middle_of_searches(self):
        self.fill([f"text {i}" for i in range(1000)])
        for _ in range(5):
            run_python(SEARCH_IN_DAEMON_THREADS, self.path)

    def test_an_open_store_is_no_trouble_at_the_end(self):
        run_python("import sys, embstore\n"
                   "store = embstore.open(sys.argv[1], read_only=False)\n", self.path)


class Processes(StoreCase):

    def test_only_one_process_writes(self):
        self.fill()
        self.writer()
        with self.assertRaisesRegex(AssertionError, "errors.Locked"):
            run_python("import sys, embstore; embstore.open(sys.argv[1], read_only=False)",
                       self.path)
        run_python("import sys, embstore; embstore.open(sys.argv[1]).split('s').vectors()",
                   self.path)

    def test_a_reader_keeps_its_moment_and_sees_all_acknowledged_after_refresh(self):
        writer = subprocess.Popen([sys.executable, "-B", "-c", WRITER, self.path], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(writer.wait, SECONDS)
        self.addCleanup(writer.stdout.close)
        self.addCleanup(writer.stdin.close)

        def write(count):
            writer.stdin.write(f"{count}\n")
            writer.stdin.flush()

        def wait(count):
            self.assertEqual(writer.stdout.readline(), f"{count}\n")
        write(100)
        wait(100)
        store = self.reader()
        split = store.split("s")
        model = embstore.local(dimensions=8)
        for count in range(200, 1100, 100):
            write(count)  # While it writes, what this reader has seen stays.
            self.assertEqual(len(split), count - 100)
            np.testing.assert_array_equal(split.get(range(count - 100)), split.vectors())
            wait(count)
            self.assertEqual(len(split), count - 100)
            store.refresh()
            self.assertEqual(len(split), count)
            vectors = split.vectors(normalize=False)
            np.testing.assert_array_equal(
                vectors[-3:], model.embed([f"document {i}" for i in range(count - 3, count)]))
            self.assertAlmostEqual(split.search(vectors[-1], k=1)[0].score, 1, delta=1e-5)

    def test_a_forked_process_is_told_to_open_the_store_itself(self):
        self.fill()
        store = self.reader()
        split = store.split("s")
        split.search(np.ones(DIMENSIONS))
        child = os.fork()
        if child == 0:
            try:
                split.vectors()
                os._exit(1)
            except embstore.InvalidArgument as error:
                store._searchers.clear()
                del split, store
                os._exit(0 if "forked" in str(error) else 2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(split.vectors().shape, (50, DIMENSIONS))


if __name__ == "__main__":
    unittest.main()
