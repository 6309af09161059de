# SPDX-License-Identifier: Apache-2.0
"""A short version of the kill campaign."""

import time

from all_work import WORKS
from harness import SIGKILL, await_that, case, check, equal
from kill_loop import KillLoop


def survives(t, name, kills, **size):
    loop = KillLoop(WORKS[name](t, **size), kills).run()
    check(loop.counts["kills"] >= kills // 2, loop.figures())


@case
def kills_during_calls_lose_nothing_and_pay_only_what_was_in_flight_twice(t):
    survives(t, "calls", 5, documents=1200, batch_size=20, latency_ms=20)


@case
def kills_during_calls_of_openai_do_the_same(t):
    survives(t, "openai", 2, documents=600, batch_size=20, latency_ms=20)


@case
def kills_during_batch_jobs_lose_nothing_and_pay_nothing_twice(t):
    survives(t, "jobs", 6, documents=1200, batch_size=50, latency_ms=2, seed=2)


@case
def kills_while_jobs_are_collected_pay_nothing_twice(t):
    survives(t, "collecting", 2, documents=300, batch_size=50, latency_ms=2)


@case
def kills_during_questions_pay_none_twice_that_was_answered(t):
    survives(t, "question", 3, documents=40, latency_ms=5)


@case
def kills_during_an_export_leave_the_old_set_or_the_new_one(t):
    survives(t, "export-npy", 4, documents=600)


@case
def kills_during_an_arrow_export_leave_the_old_file_or_the_new_one(t):
    survives(t, "export-arrow", 3, documents=600)


@case
def kills_during_an_import_lose_nothing(t):
    survives(t, "import-npy", 2, documents=1200)


@case
def kills_during_gc_drop_nothing_that_a_split_refers_to(t):
    survives(t, "gc", 3, documents=300)


@case
def a_kill_while_the_store_is_made_leaves_an_empty_store(t):
    t.sample(30)
    words = ["ingest", "train", "--provider", "local", "--input", "sample.csv"]
    for number in range(10):
        name = f"store{number}"
        running = t.start("--store", name, *words)
        await_that(lambda: (t.dir / name / "store").exists() or not running.alive(), "it begins")
        time.sleep(number * 0.002)  # Each time a little later.
        if running.alive():
            running.signal(SIGKILL)
        running.finish()
        status = t.run("--store", name, "status")
        equal(status.code in (0, 9), True, f"{name} after {2 * number} ms: {status}")
        t.run("--store", name, *words).expect(0)
