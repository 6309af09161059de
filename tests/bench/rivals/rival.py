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

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def load(self):
        """Imports what starts threads, and so may only be imported after a fork."""

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


def missing_texts(documents, known):
    """Each distinct text whose key is not in `known`, as {key: text}, in order."""
    wanted = {}
    for _, text in documents.rows:
        key = key_of(text)
        if key not in known:
            wanted[key] = text
    return wanted
