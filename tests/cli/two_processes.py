# SPDX-License-Identifier: Apache-2.0
"""Two processes on one store: who may write, what readers see, and whom a dead writer stops."""

import random
import signal
import time

from files import npy, same_rows, unit
from harness import CANARY_KEY, SIGKILL, at_once, await_that, check, equal
from paid import TEXTS
from work import Calls, holds


class TwoProcesses:
    """A writer at work on a store, and others beside it."""

    def __init__(self, t, seed=1, documents=300, latency_ms=100):
        self.t = t
        self.random = random.Random(seed)
        self.work = Calls(t, seed, documents, 10, latency_ms)
        self.work.prepare()
        self.lines = (t.dir / "sample.csv").read_bytes().splitlines(keepends=True)

    def writer_at_work(self):
        running = self.work.start()
        await_that(lambda: self.work.server.billed() or not running.alive(), "the writer pays")
        check(running.alive(), "the writer is already done")
        return running

    def turned_away(self, words, writer):
        """`words` with a server of its own, which must not be asked for anything."""
        server = self.t.simulator()
        words = [server.url if word == "URL" else word for word in words]
        result = self.work.run(*words)
        check(writer.alive(), "the writer is already done")
        check(result.code == 6, f"the lock is held, but {result}")
        holds(server.stop() == 0, "doubled", f"the loser sent a request: {result}")
        at_once(result.seconds, "turning it away")

    def some_writer(self):
        """Commands that write."""
        self.t.write("v.npy", npy([[1.0] * 128] * 5))
        self.t.write("five.csv", b"".join(self.lines[:5]))
        return self.random.choice([
            ["--json", "ingest", "other", "--base-url", "URL", "--input", "five.csv"],
            ["--json", "import", "other", "--input", "five.csv", "--npy", "v.npy", "--accept"],
            ["--json", "gc", "--yes"],
            ["--json", "ingest", "train", "--base-url", "URL", "--input", "sample.csv",
             "--refresh"]])

    # Rounds.

    def a_second_writer(self):
        held = self.t.hold()
        running = self.writer_at_work()
        for _ in range(2):
            self.turned_away(self.some_writer(), running)
        held.unlink()
        self.ends_well(running)

    def two_at_once(self):
        """Both are started at nearly the same time: one of them has the store."""
        other = self.t.simulator("--latency-ms", self.work.latency_ms)
        words = [other.url if word == self.work.server.url else word
                 for word in self.work.command()]
        keys = {"key": CANARY_KEY}
        commands = [(self.work.server, self.work.command()), (other, words)]
        self.random.shuffle(commands)
        first = self.t.start(*commands[0][1], **keys)
        time.sleep(self.random.random() * 0.03)
        second = self.t.start(*commands[1][1], **keys)
        results = [self.work.heard(running.finish()) for running in (first, second)]
        equal(sorted(result.code for result in results), [0, 6], f"exit codes of {results}")
        loser = 0 if results[0].code == 6 else 1
        holds(commands[loser][0].stop() == 0, "doubled", "the loser sent a request")
        at_once(results[loser].seconds, "turning it away")
        self.work.server = commands[1 - loser][0]
        self.work.finish()

    def a_holder_that_stands_still(self):
        """A stopped process holds its lock, and goes on as if nothing had been."""
        held = self.t.hold()
        running = self.writer_at_work()
        running.signal(signal.SIGSTOP)
        self.turned_away(self.some_writer(), running)
        equal(self.work.run("--json", "status").code, 0, "status beside a stopped writer")
        running.signal(signal.SIGCONT)
        held.unlink()
        self.ends_well(running)

    def a_killed_holder(self):
        for _ in range(3):
            running = self.writer_at_work()
            time.sleep(self.random.random() * 0.1)
            if running.alive():
                running.process.send_signal(SIGKILL)
                self.work.deaths += 1
            running.finish()
            self.work.look()
        self.work.finish()

    def readers(self):
        """Five kinds of readers beside a writer: never damage, never less than before."""
        running = self.writer_at_work()
        (self.t.dir / "elsewhere").mkdir()
        seen = looks = 0
        while running.alive():
            seen = self.status(seen)
            self.five_readers()
            looks += 1
        self.ends_well(running)
        check(looks > 0, "nobody looked")

    def status(self, seen):
        status = self.work.run("--json", "status")
        if status.code == 9:
            holds(seen == 0, "lost", f"there were {seen} vectors: {status}")
            return seen
        now = sum(space["vectors"] for space in status.expect(0).json()["spaces"])
        holds(now >= seen, "lost", f"{seen} vectors, then {now}")
        return now

    def five_readers(self):
        number = self.random.randrange(self.work.documents)
        commands = [["--json", "get", "train", number], ["verify"],
                    ["export", "train", "--missing", "skip", "--output-dir", "elsewhere"],
                    ["similar", "train", number], ["--json", "plan", "train", "--input",
                                                   "sample.csv"]]
        self.random.shuffle(commands)
        running = [self.t.start(*words) for words in commands]
        for one in running:
            result = one.finish()
            holds(result.code in (0, 9), "other", f"beside a writer: {result}")
            if result.code == 0 and "get" in result.words:
                right = unit(self.t.tools.oracle().vectors([TEXTS[number]])[0])
                same_rows([result.json()[0]["vector"]], [right])

    def ends_well(self, running):
        self.work.heard(running.finish()).expect(0)
        self.work.finish()


ROUNDS = {"second-writer": TwoProcesses.a_second_writer, "two-at-once": TwoProcesses.two_at_once,
          "stopped-holder": TwoProcesses.a_holder_that_stands_still,
          "killed-holder": TwoProcesses.a_killed_holder, "readers": TwoProcesses.readers}
