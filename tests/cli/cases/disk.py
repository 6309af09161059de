# SPDX-License-Identifier: Apache-2.0
"""Writing fails: nothing more is paid for, and what was acknowledged is there."""

import contextlib
import os
import shutil
import subprocess

from harness import CRASH_POINTS, SIGKILL, Skipped, case, check, contains, equal
from paid import KEY, SMALL_JOBS, all_is_there, ingest, job_files, money, simulator, words, \
    the_invoice_is_within_the_books


def file_size_limit(limit):
    """A limit on the size of files stands in for a full disk."""
    if shutil.which("prlimit") is None:
        raise Skipped("prlimit is not installed")
    return ["prlimit", f"--fsize={limit}"]


@case
def a_store_that_cannot_grow_ends_the_run(t):
    server = t.simulator()
    t.sample()
    command = ["ingest", "train", "--base-url", server.url, "--input", "sample.csv"]
    result = t.run("--json", *command, key="good", under=file_size_limit(300_000)).expect(7)
    contains(result.err, "❌ Embedding generation failed: ", "everything acknowledged so far is safe")
    report = result.json()
    billed = len(server.billed())
    check(billed <= report["embedded"] + 80, f"{billed} texts billed, {report['embedded']} stored")
    status = t.run("--json", "status").expect(0).json()
    check(status["spaces"][0]["vectors"] >= report["embedded"] > 0, f"{status} but {report}")
    check(not report["complete"], "a run that could not store all of it says it is complete")
    check(report["batches"]["successful"] * 100 >= report["embedded"], str(report))
    t.run(*command, key="good").expect(0)
    check(server.billed_twice() <= 80, f"{server.billed_twice()} paid twice")
    t.run("export", "train").expect(0)


def openai(server, *more):
    return ["--json", "ingest", "train", "--provider", "openai", "--model",
            "text-embedding-3-small", "--dimensions", 256, "--base-url", server.url + "/v1",
            "--input", "sample.csv", *more]


def gemini(server, *more):
    return words(server, *more, mode="sync")


PROVIDERS = {"gemini": gemini, "openai": openai}


def run(t, name, server, *more, **options):
    key = {"openai_key": KEY} if name == "openai" else {"key": KEY}
    return t.run(*PROVIDERS[name](server, *more), **key, **options)


def everything_paid_is_there(server, before, result):
    """Every text that the run was billed for is stored or kept; it was bounded."""
    report = result.json()
    billed = len(server.billed()) - before
    equal(report["embedded"] + report["kept_texts"], billed, f"stored or kept: {result}")
    check(report["kept_texts"] <= 40, f"more kept than can be in flight: {report}")
    return report


def the_rest_is_bought_once(t, name, server):
    run(t, name, server).expect(0)
    equal(server.billed_twice(), 0, "billed twice")
    equal(len(server.billed()), 1200, "billed")
    books = money(t)
    equal((books["in_doubt_texts"], books["under_way_texts"]), (0, 0), f"left open: {books}")
    if name == "gemini":
        the_invoice_is_within_the_books(t, server)
    equal(job_files(t), [], "files of jobs")
    t.run("verify").expect(0)
    t.run("export", "train", "--verify").expect(0)


@case
def answers_that_cannot_be_stored_are_kept_and_not_paid_again(t):
    for name in PROVIDERS:
        shutil.rmtree(t.dir / "cache", ignore_errors=True)
        server = t.simulator("--latency-ms", 5)
        t.sample()
        result = run(t, name, server, "--concurrency", 4, under=file_size_limit(300_000)).expect(7)
        report = everything_paid_is_there(server, 0, result)
        check(report["kept_texts"] >= 10, f"nothing was kept: {report}")
        kept = f"{report['kept_texts']} texts that were paid for are kept in 'cache/jobs'"
        contains(result.err, kept, " bytes are needed", "without paying for it again, and goes on")
        those_who_look_are_told(t, report["kept_texts"])
        the_rest_is_bought_once(t, name, server)


def those_who_look_are_told(t, texts):
    said = f" paid replies ({texts} texts) wait to be stored by the next ingest"
    contains(t.run("jobs").expect(0).out, "no open jobs", said)
    contains(t.run("status").expect(0).out, said)
    kept = t.run("--json", "status").expect(0).json()["kept"]
    equal((kept["texts"], kept["damaged_files"]), (texts, 0), "kept")
    contains(t.run("verify").expect(0).out, " paid replies wait to be stored by the next ingest")
    equal(t.run("--json", "verify").json()["kept_replies"], kept["replies"], "kept replies")


@case
def kept_answers_survive_gc_and_are_stored_by_it(t):
    server = t.simulator()
    t.sample()
    result = run(t, "gemini", server, under=file_size_limit(300_000)).expect(7)
    kept = everything_paid_is_there(server, 0, result)["kept_texts"]
    before = t.run("--json", "status").json()["spaces"][0]["vectors"]
    t.run("gc").expect(0)
    t.run("gc", "--yes").expect(0)
    after = t.run("--json", "status").json()
    equal(after["spaces"][0]["vectors"], before + kept, "vectors after gc")
    equal(after["kept"]["replies"], 0, "kept after gc")
    the_rest_is_bought_once(t, "gemini", server)


@case
def without_room_for_answers_nothing_is_paid(t):
    server = t.simulator()
    t.sample(100)
    result = t.run(*gemini(server, "--dimensions", 3072), key=KEY, under=file_size_limit(200_000))
    result.expect(7)
    contains(result.err, " bytes are needed", "nothing was sent")
    equal(server.billed(), [], "billed")
    equal(job_files(t), [], "left over")


@case
def a_damaged_file_of_kept_answers_is_named_and_left(t):
    server = t.simulator()
    t.sample()
    run(t, "gemini", server, "--concurrency", 1, under=file_size_limit(300_000)).expect(7)
    name, = job_files(t)
    path = t.dir / "cache/jobs" / name
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    contains(t.run("verify").expect(5).out, f"reply: cache/jobs/{name}")
    contains(t.run("status").expect(0).out, "1 files of paid replies are damaged")
    contains(run(t, "gemini", server).expect(0).err, name, "are damaged")
    equal(server.billed_twice(), 10, "billed twice")
    equal(money(t)["in_doubt_texts"], 10, "in doubt")
    equal(job_files(t), [name], "the file")
    the_invoice_is_within_the_books(t, server)


@case
def jobs_are_collected_later_when_the_disk_fails(t):
    t.config(SMALL_JOBS)
    t.sample()
    server = simulator(t)
    result = ingest(t, server, code=7, under=file_size_limit(300_000))
    contains(result.err, "❌ Embedding generation failed: ")
    billed = len(server.billed())
    check(0 < billed <= 1200, f"{billed} billed")
    ingest(t, server)
    all_is_there(t, server, 1200)


@contextlib.contextmanager
def small_disk(t, megabytes):
    """The cache directory on a file system of its own."""
    place = t.dir / "cache"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "embstore-test", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        raise Skipped("file systems cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(place, free):
    """Takes all room but `free` bytes; answers the file that does."""
    ballast = place / "ballast"
    with ballast.open("wb") as file:
        room = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        os.posix_fallocate(file.fileno(), 0, max(room - free, 1))
    return ballast


def fills_up_and_goes_on(t, place, name, free):
    """Answers whether the disk was too small at some point."""
    for path in place.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    server = t.simulator("--latency-ms", 2)
    run(t, name, server, "--limit", 50).expect(0)
    ballast = fill(place, free)
    before = len(server.billed())
    result = run(t, name, server, "--concurrency", 4)
    check(result.code in (0, 7), f"with {free} bytes: {result}")
    if "embedded" in result.json():
        everything_paid_is_there(server, before, result)
    else:
        equal(len(server.billed()), before, "billed by a run that could not begin")
    ballast.unlink()
    the_rest_is_bought_once(t, name, server)
    server.stop()
    return result.code == 7


@case
def a_disk_that_is_really_full_loses_no_answer(t):
    t.sample()
    with small_disk(t, 32) as place:
        for name in PROVIDERS:
            full = [fills_up_and_goes_on(t, place, name, free)
                    for free in (0, 150_000, 400_000, 800_000)]
            check(full[0] and full[2], f"never full with {name}: {full}")


def dies_at(t, point, in_flight):
    """An ingest whose disk fails, or the one after it, dies there; the next one goes on."""
    shutil.rmtree(t.dir / "cache", ignore_errors=True)
    server = t.simulator("--latency-ms", 5)
    at = {"EMBSTORE_CRASH_AT": point}
    limit = file_size_limit(300_000)
    more = ["--concurrency", in_flight]
    if point == "reply-kept":
        equal(run(t, "gemini", server, *more, env=at, under=limit).code, -SIGKILL, "exit")
        lost = 10 * (in_flight - 1)  # Only one of those in flight was kept.
    else:
        run(t, "gemini", server, *more, under=limit).expect(7)
        equal(run(t, "gemini", server, env=at).code, -SIGKILL, "exit")
        lost = 0
    run(t, "gemini", server).expect(0)
    check(server.billed_twice() <= min(lost, money(t)["in_doubt_texts"]),
          f"{point}: {server.billed_twice()} billed twice")
    the_invoice_is_within_the_books(t, server)
    equal(job_files(t), [], "files of jobs")
    t.run("export", "train", "--verify").expect(0)


def a_death_while_answers_are_kept_or_stored_is_survived(t):
    t.sample()
    for point in ("reply-kept", "kept-stored", "kept-removed"):
        for in_flight in (1, 4):
            dies_at(t, point, in_flight)


if CRASH_POINTS:
    case(a_death_while_answers_are_kept_or_stored_is_survived)


@case
def an_export_that_does_not_fit_leaves_the_old_one(t):
    t.sample(100)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    t.run("export", "train", "--verify").expect(0)
    before = {p.name: p.read_bytes() for p in (t.dir / "cache").glob("train_*")}
    t.sample(300)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    result = t.run("export", "train", under=file_size_limit(100_000)).expect(7)
    contains(result.err, "File too large")
    equal({p.name: p.read_bytes() for p in (t.dir / "cache").glob("train_*")}, before, "files")
    t.run("get", "train", *map(str, range(300)), "--npy", "a.npy", under=file_size_limit(100_000)) \
        .expect(7)
    check(not any(".tmp-" in p.name or p.name == "a.npy" for p in t.dir.iterdir()), "left over")


@case
def a_place_where_nothing_can_be_made_is_named(t):
    t.sample(3)
    t.write("file", "")
    result = t.run("--store", "file/store", "ingest", "train", "--provider", "local", "--input",
                   "sample.csv").expect(7)
    contains(result.err, "file/store")
    if os.geteuid() == 0:
        return  # Permissions do not stop root.
    (t.dir / "locked").mkdir(mode=0o500)
    t.run("--store", "locked", "ingest", "train", "--provider", "local", "--input",
          "sample.csv").expect(7)


@case
def few_open_files_are_enough(t):
    if shutil.which("prlimit") is None:
        raise Skipped("prlimit is not installed")
    t.sample(100)
    command = ["ingest", "train", "--provider", "local", "--input", "sample.csv"]
    t.run(*command, under=["prlimit", "--nofile=64"]).expect(0)
    result = t.run("--store", "b", *command, under=["prlimit", "--nofile=12"])
    check(result.code in (1, 7), str(result))
    t.run("--store", "b", *command).expect(0)
