# SPDX-License-Identifier: Apache-2.0
"""The commands whose order on disk is looked at, each run once under strace."""

import os
import pty
import shutil
import struct
import subprocess
import threading

import calls
import paid
from harness import SAMPLE, Skipped, check

DOCUMENTS = 60
BATCH = 10
TEXTS = paid.TEXTS[:DOCUMENTS]


class Trace:
    """What one command did, and where."""

    def __init__(self, name, directory, events):
        self.name = name
        self.directory = directory  # The cache directory.
        self.events = events

    def with_events(self, events):
        ordered = sorted(events, key=lambda event: event.start)
        return Trace(self.name, self.directory, ordered)


def strace(output):
    return ["strace", "-f", "-yy", "-ttt", "-s", str(calls.STRING_BYTES), "-o", str(output),
            "-e", "trace=" + calls.CALLS]


def require_strace():
    """Says loudly what is missing where traces cannot be had."""
    if shutil.which("strace") is None:
        raise Skipped("strace is not installed")
    tried = subprocess.run(["strace", "-f", "-e", "trace=write", "-o", "/dev/null", "true"],
                           capture_output=True)
    if tried.returncode != 0:
        raise Skipped("strace may not trace here: " + tried.stderr.decode().strip())


class Scenarios:
    """Runs each command at most once. The stores of some are the beginning of others."""

    def __init__(self, t):
        self.t = t
        self.server = paid.simulator(t, job_seconds=0.05)
        self._traces = {}
        t.sample(DOCUMENTS)
        t.config(paid.QUICK)
        (t.dir / "exports").mkdir()

    def trace(self, name):
        if name not in self._traces:
            self._traces[name] = getattr(self, name.replace("-", "_"))()
        return self._traces[name]

    def run(self, name, store, *words, tty=False):
        """Runs a command with that store under strace; answers its trace."""
        output = self.t.dir / (name + ".trace")
        command = [*strace(output), self.t.tools.embstore, "--store", store, *map(str, words)]
        env = self.t.environment(paid.KEY, None, openai_key=paid.KEY)
        code, said = run_on_terminal(command, self.t.dir, env) if tty else run_plainly(
            command, self.t.dir, env)
        check(code == 0, f"{name}: exit {code}\n{said}")
        with open(output, encoding="latin-1", newline="\n") as lines:
            events = calls.parse(lines, str(self.t.dir))
        return Trace(name, str(self.t.dir / store), events)

    def ingest(self, name, store, *words, mode="sync", **options):
        return self.run(name, store, "ingest", "train", "--input", "sample.csv", "--mode", mode,
                        "--batch-size", BATCH, *words, **options)

    # --- The commands -------------------------------------------------------------------------

    def gemini(self):
        return self.ingest("gemini", "new/calls", "--base-url", self.server.url,
                           "--concurrency", 1, tty=True)

    def several(self):
        """With several requests at once."""
        return self.ingest("several", "several", "--base-url", self.server.url,
                           "--concurrency", 3)

    def retried(self):
        """A refusal and a lost answer: what is sent again is another request."""
        server = paid.simulator(self.t, "status=503:at=2", "reset-before-reply:at=4")
        return self.ingest("retried", "retried", "--base-url", server.url, "--concurrency", 1)

    def openai(self):
        return self.ingest("openai", "openai", "--provider", "openai", "--model",
                           "text-embedding-3-small", "--dimensions", 256, "--base-url",
                           self.server.url + "/v1", "--concurrency", 1)

    def batch(self):
        return self.ingest("batch", "batch", "--base-url", self.server.url, mode="batch")

    def npy(self):
        """The second time: what is replaced is there already."""
        self.trace("gemini")
        words = ["export", "train", "--output-dir", "exports"]
        first = self.run("npy-new", "new/calls", *words)
        self._traces["npy-new"] = first
        return self.run("npy", "new/calls", *words, "--no-normalize")

    def npy_new(self):
        self.trace("npy")
        return self._traces["npy-new"]

    def arrow(self):
        self.trace("gemini")
        words = ["export", "train", "--output-dir", "exports", "--format", "arrow"]
        self.run("arrow-new", "new/calls", *words)
        return self.run("arrow", "new/calls", *words, "--no-normalize")

    def gc(self):
        """Another list takes the place of the first one, and what it had alone is dropped."""
        self.trace("several")
        self.t.write("less.csv", b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:20]))
        self.t.run("--store", "several", "ingest", "train", "--input", "less.csv", "--base-url",
                   self.server.url, "--mode", "sync", key=paid.KEY).expect(0)
        return self.run("gc", "several", "gc", "--yes")

    def imported(self):
        vectors = self.t.tools.oracle().vectors(TEXTS)
        head = str({"descr": "<f4", "fortran_order": False, "shape": (DOCUMENTS, 128)}) + "\n"
        rows = b"".join(struct.pack("<128f", *vector) for vector in vectors)
        self.t.write("given.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) +
                     head.encode() + rows)
        return self.run("imported", "imported", "import", "train", "--input", "sample.csv",
                        "--npy", "given.npy")


def run_plainly(command, directory, env):
    done = subprocess.run(command, cwd=directory, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)
    return done.returncode, done.stderr.decode("utf-8", "replace")


def run_on_terminal(command, directory, env):
    """With a terminal for standard error, so that there is a progress bar."""
    master, slave = pty.openpty()
    said = []

    def read():
        try:
            for chunk in iter(lambda: os.read(master, 65536), b""):
                said.append(chunk)
        except OSError:
            pass  # The other end was closed.

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        code = subprocess.run(command, cwd=directory, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=slave, timeout=60).returncode
    finally:
        os.close(slave)
    reader.join(5)
    os.close(master)
    return code, b"".join(said).decode("utf-8", "replace")
