# SPDX-License-Identifier: Apache-2.0
"""The embedder that everybody gets: free, deterministic, cheap, and able to misbehave.

A vector is two windows into two tables of random numbers, chosen by a hash of the text: unit length,
about 2 microseconds a text, and different for different texts.
"""

import os
import signal

import numpy as np

from measuring.billing import digest

DIMENSIONS = 768
BATCH = 100
_HALF = DIMENSIONS // 2
_ROWS = 2048


class TooManyRequests(Exception):
    """What an API's client raises for HTTP 429."""


class FreeEmbedder:
    """Called with a list of texts, answers float32 (len(texts), 768).

    bill: a file that gets the digest of every text that was sent, before the answer.
    kill_after: the process dies by SIGKILL at the call with which so many texts are passed.
    misbehave: the second call of the process answers wrongly; see _MISBEHAVIOUR.
    price: what it is said to cost; None: nothing. For who asks: no answer depends on it.
    """

    def __init__(self, bill=None, kill_after=0, misbehave="", base=None, price=None):
        self.price = price
        self._bill = os.open(bill, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if bill else None
        self._kill_after = kill_after
        self._misbehave = misbehave
        self._base = base or _Tables().vectors
        self._calls = 0
        self.texts = 0

    def __call__(self, texts):
        self._calls += 1
        self.texts += len(texts)
        if self._misbehave == "429" and self._calls == 2:
            raise TooManyRequests("HTTP 429")
        if self._bill is not None:
            os.write(self._bill, b"".join(map(digest, texts)))
        if self._kill_after and self.texts >= self._kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        vectors = self._base(texts)
        if self._misbehave and self._calls == 2:
            return _MISBEHAVIOUR[self._misbehave](vectors.copy())
        return vectors


class _Tables:
    def __init__(self):
        random = np.random.default_rng(7)
        windows = []
        for _ in range(2):
            table = random.standard_normal((_ROWS, _HALF), dtype=np.float32)
            table /= np.linalg.norm(table, axis=1, keepdims=True) * np.sqrt(np.float32(2))
            windows.append(np.lib.stride_tricks.sliding_window_view(
                np.concatenate([table, table], axis=1), _HALF, axis=1))
        self._windows = windows

    def vectors(self, texts):
        numbers = np.frombuffer(b"".join(map(digest, texts)), np.uint32).reshape(-1, 2)
        made = np.empty((len(texts), DIMENSIONS), np.float32)
        for half in range(2):
            row, shift = numbers[:, half] % _ROWS, numbers[:, half] // _ROWS % _HALF
            made[:, half * _HALF:(half + 1) * _HALF] = self._windows[half][row, shift]
        return made


def _with_first(value):
    def change(vectors):
        vectors[len(vectors) // 2, 0] = value
        return vectors
    return change


def _zero(vectors):
    vectors[len(vectors) // 2] = 0
    return vectors


_MISBEHAVIOUR = {
    "permuted": lambda vectors: np.roll(vectors, 1, axis=0),
    "one too few": lambda vectors: vectors[1:],
    "one too many": lambda vectors: np.concatenate([vectors[:1], vectors]),
    "one for all": lambda vectors: vectors[:1],
    "repeated": lambda vectors: np.repeat(vectors[:1], len(vectors), axis=0),
    "NaN": _with_first(np.nan),
    "zero vector": _zero,
    "wrong size": lambda vectors: vectors[:, :-1],
}
