# SPDX-License-Identifier: Apache-2.0
"""What a rival can be asked to do."""

import hashlib
import pathlib

import numpy as np

from measuring.embedder import BATCH, DIMENSIONS


def key_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def batches(items, size=BATCH):
    return (items[at:at + size] for at in range(0, len(items), size))


class DoesNotDoThis(Exception):
    """The rival has nothing like it; the reason is the text."""


class Rival:
    """A store in a directory. Each process makes one and calls one of its operations.

    `title`, `packages` and `durability` are for the table.
    """

    title = ""
    packages = ()
    durability = ""
    starts_threads = False  # On import, so that the import has to come after a fork.

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def ingest(self, documents, embed):
        """Stores the vectors that are missing. What it returns may be anything."""
        raise NotImplementedError

    def vectors(self, documents):
        """float32 (N, 768) in the order of the documents; NaN where there is none."""
        raise NotImplementedError

    def export(self, documents, path):
        np.save(path, self.vectors(documents))

    def open_lookup(self, documents):
        """A function from an id to a vector, and one from many ids to an array."""
        raise NotImplementedError

    def close(self):
        """After ingest."""


def rows_by_key(documents, found):
    """The rows in document order, of a map from key_of(text) to a vector."""
    rows = np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
    for i, (_, text) in enumerate(documents.rows):
        vector = found.get(key_of(text))
        if vector is not None:
            rows[i] = vector
    return rows


def missing_texts(documents, known):
    """Each distinct text whose key is not in `known`, as {key: text}, in order."""
    wanted = {}
    for _, text in documents.rows:
        key = key_of(text)
        if key not in known:
            wanted[key] = text
    return wanted
