# SPDX-License-Identifier: Apache-2.0
"""W9: the embedder's second answer is wrong, in each of several ways; then a healthy run."""

from measuring.bench import counted

NAMES = ("W9",)
DOCUMENTS = 1000
HOW = ("429", "permuted", "one too few", "one too many", "one for all", "repeated", "NaN",
       "zero vector", "wrong size")  # As measuring/embedder.py calls them.


def run(bench):
    bench.results.workload(
        "W9", "the second answer is wrong; rows that are wrong or missing at last, after a healthy "
              "run too; sums over: " + ", ".join(HOW))
    documents = bench.subset(DOCUMENTS, "hostile")
    for rival in bench.rivals:
        bench.say(f"W9: {rival}")
        total = {"wrong": 0, "missing": 0, "again": 0}
        unsafe = []
        for how in HOW:
            directory, bill = bench.fresh(rival), bench.bill(rival)
            settings = ["--embedder", "local", "--bill", bill]
            bench.worker(rival, "ingest", directory, documents, *settings, "--misbehave", how,
                         check=False)
            bench.worker(rival, "ingest", directory, documents, *settings, check=False)
            _, said = bench.worker(rival, "check", directory, documents, "--embedder", "local",
                                   check=False)
            said = said or {"unreadable": "the reader died"}
            if "unreadable" in said:
                unsafe.append(f"{how}: unreadable")
            elif said["wrong"]:
                unsafe.append(f"{how}: {said['wrong']}")
            total["wrong"] += said.get("wrong", 0)
            total["missing"] += said.get("missing", DOCUMENTS)
            total["again"] += counted(bill, documents)[2]
        bench.results.add("W9", rival, **total)
        if unsafe:
            bench.results.note("W9", rival, "; ".join(unsafe))
