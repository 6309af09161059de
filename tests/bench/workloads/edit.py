# SPDX-License-Identifier: Apache-2.0
"""W5: one text changed, one document added, one removed, one moved. Two texts are new."""

from measuring import data
from measuring.bench import counted

NAMES = ("W5",)


def run(bench):
    bench.results.workload("W5", "one text changed, one added, one removed, one moved")
    before = bench.subset(bench.options.few)
    after = data.write(bench.work / "edited.csv", data.edited(before.rows))
    for rival in bench.rivals:
        bench.say(f"W5: {rival}")
        directory, bill = bench.fresh(rival), bench.bill(rival)
        bench.worker(rival, "ingest", directory, before, "--bill", bill)
        billed = counted(bill, before)[0]
        bench.worker(rival, "ingest", directory, after, "--bill", bill)
        _, said = bench.worker(rival, "check", directory, after)
        bench.results.add("W5", rival, billed=counted(bill, after)[0] - billed, distinct=2,
                          missing=said["missing"], wrong=said["wrong"])
