# SPDX-License-Identifier: Apache-2.0
"""Nobody finds the API key in a process that has it, or in what a crash leaves behind."""

import os
import pathlib
import resource
import signal
import subprocess
import sys

import paid
from cases.places import NOBODY, as_nobody
from cases.secrets import nowhere
from harness import CANARY_KEY, Skipped, await_that, case, check, contains, equal, lacks
from interposer import recorder

CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT, signal.SIGBUS)


def waiting(t, *words, answer="60000", under=(), **keys):
    """A run whose first request is in flight for as long as it lives."""
    server = t.simulator("--latency-ms", answer)
    t.sample(30)
    base = server.url + ("/v1" if "openai_key" in keys else "")
    running = t.start("ingest", "train", "--base-url", base, "--input", "sample.csv", *words,
                      under=under, **keys)
    await_that(lambda: server.billed() or not running.alive(), "a request is in flight")
    check(running.alive(), running.err())
    return running


def memory_of(pid):
    """What another process of the same user reads there."""
    folder = pathlib.Path("/proc") / str(pid)
    return {name: (folder / name).read_bytes() for name in ("cmdline", "environ", "comm", "status")}


def holders(provider):
    words = [] if provider == "gemini" else ["--provider", "openai", "--model",
                                             "text-embedding-3-small", "--dimensions", 256]
    name = "key" if provider == "gemini" else "openai_key"
    return words, {name: CANARY_KEY}


@case
def other_processes_do_not_see_the_key(t):
    """Not even root, who may read the first environment of a process."""
    for provider in ("gemini", "openai"):
        words, keys = holders(provider)
        running = waiting(t, "--store", provider, *words, **keys)
        try:
            seen = memory_of(running.pid)
        except PermissionError:
            check(os.geteuid() != 0, "root may not look")
            seen = {}
        for name, content in seen.items():
            check(CANARY_KEY.encode() not in content, f"the key is in /proc/PID/{name}")
        nowhere(t)
        running.kill()


@case
def a_command_that_needs_no_key_hides_it_all_the_same(t):
    if os.geteuid() != 0:
        raise Skipped("only root may look into a process that protects itself")
    t.sample(2000)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    read, write = os.pipe()
    running = t.start("search", "train", "-", key=CANARY_KEY, openai_key=CANARY_KEY, stdin=read)
    os.close(read)
    await_that(lambda: CANARY_KEY.encode() not in memory_of(running.pid)["environ"],
               "the key is gone from the environment")
    os.write(write, b"a question\n")
    os.close(write)
    running.finish()


def core_of(process_number):
    """How a process ended, and whether it left a core."""
    _, status = os.waitpid(process_number, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, os.WCOREDUMP(status)


def raise_core_limit(pid):
    """Whether it could be raised: where it was lowered for good, that takes a capability."""
    unlimited = resource.RLIM_INFINITY
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (unlimited, unlimited))
    except PermissionError:
        return False
    return True


def cores_are_possible(t):
    """Whether a process without protection leaves a core here, so that none says something."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=t.dir,
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    raise_core_limit(sleeper.pid)
    sleeper.send_signal(signal.SIGABRT)
    _, dumped = core_of(sleeper.pid)
    sleeper.returncode = -signal.SIGABRT
    for core in t.dir.glob("core*"):
        core.unlink()
    return dumped


@case
def a_crash_leaves_no_core_even_where_the_limit_is_raised(t):
    possible = cores_are_possible(t)
    for number in CRASHES:
        running = waiting(t, "--store", f"s{number}", key=CANARY_KEY)
        raise_core_limit(running.pid)
        running.signal(number)
        ended, dumped = core_of(running.pid)
        running.process.returncode = -number
        equal(ended, number, "signal")
        check(not dumped, f"signal {number} left a core")
        equal(list(t.dir.rglob("core*")), [], "cores")
        lacks(running.err(), CANARY_KEY)
        nowhere(t)
    if not possible:
        raise Skipped("no process leaves a core here: only the limit of the command was looked at")


@case
def another_process_of_the_same_user_may_not_look_into_one_with_a_key(t):
    under = as_nobody(t)
    (t.dir / "mine").mkdir()
    os.chown(t.dir / "mine", NOBODY, NOBODY)
    for provider in ("gemini", "openai"):
        words, keys = holders(provider)
        running = waiting(t, "--store", f"mine/{provider}", *words, under=under, **keys)
        status = (pathlib.Path("/proc") / str(running.pid) / "status").read_text().split()
        equal(status[status.index("Uid:") + 1], str(NOBODY), "user")
        for name in ("environ", "mem", "maps"):
            looked = subprocess.run([*under, "head", "-c", "1", f"/proc/{running.pid}/{name}"],
                                    capture_output=True)
            check(b"Permission denied" in looked.stderr, f"{name} can be read")
        running.kill()


@case
def no_core_is_left_where_the_shell_allows_them(t):
    """The limit is lowered by the command itself."""
    running = waiting(t, key=CANARY_KEY)
    limits = (pathlib.Path("/proc") / str(running.pid) / "limits").read_text()
    contains(" ".join(limits.split()), "Max core file size 0 0 bytes")
    running.kill()


@case
def a_key_on_the_command_line_is_refused_and_not_repeated(t):
    t.sample(1)
    for words in (["--api-key=" + CANARY_KEY], ["--api-key", CANARY_KEY],
                  ["--gemini-api-key=" + CANARY_KEY], ["--key=" + CANARY_KEY],
                  ["GEMINI_API_KEY=" + CANARY_KEY],
                  ["--base-url", f"https://user:{CANARY_KEY}@localhost"],
                  ["--base-url", f"https://localhost/?key={CANARY_KEY}"]):
        for json in ([], ["--json"]):
            result = t.run(*json, "ingest", "train", "--input", "sample.csv", *words,
                           key="another-key").expect(2)
            nowhere(t, result)
            lacks(result.err, "user:")


@case
def a_key_that_would_break_the_header_is_refused_before_anything_is_sent(t):
    from interposer import recorder
    t.sample(3)
    with recorder() as server:
        for bad in ("\r\nX-Evil: 1", "\n", "\rx", "\x01", "\x7f", "\x1b[31m"):
            for provider in ("gemini", "openai"):
                words, keys = holders(provider)
                keys = {name: key + bad for name, key in keys.items()}
                result = t.run("ingest", "train", "--input", "sample.csv", "--mode", "sync",
                               "--base-url", server.url, *words, **keys)
                check(result.code in (2, 10), str(result))
                nowhere(t, result)
                lacks(result.err, "X-Evil", "\x1b")
        equal(server.heard, [], "what was sent")


@case
def the_books_of_a_run_that_crashed_do_not_hold_the_key(t):
    """In the middle of a batch job too, with all its files."""
    t.config(paid.QUICK)
    server = paid.simulator(t, job_seconds=30)
    t.sample(30)
    running = t.start(*paid.words(server), key=CANARY_KEY)
    await_that(lambda: paid.job_files(t), "there is a job")
    running.wait_for("created")
    running.signal(signal.SIGKILL)
    result = running.finish()
    nowhere(t, result)
    check(paid.job_files(t), "no file of a job was looked at")
