# SPDX-License-Identifier: Apache-2.0
"""Import, export and gc as work that a process may die in; and the list of all kinds."""

import collections
import json

import paid
from files import npy, read_npy, wrong_rows
from harness import equal
from paid import TEXTS
from simulator import sha256
from work import Calls, Collecting, Jobs, OpenAi, Question, Work, holds


class Import(Work):
    """An import of vectors that were paid for elsewhere."""

    def prepare(self):
        self.t.sample(self.documents)
        self.write(self.t.tools.oracle().vectors(self.texts()))

    def finish(self):
        report = self.run(*self.command(), seconds=600).expect(0).json()
        equal((report["cached"] + report["imported"], report["complete"]),
              (len(set(self.texts())), True), "report")
        self.all_rows_are_right()
        equal(paid.money(self.t)["spent_usd"], 0, "money spent")


class ImportNpy(Import):
    name = "import-npy"

    def write(self, vectors):
        self.t.write("v.npy", npy(vectors))

    def command(self):
        return ["--json", "import", "train", "--input", "sample.csv", "--npy", "v.npy"]


class ImportJsonl(Import):
    name = "import-jsonl"

    def write(self, vectors):
        self.t.write("v.jsonl", "".join(json.dumps({"text": text, "embedding": row}) + "\n"
                                        for text, row in zip(self.texts(), vectors)))

    def command(self):
        return ["--json", "import", "train", "--input", "sample.csv", "--jsonl", "v.jsonl"]


class Export(Work):
    """An export that replaces an older one: the old set or the new set, whole."""

    metadata = "train_metadata.json"
    parts = ("train_embeddings.npy", "train_documents.jsonl", "train_labels.npy")
    words = ()

    def prepare(self):
        self.sizes = (self.documents, self.documents // 2)
        self.sets, self.facts = {}, {}
        for size in self.sizes:
            self.list(size)
            self.run(*self.command()).expect(0)
            self.sets[size] = self.read(self.t.dir / "cache")
            self.facts[size] = json.loads(self.t.read("cache/" + self.metadata))
        self.again()

    def list(self, size):
        """Makes the split that long."""
        self.size = size
        self.t.sample(size)
        self.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)

    def read(self, directory):
        return {name: (directory / name).read_bytes() for name in self.parts
                if (directory / name).exists()}

    def command(self):
        return ["--json", "export", "train", *self.words]

    def again(self):
        self.list(next(size for size in self.sizes if size != self.size))
        return True

    def look_at_rows(self):
        now = self.read(self.t.dir / "cache")
        for name, content in now.items():
            holds(content in [right[name] for right in self.sets.values()], "wrong",
                  f"{name} is neither the old file nor the new one")
        metadata = self.t.dir / "cache" / self.metadata
        if not metadata.exists():
            return
        facts = json.loads(metadata.read_text())
        holds(now == self.sets.get(facts["num_documents"]), "wrong",
              f"the metadata tells of {facts['num_documents']} rows, but the files are not these")
        for key, value in self.facts[facts["num_documents"]].items():
            if key.endswith(("_xxh3_128", "_bytes")):
                equal(facts[key], value, key)

    def finish(self):
        self.run(*self.command()).expect(0)
        self.look()
        equal(self.read(self.t.dir / "cache"), self.sets[self.size], "the new set")
        equal((self.t.dir / "cache" / self.metadata).exists(), True, "metadata")
        litter = [path.name for path in (self.t.dir / "cache").iterdir() if ".tmp-" in path.name]
        equal(litter, [], "left over")


class ExportNpy(Export):
    name = "export-npy"


class ExportArrow(Export):
    name = "export-arrow"
    metadata = "train_embeddings.arrow.json"
    parts = ("train_embeddings.arrow",)
    words = ("--format", "arrow")


class Gc(Calls):
    """`gc --yes`, which drops vectors of two models, and a split."""

    name = "gc"
    bills_as_it_goes = False
    paid_once = False

    def be_told(self):
        """It drops vectors, so that what was there is no promise."""

    def prepare(self):
        super().prepare()
        third = self.documents // 3
        self.first, self.last = third, 2 * third  # Of the split that stays; the others go.
        self.take("train", self.first, self.last)
        self.again()

    def texts(self):
        return TEXTS[self.first:self.last]

    def take(self, split, first, last, *more):
        lines = (self.t.dir / "sample.csv").read_bytes().splitlines(keepends=True)
        self.t.write("some.csv", b"".join(lines[first:last]))
        return self.run("--json", "ingest", split, "--base-url", self.server.url, "--input",
                        "some.csv", *more).expect(0).json()

    def again(self):
        """Buys what was dropped, and nothing else."""
        for more in ([], ["--model", "gemini-embedding-2"]):
            billed = len(self.server.billed())
            report = self.take("small", 0, self.documents, *more)
            equal(len(self.server.billed()) - billed, report["embedded"], "billed")
        return True

    def command(self):
        forget = ["--forget", "small"] if self.has_small() else []
        return ["--json", "gc", *forget, "--yes"]

    def has_small(self):
        splits = self.run("--json", "status").expect(0).json()["splits"]
        return any(split["name"] == "small" for split in splits)

    def finish(self):
        self.again()
        self.run(*self.command()).expect(0)
        self.look()
        spaces = self.run("--json", "status").expect(0).json()["spaces"]
        equal([space["vectors"] for space in spaces], [self.last - self.first] * 2, "vectors left")
        wrong = wrong_rows(read_npy(self.t.dir / "rows/train_embeddings.npy").rows(),
                           self.right_rows())
        holds(not wrong, "wrong", f"rows {wrong[:10]}")
        counts = collections.Counter(line for line in self.bill_of("gemini-embedding-001"))
        again = [text for text in map(sha256, self.texts()) if counts[text] != 1]
        holds(not again, "doubled", f"{len(again)} texts that a split refers to were billed again")
        equal(paid.money(self.t)["in_doubt_texts"], 0, "in doubt")
        paid.the_invoice_is_within_the_books(self.t, self.server)
        self.the_key_is_nowhere()

    def bill_of(self, model):
        lines = [line.split() for line in self.server.log.read_text().splitlines()]
        return [line[0] for line in lines if line[1] == model]

    def nothing_acknowledged_is_billed(self):
        """Judged at the end: the other model has the same texts."""


class Recovering(Calls):
    """An ingest after one that died between the store and the ledger."""

    name = "recovering"

    def prepare(self):
        super().prepare()
        holds(self.dies_at("commit-stored", 2), "other", "there was no second commit")


WORKS = {work.name: work for work in (Calls, OpenAi, Jobs, Collecting, Question, ImportNpy,
                                      ImportJsonl, ExportNpy, ExportArrow, Gc)}
