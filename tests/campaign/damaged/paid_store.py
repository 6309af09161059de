# SPDX-License-Identifier: Apache-2.0
"""The cache directory that is damaged: paid for by calls and by batch jobs, with a quarantined
answer, an open job, a log that was never made into tables, exports, and a copy of last week."""

import shutil

import paid
from files import read_npy, same_rows, unit
from harness import SIGKILL, await_that, check, equal
from paid import KEY, TEXTS
from simulator import sha256

WEEK, BY_JOBS, HELD, ALL = 100, 140, 240, 300  # Documents after each of the runs.
JOB = 20  # Texts of a job; the last one stays open.
OPEN_JOB = (BY_JOBS - WEEK + ALL - HELD) // JOB
NAMES = ("cache", "exports", "week", "config.yaml", "sample.csv")


class PaidStore:
    """Made once a round, in the directory of `t`; each trial gets copies of the files NAMES."""

    def __init__(self, t):
        self.t = t
        self.held = t.hold()
        self.server = paid.simulator(t, f"job-held={self.held}:at={OPEN_JOB}")
        mixes_up = paid.simulator(t, "rotate:count=1")
        t.config(paid.QUICK.replace("batch: {", f"batch: {{max_job_texts: {JOB}, "))
        t.sample(ALL)
        self.ingest(WEEK, "sync")
        t.run("export", "train").expect(0)
        shutil.copytree(t.dir / "cache", t.dir / "week")
        self.ingest(BY_JOBS, "batch")
        self.ingest(HELD, "sync", code=4, server=mixes_up)
        self.die_with_an_open_job()
        self.export()
        self.stored = [*range(BY_JOBS), *range(HELD, ALL)]
        self.check_rows()

    def ingest(self, documents, mode, code=0, server=None):
        paid.ingest(self.t, server or self.server, "--limit", documents, "--batch-size", 100,
                    "--concurrency", 1, mode=mode, code=code)

    def die_with_an_open_job(self):
        """The writer is killed when two of three jobs are stored; then the third is done."""
        running = self.t.start(*paid.words(self.server), key=KEY)
        self.there = BY_JOBS + ALL - HELD - JOB
        await_that(lambda: self.vectors() == self.there, "two of the last jobs are stored")
        running.signal(SIGKILL)
        running.finish()
        self.held.unlink()
        await_that(lambda: len(self.server.billed()) == ALL - HELD + BY_JOBS, "the last job is done")

    def vectors(self):
        status = self.t.run("--json", "status")
        return sum(space["vectors"] for space in status.json()["spaces"]) if not status.code else 0

    def export(self):
        """In the cache directory an array of unit length and a table as returned; the other way
        round in `exports`."""
        (self.t.dir / "exports").mkdir()
        for words in ([], ["--format", "arrow", "--no-normalize"],
                      ["--output-dir", "exports", "--no-normalize"],
                      ["--output-dir", "exports", "--format", "arrow"]):
            self.t.run("export", "train", "--missing", "nan", *words).expect(0)

    def check_rows(self):
        """The rows as the server knows them, and the bytes by which trials compare."""
        right = [unit(v) for v in self.t.tools.oracle().vectors(TEXTS[:ALL])]
        npy = read_npy(self.t.dir / "cache/train_embeddings.npy").rows()
        there = [at for at, row in enumerate(npy) if row[0] == row[0]]
        same_rows([npy[at] for at in there], [right[at] for at in there])
        equal(len(there), self.there, "stored")
        self.right = right
        self.rows = {at: npy[at].tobytes() for at in there}

    @property
    def acknowledged(self):
        """Documents whose rows were seen."""
        return sorted(self.rows)

    def copy_to(self, trial):
        for name in NAMES:
            source = self.t.dir / name
            if source.is_dir():
                shutil.copytree(source, trial.dir / name)
            else:
                shutil.copy(source, trial.dir / name)


POSITIONS = {sha256(text): at for at, text in enumerate(TEXTS[:ALL])}
check(len(POSITIONS) == ALL, "the texts are distinct")
