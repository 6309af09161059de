# SPDX-License-Identifier: Apache-2.0
"""The commands whose disk fails, what was there before, and what must be there in the end."""

import json
import os
import shutil
import tempfile

import harness
import paid
from cases import openai
from files import read_npy, unit, wrong_rows
from harness import SAMPLE, check
from paid import KEY, TEXTS
from simulator import sha256

LINES = SAMPLE.read_bytes().splitlines(keepends=True)
DOCUMENTS = 60
CONCURRENCY = 3
BATCH_SIZE = 10
# Jobs of 20 texts; one that got no answer is looked for and then given up quickly.
JOBS = paid.QUICK.replace("batch: {", "batch: {max_job_texts: 20, ")

if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"  # Thousands of small directories.


class Scenario:
    """One command. Subclasses say how it begins; all end with a complete split in an export."""

    name = ""
    mode = None         # Of the Gemini provider, or None where nothing is paid.
    split = "train"
    first, last = 0, DOCUMENTS  # The documents of the split in the end.
    export_words = ()
    makes_the_store = True
    reads_only = False

    def prepare(self, t):
        """Fills the directory, with no fault."""
        t.config(JOBS)
        rows(t, self.first, self.last)

    def words(self, server):
        raise NotImplementedError

    def server(self, t):
        return paid.simulator(t) if self.mode is not None else None

    def keys(self):
        return {"key": KEY}

    def texts(self):
        return TEXTS[self.first:self.last]

    def vectors(self, t):
        """The rows of the export in the end."""
        return [unit(v) for v in t.tools.oracle().vectors(self.texts())]

    def wrong(self, t):
        """How many rows of the finished export are wrong."""
        t.run("export", self.split, "--verify").expect(0)
        rows = read_npy(t.dir / f"cache/{self.split}_embeddings.npy").rows()
        return len(wrong_rows(rows, self.right))

    def report_of(self, result):
        return json.loads(result.out) if result.out.startswith("{") else {}

    def left_to_do(self, result):
        """After a run that found all done: what it did all the same."""
        report = self.report_of(result)
        return report.get("embedded", 0)

    def make_template(self, tools):
        """Prepares once; every trial begins with a copy."""
        self.tools = tools
        self.scratch = harness.Scratch(tools, self.name)
        self.prepare(self.scratch)
        self.right = self.vectors(self.scratch)
        return self

    def copy(self, name):
        t = harness.Scratch(self.tools, name)
        shutil.copytree(self.scratch.dir, t.dir, dirs_exist_ok=True)
        return t

    def close(self):
        self.scratch.__exit__()


def rows(t, first, last):
    t.write("sample.csv", b"".join(LINES[first:last]))


class Calls(Scenario):
    name = "calls"
    mode = "sync"

    def words(self, server):
        return paid.words(server, "--concurrency", CONCURRENCY, mode="sync")


class MoreCalls(Calls):
    """Half of it is there already."""
    name = "more calls"
    makes_the_store = False

    def prepare(self, t):
        super().prepare(t)
        rows(t, 0, DOCUMENTS // 2)
        server = paid.simulator(t)
        paid.ingest(t, server, mode="sync")
        server.stop()
        rows(t, self.first, self.last)


class Jobs(Scenario):
    name = "jobs"
    mode = "batch"

    def words(self, server):
        return paid.words(server)


class OpenAi(Scenario):
    name = "openai"
    mode = "sync"

    def words(self, server):
        return openai.words(server.url + "/v1", "--concurrency", CONCURRENCY)

    def keys(self):
        return {"openai_key": KEY}

    def vectors(self, t):
        return [unit(v) for v in t.tools.oracle().openai_vectors(self.texts())]


LOCAL = ("--json", "ingest", "train", "--provider", "local", "--input", "sample.csv")


class Local(Scenario):
    name = "local"

    def words(self, server):
        return LOCAL

    def vectors(self, t):
        with harness.Scratch(self.tools, "right") as other:
            rows(other, self.first, self.last)
            other.run(*LOCAL).expect(0)
            other.run("export", "train").expect(0)
            return read_npy(other.dir / "cache/train_embeddings.npy").rows()


class LongList(Local):
    """Much that is written before the first sync."""
    name = "long list"
    first, last = 0, 1200


class Export(Local):
    """An older export is there."""
    name = "export"
    makes_the_store = False

    def prepare(self, t):
        super().prepare(t)
        rows(t, self.first, self.last - 20)
        t.run(*LOCAL).expect(0)
        t.run("export", "train", *self.export_words).expect(0)
        rows(t, self.first, self.last)
        t.run(*LOCAL).expect(0)

    def words(self, server):
        return ("--json", "export", "train", *self.export_words)

    def left_to_do(self, result):
        return 0 if self.report_of(result).get("unchanged") else 1


class ArrowExport(Export):
    name = "arrow export"
    export_words = ("--format", "arrow")


class Gc(Local):
    """Half of the vectors belong to no document any more."""
    name = "gc"
    makes_the_store = False
    first, last = DOCUMENTS // 2, DOCUMENTS

    def prepare(self, t):
        super().prepare(t)
        rows(t, 0, self.last)
        t.run(*LOCAL).expect(0)
        rows(t, self.first, self.last)
        t.run(*LOCAL).expect(0)

    def words(self, server):
        return ("--json", "gc", "--yes")

    def left_to_do(self, result):
        return self.report_of(result).get("vectors", 0)


class Import(Scenario):
    name = "import"
    mode = None

    def prepare(self, t):
        super().prepare(t)
        with harness.Scratch(self.tools, "source") as other:
            rows(other, self.first, self.last)
            server = paid.simulator(other)
            paid.ingest(other, server, mode="sync")
            other.run("export", "train", "--no-normalize").expect(0)
            t.write("vectors.npy", (other.dir / "cache/train_embeddings.npy").read_bytes())

    def words(self, server):
        return ("--json", "import", "train", "--input", "sample.csv", "--npy", "vectors.npy")

    def left_to_do(self, result):
        return self.report_of(result).get("imported", 0)


class Get(Export):
    """Reads all vectors; for failing reads and opens."""
    name = "get"
    reads_only = True

    def words(self, server):
        return ("--json", "get", "train", *map(str, range(self.last)))

    def left_to_do(self, result):
        return 0


class Verify(Get):
    name = "verify"

    def words(self, server):
        return ("--json", "verify")


SCENARIOS = [Calls, MoreCalls, Jobs, OpenAi, Local, LongList, Export, ArrowExport, Gc, Import, Get,
             Verify]


def chosen(names, tools, readers=True):
    """The scenarios of these names, or all of them, ready. `readers`: also those that only read."""
    for name in names:
        check(name in [scenario.name for scenario in SCENARIOS], f"there is no scenario '{name}'")
    return [scenario().make_template(tools) for scenario in SCENARIOS
            if (not names or scenario.name in names) and (readers or not scenario.reads_only)]
