# SPDX-License-Identifier: Apache-2.0
"""A short version of the kill campaign."""

import time

from files import ag_news_texts
from harness import SAMPLE, SIGKILL, await_that, case, check, equal
from kill_loop import KillLoop


@case
def five_kills_lose_nothing_and_pay_only_what_was_in_flight_twice(t):
    t.sample(name="input")
    loop = KillLoop(t, ag_news_texts(SAMPLE), batch_size=20, kills=5, seed=1, latency_ms=20).run()
    loop.judge()
    equal(loop.killed, 5, "kills")


@case
def kills_during_batch_jobs_lose_nothing_and_pay_nothing_twice(t):
    t.sample(name="input")
    loop = KillLoop(t, ag_news_texts(SAMPLE), batch_size=50, kills=8, seed=2, latency_ms=2,
                    mode="batch").run()
    loop.judge()
    check(loop.killed >= 5, loop.figures())


@case
def a_kill_while_the_store_is_made_leaves_an_empty_store(t):
    t.sample(30)
    words = ["ingest", "train", "--provider", "local", "--input", "sample.csv"]
    for number in range(30):
        name = f"store{number}"
        running = t.start("--store", name, *words)
        await_that(lambda: (t.dir / name / "store").exists() or not running.alive(), "it begins")
        time.sleep(number * 0.001)  # Each time a little later.
        if running.alive():
            running.signal(SIGKILL)
        running.finish()
        status = t.run("--store", name, "status")
        equal(status.code in (0, 9), True, f"{name} after {number} ms: {status}")
        t.run("--store", name, *words).expect(0)
