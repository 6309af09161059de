# SPDX-License-Identifier: Apache-2.0
"""One writer at a time: the second one ends at once and sends nothing. Readers may go on."""

import os

import paid
from harness import SIGKILL, SIGSTOP, at_once, await_that, case, check, contains, equal
from interposer import recorder


def held(t):
    """A writer that waits for its first answer."""
    t.config(paid.QUICK)
    t.sample(30)
    server = t.simulator("--latency-ms", "60000")
    running = t.start(*paid.words(server, mode="sync"), key=paid.KEY)
    await_that(lambda: server.billed() or not running.alive(), "a request is in flight")
    check(running.alive(), running.err())
    return running


def refused(t, server, *words):
    result = t.run(*words, "--base-url", server.url, key=paid.KEY) \
        if words[0] in ("ingest", "jobs") else t.run(*words, key=paid.KEY)
    result.expect(6)
    contains(result.err, "in use by another process", "nothing was sent")
    at_once(result.seconds, words[0])


@case
def a_second_writer_ends_at_once_and_sends_nothing(t):
    holder = held(t)
    with recorder() as server:
        inputs = ["--input", "sample.csv"]
        for words in (["ingest", "train", *inputs, "--mode", "sync"],
                      ["ingest", "other", *inputs, "--mode", "batch"],
                      ["ingest", "train", *inputs, "--provider", "local"],
                      ["gc", "--yes"]):
            refused(t, server, *words)
        equal(server.heard, [], "what was sent")
    contains(refused_pid(t), f"(pid {holder.pid})")
    t.run("status").expect(0)
    t.run("verify").expect(0)
    holder.kill()


def refused_pid(t):
    return t.run("ingest", "x", "--provider", "local", "--input", "sample.csv").expect(6).err


@case
def a_stopped_holder_still_holds_and_a_killed_one_does_not(t):
    holder = held(t)
    holder.signal(SIGSTOP)
    contains(refused_pid(t), f"(pid {holder.pid})")
    holder.signal(SIGKILL)
    holder.finish()
    check((t.dir / "cache/lock").exists(), "the lock of the dead is gone")
    # The number in it counts for nothing, that of a living process included.
    (t.dir / "cache/lock").write_text(f"{os.getpid()}\n")
    t.run("ingest", "x", "--provider", "local", "--input", "sample.csv").expect(0)


@case
def without_its_lock_file_a_store_is_still_closed_to_a_second_writer(t):
    holder = held(t)
    (t.dir / "cache/lock").unlink()
    with recorder() as server:
        result = t.run("ingest", "train", "--input", "sample.csv", "--mode", "sync", "--base-url",
                       server.url, key=paid.KEY)
        check(result.code in (1, 6, 7), str(result))
        equal(server.heard, [], "what was sent")
    holder.kill()


@case
def a_lock_of_zeros_is_a_lock_and_another_file_is_not(t):
    t.sample(3)
    words = ["ingest", "x", "--provider", "local", "--input", "sample.csv"]
    for content in (b"", b"\0\0\0\0\0", b"12345\n"):
        t.write("cache/lock", content)
        t.run(*words).expect(0)
    for content in (b"notes\n", b"12345\nmore", b"1" * 100):
        t.write("cache/lock", content)
        contains(t.run(*words).expect(2).err, "is not a lock of embstore")
        equal((t.dir / "cache/lock").read_bytes(), content, "the file")
