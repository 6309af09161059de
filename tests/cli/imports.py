# SPDX-License-Identifier: Apache-2.0
"""Imports of files that other tools wrote; tests/data/import/make_fixtures says how."""

import hashlib

from files import read_npy, same_rows
from harness import PROJECT
from paid import TEXTS

FIXTURES = PROJECT / "tests/data/import"
MADE_UP = TEXTS[:12]


def made_up(text):
    """As make_fixtures does it."""
    return [byte / 128 - 1 for byte in hashlib.sha256(text.encode()).digest()[:8]]


def foreign(t, *words, store="cache", code=0, documents=12):
    """Imports into a space of 8 dimensions from a file of the folder of fixtures."""
    t.sample(documents)
    words = [FIXTURES / word[1:] if str(word).startswith("@") else word for word in words]
    return t.run("--json", "--store", store, "import", "s", "--input", "sample.csv", "--provider",
                 "openai", "--model", "made-up", "--dimensions", 8, *words).expect(code)


def has(t, texts, store="cache"):
    """Exactly these texts have a vector, and the right one."""
    t.run("--store", store, "export", "s", "--no-normalize", "--missing", "skip").expect(0)
    same_rows(read_npy(t.dir / store / "s_embeddings.npy").rows(), [made_up(x) for x in texts])


def counts(result, *keys):
    report = result.json()
    return [report[key] for key in keys or ("matched", "unmatched_rows", "missing", "conflicting")]
