# SPDX-License-Identifier: Apache-2.0
"""Runs work in too little memory. It may die or report an error; then all is as after a death."""

import shutil

from harness import Failed, Skipped, check

STEP = 1 << 20
MOST = 4096  # Steps: more than any of these runs needs.


def limited(steps):
    return ["prlimit", f"--as={steps * STEP}"]


def least(works):
    """The smallest number of steps for which it is true, to within two per cent."""
    low, high = 1, MOST
    while high - low > max(high // 50, 1):
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


class TooLittleMemory:
    """A kind of work under limits between what starting takes and what all of it takes."""

    def __init__(self, work):
        self.work = work
        work.memory_refused = True
        self.deaths = self.errors = self.successes = 0
        self.said = []  # How the runs ended that had too little.

    def run(self, tries):
        work = self.work
        if shutil.which("prlimit") is None:
            raise Skipped("prlimit is not installed")
        if work.t.run("--version", under=limited(MOST)).code != 0:
            raise Skipped("this build takes more memory than can be limited")
        work.prepare()
        first = ["--version"] if work.server is None else ["plan", "train", "--input", "sample.csv"]
        start = least(lambda steps: work.t.run(*first, under=limited(steps)).code == 0)
        enough = start + 64
        for _ in range(tries):
            code = self.once(work.random.randrange(start, enough))
            enough = enough * 5 // 4 if code != 0 else max(enough * 7 // 8, start + 64)
        try:
            work.finish()
        except Failed as failure:
            print("the runs ended so:", *self.said, sep="\n", flush=True)
            raise failure
        return self

    def once(self, steps):
        result = self.work.run(*self.work.command(), under=limited(steps))
        self.work.deaths += result.code != 0
        if result.code != 0:
            self.said.append(f"exit {result.code} with {steps} MiB: {result.err.strip()}")
        if result.code == 0:
            self.successes += 1
            self.work.again()
        elif result.code < 0:
            self.deaths += 1
        else:
            self.errors += 1
            check(result.err.strip() != "", f"exit {result.code} without a word")
        self.work.look()
        return result.code
