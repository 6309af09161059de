# SPDX-License-Identifier: Apache-2.0
"""Help, mistakes on the command line, and what goes to which stream."""

import os
import re
import subprocess

from harness import SIGPIPE, SIGTERM, Skipped, case, check, contains, equal, lacks

COMMANDS = ["ingest", "plan", "export", "get", "similar", "status", "verify", "gc"]
TRY_HELP = "Run 'embstore --help', or 'embstore COMMAND --help'.\n"


@case
def help_is_there_on_every_level(t):
    for words in [[], *([command] for command in COMMANDS)]:
        result = t.run(*words, "--help").expect(0, err="")
        contains(result.out, "Usage: embstore", "--help")
        equal(t.run(*words, "-h").out, result.out, "-h")
    for command in COMMANDS:
        contains(t.run("--help").out, f"\n  {command} ")


@case
def no_command_shows_the_help_and_is_a_mistake(t):
    equal(t.run().expect(2, out="").err, t.run("--help").out, "stderr")


@case
def the_version_is_one_line(t):
    result = t.run("--version").expect(0, err="")
    check(re.fullmatch(r"embstore \d+\.\d+\.\d+\n", result.out), str(result))


@case
def mistakes_on_the_command_line_are_named(t):
    t.sample(3)
    for line in ["ingets train", "frobnicate", "--bogus", "ingest --bogus train", "ingest",
                 "status a b", "get", "ingest train --dimensions many",
                 "ingest train --dimensions -1",
                 "similar train 1 -k 0", "--quiet --verbose status",
                 "get train 1 --raw --npy x.npy",
                 "ingest train --provider lokal --input sample.csv",
                 "ingest train --provider local --input sample.csv --format xml",
                 "ingest train --provider local --input sample.csv --mode later",
                 "ingest train --provider local --input sample.csv --batch-size 0",
                 "ingest train --provider local --input sample.csv --concurrency 257",
                 "ingest train --provider local --input sample.csv --max-cost much",
                 "ingest train --provider local --input sample.csv --dimensions 7",
                 "ingest train --provider local --input sample.csv --dimensions 9000",
                 "ingest train --provider local",
                 "ingest train --provider local --input nowhere.csv",
                 "ingest train --provider local --input .", "--config nowhere.yaml status"]:
        t.show(*line.split()).expect(2, out="")
    t.matches("mistakes")


@case
def a_negative_limit_is_a_mistake(t):
    t.sample(3)
    for flags in [["--limit", "-1"], ["--limit=-1"], ["--limit", "99999999999999999999"],
                  ["--limit", "1.5"]]:
        t.run("ingest", "train", "--provider", "local", "--input", "sample.csv", *flags).expect(2)


@case
def names_of_splits_are_checked(t):
    t.sample(1)
    for name in ["..", "../x", "a/b", ".hidden", "a b", "x" * 65, "ü", ""]:
        result = t.run("ingest", name, "--provider", "local", "--input", "sample.csv")
        result.expect(2, out="")
        contains(result.err, "is no name for a split")
    equal((t.dir / "cache").exists(), False, "a store is made")
    t.run("ingest", "A-z_0.9", "--provider", "local", "--input", "sample.csv").expect(0)
    t.run("ingest", "x" * 64, "--provider", "local", "--input", "sample.csv").expect(0)
    equal(sorted(p.name for p in t.dir.iterdir()), ["cache", "config.yaml", "sample.csv"], "files")


@case
def configuration_mistakes_name_file_line_and_the_likely_key(t):
    for mistake in ["embeding: {model: x}", "embedding:\n  dimension: 3",
                    "embedding: {batch_size: 0}",
                    "embedding: {provider: opnai}", "a: 1\na: 2", "seed: [1", "seed: -1",
                    "dataset: &x {name: a}\nother: *x", "embedding: {api_key: secret}",
                    "dataset: {splits: {a/b: {path: x}}}", "pricing: {models: {m: {sync: 1}}}",
                    "budget: {per_day_usd: -1}", "budget: {per_week_usd: 1}",
                    "doubt: {policy: ask}", "batch: {max_job_texts: 0}", "openai: {key: secret}"]:
        t.write("config.yaml", mistake + "\n")
        t.show("status").expect(2, out="")
    t.matches("configuration_mistakes")


@case
def json_is_one_document_also_when_it_fails(t):
    t.sample(3)
    local = ["--json", "ingest", "train", "--provider", "local", "--input", "sample.csv"]
    for words, code in [(["--json", "status"], 9), (local, 0), (local, 0),
                        (["--json", "plan", "train", "--provider", "local", "--input",
                          "sample.csv"], 0),
                        (["--json", "status"], 0), (["--json", "get", "train", "1", "2"], 0),
                        (["--json", "get", "train", "77"], 9), (["--json", "export", "train"], 0),
                        (["--json", "export", "train"], 0), (["--json", "export", "nope"], 9),
                        (["--json", "similar", "train", "1"], 0), (["get", "--json", "train"], 2),
                        (["--json", "ingest", "train", "--input", "none.csv"], 10),
                        (["--json", "ingest", "train", "--provider", "local", "--input",
                          "none.csv"], 2)]:
        document = t.run(*words).expect(code).json()
        equal("error" in document, code != 0, f"error in the answer of {words}")
        if code != 0:
            equal(sorted(document["error"]), ["code", "message"], "keys of the error")


@case
def json_is_one_document_also_for_a_mistyped_command_line(t):
    for words in [["--json"], ["--json", "ingets"], ["--json", "ingest", "--bogus"],
                  ["--json", "similar", "a", "b", "-k", "0"]]:
        contains(t.run(*words).expect(2).json()["error"]["code"], "invalid argument")


@case
def quiet_keeps_results_warnings_and_errors(t):
    t.write("rows.csv", "text\nfirst\n\"\"\nthird\n")
    local = ["--provider", "local", "--format", "csv", "--input", "rows.csv"]
    loud = t.run("ingest", "a", *local).expect(3)
    quiet = t.run("--quiet", "--store", "b", "ingest", "a", *local).expect(3)
    equal(t.normalise(quiet.out), t.normalise(loud.out), "stdout")
    contains(loud.err, "3 documents, 3 distinct texts")
    lacks(quiet.err, "distinct texts", "✅")
    contains(quiet.err, "⚠️ 1 texts are not sent (1 empty, 0 too long)")


@case
def there_are_no_control_characters_without_a_terminal(t):
    t.sample(300)
    for words in [["ingest", "train", "--provider", "local", "--input", "sample.csv"], ["status"],
                  ["get", "train", "1"], ["similar", "train", "1"], ["export", "train"]]:
        result = t.run(*words).expect(0)
        lacks(result.out + result.err, "\x1b", "\r")


@case
def a_terminal_gets_a_bar_and_colour_unless_told_otherwise(t):
    if not os.path.exists("/dev/ptmx") or not os.listdir("/dev/pts"):
        raise Skipped("this machine has no pseudo-terminals")
    t.sample(300)

    def stderr_on_a_terminal(*words, env=None):
        ours, theirs = os.openpty()
        process = subprocess.Popen([t.tools.embstore, *words, "--provider", "local", "--input",
                                    "sample.csv"], cwd=t.dir, env=t.environment(None, env),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=theirs)
        os.close(theirs)
        said = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # How a pseudo-terminal says that the other end is closed.
                break
            if not chunk:
                break
            said += chunk
        os.close(ours)
        equal(process.wait(60), 0, "exit code")
        return said.decode()

    contains(stderr_on_a_terminal("--store", "a", "ingest", "train"), "\x1b[36m", "█", "300/300",
             "ETA", "$0.0000")
    lacks(stderr_on_a_terminal("--store", "b", "ingest", "train", env={"NO_COLOR": "1"}),
          "\x1b[36m")
    lacks(stderr_on_a_terminal("--store", "c", "--no-color", "ingest", "train"), "\x1b[36m")
    lacks(stderr_on_a_terminal("--store", "d", "--quiet", "ingest", "train"), "\x1b", "█")


@case
def a_reader_that_leaves_early_is_no_crash(t):
    t.sample(300)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    ids = [str(i) for i in range(300)]
    for words in [["get", "train", *ids], ["get", "train", "--raw", *ids],
                  ["--json", "get", "train", *ids], ["similar", "train", "1", "-k", "299"]]:
        # A pipe whose reading end is closed before the command writes: what `| head -c1` does.
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([t.tools.embstore, *words], cwd=t.dir, env=t.environment(None, None),
                              stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE,
                              timeout=60)
        os.close(writing)
        equal((done.returncode, done.stderr), (-SIGPIPE, b""), f"end of {words[:3]}")


@case
def a_full_standard_output_is_reported(t):
    t.sample(3)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    for words in [["status"], ["--json", "status"], ["get", "train", "1"],
                  ["get", "train", "--raw", "1"], ["--json", "get", "train", "1"],
                  ["similar", "train", "1"], ["export", "train"],
                  ["plan", "train", "--provider", "local", "--input", "sample.csv"],
                  ["ingest", "train", "--provider", "local", "--input", "sample.csv"]]:
        cannot_write(t, words)


@case
def help_into_a_full_standard_output_is_reported(t):
    for words in [["--help"], ["--version"], ["ingest", "--help"]]:
        cannot_write(t, words)


def cannot_write(t, words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([t.tools.embstore, *words], cwd=t.dir, stdin=subprocess.DEVNULL,
                              env=t.environment(None, None), stdout=full, stderr=subprocess.PIPE,
                              timeout=60)
    equal(done.returncode, 7, f"exit code of {words}")
    contains(done.stderr.decode(), "cannot write to standard output: No space left on device")


@case
def a_stop_signal_while_nothing_runs_for_long_is_no_crash(t):
    t.sample(3)
    running = t.start("get", "train", "--stdin", stdin=subprocess.PIPE)
    running.signal(SIGTERM)
    check(running.finish(10).code in (-15, 130), "SIGTERM did not end it")
