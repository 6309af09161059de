# SPDX-License-Identifier: Apache-2.0
"""Kills work at random moments, again and again, and looks after each death."""

import collections
import time

import paid
from harness import SIGKILL, await_that, check

FIRST_LIFE = 0.15  # Seconds that a run may take, until one has come to its end.
STARTING = 0.03  # A kill so early meets a store that is being opened.
READ_BEFORE = 0.25  # Of the kills: a reader looks first, and is told what is stored.


class KillLoop:
    """A number of kills of one kind of work, followed by a run to the end."""

    def __init__(self, work, kills):
        self.work = work
        self.kills = kills
        self.random = work.random
        self.counts = collections.Counter()
        self.life = FIRST_LIFE

    def run(self):
        """Broken or Failed: a promise does not hold."""
        self.work.prepare()
        while self.counts["kills"] < self.kills:
            if not self.kill_once() and not self.work.again():
                break  # Done before the last kill; the figures tell.
            self.work.look()
        self.work.finish()
        self.counts["rows acknowledged"] += len(self.work.acknowledged)
        if self.work.paid_once and self.work.server is not None:
            self.counts["texts billed twice"] += self.work.server.billed_twice()
            self.counts["texts in doubt"] += paid.money(self.work.t)["in_doubt_texts"]
        return self

    def kill_once(self):
        """Kills a run at a random moment. False when it came to its end before."""
        running = self.work.start()
        deadline = time.monotonic() + self.moment(running)
        while running.alive() and time.monotonic() < deadline:
            time.sleep(0.0002)
        if running.alive() and self.random.random() < READ_BEFORE:
            self.work.be_told()
        killed = running.alive()
        if killed:
            running.process.send_signal(SIGKILL)
        result = self.work.heard(running.finish())
        killed = killed and result.code == -SIGKILL
        check(killed or result.code == 0, f"not killed: {result}")
        self.work.deaths += killed
        self.counts["kills" if killed else "runs that came to their end"] += 1
        if not killed:
            self.life = result.seconds
        return killed

    def moment(self, running):
        """Seconds until the kill, from now."""
        if self.random.random() < 0.2:
            return self.random.random() * STARTING
        if self.work.bills_as_it_goes:
            self.let_it_bill(running)
            return self.random.random() * 0.02
        return self.random.random() * self.life * 1.05

    def let_it_bill(self, running):
        """A random number of texts more. The moment within a request is left to chance, the seed
        decides about how much of it."""
        billed = self.work.server.billed
        left = max(len(set(self.work.texts())) - len(self.work.acknowledged), 1)
        share = max(left // (self.kills - self.counts["kills"] + 1), 1)
        goal = len(billed()) + self.random.randrange(2 * share)
        await_that(lambda: len(billed()) >= goal or not running.alive(), "texts are billed", 60)

    def figures(self):
        return ", ".join(f"{number:,} {what}" for what, number in self.counts.items())
