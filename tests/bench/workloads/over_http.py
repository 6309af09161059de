# SPDX-License-Identifier: Apache-2.0
"""Cold ingest over HTTP on this machine, Gemini's JSON, from the simulator without latency: the
command, and the script that people write with google-genai and NumPy."""

import sys

from measuring import processes
from measuring.bench import times

NAMES = ("W1-http",)


def run(bench):
    sys.path.insert(0, str(bench.options.project / "tests" / "cli"))
    from simulator import Simulator
    results = bench.results
    results.workload("W1-http", "cold ingest over loopback HTTP, Gemini's JSON")
    results.titles.update(TITLES)
    count = len(bench.documents.rows)
    for bench.round in range(bench.options.rounds):
        for name in ("http-embstore", "http-script"):
            if bench.sits_out(name):
                continue
            bench.say(f"W1-http: round {bench.round + 1}: {name}")
            directory = bench.fresh(name)
            simulator = Simulator(bench.options.simulator, bench.bill(name))
            try:
                done = processes.run(COMMANDS[name](bench, directory, simulator.url),
                                     bench.options.environment)
                billed = len(simulator.billed())
            finally:
                simulator.stop()
            bench.took(name, done)
            disk = processes.disk_bytes(directory)
            results.add("W1-http", name, **times(done, {}), cpu_us=done.cpu * 1e6 / count,
                        disk=disk / 1e6, billed=billed)


def embstore(bench, directory, url):
    return [bench.options.embstore, "--quiet", "--config", bench.options.config, "--store",
            directory, "ingest", "s", "--input", bench.documents.path, "--format", "csv",
            "--text-field", "text", "--id-field", "id", "--provider", "gemini", "--mode", "sync",
            "--base-url", url]


def script(bench, directory, url):
    return [bench.python, "-B", bench.options.worker.parent / "genai_script.py", directory,
            bench.documents.path, url]


TITLES = {
    "http-embstore": {"title": "embstore ingest", "versions": {},
                      "durability": "every batch synced (fdatasync) before it counts"},
    "http-script": {"title": "script with google-genai and numpy.save", "versions": {},
                    "durability": "one file at the end, never synced"},
}
COMMANDS = {"http-embstore": embstore, "http-script": script}
