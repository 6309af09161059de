# SPDX-License-Identifier: Apache-2.0
"""What the workloads share: settings, the rivals' processes, the directory to work in."""

import collections
import json
import shutil
import sys

from measuring import billing, data, processes

import rivals


class Bench:
    def __init__(self, options, python, documents, results, work, save):
        self.options = options
        self.python = python
        self.documents = documents
        self.results = results
        self.work = work
        self.save = save  # Writes what is there so far, should a later run fail.
        self.rivals = [name for name in rivals.NAMES
                       if name == "embstore_python" or not options.rivals or
                       name in options.rivals]
        self._taken = collections.Counter()  # Seconds by (rival, round).
        self.round = 0

    def say(self, *words):
        print(*words, file=sys.stderr, flush=True)

    def wants(self, *workloads):
        return not self.options.only or any(name in self.options.only for name in workloads)

    def subset(self, count, name="subset"):
        """The first documents, as a file of their own."""
        return data.write(self.work / f"{name}-{count}.csv", self.documents.rows[:count])

    def fresh(self, name):
        """A directory that does not exist yet."""
        directory = self.work / name
        shutil.rmtree(directory, ignore_errors=True)
        return directory

    def bill(self, name):
        path = self.work / f"{name}.bill"
        path.unlink(missing_ok=True)
        return path

    def worker_command(self, rival, operation, directory, documents, *arguments):
        command = [self.python, "-B", self.options.worker, rival, operation, "--dir", directory]
        if documents is not None:
            command += ["--documents", documents.path]
        return [*command, *arguments]

    def worker(self, rival, operation, directory=None, documents=None, *arguments, check=True,
               traced=False):
        """Runs it as a process; answers the run and what it said."""
        command = self.worker_command(rival, operation, directory, documents, *arguments)
        if traced:
            return processes.syncs(command, self.options.environment)
        run = processes.run(command, self.options.environment, check)
        lines = run.out.strip().splitlines()
        said = json.loads(lines[-1]) if run.code == 0 and lines else {}
        self.took(rival, run)
        return run, said

    def took(self, rival, run):
        self._taken[rival, self.round] += run.wall

    def sits_out(self, rival):
        """Whether a round of this rival took so long that only others go on."""
        patience = self.options.patience
        return bool(patience) and any(self._taken[rival, earlier] > patience
                                      for earlier in range(self.round))

    def command(self, *arguments, environment=None, check=True):
        """Runs the command embstore."""
        return processes.run([self.options.embstore, "--quiet", "--config", self.options.config,
                              *arguments],
                             {**self.options.environment, **(environment or {})}, check)


def counted(bill, documents):
    """How many texts were sent, how many distinct ones there are, how many were sent twice."""
    sent = billing.billed(bill)
    return len(sent), len(set(documents.texts)), len(sent) - len(set(sent))


def times(run, said):
    taken = {"wall": run.wall, "cpu": run.cpu, "peak": run.peak_mb}
    if "work" in said:
        taken["work"] = said["work"]
    return taken
