# SPDX-License-Identifier: Apache-2.0
"""How much of the quota of Tier 1 (3,000 texts and 1M tokens a minute) is used, and how often the
server refuses. It takes as many minutes as are asked for, at least two: the share is of what comes
after the first minute, whose quota may be used up at once."""

import sys
import threading
import time

from measuring import data, processes

NAMES = ("quota",)
TEXTS, TOKENS = 3000, 1_000_000
# As at Google's own address; on another one no limit is assumed.
CONFIG = f"limits: {{texts_per_minute: {TEXTS}, tokens_per_minute: {TOKENS}}}\n"


def run(bench):
    minutes = bench.options.quota_minutes
    if minutes < 2:
        return
    bench.say(f"quota: {minutes} minutes")
    sys.path.insert(0, str(bench.options.project / "tests" / "cli"))
    from simulator import Simulator
    bench.results.workload("quota", f"quota of Tier 1, {minutes} minutes against the simulator")
    config = bench.work / "quota.yaml"
    config.write_text(CONFIG)
    rows = [(f"q{i:07}", f"{text} {i}") for i, (_, text) in
            enumerate((bench.documents.rows * 10)[:TEXTS * minutes])]
    documents = data.write(bench.work / "quota.csv", rows)
    bill = bench.bill("quota")
    simulator = Simulator(bench.options.simulator, bill, "--quota-rpm", TEXTS, "--quota-tpm",
                          TOKENS)
    in_first_minute = []
    timer = threading.Timer(60, lambda: in_first_minute.append(len(simulator.billed())))
    try:
        start = time.perf_counter()
        timer.start()
        processes.run([bench.options.embstore, "--config", config, "--store", bench.fresh("quota"),
                       "ingest", "s", "--input", documents.path, "--format", "csv",
                       "--text-field", "text", "--id-field", "id", "--provider", "gemini",
                       "--mode", "sync", "--base-url", simulator.url], bench.options.environment)
        seconds = time.perf_counter() - start
        billed = len(simulator.billed())
    finally:
        timer.cancel()
        calls = simulator.stop()
    refused = max(0, calls - -(-billed // 100))
    bench.results.titles.setdefault("quota", {"title": "embstore ingest", "versions": {},
                                              "durability": ""})
    bench.results.add("quota", "quota", wall=seconds, billed=billed,
                      refused=refused / (seconds / 60))
    if in_first_minute and seconds > 60:
        bench.results.add("quota", "quota", share=(billed - in_first_minute[0])
                          / (TEXTS * (seconds - 60) / 60))
