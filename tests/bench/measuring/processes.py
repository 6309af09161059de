# SPDX-License-Identifier: Apache-2.0
"""Whole processes: their time, processor time, peak memory, syncs; and files: bytes, caches."""

import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile
import time

SYNCS = ("fsync", "fdatasync", "sync_file_range", "msync", "syncfs", "sync")
# Nothing of the machine's settings, keys or proxies reaches what is measured.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent",
               "PYTHONDONTWRITEBYTECODE": "", "GEMINI_API_KEY": "any-word", "NO_PROXY": "127.0.0.1",
               "ANONYMIZED_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


class Failed(Exception):
    """A process ended otherwise than it should."""


@dataclasses.dataclass
class Run:
    """One process from start to end."""

    wall: float
    cpu: float
    peak_mb: float
    written: int  # Bytes handed to disks, also those of files that were removed again.
    code: int
    out: str
    err: str


def _written():
    """By this process and all that it has waited for."""
    return int(re.search(r"^write_bytes: (\d+)$", pathlib.Path("/proc/self/io").read_text(),
                         re.MULTILINE)[1])


def run(command, environment=None, check=True, seconds=7200):
    """Runs a command to its end and answers what it took."""
    with tempfile.NamedTemporaryFile("r") as peak, tempfile.TemporaryFile("w+", errors="replace") as out, \
            tempfile.TemporaryFile("w+", errors="replace") as err:
        # A child of this process would be counted with this process's own memory.
        between = ["/usr/bin/time", "-q", "-f", "%M", "-o", peak.name]
        before = _written()
        start = time.perf_counter()
        process = subprocess.Popen([*between, *map(str, command)], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=err,
                                   env={**ENVIRONMENT, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        done = Run(wall, usage.ru_utime + usage.ru_stime, int(peak.read().split()[-1]) / 1024,
                   _written() - before, process.returncode, out.read(), err.read())
    if check and done.code != 0:
        raise Failed(f"{' '.join(map(str, command))} ended with {done.code}:\n{done.err[-2000:]}")
    return done


def syncs(command, environment=None):
    """How often each call that waits for the disk is made, as {name: calls}."""
    with tempfile.NamedTemporaryFile("r") as trace:
        run(["strace", "-f", "-c", "-e", "trace=" + ",".join(SYNCS), "-o", trace.name, *command],
            environment)
        found = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", trace.read(),
                           re.MULTILINE)
    return {name: int(calls) for calls, name in found if name != "total"}


def files_of(path):
    return [file for file in pathlib.Path(path).rglob("*") if file.is_file()]


def disk_bytes(path):
    """What the files below `path` take of the disk, in blocks."""
    return sum(file.stat().st_blocks * 512 for file in files_of(path))


def forget_cached(path):
    """Has the system drop the files below `path` from its memory."""
    for file in files_of(path):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
