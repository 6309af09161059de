# SPDX-License-Identifier: Apache-2.0
"""What lies where embstore writes: links, pipes, devices, folders of others."""

import os
import shutil
import stat
import subprocess

import paid
from cases.export import FILES, exported, local
from files import read_npy
from harness import SAMPLE, Skipped, case, check, contains, equal

NOBODY = 65534
PRECIOUS = "precious, not for embstore\n"
KINDS = ("link", "dangling link", "hard link", "pipe", "device", "folder")


def put(t, kind, path):
    """Puts something there that is no file of embstore. False: not possible for this user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t.write("precious", PRECIOUS)
    if kind == "link":
        path.symlink_to(t.dir / "precious")
    elif kind == "dangling link":
        path.symlink_to(t.dir / "nowhere")
    elif kind == "hard link":
        os.link(t.dir / "precious", path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        (path / "inside").mkdir(parents=True)
    elif os.geteuid() == 0:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # As /dev/null.
    else:
        return False
    return True


def untouched(t, what):
    equal(t.read("precious"), PRECIOUS, f"the file behind {what}")
    check(not (t.dir / "nowhere").exists(), f"something was made behind {what}")


def refused_before_payment(t, place, mode, kinds=KINDS, codes=(2, 5, 7)):
    """With something else in its place, nothing is sent and nothing behind it changes."""
    t.config(paid.QUICK)
    t.sample(20)
    for kind in kinds:
        store = f"{place}-{kind}".replace(" ", "-")
        what = f"a {kind} in the place of {place}"
        if not put(t, kind, t.dir / store / place):
            continue
        server = paid.simulator(t)
        result = t.run("--store", store, *paid.words(server, mode=mode), key=paid.KEY)
        check(result.code in codes, f"{what}: {result}")
        contains(result.err, place)
        equal(server.stop(), 0, f"calls with {what}")
        untouched(t, what)
        check((t.dir / store / place).is_symlink() or (t.dir / store / place).exists(),
              f"{what} was removed")


@case
def something_in_the_place_of_the_lock_is_refused_before_anything_is_paid(t):
    refused_before_payment(t, "lock", "sync")


@case
def something_in_the_place_of_the_ledger_is_refused_before_anything_is_paid(t):
    refused_before_payment(t, "ledger", "sync", codes=(1, 2, 5, 7))


@case
def something_in_the_place_of_the_store_is_refused_before_anything_is_paid(t):
    refused_before_payment(t, "store", "sync")


@case
def something_in_the_place_of_the_folder_of_jobs_is_refused_before_anything_is_paid(t):
    refused_before_payment(t, "jobs", "batch", kinds=[k for k in KINDS if k != "folder"])


@case
def what_a_link_in_the_place_of_the_folder_of_jobs_leads_to_is_left_alone(t):
    """Files with the names of ours as well."""
    t.config(paid.QUICK)
    t.sample(20)
    names = ["0123456789abcdef.jsonl", "mine.jsonl", "request-1.jsonl"]
    for name in names:
        t.write("mine/" + name, PRECIOUS)
    server = paid.simulator(t)
    t.run(*paid.words(server, mode="sync"), key=paid.KEY).expect(0)
    (t.dir / "cache/jobs").symlink_to(t.dir / "mine")
    t.run(*paid.words(server, split="a", mode="sync"), key=paid.KEY).expect(0)
    t.run("--json", "gc", "--yes").expect(0)
    t.run("jobs").expect(0)
    t.run(*paid.words(server, split="b"), key=paid.KEY)
    equal(sorted(path.name for path in (t.dir / "mine").iterdir()), names, "files behind the link")
    check((t.dir / "cache/jobs").is_symlink(), "the link was removed")


@case
def something_in_the_place_of_the_cache_is_refused_before_anything_is_paid(t):
    t.sample(20)
    for kind in ("dangling link", "hard link", "pipe", "device"):
        name = "at-" + kind.replace(" ", "-")
        if put(t, kind, t.dir / name):
            server = paid.simulator(t)
            result = t.run("--store", name, *paid.words(server, mode="sync"), key=paid.KEY)
            result.expect(7)
            equal(server.stop(), 0, f"calls with a {kind}")
            untouched(t, "a " + kind)


@case
def something_in_the_place_of_the_progress_file_costs_nothing_but_that_file(t):
    """It is only for people to read."""
    t.sample(20)
    for kind in KINDS:
        store = kind.replace(" ", "-")
        if put(t, kind, t.dir / store / ".checkpoint_train.json"):
            server = paid.simulator(t, "reject-text=plebiscite")
            result = t.run("--store", store, *paid.words(server, mode="sync"), key=paid.KEY)
            equal(result.expect(3).json()["embedded"], 19, "embedded")
            equal(server.billed_twice(), 0, "texts billed twice")
            untouched(t, "a " + kind)


@case
def a_link_that_is_put_where_a_file_is_about_to_be_written_is_not_followed(t):
    """In a folder that others may write to, names can be guessed."""
    local(t)
    t.write("precious", PRECIOUS)
    cache = t.dir / "cache"
    os.chmod(cache, 0o1777)
    running = t.start("export", "train")
    for name in FILES:
        for number in range(8):
            link = cache / f"{name}.tmp-{running.pid}-{number}"
            try:
                link.symlink_to(t.dir / "precious")
            except FileExistsError:
                pass
    running.finish()
    t.run("export", "train", "--no-normalize").expect(0)
    untouched(t, "a link with a guessed name")


@case
def only_regular_files_are_replaced_by_an_export(t):
    local(t)
    cache = t.dir / "cache"
    for words, names in (([], FILES), (["--format", "arrow"], ["train_embeddings.arrow",
                                                               "train_embeddings.arrow.json"])):
        for name in names:
            for kind in KINDS:
                if kind == "hard link" or not put(t, kind, cache / name):
                    continue
                contains(t.run("export", "train", *words).expect(2).err, name)
                untouched(t, "a " + kind)
                shutil.rmtree(cache / name) if kind == "folder" else (cache / name).unlink()
                equal(exported(cache), [], f"files after a {kind} at {name}")
        # The other name of a hard link keeps its content.
        for name in names:
            put(t, "hard link", cache / name)
        t.run("export", "train", *words).expect(0)
        untouched(t, "a hard link")
        for path in exported(cache):
            path.unlink() if hasattr(path, "unlink") else (cache / path).unlink()


# --- Who may read and write -------------------------------------------------------------------


def with_umask(mask, *command):
    return ["sh", "-c", f"umask {mask}; exec \"$@\"", "sh", *command]


@case
def what_is_private_stays_so_whatever_the_umask(t):
    """Store, ledger, jobs, the lock and what is written there meanwhile."""
    t.config(paid.QUICK)
    t.sample(20)
    server = paid.simulator(t, job_seconds=30)
    for mask in ("000", "022", "077"):
        store = f"m{mask}"
        t.run("--store", store, *paid.words(server, "--no-wait", mode="batch"), key=paid.KEY,
              under=with_umask(mask)).expect(0)
        t.run("--store", store, "ingest", "b", "--provider", "local", "--input", "sample.csv",
              under=with_umask(mask)).expect(0)
        for path in (t.dir / store).rglob("*"):
            if path.name.startswith(".checkpoint_"):
                continue  # Made for other programs: numbers, and no text.
            info = path.lstat()
            hidden = any(parent.stat().st_mode & 0o077 == 0
                         for parent in path.parents if parent.is_relative_to(t.dir / store))
            check(hidden or info.st_mode & 0o077 == 0,
                  f"{path.relative_to(t.dir)} is open to others: {oct(info.st_mode)}")
        for name, mode in (("store", 0o700), ("jobs", 0o700), ("ledger", 0o600), ("lock", 0o600)):
            equal(oct((t.dir / store / name).stat().st_mode & 0o777), oct(mode), name)


def as_nobody(t):
    """A command that runs another one without any rights of its own."""
    if os.geteuid() != 0:
        raise Skipped("only root can become somebody else")
    if shutil.which("setpriv") is None:
        raise Skipped("setpriv is not installed")
    os.chmod(t.dir, 0o755)
    under = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    tried = subprocess.run([*under, t.tools.embstore, "--version"], capture_output=True, cwd=t.dir)
    if tried.returncode != 0:
        raise Skipped("the program is in a folder that others may not enter")
    return under


@case
def the_store_of_another_user_is_refused_before_anything_is_paid(t):
    under = as_nobody(t)
    t.config(paid.QUICK)
    t.sample(20)
    t.run("ingest", "a", "--provider", "local", "--input", "sample.csv").expect(0)
    server = paid.simulator(t)
    for mode in ("sync", "batch"):
        result = t.run(*paid.words(server, mode=mode), key=paid.KEY, under=under)
        check(result.code in (2, 7), str(result))
    contains(t.run("get", "a", "1", under=under).expect(2).err, "may not be read by this user")
    equal(server.stop(), 0, "calls")


@case
def a_folder_that_may_not_be_written_is_refused_before_anything_is_paid(t):
    under = as_nobody(t)
    t.config(paid.QUICK)
    t.sample(20)
    server = paid.simulator(t)
    (t.dir / "readonly").mkdir(mode=0o755)
    for store in ("readonly", "readonly/new", "new"):
        result = t.run("--store", store, *paid.words(server, mode="sync"), key=paid.KEY,
                       under=under)
        result.expect(7)
        contains(result.err, store)
    # Its own store, of which one part belongs to somebody else.
    for part in ("ledger", "lock", "store", "store/CURRENT", "jobs"):
        name = "of-" + part.replace("/", "-")
        mine = t.dir / name
        mine.mkdir()
        os.chown(mine, NOBODY, NOBODY)
        t.run("--store", name, "ingest", "a", "--provider", "local", "--input", "sample.csv",
              under=under).expect(0)
        (mine / "jobs").mkdir(mode=0o755, exist_ok=True)
        (mine / "jobs/notes").write_text("not of embstore")
        os.chown(mine / part, 0, 0)
        os.chmod(mine / part, 0o755 if (mine / part).is_dir() else 0o600)
        result = t.run("--store", name, *paid.words(server, mode="batch"), key=paid.KEY,
                       under=under)
        check(result.code in (2, 5, 7), f"{part}: {result}")
        contains(result.err, part.split("/")[0])
    equal(server.stop(), 0, "calls")


@case
def an_export_into_a_folder_that_may_not_be_written_leaves_what_is_there(t):
    under = as_nobody(t)
    t.sample(20)
    (t.dir / "mine").mkdir()
    os.chown(t.dir / "mine", NOBODY, NOBODY)
    t.run("--store", "mine", "ingest", "train", "--provider", "local", "--input", "sample.csv",
          under=under).expect(0)
    (t.dir / "theirs").mkdir(mode=0o755)
    for words in ([], ["--format", "arrow"]):
        result = t.run("--store", "mine", "export", "train", "--output-dir", "theirs", *words,
                       under=under)
        result.expect(7)
        contains(result.err, "theirs")
    equal(list((t.dir / "theirs").iterdir()), [], "files")


# --- Names ------------------------------------------------------------------------------------


@case
def names_that_mean_something_to_the_system_are_no_names_for_a_split(t):
    t.sample(1)
    for name in ("-x", ".", "/", "/dev/null", "a\nb", "a\tb", "a\\b", "x" * 300, "~", "$HOME", "*",
                 "con:", "\x1b[31m", "a\u202eb", "a/../b"):
        result = t.run("ingest", "--provider", "local", "--input", "sample.csv", "--", name)
        result.expect(2, out="")
        check("\x1b" not in result.err, "a control character reached the terminal")
    for command in ("export", "get", "similar", "search", "plan"):
        more = ["1"] if command in ("get", "similar", "search") else []
        for name in ("../x", "\x1b[31m"):
            result = t.run(command, name, *more)
            check(result.code in (2, 9), str(result))
            check("\x1b" not in result.err, "a control character reached the terminal")
    equal(sorted(path.name for path in t.dir.iterdir()), ["config.yaml", "sample.csv"],
          "files")


@case
def files_with_strange_names_are_read_and_those_that_are_none_are_refused(t):
    line = SAMPLE.read_bytes().splitlines(keepends=True)[0]
    for name in ("-", "--input", " ", "a\nb.csv", "\x1b[31m.csv", "x" * 250 + ".csv", "ü.csv"):
        (t.dir / name).write_bytes(line)
        t.run("ingest", "train", "--provider", "local", "--input=./" + name, "--store",
              "s").expect(0)
        check("\x1b" not in t.run("--store", "s", "status").out, "a control character")
    for name in (".", "/dev/null", "/dev/zero", "x" * 300, "x/" * 3000, "nowhere", ""):
        result = t.run("ingest", "train", "--provider", "local", "--input", name, "--store", "t")
        result.expect(2)


@case
def killed_exports_leave_the_old_files_or_the_new_ones(t):
    """And metadata only beside the files that it describes."""
    t.sample()
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    usual = t.run("export", "train").expect(0).seconds
    whole = 0
    for number in range(12):
        words = ["--no-normalize"] if number % 2 else []
        running = t.start("export", "train", *words)
        try:
            running.process.wait(usual * (number + 1) / 10)
        except subprocess.TimeoutExpired:
            running.kill()
        running.finish()
        if (t.dir / "cache/train_metadata.json").exists():
            whole += 1
            report = t.run("--json", "verify").expect(0).json()
            equal(report["damaged"], [], "damage")
    t.run("export", "train").expect(0)
    equal(len(read_npy(t.dir / "cache/train_embeddings.npy").rows()), 1200, "rows")
    left = [path.name for path in (t.dir / "cache").iterdir() if ".tmp-" in path.name]
    equal(left, [], "left over")
    check(whole > 0, "no export got as far as its metadata")
