# SPDX-License-Identifier: Apache-2.0
"""Kills an ingest at random moments, again and again, and counts what was lost or paid twice."""

import collections
import random
import time

from files import read_npy, unit, wrong_rows
from harness import SIGKILL, await_that, check, equal
from simulator import sha256

CONCURRENCY = 4

# Of a run by jobs: each look at the server is a short one, and jobs come in waves of three.
JOBS = """\
batch: {first_poll_seconds: 0.01, max_poll_seconds: 0.05, queue_wait_seconds: 0.05, \
creation_grace_seconds: 0.2, max_jobs: 3, max_job_texts: %d}
"""
JOB_SECONDS = 0.05
LONGEST_LIFE = 0.3  # Of a run by jobs that is killed.


class KillLoop:
    """Figures of a number of kills, followed by a run to the end."""

    def __init__(self, t, texts, batch_size, kills, seed, latency_ms, mode="sync"):
        self.t = t
        self.mode = mode
        self.in_doubt = 0
        self.errors = 0
        self.texts = texts
        self.distinct = len(set(texts))
        self.batch_size = batch_size
        self.kills = kills
        self.random = random.Random(seed)
        self.server = t.simulator("--latency-ms", latency_ms, "--batch-seconds", JOB_SECONDS)
        if mode == "batch":
            t.config(JOBS % batch_size)
        self.killed = 0
        self.lost = 0
        self.twice = 0
        self.wrong = 0
        self.stored = {}  # Position -> row, of everything that was ever seen stored.
        self.started = time.monotonic()

    def ingest_words(self):
        return ["--json", "ingest", "train", "--base-url", self.server.url, "--input", "input",
                "--concurrency", CONCURRENCY, "--batch-size", self.batch_size, "--mode",
                self.mode]

    def kill_once(self):
        """Kills a run at a random moment. False when it came to its end before."""
        running = self.t.start(*self.ingest_words(), key="good")
        if self.mode == "batch":
            deadline = time.monotonic() + self.random.random() * LONGEST_LIFE
        else:
            deadline = self.moment_of_a_run_by_calls(running)
        while running.alive() and time.monotonic() < deadline:
            time.sleep(0.0002)
        if not running.alive():
            self.errors += running.finish().code not in (0, 3)
            return False
        running.signal(SIGKILL)
        running.finish()
        self.killed += 1
        return True

    def moment_of_a_run_by_calls(self, running):
        """Lets the run bill a random number of texts more. The moment within a request is left to
        chance, the seed decides about how much of it."""
        billed = len(self.server.billed())
        left = max(self.distinct - len(self.stored), 1)
        share = max(left // (self.kills - self.killed + 1), 1)
        goal = billed + self.random.randrange(2 * share)
        await_that(lambda: len(self.server.billed()) >= goal or not running.alive(),
                   "some texts are billed", 60)
        return time.monotonic() + self.random.random() * 0.02

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
        status = self.t.run("--json", "status").expect(0).json()
        self.in_doubt = status["money"]["in_doubt_texts"]
        equal([job for job in status["jobs"] if job["open"]], [], "open jobs")
        jobs = self.t.dir / "cache/jobs"
        equal(list(jobs.iterdir()) if jobs.exists() else [], [], "files of jobs")

    def run(self):
        while self.killed < self.kills:
            if not self.kill_once():
                break  # Done before the last kill; the figures tell.
            self.look()
        self.finish()
        return self

    def figures(self):
        return (f"{self.killed} kills by {self.mode}, {self.distinct} texts, lost {self.lost}, "
                f"billed twice {self.twice}, listed in doubt {self.in_doubt}, wrong rows "
                f"{self.wrong}, {time.monotonic() - self.started:.1f} s")

    def judge(self):
        """By jobs nothing is paid twice; by calls what was in flight at most, and it is listed."""
        check(self.lost == 0 and self.wrong == 0 and self.errors == 0, self.figures())
        check(self.twice <= min(self.in_doubt, self.killed * CONCURRENCY * self.batch_size),
              self.figures())
        check(self.mode == "sync" or self.twice == 0, self.figures())
