# SPDX-License-Identifier: Apache-2.0
"""Lets an ingest die at each named point of the program, as by SIGKILL, and runs it again."""

import shutil

import harness
from harness import SIGKILL, check, equal
from paid import KEY, QUICK, all_is_there, money, simulator, words

DOCUMENTS = 60  # Three jobs, or three calls one after the other.
CONFIG = QUICK.replace("batch: {", "batch: {max_job_texts: 20, ")
MOST_PASSAGES = 40


def dies(t, name, mode, passage):
    """Whether an ingest into a new store comes to this passage. If it does, it dies there; then the
    same command goes on to the end."""
    shutil.rmtree(t.dir / "cache", ignore_errors=True)
    server = simulator(t, job_seconds=0.02)
    command = words(server, "--batch-size", 20, "--concurrency", 1, mode=mode)
    first = t.run(*command, key=KEY, env={"EMBSTORE_CRASH_AT": f"{name}:{passage}"})
    if first.code == 0:
        return False
    equal(first.code, -SIGKILL, f"{first}")
    check(t.run("status").code in (0, 9), "the store does not open")
    second = t.run(*command, key=KEY)
    check(second.code == 0, f"after passage {passage} of {name} by {mode}: {second}")
    twice = server.billed_twice()
    if mode == "batch":
        equal(twice, 0, f"billed twice after passage {passage} of {name}")
    else:
        listed = money(t)["in_doubt_texts"]
        check(twice <= min(listed, 20), f"passage {passage} of {name}: {twice} texts billed twice, "
              f"{listed} listed in doubt")
    all_is_there(t, server, DOCUMENTS, billed_twice=twice)
    server.stop()
    return True


def passages(t, name, mode):
    for passage in range(1, MOST_PASSAGES):
        if not dies(t, name, mode, passage):
            return passage - 1
    return MOST_PASSAGES


def case_of(name):
    def die_here_and_go_on(t):
        t.config(CONFIG)
        t.sample(DOCUMENTS)
        passed = {mode: passages(t, name, mode) for mode in ("batch", "sync")}
        check(sum(passed.values()) > 0, "no run comes to this point")

    die_here_and_go_on.__name__ = name.replace("-", "_") + "_is_survived"
    return die_here_and_go_on


for point in harness.CRASH_POINTS:
    if point.startswith(("gc-", "recover-")):
        continue  # gc.py and recover.py have these.
    harness.case(case_of(point))
