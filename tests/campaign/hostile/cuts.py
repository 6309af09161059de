# SPDX-License-Identifier: Apache-2.0
"""An answer, or a request, that ends after each of its bytes in turn. One run has a request for
each text, and each of them is cut one byte later than the one before."""

import threading

import harness
import paid

from .front import Front
from .judge import OPENAI_PRICE

DIMENSIONS = {"openai": 8}  # A small answer; Gemini gives none below 128.
CONFIG = """\
retry: {initial_wait_seconds: 0, max_failed_batches_in_a_row: 1000}
limits: {texts_per_minute: 1000000000, tokens_per_minute: 1000000000000, \
requests_per_minute: 1000000000}
batch: {max_job_texts: 1, first_poll_seconds: 0.01, max_poll_seconds: 0.02, \
queue_wait_seconds: 0.02, creation_grace_seconds: 5, max_enqueued_tokens: 100000000}
"""
PAID = ("gemini", "openai")
TARGETS = (*PAID, "create", "upload-start", "upload", "poll", "list", "download")


class Cutter:
    """Ends every other exchange, each one `stride` bytes later than the one before."""

    def __init__(self, reset, start, stride, every):
        self._reset = reset
        self._next = start
        self._stride = stride
        self._every = every
        self._cut_before = False
        self._mutex = threading.Lock()
        self.cuts = 0
        self.longest = 0

    def due(self):
        """Where to cut this exchange; None: not at all."""
        with self._mutex:
            self._cut_before = self._every or not self._cut_before
            if not self._cut_before:
                return None
            cut, self._next = self._next, self._next + self._stride
            return cut

    def answer(self, exchange):
        cut = self.due()
        data = exchange.ask().raw()
        self.longest = max(self.longest, len(data))
        if cut is None or cut >= len(data):
            exchange.send(data)
            return True
        self.cuts += 1
        exchange.send(data[:cut])
        exchange.rst() if self._reset else exchange.fin()
        return False

    def request(self, connection):
        """Reads so many bytes of the next request; answers whether it goes on."""
        while b"\r\n\r\n" not in connection.pending and connection.fill():
            pass
        head, _, _ = connection.pending.partition(b"\r\n\r\n")
        size = len(head) + 4 + int(head.lower().partition(b"content-length:")[2].split()[0])
        self.longest = max(self.longest, size)
        cut = self.due()
        if cut is None or cut >= size:
            return True
        self.cuts += 1
        while len(connection.pending) < cut and connection.fill():
            pass
        connection.end(reset=self._reset)
        return False


def command(target, url):
    common = ["--json", "ingest", "train", "--input", "sample.csv", "--batch-size", 1,
              "--dimensions", DIMENSIONS.get(target, 128), "--concurrency", 1]
    if target == "openai":
        return [*common, "--provider", "openai", "--model", "text-embedding-3-small",
                "--base-url", url + "/v1"]
    mode = "sync" if target == "gemini" else "batch"
    return [*common, "--base-url", url, "--mode", mode]


def run_cuts(tools, target, what, reset, texts, start=0, stride=1):
    """Answers the number of cuts, the length of what was cut, and the differences."""
    with harness.Scratch(tools, "cuts") as t:
        t.write("config.yaml", harness.CONFIG.format(embedding="").split("\n")[0] + "\n" + CONFIG)
        t.sample(texts)
        faults = ["create-lost"] if target == "list" else []
        server = paid.simulator(t, *faults, job_seconds=0.01)
        cutter = Cutter(reset, start, stride, every=target == "create")
        kind = "embed" if target in PAID else target
        if what == "request":
            front = Front(server, cut_request=cutter.request)
        else:
            front = Front(server, lambda seen, number: seen == kind, cutter.answer)
        result = t.run(*command(target, front.url), key=paid.KEY, openai_key=paid.KEY, seconds=500)
        front.stop()
        try:
            differences = judge(t, result, server, front, cutter, target, what, texts)
        except harness.Failed as failure:
            differences = [f"{failure} {result}"]
        return cutter.cuts, cutter.longest, differences


def judge(t, result, server, front, cutter, target, what, texts):
    status = t.run("--json", "status").expect(0).json()
    money = status["money"]
    doubt = cutter.cuts if target in PAID else 0
    twice = doubt if what == "answer" else 0
    calls = front.requests["embed" if target in PAID else "create"]
    seen = {"exit": result.code, "stored": sum(space["vectors"] for space in status["spaces"]),
            "in doubt": money["in_doubt_texts"], "listed": len(money["doubts"]),
            "paid calls": calls, "billed": len(server.billed()),
            "billed twice": server.billed_twice(), "wasted": money["wasted_usd"]}
    expected = {"exit": 0, "stored": texts, "in doubt": doubt, "listed": doubt,
                "paid calls": texts + doubt, "billed": texts + twice, "billed twice": twice,
                "wasted": 0}
    differences = [f"{name}: {seen[name]}, not {expected[name]}"
                   for name in seen if seen[name] != expected[name]]
    if target == "openai":
        billed = sum(paid.TOKENS[text] for text in server.billed()) * OPENAI_PRICE
    else:
        billed = paid.billed_cost_by_line(server)
    most = money["spent_usd"] + money["in_doubt_usd"]
    if not money["spent_usd"] - 1e-9 <= billed <= most + 1e-9:
        differences.append(f"billed ${billed:.9f}, books ${money['spent_usd']:.9f} to ${most:.9f}")
    wrong = t.run("verify")
    if wrong.code != 0:
        differences.append(f"verify: exit {wrong.code}: {wrong.err[-300:]}")
    if differences:
        differences.append(result.err[-600:])
    return differences
