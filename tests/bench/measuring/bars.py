# SPDX-License-Identifier: Apache-2.0
"""The bars that embstore has to clear, each against what one run measured."""

OWN = "embstore_python"
NOT_MEASURED = "not measured"


def judge(results):
    """Each bar as {"number", "what", "bar", "measured", "ratio", "verdict"}."""
    return [dict(zip(("number", "what", "bar", "measured", "ratio", "verdict"),
                     (number, what, bar, *_verdict(measure(results)))))
            for number, what, bar, measure in BARS]


def _verdict(measured):
    if measured is None:
        return NOT_MEASURED, None, NOT_MEASURED
    value, limit, words = measured
    return words, value, "met" if value <= limit else "**not met**"


def _value(workload, system, metric, limit, words, scale=1.0):
    """An absolute bar."""
    def measure(results):
        value = results.median(workload, system, metric)
        if value is None:
            return None
        return value * scale, limit, words.format(value * scale)
    return measure


def _ratio(workload, system, metric, other, limit):
    """A bar relative to another system in the same rounds."""
    def measure(results):
        found = results.in_turn(workload, system, other, metric)
        if found is None:
            return None
        ratio, value, base, rounds = found
        return ratio, limit, (f"{ratio:.3f}x ({value:.4g} against {base:.4g}, "
                              f"{rounds} {'round' if rounds == 1 else 'rounds'})")
    return measure


def _best_rival(workload, system, metric, limit, own=None):
    """A bar relative to the best of the rivals; medians, for the rounds are not the same ones."""
    def measure(results):
        held = results.workloads.get(workload)
        if not held:
            return None
        others = [name for name in held["systems"] if name not in (OWN, system)]
        best, base = results.best(workload, metric, others)
        value = results.median(own or workload, system, metric)
        if value is None or not base:
            return None
        return (value / base, limit, f"{value / base:.3f}x ({value:.4g} against {base:.4g} of "
                                     f"{results.title(best)})")
    return measure


def _at_least(workload, system, metric, limit, words):
    def measure(results):
        value = results.median(workload, system, metric)
        if value is None:
            return None
        return -value, -limit, words.format(value)
    return measure


def _faiss(threads, batch):
    name = "W10" if (threads, batch) == (1, "one") else f"W10-{threads}-{batch}"
    return _ratio(name, "search-embstore, exact", "ms", "search-faiss IndexFlatIP", 1.0)


EXACT, MEMORY = "memory-exact, vectors in memory, 1 thread", \
    "memory-lengths of all vectors in memory, 1 thr."

BARS = (
    ("1a", "again, unchanged, the command", "≤ 0.05 s",
     _value("command", "again", "wall", 0.05, "{:.3f} s")),
    ("1b", "the same against the best rival", "≤ 1/20",
     _best_rival("W2", "again", "wall", 1 / 20, own="command")),
    ("2", "again with 1 % changed, the command, all included", "≤ 1 s",
     _value("command", "changed", "wall", 1.0, "{:.2f} s")),
    ("3a", "cold ingest against LanceDB `add`, which does not sync", "≤ 1/3",
     _ratio("W1", OWN, "wall", "lancedb_add", 1 / 3)),
    ("3b", "cold ingest against `llm`, which does", "≤ 1/20",
     _ratio("W1", OWN, "wall", "llm_collection", 1 / 20)),
    ("4", "cold ingest over loopback HTTP, client CPU a document", "≤ 60 µs",
     _value("W1-http", "http-embstore", "cpu_us", 60, "{:.1f} µs")),
    ("5", "cold ingest with the built-in model", "≥ 25,000 a second",
     _at_least("command", "local", "rate", 25_000, "{:,.0f} a second")),
    ("6a", "export against `cp`", "≤ 2.0x", _ratio("command", "export", "wall", "cp", 2.0)),
    ("6b", "export against the best rival", "≤ 1x",
     _best_rival("W6", "export", "wall", 1.0, own="command")),
    ("6c", "peak memory of export", "≤ 150 MB",
     _value("command", "export", "peak", 150, "{:.0f} MB")),
    ("7a", "look-up by id against LMDB, p50", "≤ 2.5x",
     _ratio("W7-cpp", "lookup-embstore", "p50", "lookup-lmdb", 2.5)),
    ("7b", "the same, p99", "≤ 5x", _ratio("W7-cpp", "lookup-embstore", "p99", "lookup-lmdb", 5.0)),
    ("8", "`embstore get` as a whole process", "≤ 20 ms",
     _value("command", "get", "wall", 20, "{:.1f} ms", 1000)),
    ("9a", "exact top-10 against reading the memory once", "≤ 1.25x",
     _ratio("W10-memory", EXACT, "ms", MEMORY, 1.25)),
    ("9b", "exact top-10 against FAISS IndexFlatIP, 1 thread", "≤ 1x", _faiss(1, "one")),
    ("9c", "the same, 64 at once", "≤ 1x", _faiss(1, "64")),
    ("9d", "the same, 2 threads", "≤ 1x", _faiss(2, "one")),
    ("9e", "the same, 2 threads, 64 at once", "≤ 1x", _faiss(2, "64")),
    ("10a", "fast top-10 against exact", "≤ 1/20",
     _ratio("W10-memory", "memory-sketches, vectors in memory, 1 thread", "ms", EXACT, 1 / 20)),
    ("10b", "its recall@10 (built-in model's vectors)", "≥ 0.995",
     _at_least("W10", "search-embstore, sketches", "recall", 0.995, "{:.4f}")),
    ("10c", "`embstore similar` as a whole process, cold", "≤ 0.15 s",
     _value("command", "similar", "wall", 0.15, "{:.3f} s")),
    ("11", "disk without texts", "≤ 1.06x raw vectors",
     _value("command", "no-texts", "disk_ratio", 1.06, "{:.3f}x")),
    ("12a", "share of the quota of Tier 1", "≥ 97 %",
     _at_least("quota", "quota", "share", 0.97, "{:.3f}")),
    ("12b", "429 a minute", "≤ 1", _value("quota", "quota", "refused", 1.0, "{:.2f}")),
)
