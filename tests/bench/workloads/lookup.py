# SPDX-License-Identifier: Apache-2.0
"""Look-up by document id in process, in C++, against LMDB doing the same two look-ups, and against
RocksDB doing no more than these."""

import json

from measuring import processes

NAMES = ("W7-cpp",)


def run(bench):
    results = bench.results
    results.workload("W7-cpp", "look-up by document id in one C++ process, id -> key -> vector, "
                               "warm cache")
    if not bench.options.lookup_bench:
        results.note("W7-cpp", "lookup-embstore",
                     "not measured: lookup_bench was not built (EMBSTORE_BUILD_BENCHMARKS)")
        return
    bench.say("W7-cpp")
    done = processes.run([bench.options.lookup_bench, bench.work / "store", "s",
                          bench.fresh("lookup"), bench.options.rounds])
    said = json.loads(done.out)
    for name, title in (("embstore", "embstore"), ("lmdb", f"LMDB {said['lmdb_version']}"),
                        ("rocksdb", "RocksDB, the two look-ups and nothing else")):
        system = "lookup-" + name
        results.titles.setdefault(system, {"title": title, "versions": {}, "durability": ""})
        for one in (round[name] for round in said["rounds"]):
            results.add("W7-cpp", system, p50=one["p50"], p99=one["p99"], many=one["many"])
