# SPDX-License-Identifier: Apache-2.0
"""Memory is refused: a run dies or says so, and the next one goes on. A short version of the
campaign."""

from all_work import WORKS
from harness import case, check
from memory_limit import TooLittleMemory


@case
def an_ingest_without_memory_loses_nothing(t):
    tries = TooLittleMemory(WORKS["calls"](t)).run(6)
    check(tries.deaths + tries.errors > 0, "it had memory enough each time")


@case
def an_export_without_memory_leaves_the_old_set_or_the_new_one(t):
    tries = TooLittleMemory(WORKS["export-npy"](t)).run(6)
    check(tries.deaths + tries.errors > 0, "it had memory enough each time")
