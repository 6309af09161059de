# SPDX-License-Identifier: Apache-2.0
"""W4: killed by SIGKILL at half and at random points, and started again. The embedder has a price,
for what is counted is what is paid again."""

import random

from measuring.bench import counted

NAMES = ("W4",)


def run(bench):
    bench.results.workload(
        "W4", "killed (SIGKILL) on the way, then started again; paid again: median over the points")
    documents = bench.subset(bench.options.few)
    chosen = random.Random(4)
    count = len(documents.rows)
    points = [count // 2] + [chosen.randrange(1, count) for _ in range(bench.options.points - 1)]
    for rival in bench.rivals:
        bench.say(f"W4: {rival}")
        for point in points:
            directory, bill = bench.fresh(rival), bench.bill(rival)
            paid = ["--bill", bill, "--price", "0.15"]
            bench.worker(rival, "ingest", directory, documents, *paid, "--kill-after", point,
                         check=False)
            run, _ = bench.worker(rival, "ingest", directory, documents, *paid, check=False)
            if run.code != 0:
                bench.results.note("W4", rival, "does not start again: "
                                   + run.err.strip().splitlines()[-1][:120])
            _, said = bench.worker(rival, "check", directory, documents)
            billed, distinct, again = counted(bill, documents)
            bench.results.add("W4", rival, billed=billed, distinct=distinct, again=again,
                              missing=said.get("missing", count), wrong=said.get("wrong", 0))
