# SPDX-License-Identifier: Apache-2.0
"""Search by embstore and by FAISS on the same vectors, in one process and in turn: see search_peers.

Both keep the vectors in memory. Recall counts a hit as right when its true cosine is no less than the
tenth best one, less 1e-5.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time

K = 10
ROUNDS = 7


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--f16", nargs=3, metavar=("VECTORS", "DIMENSIONS", "TRUTH"))
    parser.add_argument("--store", nargs=2, metavar=("DIR", "SPLIT"))
    parser.add_argument("--queries", type=int, default=1000)
    return parser.parse_args()


options = parse()
# Both count their threads by the processors that they may use.
os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[:options.threads]))

import faiss  # noqa: E402
import numpy as np  # noqa: E402

import embstore  # noqa: E402


def open_split(scratch):
    """The split, and the scores of the true neighbours if they were given."""
    if options.store:
        store = embstore.open(options.store[0])
        return store.split(options.store[1], keep_vectors=True), None
    path, dimensions, truth = options.f16
    vectors = np.fromfile(path, np.float16).reshape(-1, int(dimensions)).astype(np.float32)
    texts = [str(i) for i in range(len(vectors))]
    store = embstore.open(scratch, read_only=False)
    store.ingest("bench", texts, provider=embstore.from_function(
        lambda batch: vectors[[int(text) for text in batch]], model="bench",
        dimensions=int(dimensions)))
    scores = np.fromfile(truth, np.float32).reshape(-1, K + 1)[:, 1:]
    return store.split("bench", keep_vectors=True), scores


class Embstore:
    def __init__(self, split, **how):
        self.split, self.how = split, how

    def __call__(self, queries):
        found = self.split.search_batch(queries, K + 1, **self.how)
        return found.positions


class FaissFlat:
    def __init__(self, rows):
        self.index = faiss.IndexFlatIP(rows.shape[1])
        self.index.add(rows)

    def __call__(self, queries):
        return self.index.search(queries, K + 1)[1]


class FaissBinary:
    """Signs after a random rotation, then the true product with the best."""

    def __init__(self, rows, candidates):
        self.rows, self.candidates = rows, candidates
        self.rotation = faiss.RandomRotationMatrix(rows.shape[1], rows.shape[1])
        self.rotation.init(1)
        self.index = faiss.IndexBinaryFlat(rows.shape[1])
        self.index.add(self.codes(rows))

    def codes(self, rows):
        return np.packbits(self.rotation.apply(rows) > 0, axis=1, bitorder="little")

    def __call__(self, queries):
        found = self.index.search(self.codes(queries), self.candidates)[1]
        answers = np.empty((len(queries), K + 1), np.int64)
        for i, query in enumerate(queries):
            order = np.argsort(-(self.rows[found[i]] @ query), kind="stable")[:K + 1]
            answers[i] = found[i][order]
        return answers


def recall(rows, queries, positions, found, truth):
    right = 0
    for i, answer in enumerate(found):
        answer = answer[answer != positions[i]][:K]
        scores = rows[answer] @ queries[i]
        right += np.count_nonzero(scores >= truth[i][-1] - 1e-5)
    return right / (len(found) * K)


def milliseconds(search, queries, batch):
    start = time.perf_counter()
    for at in range(0, len(queries), batch):
        search(queries[at:at + batch])
    return 1000 * (time.perf_counter() - start) / len(queries)


def main():
    faiss.omp_set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        split, truth = open_split(scratch)
        rows = split.vectors()
        count = min(options.queries, len(rows))
        positions = (np.arange(count) if truth is not None else
                     np.arange(count) * (len(rows) // count))
        queries = np.ascontiguousarray(rows[positions])
        if truth is None:
            found = FaissFlat(rows)(queries)
            truth = [np.sort(rows[f[f != p][:K]] @ q)[::-1]
                     for f, p, q in zip(found, positions, queries)]
        searches = {
            "embstore, exact": Embstore(split, exact=True),
            "faiss IndexFlatIP": FaissFlat(rows),
            "embstore, sketches": Embstore(split),
            "faiss IndexBinaryFlat + 200 rescored": FaissBinary(rows, 200),
            "faiss IndexBinaryFlat + 2000 rescored": FaissBinary(rows, 2000),
        }
        print(f"{len(rows)} x {rows.shape[1]}, {count} queries, {options.threads} thread(s), "
              f"faiss {faiss.__version__}, NumPy {np.__version__}")
        recalls = {name: recall(rows, queries, positions, search(queries), truth)
                   for name, search in searches.items()}
        times = {name: {1: [], 64: []} for name in searches}
        for _ in range(ROUNDS):
            for batch in (1, 64):
                for name, search in searches.items():
                    few = queries[:64 if batch == 64 else 20]
                    times[name][batch].append(milliseconds(search, few, batch))
        base = {batch: statistics.median(times["faiss IndexFlatIP"][batch]) for batch in (1, 64)}
        print("| search | recall@10 | ms, one query | of IndexFlatIP | ms a query, 64 at once | "
              "of IndexFlatIP |\n|---|---|---|---|---|---|")
        for name in searches:
            one, many = (statistics.median(times[name][batch]) for batch in (1, 64))
            print(f"| {name} | {recalls[name]:.4f} | {one:.3f} | {one / base[1]:.3f} | {many:.3f} | "
                  f"{many / base[64]:.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
