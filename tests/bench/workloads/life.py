# SPDX-License-Identifier: Apache-2.0
"""W1 cold ingest, W2 the same again, W6 export, W7 look-up by id: every rival in turn, round by
round, on all documents, with the free embedder in its own process."""

from measuring import processes
from measuring.bench import counted, times

NAMES = ("W1", "W2", "W6", "W7")
SYNC_BATCHES = (10, 30)  # Of the two runs that are traced; the difference is what batches take.
LOOKUPS = 20_000


def run(bench):
    results = bench.results
    results.workload("W1", "cold ingest, free embedder in process, batches of 100")
    results.workload("W2", "the same input again")
    results.workload("W6", "ordered export to .npy, warm cache")
    results.workload("W7", "look-up by document id from Python, one at a time, warm cache")
    for bench.round in range(bench.options.rounds):
        for rival in bench.rivals:
            if not bench.sits_out(rival):
                bench.say(f"round {bench.round + 1}: {rival}")
                live(bench, rival)
                bench.save()
    if bench.wants("W1"):
        for rival in bench.rivals:
            count_syncs(bench, rival)


def live(bench, rival):
    results, documents = bench.results, bench.documents
    directory, bill = bench.fresh(rival), bench.bill(rival)
    raw = len(set(documents.texts)) * 3072
    done, said = bench.worker(rival, "ingest", directory, documents, "--bill", bill)
    disk = processes.disk_bytes(directory)
    billed, distinct, again = counted(bill, documents)
    results.add("W1", rival, **times(done, said), disk=disk / 1e6, disk_ratio=disk / raw,
                billed=billed, again=again)
    if bench.wants("W2"):
        done, said = bench.worker(rival, "ingest", directory, documents, "--bill", bill)
        results.add("W2", rival, **times(done, said), billed=counted(bill, documents)[0] - billed)
    if bench.wants("W6"):
        export(bench, rival, directory)
    if bench.wants("W7"):
        look_up(bench, rival, directory)
    if bench.round == 0:
        _, said = bench.worker(rival, "check", directory, documents)
        if said.get("wrong") or said.get("missing") or "unreadable" in said:
            results.note("W1", rival, f"afterwards: {said}")
    bench.fresh(rival)


def export(bench, rival, directory):
    path = bench.work / "out" / "s_embeddings.npy"
    for old in path.parent.glob("*"):
        old.unlink()
    path.parent.mkdir(exist_ok=True)
    done, said = bench.worker(rival, "export", directory, bench.documents, "--npy", path)
    if "does_not" in said:
        bench.results.note("W6", rival, f"does not do this: {said['does_not']}")
    else:
        bench.results.add("W6", rival, **times(done, said))


def look_up(bench, rival, directory):
    settings = ["--count", min(LOOKUPS, 10 * len(bench.documents.rows))]
    _, warm = bench.worker(rival, "lookup", directory, bench.documents, *settings)
    processes.forget_cached(directory)
    _, cold = bench.worker(rival, "lookup", directory, bench.documents, "--cold", "--count", "500")
    bench.results.add("W7", rival, p50=warm["p50"], p99=warm["p99"], many=warm["many"],
                      cold_p50=cold["p50"], cold_p99=cold["p99"])


def count_syncs(bench, rival):
    calls = [bench.worker(rival, "ingest", bench.fresh("syncs"), bench.subset(batches * 100, "syncs"),
                          traced=True) for batches in SYNC_BATCHES]
    few, many = (sum(by_name.values()) for by_name in calls)
    bench.results.add("W1", rival, fsyncs=(many - few) / (SYNC_BATCHES[1] - SYNC_BATCHES[0]))
    bench.results.titles[rival]["syncs"] = dict(zip(map(str, SYNC_BATCHES), calls))
