# SPDX-License-Identifier: Apache-2.0
"""One run of a command on a disk that fails or is recorded, and what must hold afterwards."""

import collections
import pathlib
import subprocess

import disk_log
from harness import Failed
from simulator import sha256

COMMAND_SECONDS = 60

# Paid replies whose commit failed are kept in a file and stored by the next run.
KEEPS_REPLIES = True


def preload(library, directory, log, record=False, kind="none", first=0, for_ever=False):
    """The environment of a command on such a disk."""
    return {"LD_PRELOAD": str(library), "FAILING_DISK_DIRECTORY": str(directory),
            "FAILING_DISK_LOG": str(log), "FAILING_DISK_RECORD": str(int(record)),
            "FAILING_DISK_KIND": kind, "FAILING_DISK_FIRST": str(first),
            "FAILING_DISK_FOR_EVER": str(int(for_ever))}


def run_on(disk, scenario, t, server, under=()):
    """Runs the command of the scenario; answers its result and the log."""
    try:
        result = t.run(*scenario.words(server), env=disk, seconds=COMMAND_SECONDS, under=under,
                       **scenario.keys())
    except subprocess.TimeoutExpired as error:
        raise Failed(f"the command hung: {error}") from error
    return result, disk_log.read_log(pathlib.Path(disk["FAILING_DISK_LOG"]))


def brief(result):
    """How a command ended, on one line."""
    said = " ".join(result.err.split()) or " ".join(result.out.split())
    return f"{' '.join(result.words[:3])} ended with {result.code}: ...{said[-400:]}"


class Aftermath:
    """Goes on without faults and collects what does not hold."""

    def __init__(self, scenario, t, server, acknowledged):
        self.scenario = scenario
        self.t = t
        self.server = server
        self.acknowledged = {sha256(text) for text in acknowledged}
        self.problems = []  # (promise, number, what)
        self.doubled = 0
        self.in_doubt = 0

    def breaks(self, promise, what, number=1):
        self.problems.append((promise, number, what))

    def opens_and_is_clean(self):
        verified = self.t.run("verify")
        nothing_there = self.scenario.makes_the_store and not self.acknowledged
        if verified.code != 0 and not (verified.code == 9 and nothing_there):
            self.breaks("other" if nothing_there else "lost", f"not clean: {brief(verified)}")

    def goes_on(self, paid_before):
        """Runs the command again. `paid_before`: what was sent to be paid for, by now."""
        billed = len(self.server.billed()) if self.server else 0
        again = self.t.run(*self.scenario.words(self.server), **self.scenario.keys())
        if again.code != 0:
            self.breaks("lost" if again.code == 5 else "other", f"it does not go on: {brief(again)}")
            return None
        paid_again = self.server.billed()[billed:] if self.server else []
        lost = self.acknowledged & set(paid_again)
        if lost:
            self.breaks("lost", "acknowledged, and paid for again", len(lost))
        report = self.scenario.report_of(again)
        if report.get("cached", len(self.acknowledged)) < len(self.acknowledged):
            self.breaks("lost", f"{len(self.acknowledged)} acknowledged, but {report['cached']} are there")
        counts = collections.Counter(paid_before) + collections.Counter(paid_again)
        self.doubled = sum(count - 1 for count in counts.values())
        if self.server:
            money = self.t.run("--json", "status").expect(0).json()["money"]
            self.in_doubt = money["in_doubt_texts"]
            if self.doubled > self.in_doubt:
                self.breaks("doubled", f"{self.doubled} paid twice, {self.in_doubt} in doubt",
                            self.doubled - self.in_doubt)
        return again

    def is_right(self):
        wrong = self.scenario.wrong(self.t)
        if wrong:
            self.breaks("wrong", "rows of the export in the end", wrong)
