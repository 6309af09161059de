# SPDX-License-Identifier: Apache-2.0
"""What the campaigns of docs/reliability.md share: their flags, their clock, and figures that
tools/soak adds up."""

import argparse
import collections
import json
import pathlib
import random
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

import harness

# What the promises rule out: acknowledged and not there any more; paid twice beyond what is listed
# in doubt; a vector that is not its text's; a secret outside its place; and all other failures,
# such as an abort, a wrong exit code or a store that does not open.
PROMISES = ("lost", "doubled", "wrong", "leaked", "other")


def flag_parser(doc):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--embstore", required=True, type=pathlib.Path)
    parser.add_argument("--simulator", required=True, type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1, help="of all choices (default 1)")
    parser.add_argument("--seconds", type=float, default=0,
                        help="go on with new seeds for so long (default: one round)")
    parser.add_argument("--figures", type=pathlib.Path, help="also write the figures here, as JSON")
    return parser


class Campaign:
    """Rounds of one campaign, and what came of them."""

    def __init__(self, name, flags):
        self.name = name
        self.flags = flags
        self.tools = harness.Tools(flags.embstore, flags.simulator)
        self.tried = collections.Counter()
        self.broken = collections.Counter({promise: 0 for promise in PROMISES})
        self._started = time.monotonic()

    def seeds(self):
        """The seeds of the rounds: one, or as many as there is time for."""
        seed = self.flags.seed
        while True:
            yield seed
            seed += 1
            if self.seconds() >= self.flags.seconds:
                return

    def seconds(self):
        return time.monotonic() - self._started

    def count(self, what, number=1):
        """Adds to a figure, such as "kills"."""
        self.tried[what] += number

    def breaks(self, promise, what, number=1):
        """Says at once that a promise does not hold, and how to see it again."""
        assert promise in PROMISES, promise
        self.broken[promise] += number
        print(f"FAIL  {self.name}: {promise} {number}: {what}", flush=True)

    def one_round(self, seed, name, body):
        """A round in a directory of its own: `body` gets it, and raises what does not hold."""
        with harness.Scratch(self.tools, self.name) as t:
            self.count("rounds")
            try:
                body(t)
            except harness.Failed as failure:
                self.breaks(getattr(failure, "promise", "other"),
                            f"--seed {seed} --only {name}: {failure}")
            except Exception:  # So that the other rounds are still tried.
                self.breaks("other", f"--seed {seed} --only {name}: {traceback.format_exc()}")

    def rotate(self, seed, names):
        """The names in an order of this seed, as long as there is time."""
        order = list(names)
        random.Random(seed).shuffle(order)
        for name in order:
            yield name
            if 0 < self.flags.seconds <= self.seconds():
                return

    def finish(self):
        """Prints the figures. Answers the exit code: 0 when something was tried and all held."""
        self.tools.close()
        figures = ", ".join(f"{number:,} {what}" for what, number in self.tried.items())
        verdict = ", ".join(f"{promise} {number}" for promise, number in self.broken.items())
        print(f"{self.name}: {figures or 'nothing tried'}; {verdict}; {self.seconds():.0f} s")
        if self.flags.figures:
            self.flags.figures.write_text(json.dumps(
                {"campaign": self.name, "tried": self.tried, "broken": self.broken,
                 "seconds": round(self.seconds(), 1)}))
        return 0 if sum(self.tried.values()) > 0 and sum(self.broken.values()) == 0 else 1
