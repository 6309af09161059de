# SPDX-License-Identifier: Apache-2.0
"""Inputs made to exhaust: a gigabyte in one field, configurations that unfold, names that lead
elsewhere."""

import gzip
import shutil

from harness import Skipped, case, check, contains, equal

MEMORY = 700_000_000  # Of addresses; what the command maps without using it counts as well.


def in_bounded_memory(t):
    if shutil.which("prlimit") is None:
        raise Skipped("prlimit is not installed")
    under = ["prlimit", f"--as={MEMORY}"]
    t.write("small.csv", '"1","a","b"\n')
    if t.run("--store", "small", "ingest", "s", "--provider", "local", "--input", "small.csv",
             under=under).code != 0:
        raise Skipped("this build does not run with so few addresses (a sanitizer)")
    return under


def refused_in_bounded_memory(t, format, beginning, message):
    """`beginning`, and then a gigabyte without an end of line, a quote or a blank."""
    under = in_bounded_memory(t)
    t.write("a", gzip.compress(beginning) + 64 * gzip.compress(b"a" * (16 << 20)))
    result = t.run("ingest", "s", "--provider", "local", "--input", "a", "--format", format,
                   under=under).expect(2)
    contains(result.err, message)
    check(result.seconds < 20, f"it took {result.seconds:.1f} s")


@case
def a_csv_field_of_one_gigabyte_is_refused_in_bounded_memory(t):
    refused_in_bounded_memory(t, "ag_news", b'"1","a","b"\n"2","', "a:2: the record is longer than")


@case
def a_jsonl_line_of_one_gigabyte_is_refused_in_bounded_memory(t):
    refused_in_bounded_memory(t, "jsonl", b'{"text":"a"}\n{"text":"',
                              "a:2: the line is longer than")


@case
def a_gigabyte_of_open_arrays_is_refused_in_bounded_memory(t):
    under = in_bounded_memory(t)
    t.write("a.jsonl", gzip.compress(b'{"text":"a","more":' + b"[" * (8 << 20) + b"\n"))
    result = t.run("ingest", "s", "--provider", "local", "--input", "a.jsonl", "--format", "jsonl",
                   under=under).expect(2)
    contains(result.err, "a.jsonl:1: invalid JSON")


@case
def a_configuration_that_unfolds_or_nests_without_end_is_refused_at_once(t):
    bombs = {
        "aliases": "a: &a [x]\n" + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n"
            for i in range(20)),
        "lists": "[" * 100_000,
        "maps": "{a: " * 100_000,
        "blocks": "".join("  " * i + "a:\n" for i in range(500)),
        "dashes": "- " * 100_000,
        "keys": "".join(f"k{i}: 1\n" for i in range(100_000)),
        "a mebibyte": "#" * (1 << 20) + "x",
    }
    for name, yaml in bombs.items():
        t.write("config.yaml", yaml)
        result = t.run("status").expect(2)
        contains(result.err, "config.yaml")
        check(result.seconds < 10, f"{name} took {result.seconds:.1f} s")
        check(len(result.err) < 1000, f"{name}: a message of {len(result.err)} bytes")


@case
def names_that_lead_elsewhere_or_are_too_long_are_refused(t):
    t.write("a.csv", '"1","a","b"\n')
    before = sorted(path.name for path in t.dir.iterdir())
    for name in ["..", "../x", "/tmp/x", "a/b", ".hidden", "a b", "a\nb", "ä", "x" * 65, "x" * 300,
                 "", "a\\b", "con:"]:
        result = t.run("ingest", "--provider", "local", "--input", "a.csv", "--", name).expect(2)
        check("\n" not in result.err.strip(), f"more than one line about {name!r}")
        check(len(result.err) < 1000, f"a message of {len(result.err)} bytes about {name!r}")
    after = sorted(path.name for path in t.dir.iterdir() if path.name != "cache")
    equal(after, before, "files outside the store")
    # What begins with a dash is a flag, or behind "--" a bad name.
    t.run("ingest", "-x", "--provider", "local", "--input", "a.csv").expect(2)
    t.run("ingest", "--provider", "local", "--input", "a.csv", "--", "-x").expect(2)
