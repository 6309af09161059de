# SPDX-License-Identifier: Apache-2.0
"""W3: a tenth of the documents repeat a text, some inside a batch, some far away."""

from measuring import data
from measuring.bench import counted

NAMES = ("W3",)


def run(bench):
    bench.results.workload("W3", "10 % duplicates: what is billed, and what is there afterwards")
    rows = data.with_duplicates(bench.documents.rows[:bench.options.few], 0.1)
    documents = data.write(bench.work / "duplicates.csv", rows)
    for rival in bench.rivals:
        bench.say(f"W3: {rival}")
        directory, bill = bench.fresh(rival), bench.bill(rival)
        bench.worker(rival, "ingest", directory, documents, "--bill", bill)
        _, said = bench.worker(rival, "check", directory, documents)
        billed, distinct, again = counted(bill, documents)
        bench.results.add("W3", rival, billed=billed, distinct=distinct, again=again,
                          missing=said["missing"], wrong=said["wrong"])
