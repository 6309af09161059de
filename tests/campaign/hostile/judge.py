# SPDX-License-Identifier: Apache-2.0
"""Runs one case of the hostile server, and says how what came of it differs from its class."""

import contextlib
import dataclasses
import http.client
import socket
import subprocess
import time

import harness
import paid
from files import read_npy, unit, wrong_rows

from . import tls
from .front import Front

DIMENSIONS = 128
PAID_CALLS = ("gemini", "openai")
CALLS_OF_A_RUN = 3
JOBS_OF_A_RUN = 2
OPENAI_PRICE = 0.02e-6
NEXT_STEPS = ("Run ", "embstore ", "the same command", "check ", "put the right", "set ca_file")
CONFIG = """\
http: {connect_timeout_seconds: 1, request_timeout_seconds: 1}
limits: {texts_per_minute: 1000000, tokens_per_minute: 100000000, requests_per_minute: 1000000}
batch: {max_job_texts: BATCH, first_poll_seconds: 0.02, max_poll_seconds: 0.05, \
queue_wait_seconds: 0.05, creation_grace_seconds: 0.2}
"""


@dataclasses.dataclass
class Outcome:
    """What is to be seen after the run; each class is one."""
    code: int = 0
    missing: float = 0  # Batches without a vector, or a part of one.
    doubt: float = 0    # Those listed as in doubt.
    wasted: bool = False
    more: int = 0       # Paid calls beyond one for each batch; None: that depends.
    aside: float = 0    # Those in open jobs or quarantined answers.
    wrong: float = 0    # Those with rows that are not their texts' vectors.


CALLS = {
    "fine": Outcome(), "again": Outcome(more=1), "doubt": Outcome(doubt=1, more=1),
    "wasted": Outcome(code=3, missing=1, wasted=True), "split": Outcome(more=2),
    "refused": Outcome(code=3, missing=0.1, more=8),
    "held": Outcome(code=4, missing=2, more=-1, aside=1),
    "changed": Outcome(code=4, missing=2, more=-1, wasted=True),
    "ends 2": Outcome(code=2, missing=2, more=-1),
    "ends 10": Outcome(code=10, missing=2, more=-1),
    "unseen": Outcome(wrong=2),
    "unsent 1": Outcome(code=1, missing=3, more=-3),
    "unsent 2": Outcome(code=2, missing=3, more=-3),
    "waits": Outcome(code=130, missing=2, more=-1),
}
CREATION = {
    "fine": Outcome(), "found": Outcome(), "again": Outcome(more=1),
    "lost": Outcome(doubt=1, more=1),
    "ends 2": Outcome(code=2, missing=2, more=-1), "ends 1": Outcome(code=1, missing=2, more=-1),
    "ends 10": Outcome(code=10, missing=2, more=-1),
}
OTHERS = {
    "fine": Outcome(), "again": Outcome(), "found": Outcome(), "lost": Outcome(doubt=1, more=1),
    "held": Outcome(code=4, missing=1, aside=1),
    "both held": Outcome(code=4, missing=2, aside=2),
    "rows again": Outcome(more=1), "job again": Outcome(more=1),
    "second": Outcome(doubt=1), "unseen": Outcome(wrong=0.2),
    "half in doubt": Outcome(doubt=0.5, more=1),
    "ends 1": Outcome(code=1, missing=2, more=None, aside=None),
    "ends 2": Outcome(code=2, missing=2, more=None, aside=None),
    "ends 10": Outcome(code=10, missing=2, more=None, aside=None),
}


def expected_of(case):
    if case.target in PAID_CALLS:
        return CALLS[case.expected]
    return (CREATION if case.target == "create" else OTHERS)[case.expected]


def first_call(case):
    """By calls, on a kept connection; of jobs, the first call of its kind."""
    at = 2 if case.target in PAID_CALLS else 1
    kind = "embed" if case.target in PAID_CALLS else case.target
    return lambda seen, number: (seen, number) == (kind, at)


def words(case, url):
    """The command."""
    common = ["--json", "ingest", "train", "--input", "sample.csv", "--batch-size", case.batch,
              "--dimensions", DIMENSIONS, "--concurrency", case.concurrency]
    if case.target == "openai":
        return [*common, "--provider", "openai", "--model", "text-embedding-3-small",
                "--base-url", url + "/v1"]
    mode = "sync" if case.target == "gemini" else "batch"
    return [*common, "--base-url", url, "--mode", mode]


class Trial:
    """One case in a directory of its own."""

    def __init__(self, t, case):
        self.t = t
        self.case = case
        self.batches = CALLS_OF_A_RUN if case.target in PAID_CALLS else JOBS_OF_A_RUN
        self.texts = self.batches * case.batch
        self.config = CONFIG.replace("BATCH", str(case.batch))
        t.config(self.config)
        t.sample(self.texts)
        faults, flags = list(case.simulator), case.simulator_flags
        if case.target == "list":  # Else nobody asks for the list.
            faults.append("create-lost:count=1")
            flags += ("--foreign-jobs", 3)
        self.server = paid.simulator(t, *faults, flags=flags, job_seconds=0.05)
        self.servers = [self.server]
        self.trap = socket.create_server(("127.0.0.1", 0))
        self.trap.settimeout(0)
        self.front = self.make_front(case.fault)
        if case.nobody:
            self.front.stop()
        self.differences = []
        self.seen = []  # For the table.
        self.status = {}
        self.result = None

    def make_front(self, fault):
        case = self.case
        strikes = case.strikes or first_call(case) if fault else lambda kind, number: False
        if not case.certificate:
            front = Front(self.server, strikes, fault)
            front.trap = self.trap.getsockname()[1]
            return front
        made = tls.certificates()
        if "ca_file" not in self.t.read("config.yaml"):
            self.t.config(self.config.replace("http: {", f"http: {{ca_file: {made.dir}/ca.pem, "))
        greet = tls.Once(case.greet) if case.greet else None
        return Front(self.server, strikes, fault, greet=greet,
                     tls=made.context(case.certificate, case.version))

    def run(self):
        self.result = self.ingest(self.front.url)
        self.front.stop()
        self.status = self.t.run("--json", "status").expect(0).json()
        self.judge(expected_of(self.case))
        if self.result.code != 0:
            self.goes_on()
            self.front.stop()
        self.same("wrong rows", self.wrong_rows(), self.of(expected_of(self.case).wrong))

    def ingest(self, url):
        keys = {"key": paid.KEY, "openai_key": paid.KEY}
        if not self.case.seconds:
            return self.t.run(*words(self.case, url), seconds=40, **keys)
        running = self.t.start(*words(self.case, url), **keys)
        harness.await_that(lambda: self.calls() == 2, "it has been told to wait")
        time.sleep(self.case.seconds)
        running.signal(harness.SIGINT)
        return running.finish(20)

    def same(self, what, seen, expected):
        if seen != expected:
            self.differences.append(f"{what}: {seen}, not {expected}")

    def of(self, batches):
        return round(batches * self.case.batch)

    def judge(self, expected):
        money = self.status["money"]
        self.seen = [self.result.code, self.calls(), self.stored(), len(self.server.billed()),
                     money["in_doubt_texts"]]
        self.same("exit", self.result.code, expected.code)
        self.same("stored", self.stored(), self.texts - self.of(expected.missing))
        self.same("in doubt", money["in_doubt_texts"], self.of(expected.doubt))
        self.same("listed in doubt", sum(d["texts"] for d in money["doubts"]),
                  self.of(expected.doubt))
        self.same("wasted", money["wasted_usd"] > 0, expected.wasted)
        if expected.aside is not None:
            self.same("set aside", self.aside(), self.of(expected.aside))
        if expected.more is not None:
            self.same("paid calls", self.calls(), self.batches + expected.more)
        self.same("texts billed twice beyond the doubt",
                  max(0, self.server.billed_twice() - self.of(expected.doubt)), 0)
        self.the_invoice_is_in_the_books()
        self.says(expected)
        with contextlib.suppress(BlockingIOError):
            self.trap.accept()
            self.differences.append("the redirect was followed")

    def says(self, expected):
        reasons = " ".join(d["reason"] for d in self.status["money"]["doubts"])
        said = self.result.err + reasons
        for part in self.case.words:
            if part and part not in said:
                self.differences.append(f"nothing says {part!r}")
        if paid.KEY in said or "Traceback" in said:
            self.differences.append("the key is said")
        if expected.code == 0 and "❌" in self.result.err:
            self.differences.append("an error is said though all is well")
        if expected.code not in (0, 3, 130) and "❌" not in self.result.err:
            self.differences.append("no error is said")
        if expected.code != 0 and not any(part in said for part in NEXT_STEPS):
            self.differences.append("nothing says what to do next")

    def stored(self):
        return sum(space["vectors"] for space in self.status["spaces"])

    def aside(self):
        return sum(job["texts"] for job in self.status["jobs"] if job["open"])

    def calls(self):
        return self.front.requests["embed" if self.case.target in PAID_CALLS else "create"]

    def invoice(self):
        if self.case.target == "openai":
            return OPENAI_PRICE * sum(paid.TOKENS[text] for server in self.servers
                                      for text in server.billed())
        return sum(paid.billed_cost_by_line(server) for server in self.servers)

    def the_invoice_is_in_the_books(self):
        money = self.status["money"]
        least = money["spent_usd"] + money["wasted_usd"]
        most = least + money["in_doubt_usd"] + money["under_way_usd"]
        billed = self.invoice()
        # What was wasted is an estimate, by nature.
        slack = 1e-9 + 0.5 * money["wasted_usd"]
        if not least - slack <= billed <= most + slack:
            self.differences.append(f"billed ${billed:.9f}, but the books say ${least:.9f} to "
                                    f"${most:.9f}")

    def wrong_rows(self):
        exported = self.t.run("export", "train", "--missing", "nan", "--output-dir", ".")
        if exported.code != 0:
            return 0 if exported.code == 9 else f"export: exit {exported.code}"
        rows = read_npy(self.t.dir / "train_embeddings.npy").rows()
        there = [at for at, row in enumerate(rows) if row[0] == row[0]]
        texts = [paid.TEXTS[at] for at in there]
        oracle = self.t.tools.oracle()
        ask = oracle.openai_vectors if self.case.target == "openai" else oracle.vectors
        right = [unit(vector) for vector in ask(texts, dimensions=DIMENSIONS)] if texts else []
        return len(wrong_rows([rows[at] for at in there], right, tolerance=1e-3))

    def goes_on(self):
        """The same command against a server that is well again: what was stored is not paid for
        again, and unless a person is asked first all is there."""
        stored = self.stored()
        self.case = dataclasses.replace(self.case, certificate="good" if self.case.certificate
                                        else "", version=None, greet=None, seconds=0)
        if self.case.target in PAID_CALLS:  # Else the jobs are on the old one.
            self.server = paid.simulator(self.t)
            self.servers.append(self.server)
        self.front = self.make_front(None)
        more = [*words(self.case, self.front.url)]
        again = self.t.run(*more, key=paid.KEY, openai_key=paid.KEY)
        self.status = self.t.run("--json", "status").expect(0).json()
        self.same("exit of the next run", again.code, 4 if self.aside() else 0)
        self.same("stored by the next run", self.stored(), self.texts - self.aside())
        if stored > self.stored():
            self.differences.append(f"lost {stored - self.stored()}")
        self.the_invoice_is_in_the_books()


def run_case(tools, case):
    """Answers the trial, with its differences."""
    with harness.Scratch(tools, "hostile") as t:
        trial = Trial(t, case)
        try:
            trial.run()
        except (harness.Failed, OSError, http.client.HTTPException,
                subprocess.TimeoutExpired) as error:
            trial.differences.append(f"{type(error).__name__}: {error}")
        finally:
            trial.front.stop()
            trial.trap.close()
        return trial
