# SPDX-License-Identifier: Apache-2.0
"""Stopping a run, two runs at once, and reading while one runs."""

import json
import time
from signal import SIGXFSZ

from harness import (SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGTERM, at_once, await_that, case, check,
                     contains, equal)

DOCUMENTS = 400
CONCURRENCY = 4
BATCH = 10
CALLS = DOCUMENTS // BATCH


def start_ingest(t, *flags, latency=150):
    """An ingest that has something stored, something in flight and something to do. The second half
    of its calls is not answered until the file that comes with it is gone."""
    held = t.hold()
    server = t.simulator("--latency-ms", latency, "--fault", f"held={held}:from={CALLS // 2}", *flags)
    t.sample(DOCUMENTS)
    running = t.start("--json", "ingest", "train", "--base-url", server.url, "--input",
                      "sample.csv", "--concurrency", CONCURRENCY, key="good")
    return server, running, held


def stored(t):
    return t.run("--json", "status").expect(0).json()["spaces"][0]["vectors"]


def complete_it(t, server):
    report = t.run("--json", "ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                   key="good").expect(0).json()
    equal(report["complete"], True, "complete")
    check(not (t.dir / "cache/.checkpoint_train.json").exists(), "the checkpoint is still there")
    return report


def stops_cleanly(t, number):
    server, running, held = start_ingest(t)
    await_that(lambda: len(server.billed()) >= 100, "a hundred texts are billed")
    running.signal(number)
    running.wait_for("stopping: waiting for what is in flight")
    held.unlink()
    at_signal = len(server.billed())
    result = running.finish().expect(130)
    report = result.json()
    billed = len(server.billed())
    contains(result.err, "interrupted: what was in flight is stored. Run the same command")
    equal((report["complete"], report["error"]["code"]), (False, "cancelled"), "report")
    equal((report["embedded"], stored(t)), (billed, billed), "billed is stored")
    check(billed <= at_signal + CONCURRENCY * BATCH, f"{billed - at_signal} texts after the signal")
    check(billed < DOCUMENTS, "it was already done")
    check((t.dir / "cache/.checkpoint_train.json").exists(), "no checkpoint")
    equal(complete_it(t, server)["cached"], billed, "cached")
    equal((len(server.billed()), server.billed_twice()), (DOCUMENTS, 0), "billed in the end")


@case
def one_ctrl_c_keeps_what_is_in_flight(t):
    stops_cleanly(t, SIGINT)


@case
def sigterm_does_the_same(t):
    stops_cleanly(t, SIGTERM)


@case
def a_closed_terminal_does_not_stop_it(t):
    server, running, held = start_ingest(t, latency=20)
    await_that(lambda: len(server.billed()) >= 10, "it works")
    running.signal(SIGHUP)
    held.unlink()
    equal(running.finish().expect(0).json()["complete"], True, "complete")


@case
def signals_of_pipes_and_of_file_sizes_do_not_stop_it(t):
    server, running, held = start_ingest(t, latency=20)
    await_that(lambda: len(server.billed()) >= 10, "it works")
    running.signal(SIGPIPE)
    running.signal(SIGXFSZ)
    held.unlink()
    equal(running.finish().expect(0).json()["complete"], True, "complete")


@case
def two_ctrl_c_end_it_at_once(t):
    ends_at_once(t, SIGINT)


@case
def sigterm_after_ctrl_c_does_the_same(t):
    ends_at_once(t, SIGTERM)


def ends_at_once(t, second):
    server, running, _ = start_ingest(t, latency=20_000)
    await_that(lambda: len(server.billed()) >= 10, "a request is in flight")
    running.signal(SIGINT)
    running.wait_for("stopping: waiting for what is in flight (again: stop at once)")
    before = time.monotonic()
    running.signal(second)
    result = running.finish(10).expect(130)
    at_once(time.monotonic() - before, "the end")
    contains(result.err, "stopped at once; what was in flight may have been paid for")
    fast = t.simulator()
    complete_it(t, fast)
    equal(len(fast.billed()), DOCUMENTS, "nothing had been stored")


@case
def ctrl_c_while_waiting_for_a_retry_does_not_wait_it_out(t):
    t.config("")
    t.write("config.yaml", t.read("config.yaml").replace("0.01", "30"))
    _, running, _ = start_ingest(t, "--fault", "status=503", latency=0)
    # Nothing is billed by a 503; the fifth call would be a retry, half a minute later.
    running.wait_for("Processing batch")
    before = time.monotonic()
    running.signal(SIGINT)
    running.finish(20).expect(130)
    at_once(time.monotonic() - before, "the end")


@case
def a_checkpoint_tells_how_far_a_run_is(t):
    server, running, held = start_ingest(t)
    path = t.dir / "cache/.checkpoint_train.json"
    await_that(path.exists, "there is a checkpoint")
    running.signal(SIGKILL)
    running.finish()
    held.unlink()
    facts = json.loads(path.read_text())
    for key in ("last_processed_index", "batch_size", "total_batches", "timestamp"):
        check(key in facts, f"no {key} in {facts}")
    equal((facts["documents"], facts["batch_size"], facts["total_batches"]), (DOCUMENTS, BATCH, 40),
          "facts")
    check(0 < facts["embedded"] <= stored(t), f"{facts} but {stored(t)} are stored")
    complete_it(t, server)


@case
def without_checkpoints_there_is_none(t):
    t.config(embedding="checkpoint_enabled: false")
    server, running, held = start_ingest(t)
    await_that(lambda: len(server.billed()) >= 100, "a hundred texts are billed")
    running.signal(SIGINT)
    held.unlink()
    running.finish().expect(130)
    check(not (t.dir / "cache/.checkpoint_train.json").exists(), "there is one")
    complete_it(t, server)
    equal(server.billed_twice(), 0, "billed twice")


@case
def a_second_writer_is_turned_away_before_it_sends_anything(t):
    server, running, held = start_ingest(t, latency=1500)
    await_that(lambda: len(server.billed()) >= 10, "the first one works")
    other = t.simulator()
    result = t.run("--json", "ingest", "test", "--base-url", other.url, "--input", "sample.csv",
                   key="good").expect(6)
    at_once(result.seconds, "the second writer")
    contains(result.err, f"(pid {running.pid})")
    equal(result.json()["error"]["code"], "locked", "code")
    equal((other.stop(), other.billed()), (0, []), "calls of the second")
    running.signal(SIGINT)
    held.unlink()
    running.finish().expect(130)
    equal(stored(t), len(server.billed()), "billed is stored")


@case
def a_dead_writer_locks_nobody_out(t):
    server, running, held = start_ingest(t)
    await_that(lambda: len(server.billed()) >= 100, "a hundred texts are billed")
    running.signal(SIGKILL)
    running.finish()
    held.unlink()
    there = stored(t)
    equal(complete_it(t, server)["cached"], there, "cached")
    # In flight, or answered and not yet committed.
    check(server.billed_twice() <= CONCURRENCY * BATCH, f"{server.billed_twice()} paid twice")


@case
def readers_work_while_an_ingest_runs(t):
    _, running, held = start_ingest(t, latency=400)

    def splits():
        result = t.run("--json", "status", "train")
        return result.json()["splits"] if result.code == 0 else []

    await_that(lambda: any(split["embedded"] > 0 for split in splits()), "something is stored")
    seen = 0
    for _ in range(3):
        split = splits()[0]
        check(seen <= split["embedded"] <= DOCUMENTS, f"{seen}, then {split['embedded']}")
        seen = split["embedded"]
        shape = t.run("--json", "export", "train", "--missing", "skip", "--output-dir", ".",
                      "--verify").expect(0).json()["shape"]
        check(seen <= shape[0] <= DOCUMENTS, str(shape))
        first = json.loads(t.read("train_documents.jsonl").splitlines()[0])["id"]
        t.run("get", "train", first).expect(0)
        t.run("plan", "train", "--input", "sample.csv").expect(0)
    running.signal(SIGINT)
    held.unlink()
    running.finish().expect(130)


@case
def a_file_that_changes_during_the_run_ends_it(t):
    server, running, held = start_ingest(t)
    await_that(lambda: len(server.billed()) >= 10, "it runs")
    with open(t.dir / "sample.csv", "ab") as file:
        file.write(b'"1","one","more"\n')
    held.unlink()
    result = running.finish().expect(2)
    contains(result.err, "changed during the run", "what was embedded is stored")
    billed = len(server.billed())
    equal(stored(t), billed, "billed is stored")
    complete_it(t, server)
    equal((len(server.billed()), server.billed_twice()), (DOCUMENTS + 1, 0), "billed")
