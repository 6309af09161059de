# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import embstore

PROJECT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "tests/data/wordnet/sample.csv"
COMMAND = os.environ["EMBSTORE_COMMAND"]
SIMULATOR = os.environ["EMBSTORE_SIMULATOR"]
SECONDS = 60
DIMENSIONS = 4


def vector_of(text):
    """Any vector that depends on the text, not of unit length."""
    codes = [ord(letter) for letter in text]
    return [len(text), sum(codes) % 97 + 1, codes[0], codes[-1]]


class Model:
    """A function for embstore.from_function that writes down what it was asked."""

    def __init__(self, act=None):
        self.calls = []
        self._act = act  # Called with the number of the call and its texts, before they are answered.

    def __call__(self, texts):
        self.calls.append(list(texts))
        if self._act is not None:
            self._act(len(self.calls), texts)
        return [vector_of(text) for text in texts]

    @property
    def texts(self):
        return [text for call in self.calls for text in call]

    def provider(self, **more):
        more = {"model": "test", "dimensions": DIMENSIONS, **more}
        return embstore.from_function(self, **more)


class StoreCase(unittest.TestCase):
    """A directory for a store, and texts to put into it."""

    TEXTS = [f"text number {i} of them" for i in range(50)]

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="embstore_python_"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.path = self.directory / "store"

    def writer(self, **more):
        store = embstore.open(self.path, read_only=False, **more)
        self.addCleanup(store.close)
        return store

    def reader(self):
        store = embstore.open(self.path)
        self.addCleanup(store.close)
        return store

    def fill(self, texts=None, split="s", **more):
        """Ingests with a Model and answers its vectors, as the model gave them."""
        texts = self.TEXTS if texts is None else texts
        with embstore.open(self.path, read_only=False) as store:
            store.ingest(split, texts, Model().provider(), check_pairing=False, **more)
        return np.array([vector_of(text) for text in texts], dtype=np.float32)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def run_python(code, *arguments, **more):
    """Runs a program that imports embstore, and answers what it printed; it must end well."""
    result = subprocess.run([sys.executable, "-B", "-c", code, *map(str, arguments)],
                            capture_output=True, text=True, timeout=SECONDS, **more)
    if result.returncode != 0:
        raise AssertionError(f"exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


class Simulator:
    """embstore-simulator with some flags, until the end of a with block."""

    def __init__(self, *flags):
        self._process = subprocess.Popen(
            [SIMULATOR, "--max-seconds", "120", "--batch-seconds", "0.2", *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = self._process.stdout.readline().decode().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
