# SPDX-License-Identifier: Apache-2.0
"""W8: one random bit of the stored bytes is turned over, then all vectors are read."""

NAMES = ("W8",)
DOCUMENTS = 1000


def run(bench):
    flips = bench.options.flips
    bench.results.workload("W8", f"{flips} times one bit of the stored bytes turned over, then all "
                                 "vectors read")
    documents = bench.subset(DOCUMENTS, "damage")
    for rival in bench.rivals:
        bench.say(f"W8: {rival}")
        directory = bench.fresh(rival)
        bench.worker(rival, "ingest", directory, documents)
        _, said = bench.worker(rival, "damage", directory, documents, "--count", flips)
        found = said["outcomes"]
        bench.results.add("W8", rival, **{
            name: found.get(name, 0)
            for name in ("noticed", "unaffected", "wrong vector", "missing", "crashed", "hung")})
