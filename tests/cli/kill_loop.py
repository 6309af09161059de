# SPDX-License-Identifier: Apache-2.0
"""Kills an ingest at random moments, again and again, and counts what was lost or paid twice."""

import collections
import random
import time

from files import read_npy, unit, wrong_rows
from harness import SIGKILL, await_that, check, equal
from simulator import sha256

CONCURRENCY = 4


class KillLoop:
    """Figures of a number of kills, followed by a run to the end."""

    def __init__(self, t, texts, batch_size, kills, seed, latency_ms):
        self.t = t
        self.texts = texts
        self.distinct = len(set(texts))
        self.batch_size = batch_size
        self.kills = kills
        self.random = random.Random(seed)
        self.server = t.simulator("--latency-ms", latency_ms)
        self.killed = 0
        self.lost = 0
        self.wrong = 0
        self.stored = {}  # Position -> row, of everything that was ever seen stored.
        self.started = time.monotonic()

    def ingest_words(self):
        return ["--json", "ingest", "train", "--base-url", self.server.url, "--input", "input",
                "--concurrency", CONCURRENCY, "--batch-size", self.batch_size]

    def kill_once(self):
        """Lets a run bill a random number of texts more, then kills it."""
        running = self.t.start(*self.ingest_words(), key="good")
        billed = len(self.server.billed())
        left = max(self.distinct - len(self.stored), 1)
        share = max(left // (self.kills - self.killed + 1), 1)
        goal = billed + self.random.randrange(2 * share)
        await_that(lambda: len(self.server.billed()) >= goal or not running.alive(),
                   "some texts are billed", 60)
        # The moment within a request is left to chance, the seed decides about how much of it.
        deadline = time.monotonic() + self.random.random() * 0.02
        while running.alive() and time.monotonic() < deadline:
            pass
        if not running.alive():
            return False
        running.signal(SIGKILL)
        running.finish()
        self.killed += 1
        return True

    def look(self):
        """Opens the store again: everything that was there must still be there, unchanged."""
        status = self.t.run("--json", "status")
        if status.code == 9:
            equal(self.stored, {}, "there is no store any more, but there was")
            return
        vectors = sum(space["vectors"] for space in status.expect(0).json()["spaces"])
        exported = self.t.run("export", "train", "--missing", "nan", "--output-dir", ".")
        if exported.code == 9 and vectors == 0:
            equal(self.stored, {}, "there is no split any more, but there was")
            return
        exported.expect(0)
        rows = read_npy(self.t.dir / "train_embeddings.npy").rows()
        there = {at: row.tobytes() for at, row in enumerate(rows) if row[0] == row[0]}
        self.lost += sum(there.get(at) != row for at, row in self.stored.items())
        self.stored = there

    def finish(self):
        report = self.t.run(*self.ingest_words(), key="good", seconds=600).expect(0).json()
        equal(report["complete"], True, "complete")
        self.look()
        right = [unit(v) for v in self.t.tools.oracle().vectors(self.texts)]
        rows = read_npy(self.t.dir / "train_embeddings.npy").rows()
        self.wrong = len(wrong_rows(rows, right))
        counts = collections.Counter(self.server.billed())
        equal(set(counts), set(map(sha256, self.texts)), "the texts that were billed")
        self.twice = sum(count - 1 for count in counts.values())

    def run(self):
        while self.killed < self.kills:
            if not self.kill_once():
                break  # Done before the last kill; the figures tell.
            self.look()
        self.finish()
        return self

    def allowed_twice(self):
        """Texts sent and not yet committed: in flight, or answered and waiting for the commit."""
        return self.killed * CONCURRENCY * self.batch_size

    def figures(self):
        return (f"{self.killed} kills, {self.distinct} texts, lost {self.lost}, billed twice "
                f"{self.twice} (at most {self.allowed_twice()} in flight), "
                f"wrong rows {self.wrong}, {time.monotonic() - self.started:.1f} s")

    def judge(self):
        check(self.lost == 0 and self.wrong == 0 and self.twice <= self.allowed_twice(),
              self.figures())
