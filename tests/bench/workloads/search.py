# SPDX-License-Identifier: Apache-2.0
"""W10: search, by tests/bench/search_peers.py against FAISS and by search_bench against the
machine's memory."""

import re

from measuring import processes

NAMES = ("W10",)


def run(bench):
    bench.results.workload("W10", "exact top-10, one query, one thread, vectors in memory")
    for threads in (1, 2):
        bench.say(f"W10: {threads} thread(s)")
        done = processes.run(
            [bench.python, "-B", bench.options.worker.parents[1] / "search_peers.py", "--threads",
             threads, "--store", bench.work / "store", "s", "--queries", "300"],
            bench.options.environment)
        read_table(bench, threads, done.out)
    if bench.options.search_bench:
        done = processes.run([bench.options.search_bench, bench.work / "store", "s"])
        read_bench(bench, done.out)


def add(bench, workload, system, title, **metrics):
    bench.results.titles.setdefault(system, {"title": title, "versions": {}, "durability": ""})
    bench.results.add(workload, system, **metrics)


def read_table(bench, threads, out):
    """| search | recall@10 | ms, one query | ratio | ms a query, 64 at once | ratio |"""
    for line in out.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or not re.fullmatch(r"[\d.]+", cells[2]):
            continue
        for place, batch in ((2, "one"), (4, "64")):
            name = ("W10" if (threads, batch) == (1, "one") else f"W10-{threads}-{batch}")
            bench.results.workload(name, f"top-10, {threads} thread(s), " + (
                "one query" if batch == "one" else "64 queries at once, a query"))
            add(bench, name, "search-" + cells[0], cells[0], ms=float(cells[place]),
                recall=float(cells[1]))


def read_bench(bench, out):
    bench.results.workload("W10-memory", "one query against reading the vectors' memory once")
    for line in out.splitlines():
        found = re.fullmatch(r"(.*?)\s+([\d.]+)\s+([\d.]+)", line)
        if found and not line.startswith("recall"):
            add(bench, "W10-memory", "memory-" + found[1], found[1], ms=float(found[2]))
