# SPDX-License-Identifier: Apache-2.0
"""The kinds of work that a process may die in, and what must hold whenever it did."""

import collections
import json
import random

import paid
from files import read_npy, unit, wrong_rows
from harness import CANARY_KEY, SIGKILL, Failed, equal
from paid import TEXTS
from simulator import sha256

OPENAI_MODEL = "text-embedding-3-small"

# Each look at the server is a short one, and jobs come in waves of three.
JOBS = """\
batch: {first_poll_seconds: 0.01, max_poll_seconds: 0.05, queue_wait_seconds: 0.05, \
creation_grace_seconds: 0.2, max_jobs: 3, max_job_texts: %d}
"""
JOB_SECONDS = 0.05
CONCURRENCY = 4


class Broken(Failed):
    """A promise that does not hold: lost, doubled, wrong, leaked or other."""

    def __init__(self, promise, what):
        super().__init__(f"{promise}: {what}")
        self.promise = promise


def holds(condition, promise, what):
    if not condition:
        raise Broken(promise, what)


class Work:
    """A command on a store of its own, which can die at any moment and be run again. `batch_size`:
    texts of a request, or of a job."""

    bills_as_it_goes = False  # Its bill tells how far it is.
    paid_once = True  # It buys no text again on purpose.
    memory_refused = False

    def __init__(self, t, seed=1, documents=60, batch_size=20, latency_ms=0,
                 concurrency=CONCURRENCY):
        self.t = t
        self.random = random.Random(seed)
        self.documents = documents
        self.batch_size = batch_size
        self.latency_ms = latency_ms
        self.concurrency = concurrency
        self.server = None
        self.acknowledged = {}  # SHA-256 of a text -> its row, of all that was ever seen stored.
        self.promised = 0  # Vectors that a reader was told of.
        self.deaths = 0
        self._looked_at = 0  # Lines of the bill.

    # What a kind of work says of itself.

    def prepare(self):
        """Makes what the command needs."""

    def command(self):
        raise NotImplementedError

    def again(self):
        """After the command came to its end: makes new work for it, or answers that there is
        none."""
        return False

    def finish(self):
        """After the last death: runs it to the end, and judges what came of all."""
        raise NotImplementedError

    def texts(self):
        """Of the split, in order."""
        return TEXTS[:self.documents]

    # Processes. The key is in none of their output.

    def _keys(self):
        return {"key": CANARY_KEY, "openai_key": CANARY_KEY}

    def heard(self, result):
        holds(CANARY_KEY not in result.out + result.err, "leaked", f"the key is in {result}")
        return result

    def run(self, *words, **options):
        return self.heard(self.t.run(*words, **self._keys(), **options))

    def start(self):
        return self.t.start(*self.command(), **self._keys())

    def passages(self):
        """How often the command passes each crash point. Runs it to the end."""
        log = self.t.dir / "passages"
        self.run(*self.command(), env={"EMBSTORE_CRASH_LOG": str(log)}).expect(0)
        return collections.Counter(log.read_text().split() if log.exists() else [])

    def dies_at(self, point, passage):
        """Whether the command comes to this passage. If it does, it dies there."""
        result = self.run(*self.command(), env={"EMBSTORE_CRASH_AT": f"{point}:{passage}"})
        holds(result.code in (0, -SIGKILL), "other", f"not killed at {point}: {result}")
        self.deaths += result.code == -SIGKILL
        return result.code == -SIGKILL

    def be_told(self):
        """What a reader says is stored, while the work goes on."""
        status = self.run("--json", "status")
        holds(status.code in (0, 9), "other", f"status beside a writer: {status}")
        if status.code == 0:
            self.promised = sum(space["vectors"] for space in status.json()["spaces"])

    # What must hold after each death.

    def look(self):
        """The store opens, nothing in it is damaged, and what was acknowledged is there."""
        status = self.run("--json", "status")
        if status.code == 9:
            holds(not self.acknowledged and not self.promised, "lost",
                  f"there was a store: {status}")
            return
        holds(status.code == 0, "other", f"the store does not open: {status}")
        verified = self.run("--json", "verify")
        holds(verified.code == 0, "other", f"verify: {verified}")
        vectors = sum(space["vectors"] for space in status.json()["spaces"])
        holds(vectors >= self.promised, "lost",
              f"{self.promised} vectors were there, now {vectors}")
        self.look_at_rows()

    def look_at_rows(self):
        rows = self.rows()
        lost = [text for text, row in self.acknowledged.items() if rows.get(text) != row]
        holds(not lost, "lost", f"{len(lost)} of {len(self.acknowledged)} rows that were there are "
              "gone or changed")
        self.nothing_acknowledged_is_billed()
        self.acknowledged = rows

    def rows(self):
        (self.t.dir / "rows").mkdir(exist_ok=True)
        exported = self.run("export", "train", "--missing", "nan", "--output-dir", "rows")
        if exported.code == 9:
            return {}
        holds(exported.code == 0, "other", f"{exported}")
        rows = read_npy(self.t.dir / "rows/train_embeddings.npy").rows()
        return {sha256(text): row.tobytes() for text, row in zip(self.texts(), rows)
                if row[0] == row[0]}

    def nothing_acknowledged_is_billed(self):
        if self.server is None:
            return
        billed = self.server.billed()
        again = [text for text in billed[self._looked_at:] if text in self.acknowledged]
        holds(not again, "doubled", f"{len(again)} texts were billed after they were stored")
        self._looked_at = len(billed)

    # What must hold in the end.

    def right_rows(self):
        return [unit(v) for v in self.t.tools.oracle().vectors(self.texts())]

    def all_rows_are_right(self):
        self.look()
        rows = read_npy(self.t.dir / "rows/train_embeddings.npy").rows()
        wrong = wrong_rows(rows, self.right_rows())
        holds(not wrong, "wrong", f"rows {wrong[:10]}, {len(wrong)} in all")

    def the_books_are_right(self, texts):
        """Billed: these texts, and twice only what is listed in doubt."""
        equal(set(self.server.billed()), set(map(sha256, texts)), "texts billed")
        twice, books = self.server.billed_twice(), paid.money(self.t)
        listed, most = books["in_doubt_texts"], self.deaths * self.concurrency * self.batch_size
        holds(listed <= most, "doubled", f"{listed} listed in doubt, but at most {most} were in "
              f"flight at {self.deaths} deaths")
        holds(twice <= listed or books["wasted_usd"] > 0, "doubled",
              f"{twice} billed twice, {listed} listed in doubt")
        self.the_invoice_is_right(books)
        status = self.run("--json", "status").expect(0).json()
        equal([job for job in status["jobs"] if job["open"]], [], "open jobs")
        # What a run that died had reserved goes at the next open for writing; a question that is
        # stored needs none.
        left = [name for name in paid.job_files(self.t) if not name.startswith("reserve-")]
        equal(left, [], "files of jobs")

    def the_invoice_is_right(self, books):
        if not self.memory_refused:
            return paid.the_invoice_is_within_the_books(self.t, self.server)
        # libcurl's error does not tell whether the request had gone out: it counts as wasted.
        billed = paid.billed_cost_by_line(self.server)
        most = sum(books[key] for key in ("spent_usd", "wasted_usd", "in_doubt_usd",
                                          "under_way_usd"))
        holds(billed <= most + 1e-9, "doubled", f"billed {billed:.9f}, but the books say at most "
              f"{most:.9f}: {books}")

    def the_key_is_nowhere(self):
        for path in self.t.dir.rglob("*"):
            if path.is_file():
                holds(CANARY_KEY.encode() not in path.read_bytes(), "leaked",
                      f"the key is in {path}")


class Calls(Work):
    """An ingest by calls of the Gemini API."""

    name = "calls"
    mode = "sync"
    bills_as_it_goes = True

    def prepare(self):
        self.t.config(JOBS % self.batch_size)
        self.t.sample(self.documents)
        self.server = self.t.simulator("--latency-ms", self.latency_ms, "--batch-seconds",
                                       JOB_SECONDS, "--fault", f"held={self.t.dir / 'held'}")

    def ingest(self, *more):
        return ["--json", "ingest", "train", "--base-url", self.server.url, "--input",
                "sample.csv", "--concurrency", self.concurrency, "--batch-size", self.batch_size,
                "--mode", self.mode, *more]

    def command(self):
        return self.ingest()

    def look(self):
        checkpoint = self.t.dir / "cache/.checkpoint_train.json"
        told = json.loads(checkpoint.read_text())["embedded"] if checkpoint.exists() else 0
        super().look()
        there = sum(sha256(text) in self.acknowledged for text in self.texts())
        holds(there >= told, "lost", f"the checkpoint tells of {told} documents, {there} are there")

    def finish(self):
        report = self.run(*self.ingest(), seconds=600).expect(0).json()
        equal(report["complete"], True, "complete")
        self.all_rows_are_right()
        self.the_books_are_right(self.texts())
        self.the_key_is_nowhere()


class OpenAi(Calls):
    """An ingest by calls of OpenAI's API."""

    name = "openai"

    def ingest(self, *more):
        return ["--json", "ingest", "train", "--provider", "openai", "--model", OPENAI_MODEL,
                "--dimensions", 128, "--base-url", self.server.url + "/v1", "--input",
                "sample.csv", "--concurrency", self.concurrency, "--batch-size", self.batch_size,
                *more]

    def right_rows(self):
        return [unit(v) for v in self.t.tools.oracle().openai_vectors(self.texts(), dimensions=128)]


class Jobs(Calls):
    """An ingest by batch jobs, for which nothing is ever paid twice."""

    name = "jobs"
    mode = "batch"
    bills_as_it_goes = False

    def the_books_are_right(self, texts):
        super().the_books_are_right(texts)
        twice = self.server.billed_twice()
        holds(twice == 0, "doubled", f"{twice} texts billed twice by jobs")


class Collecting(Jobs):
    """`jobs --wait` for jobs that an ingest left behind."""

    name = "collecting"

    def prepare(self):
        super().prepare()
        self.t.config((JOBS % self.batch_size).replace("max_jobs: 3, ", ""))
        self.run(*self.ingest("--no-wait")).expect(0)

    def command(self):
        return ["--json", "jobs", "--wait", "--base-url", self.server.url]


class Question(Calls):
    """Texts given to `search`, each paid for once."""

    name = "question"
    bills_as_it_goes = False

    def prepare(self):
        super().prepare()
        self.run(*self.ingest()).expect(0)
        self.asked = 0

    def question(self, number):
        return TEXTS[self.documents + number]

    def ask(self, number):
        return ["--json", "search", "train", "--base-url", self.server.url, "--",
                self.question(number)]

    def command(self):
        return self.ask(self.asked)

    def again(self):
        self.asked += 1
        return self.documents + self.asked < len(TEXTS)

    def finish(self):
        self.run(*self.command()).expect(0)
        billed = len(self.server.billed())
        for number in range(self.asked + 1):
            hits = self.run(*self.ask(number)).expect(0).json()
            equal(len(hits), min(10, self.documents), "hits")
        holds(len(self.server.billed()) == billed, "doubled",
              "an answered question was billed again")
        self.all_rows_are_right()
        self.the_books_are_right(TEXTS[:self.documents + self.asked + 1])
        self.the_key_is_nowhere()
