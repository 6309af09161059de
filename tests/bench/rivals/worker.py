#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One operation of one rival, as a process. The last line on stdout is a JSON object.

Usage: worker RIVAL OPERATION --dir DIR --documents FILE ...
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402

import rivals  # noqa: E402
from measuring import data, embedder  # noqa: E402
from rivals.rival import DoesNotDoThis  # noqa: E402

TRIAL_SECONDS = 120  # A reader of a damaged store that takes longer hangs.
# What became of a read after a bit of the store was turned over.
UNAFFECTED, WRONG, NOTICED, MISSING = "unaffected", "wrong vector", "noticed", "missing"


def free_embedder(options):
    base = None
    if options.embedder == "local":
        import embstore
        base = embstore.local().embed
    return embedder.FreeEmbedder(options.bill, options.kill_after, options.misbehave, base,
                                 options.price)


def ingest(options, documents):
    embed = free_embedder(options)
    rival = rivals.make(options.rival, options.dir)
    loaded = time.perf_counter()
    try:
        rival.ingest(documents, embed)
    except Exception as error:
        if not options.misbehave:
            raise
        return {"ended": f"{type(error).__name__}: {error}"[:300], "sent": embed.texts}
    return {"sent": embed.texts, "loaded": loaded}


def export(options, documents):
    rival = rivals.make(options.rival, options.dir)
    loaded = time.perf_counter()
    try:
        rival.export(documents, options.npy)
    except DoesNotDoThis as error:
        return {"does_not": str(error)}
    return {"loaded": loaded}


def compare(rival, documents, expected):
    """Counts of rows that are wrong and of rows that are missing."""
    held = np.asarray(rival.vectors(documents))
    missing = np.isnan(held).all(axis=1)
    wrong = ~missing & ~(np.abs(held - expected) <= 1e-5).all(axis=1)
    return int(wrong.sum()), int(missing.sum())


def all_vectors(options, documents):
    embed = free_embedder(options)
    made = [embed(documents.texts[at:at + 1000]) for at in range(0, len(documents.rows), 1000)]
    return np.concatenate(made)


def check(options, documents):
    expected = all_vectors(options, documents)
    rival = rivals.make(options.rival, options.dir)
    try:
        wrong, missing = compare(rival, documents, expected)
    except Exception as error:
        return {"unreadable": f"{type(error).__name__}: {error}"[:300]}
    return {"wrong": wrong, "missing": missing}


def lookup(options, documents):
    """Single look-ups, and look-ups by the thousand; microseconds."""
    chosen = random.Random(options.seed)
    ids = [id for id, _ in documents.rows]
    rival = rivals.make(options.rival, options.dir)
    get, get_many = rival.open_lookup(documents)
    loaded = time.perf_counter()
    wanted = [chosen.choice(ids) for _ in range(options.count)]
    if not options.cold:
        get_many(ids[:1000])
        for id in wanted[:100]:
            get(id)
    times = []
    ends = time.perf_counter() + options.seconds
    for id in wanted:
        start = time.perf_counter_ns()
        get(id)
        times.append(time.perf_counter_ns() - start)
        if time.perf_counter() > ends:
            break
    many = []
    for at in range(0, min(len(wanted), 10_000), 1000):
        start = time.perf_counter_ns()
        get_many(wanted[at:at + 1000])
        many.append((time.perf_counter_ns() - start) / len(wanted[at:at + 1000]))
        if time.perf_counter() > ends + options.seconds:
            break
    p50, p99 = np.percentile(times, [50, 99]) / 1000
    return {"loaded": loaded, "count": len(times), "p50": p50, "p99": p99,
            "many": float(np.median(many)) / 1000}


def damage(options, documents):
    """Turns one random bit of the store over, reads all vectors, turns it back; again and again."""
    expected = all_vectors(options, documents)
    chosen = random.Random(options.seed)
    rivals.load(options.rival)
    files = [file for file in sorted(pathlib.Path(options.dir).rglob("*")) if file.is_file()]
    sizes = [file.stat().st_size for file in files]
    def read():
        return in_child(lambda: read_damaged(options, documents, expected))

    if read() != UNAFFECTED:
        raise RuntimeError("a store that nobody damaged cannot be read")
    outcomes = {}
    for _ in range(options.count):
        file = chosen.choices(files, sizes)[0]
        place, bit = chosen.randrange(file.stat().st_size), 1 << chosen.randrange(8)
        before = file.stat()
        turn_over(file, place, bit, before)
        outcome = read()
        turn_over(file, place, bit, before)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return {"outcomes": outcomes}


def turn_over(file, place, bit, before):
    with open(file, "r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ bit]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def read_damaged(options, documents, expected):
    try:
        wrong, missing = compare(rivals.make(options.rival, options.dir), documents, expected)
    except Exception:
        return NOTICED
    return WRONG if wrong else MISSING if missing else UNAFFECTED


def in_child(work):
    """The answer of `work` from a process of its own, or how that ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        signal.alarm(TRIAL_SECONDS)
        os.write(writing, work().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hung" if os.WTERMSIG(status) == signal.SIGALRM else "crashed"
    return said or "crashed"


def versions(options, documents):
    rival = rivals.load(options.rival)
    found = {}
    for package in rival.packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"title": rival.title, "versions": found, "durability": rival.durability}


OPERATIONS = {"ingest": ingest, "export": export, "check": check, "lookup": lookup,
              "damage": damage, "versions": versions}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rival", choices=rivals.NAMES)
    parser.add_argument("operation", choices=OPERATIONS)
    parser.add_argument("--dir", type=pathlib.Path)
    parser.add_argument("--documents", type=pathlib.Path)
    parser.add_argument("--embedder", choices=("free", "local"), default="free")
    parser.add_argument("--bill", type=pathlib.Path)
    parser.add_argument("--kill-after", type=int, default=0)
    parser.add_argument("--misbehave", default="")
    parser.add_argument("--price", type=float, help="USD for a million tokens; default: free")
    parser.add_argument("--npy", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    documents = data.Documents(options.documents) if options.documents else None
    answer = OPERATIONS[options.operation](options, documents)
    if "loaded" in answer:
        answer["work"] = time.perf_counter() - answer.pop("loaded")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
