# SPDX-License-Identifier: Apache-2.0
"""What a case needs: a scratch directory, commands, a simulator, and words for what must hold."""

import concurrent.futures
import contextlib
import difflib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from signal import SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGSTOP, SIGTERM  # For the cases.

from simulator import Oracle, Simulator

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
SAMPLE = PROJECT / "tests" / "data" / "wordnet" / "sample.csv"
SAMPLE_DOCUMENTS = 1200

COMMAND_SECONDS = 60
CANARY_KEY = "canary-4f1d9c27-never-print-me"

# Small numbers and short waits. Commands run in the scratch directory, so they find it.
CONFIG = """\
embedding: {{{embedding}dimensions: 128, batch_size: 10, use_batch_api: false, cache_dir: cache}}
retry: {{initial_wait_seconds: 0.01}}
"""

CASES = []
CRASH_POINTS = []  # Names of points where the program under test can be told to die.


def case(function):
    """Registers a case. Its name, read as a sentence, says what must hold."""
    CASES.append(function)
    return function


def gap(reason):
    """Marks a case that is known to fail for now. It is run all the same and must still fail."""
    def mark(function):
        function.gap = reason
        return function
    return mark


def full_name(function):
    sentence = function.__name__.strip("_").replace("_", " ")
    return function.__module__.split(".")[-1].replace("_", " ") + ": " + sentence


class Failed(AssertionError):
    """What a case expected is not so."""


class Skipped(Exception):
    """Something the case needs is not on this machine."""


# --- What must hold ---------------------------------------------------------------------------


def check(condition, message):
    if not condition:
        raise Failed(message)


def equal(actual, expected, what="value"):
    if actual == expected:
        return
    if isinstance(actual, str) and isinstance(expected, str) and "\n" in actual + expected:
        diff = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected",
                                    "actual", lineterm="")
        raise Failed(what + " differs:\n" + "\n".join(diff))
    raise Failed(f"{what}: expected {expected!r}, got {actual!r}")


def contains(text, *parts):
    for part in parts:
        check(part in text, f"expected to find {part!r} in:\n{text}")


def lacks(text, *parts):
    for part in parts:
        check(part not in text, f"did not expect {part!r} in:\n{text}")


def at_once(seconds, what):
    """`what` took less than a second; on a machine with more to do than it has processors, as many
    times more."""
    load, _, _, tasks, _ = pathlib.Path("/proc/loadavg").read_text().split()
    busy = max(float(load), int(tasks.split("/")[0]))
    limit = max(busy / os.cpu_count(), 1)
    check(seconds < limit, f"{what} took {seconds:.2f} s of {limit:.2f} s")


def await_that(condition, what, seconds=20):
    """Waits for something that another process does, looking often; answers what it found."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        check(time.monotonic() < deadline, f"waited {seconds} s in vain until {what}")
        time.sleep(0.002)


# --- Commands ---------------------------------------------------------------------------------


class Result:
    """How a command ended and what it said."""

    def __init__(self, words, code, out, err, seconds):
        self.words = words
        self.code = code
        self.raw = out
        self.err = err.decode("utf-8", "replace")
        self.seconds = seconds

    @property
    def out(self):
        return self.raw.decode("utf-8", "replace")

    def json(self):
        """Standard output, which must be exactly one JSON document."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise Failed(f"{self}\nstdout is not one JSON document: {error}") from error

    def expect(self, code, err=None, out=None):
        """The exit code, and exact texts where given."""
        check(self.code == code, f"expected exit {code}:\n{self}")
        if err is not None:
            equal(self.err, err, "stderr of " + self.line())
        if out is not None:
            equal(self.out, out, "stdout of " + self.line())
        return self

    def line(self):
        return shlex.join(["embstore", *self.words])

    def __str__(self):
        out = self.out if len(self.out) < 4000 else self.out[:4000] + "..."
        return f"$ {self.line()}\nexit {self.code}\nstdout: {out}\nstderr: {self.err}"


class Running:
    """A command that runs in the background. Its output is read as it comes."""

    def __init__(self, words, process):
        self.words = words
        self.process = process
        self.pid = process.pid
        self.started = time.monotonic()
        self._changed = threading.Condition()
        self._text = {"out": b"", "err": b""}
        self._ended = self.started
        self._readers = [threading.Thread(target=self._read, args=(name, stream), daemon=True)
                         for name, stream in (("out", process.stdout), ("err", process.stderr))]
        for reader in self._readers:
            reader.start()

    def _read(self, name, stream):
        for chunk in iter(lambda: os.read(stream.fileno(), 65536), b""):
            with self._changed:
                self._text[name] += chunk
                self._changed.notify_all()
        self._ended = time.monotonic()

    def err(self):
        with self._changed:
            return self._text["err"].decode("utf-8", "replace")

    def wait_for(self, text, seconds=20):
        """Waits until standard error says so."""
        with self._changed:
            found = self._changed.wait_for(lambda: text.encode() in self._text["err"], seconds)
        check(found, f"waited {seconds} s in vain for {text!r} in:\n{self.err()}")

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        """Sends a signal; the process must still be there."""
        check(self.alive(), f"ended too early:\n{self.err()}")
        self.process.send_signal(number)

    def finish(self, seconds=COMMAND_SECONDS):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{shlex.join(self.words)} did not end in {seconds} s:\n{self.err()}")
        for reader in self._readers:
            reader.join()
        return Result(self.words, code, self._text["out"], self._text["err"],
                      self._ended - self.started)

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()


class Tools:
    """The programs under test and what all cases share."""

    def __init__(self, embstore, simulator, update=False, keep=False, lazy_curl=None):
        self.embstore = embstore.resolve()
        self.simulator = simulator.resolve()
        for program in (self.embstore, self.simulator):
            if not os.access(program, os.X_OK):
                sys.exit(f"{program} is not there, or cannot be run")
        self.lazy_curl = lazy_curl
        self.update = update
        self.keep = keep
        self._oracle = None
        self._mutex = threading.Lock()

    def oracle(self):
        """A simulator of its own, to be asked what the right vectors are."""
        with self._mutex:
            if self._oracle is None:
                self._oracle = Oracle(self.simulator)
            return self._oracle

    def crash_points(self):
        """Where the program can be told to die, if it was built for that."""
        names = subprocess.run([self.embstore, "crash-points"], capture_output=True)
        if names.returncode != 0:
            sys.exit(f"{self.embstore} was built without EMBSTORE_CRASH_POINTS")
        return names.stdout.decode().split()

    def close(self):
        if self._oracle is not None:
            self._oracle.stop()


class Scratch:
    """The directory and the processes of one case. Everything ends with it."""

    def __init__(self, tools, name):
        self.tools = tools
        self.name = name
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="embstore-cli-"))
        self.transcript = []
        self._running = []
        self._simulators = []
        self.config()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for running in self._running:
            running.kill()
        for server in self._simulators:
            server.stop()
        if not self.tools.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    # Files.

    def write(self, name, content):
        """Writes a file of the scratch directory and answers its name."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def read(self, name):
        return (self.dir / name).read_text()

    def config(self, more="", embedding=""):
        """Writes config.yaml with more sections, and with more keys of the section embedding."""
        keys = embedding + ", " if embedding else ""
        self.write("config.yaml", CONFIG.format(embedding=keys) + more)

    def sample(self, documents=SAMPLE_DOCUMENTS, name="sample.csv"):
        """The first documents of the shipped sample, one a line, in the form of AG News."""
        lines = SAMPLE.read_bytes().splitlines(keepends=True)[:documents]
        return self.write(name, b"".join(lines))

    def hold(self):
        """Makes the file for the simulator's faults held=FILE and job-held=FILE: `unlink` it, and
        what they hold goes on."""
        path = self.dir / "held"
        path.touch()
        return path

    # Processes.

    def environment(self, key, extra, openai_key=None):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.dir),
               "LANG": "C.UTF-8"}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS") or name == "EMBSTORE_SEEDED_BUG":
                env[name] = value
        if key is not None:
            env["GEMINI_API_KEY"] = key
        if openai_key is not None:
            env["OPENAI_API_KEY"] = openai_key
        env.update(extra or {})
        return env

    def start(self, *words, key=None, openai_key=None, env=None, stdin=subprocess.DEVNULL,
              under=(), **popen):
        """`under`: as for `run`."""
        words = [str(word) for word in words]
        popen.setdefault("stdout", subprocess.PIPE)
        process = subprocess.Popen([*under, self.tools.embstore, *words], cwd=self.dir,
                                   stdin=stdin, stderr=subprocess.PIPE,
                                   env=self.environment(key, env, openai_key), **popen)
        running = Running(words, process)
        self._running.append(running)
        return running

    def run(self, *words, key=None, openai_key=None, env=None, input=None,
            seconds=COMMAND_SECONDS, under=()):
        """`under`: a command that runs it, such as prlimit with its flags."""
        words = [str(word) for word in words]
        started = time.monotonic()
        source = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        done = subprocess.run([*under, self.tools.embstore, *words], cwd=self.dir,
                              capture_output=True, timeout=seconds,
                              env=self.environment(key, env, openai_key), **source)
        return Result(words, done.returncode, done.stdout, done.stderr,
                      time.monotonic() - started)

    def simulator(self, *flags):
        server = Simulator(self.tools.simulator, self.dir / f"billing-{len(self._simulators)}.log",
                           *flags)
        self._simulators.append(server)
        return server

    # Expected texts.

    def show(self, *words, **options):
        """Runs a command and writes it into the transcript that `matches` compares."""
        result = self.run(*words, **options)
        self.transcript.append(self.normalise(
            f"$ {result.line()}\n{marked(result.out, '1')}{marked(result.err, '2')}"
            f"exit {result.code}\n"))
        return result

    def normalise(self, text):
        """Puts placeholders in for times, ports, paths, dates and sizes on disk."""
        text = text.replace(str(self.dir), "DIR")
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
        text = re.sub(r"\d+\.\d\d s \(\d+\.\d{3} s a batch\)", "TIME s (TIME s a batch)", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "DATE-AND-TIME-UTC--", text)
        text = re.sub(r"\(pid \d+\)", "(pid PID)", text)
        text = re.sub(r"batches/[a-z0-9]+", "batches/NAME", text)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE-AND-TIME---", text)
        text = re.sub(r"on disk: .*", "on disk: SIZES", text)
        return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)

    def matches(self, name):
        """Compares all that was shown with expected/NAME.txt."""
        path = HERE / "expected" / (name + ".txt")
        seen = "\n".join(self.transcript)
        if self.tools.update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(seen)
        check(path.exists(), f"there is no expected/{name}.txt; --update writes it")
        equal(seen, path.read_text(), f"expected/{name}.txt")


def marked(text, stream):
    """Each line with the number of its stream in front; '\\' where no line end follows."""
    if not text:
        return ""
    lines = "".join(f"{stream}| {line}\n" for line in text.splitlines())
    return lines if text.endswith("\n") else lines[:-1] + "\\\n"


# --- All cases --------------------------------------------------------------------------------


def run_one(function, tools):
    """Answers (outcome, message, seconds)."""
    started = time.monotonic()
    scratch = Scratch(tools, function.__name__)
    try:
        with scratch:
            function(scratch)
        outcome = ("ok", "")
    except Skipped as reason:
        outcome = ("skip", str(reason))
    except Failed as failure:
        outcome = ("FAIL", str(failure))
    except Exception:  # A case that is itself broken must not hide the others.
        outcome = ("FAIL", traceback.format_exc())
    if hasattr(function, "gap"):
        outcome = {"FAIL": ("gap", function.gap),
                   "ok": ("FAIL", "this gap is closed: take the mark off the case")}[outcome[0]]
    return (*outcome, time.monotonic() - started)


def run_cases(cases, tools, jobs):
    counts = {"ok": 0, "skip": 0, "gap": 0, "FAIL": 0}
    failures = []
    started = time.monotonic()
    with contextlib.closing(tools), concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(run_one, function, tools): function for function in cases}
        for future in concurrent.futures.as_completed(futures):
            outcome, message, seconds = future.result()
            counts[outcome] += 1
            line = f"{outcome:4}  {seconds:5.1f} s  {full_name(futures[future])}"
            if message:
                line += "\n      " + message.replace("\n", "\n      ")
            print(line, flush=True)
            if outcome == "FAIL":
                failures.append(line)
    seconds = time.monotonic() - started
    print(f"{seconds:.0f} s, {counts['skip']} skipped, {counts['gap']} known gaps")
    for failure in failures:  # Once more: hundreds of lines may stand between, or a log be cut.
        print(failure)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 0 if counts["FAIL"] == 0 and counts["ok"] > 0 else 1
