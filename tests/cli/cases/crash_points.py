# SPDX-License-Identifier: Apache-2.0
"""Lets work die at each named point of the program, as by SIGKILL, and runs it again."""

import threading

import harness
from all_work import WORKS, Recovering
from harness import Scratch, check

DOCUMENTS = 60  # Three jobs, or three calls one after the other.
KINDS = [WORKS[name] for name in ("jobs", "calls", "question", "import-npy", "export-npy",
                                  "export-arrow", "gc")] + [Recovering]
# Points of opening a store and of a split's list, which all kinds pass alike.
ONLY_BY = {"store-": ("calls",), "list-": ("calls",), "ledger-": ("calls", "recovering")}
# Beginnings of the names of points that other case files have.
ELSEWHERE = ("reply-", "kept-", "recover-")  # disk.py, recover.py

_mutex = threading.Lock()
_passages = {}


def made(kind, t):
    work = kind(t, documents=DOCUMENTS, concurrency=1)
    work.prepare()
    return work


def passages(kind, tools):
    """How often this kind of work passes each point. Tried once for all cases."""
    with _mutex:
        if kind.name not in _passages:
            with Scratch(tools, kind.name) as t:
                _passages[kind.name] = made(kind, t).passages()
        return _passages[kind.name]


def kinds_that_try(point):
    kinds = next((kinds for begin, kinds in ONLY_BY.items() if point.startswith(begin)), None)
    own = [kind for kind in KINDS if kind is not Recovering]
    return own if kinds is None else [kind for kind in KINDS if kind.name in kinds]


def dies(kind, tools, point, passage):
    with Scratch(tools, kind.name) as t:
        work = made(kind, t)
        check(work.dies_at(point, passage), f"{kind.name} does not come to {point}:{passage}")
        try:
            work.look()
            work.finish()
        except harness.Failed as failure:
            raise harness.Failed(f"{kind.name} after {point}:{passage}: {failure}") from failure


def case_of(point):
    def is_survived(t):
        tried = 0
        for kind in kinds_that_try(point):
            times = passages(kind, t.tools)[point]
            for passage in sorted({1, 2, times}):
                if 0 < passage <= times:
                    dies(kind, t.tools, point, passage)
                    tried += 1
        check(tried > 0, "no work comes to this point")

    is_survived.__name__ = point.replace("-", "_") + "_is_survived"
    return is_survived


for name in harness.CRASH_POINTS:
    if not name.startswith(ELSEWHERE):
        harness.case(case_of(name))
