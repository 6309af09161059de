# SPDX-License-Identifier: Apache-2.0
"""Writing fails: nothing more is paid for, and what was acknowledged is there."""

import os
import shutil

from harness import Skipped, case, check, contains, equal


def file_size_limit(limit):
    """A limit on the size of files stands in for a full disk."""
    if shutil.which("prlimit") is None:
        raise Skipped("prlimit is not installed")
    return ["prlimit", f"--fsize={limit}"]


@case
def a_store_that_cannot_grow_ends_the_run(t):
    server = t.simulator()
    t.sample()
    words = ["ingest", "train", "--base-url", server.url, "--input", "sample.csv"]
    result = t.run("--json", *words, key="good", under=file_size_limit(300_000)).expect(7)
    contains(result.err, "❌ Embedding generation failed: ", "everything acknowledged so far is safe")
    report = result.json()
    billed = len(server.billed())
    check(billed <= report["embedded"] + 80, f"{billed} texts billed, {report['embedded']} stored")
    status = t.run("--json", "status").expect(0).json()
    check(status["spaces"][0]["vectors"] >= report["embedded"] > 0, f"{status} but {report}")
    check(not report["complete"], "a run that could not store all of it says it is complete")
    check(report["batches"]["successful"] * 100 >= report["embedded"], str(report))
    t.run(*words, key="good").expect(0)
    check(server.billed_twice() <= 80, f"{server.billed_twice()} paid twice")
    t.run("export", "train").expect(0)


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
    words = ["ingest", "train", "--provider", "local", "--input", "sample.csv"]
    t.run(*words, under=["prlimit", "--nofile=64"]).expect(0)
    result = t.run("--store", "b", *words, under=["prlimit", "--nofile=12"])
    check(result.code in (1, 7), str(result))
    t.run("--store", "b", *words).expect(0)
