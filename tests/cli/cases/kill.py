# SPDX-License-Identifier: Apache-2.0
"""A short version of the kill campaign."""

from files import ag_news_texts
from harness import SAMPLE, case, equal
from kill_loop import KillLoop


@case
def five_kills_lose_nothing_and_pay_only_what_was_in_flight_twice(t):
    t.sample(name="input")
    loop = KillLoop(t, ag_news_texts(SAMPLE), batch_size=20, kills=5, seed=1, latency_ms=20).run()
    loop.judge()
    equal(loop.killed, 5, "kills")
