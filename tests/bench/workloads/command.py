# SPDX-License-Identifier: Apache-2.0
"""The command, each time as a whole process: cold ingest with the built-in model, again, with 1 %
changed, export against cp, get, similar from a cold cache."""

import json
import shutil

from measuring import data, processes
from measuring.bench import times

NAMES = ("command", "W10", "W7-cpp")  # The other two read the store that is left here.
GETS = 11
NAMES_OF = {"local": "embstore, built-in model", "again": "embstore, unchanged",
            "changed": "embstore, 1 % changed", "export": "embstore export", "cp": "cp",
            "cp-synced": "cp, then sync of the copy", "get": "embstore get",
            "curl": "curl --version, which loads libcurl and ends",
            "similar": "embstore similar, files out of the cache",
            "similar-warm": "embstore similar, files in the cache",
            "no-texts": "embstore, texts not kept"}


def run(bench):
    results = bench.results
    results.workload("command", "the command as a whole process")
    for name, title in NAMES_OF.items():
        results.titles.setdefault(name, {"title": title, "versions": {}, "durability": ""})
    changed, count = data.changed(bench.documents.rows, 0.01)
    changed = data.write(bench.work / "changed.csv", changed)
    for bench.round in range(bench.options.rounds):
        bench.say(f"command: round {bench.round + 1}")
        store = bench.fresh("command")
        one_round(bench, store, changed, count)
    # The store that the look-ups and searches read.
    bench.command("--store", bench.fresh("store"), *ingest(bench.documents))
    without_texts(bench)


def ingest(documents):
    return ["ingest", "s", "--input", documents.path, "--format", "csv", "--text-field", "text",
            "--id-field", "id", "--provider", "local"]


def one_round(bench, store, changed, changed_count):
    add = bench.results.add
    count = len(bench.documents.rows)
    done = bench.command("--store", store, *ingest(bench.documents))
    disk = processes.disk_bytes(store)
    add("command", "local", **times(done, {}), rate=count / done.wall, disk=disk / 1e6,
        disk_ratio=disk / (3072 * len(set(bench.documents.texts))))
    for _ in range(3):
        add("command", "again", **times(bench.command("--store", store,
                                                      *ingest(bench.documents)), {}))
    target = bench.work / "out"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    npy = target / "s_embeddings.npy"
    done = bench.command("--store", store, "export", "s", "--output-dir", target)
    add("command", "export", **times(done, {}))
    copy = target / "copy.npy"
    add("command", "cp", **times(processes.run(["cp", npy, copy]), {}))
    copy.unlink()
    add("command", "cp-synced", **times(processes.run(
        ["sh", "-c", 'cp "$0" "$1" && sync -d "$1"', npy, copy]), {}))
    middle = bench.documents.rows[count // 2][0]
    for _ in range(GETS):
        add("command", "get", **times(bench.command("--store", store, "get", "s", middle, "--raw"),
                                      {}))
    if shutil.which("curl"):
        for _ in range(GETS):
            add("command", "curl", **times(processes.run(["curl", "--version"]), {}))
    similar = ["--store", store, "similar", "s", middle]
    processes.forget_cached(store)
    add("command", "similar", **times(bench.command(*similar), {}))
    for _ in range(3):
        add("command", "similar-warm", **times(bench.command(*similar), {}))
    done = bench.command("--store", store, "--json", *ingest(changed))
    embedded = json.loads(done.out)["embedded"]
    if embedded > changed_count:
        raise processes.Failed(f"{embedded} texts embedded, {changed_count} are new")
    add("command", "changed", **times(done, {}), billed=embedded)


def without_texts(bench):
    config = bench.work / "no-texts.yaml"
    config.write_text("embedding: {store_texts: false}\n")
    store = bench.fresh("no-texts")
    processes.run([bench.options.embstore, "--quiet", "--config", config, "--store", store,
                   *ingest(bench.documents)], bench.options.environment)
    disk = processes.disk_bytes(store)
    bench.results.add("command", "no-texts", disk=disk / 1e6,
                      disk_ratio=disk / (3072 * len(set(bench.documents.texts))))
