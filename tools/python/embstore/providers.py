# SPDX-License-Identifier: Apache-2.0
"""Where vectors come from: a Python function, the built-in model, Gemini, servers like OpenAI's."""

from __future__ import annotations

import os
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _embstore
from .arguments import usd, whole_number
from .errors import Error, PermissionDenied

EmbedFunction = Callable[[List[str]], ArrayLike]


class Provider:
    """A model that turns texts into vectors. Made by `local`, `gemini`, `openai`, `from_function`."""

    def __init__(self, native: _embstore.Provider, price: Optional[Any] = None) -> None:
        self._native = native
        self._price = usd("price", price)

    @property
    def name(self) -> str:
        return self._native.name

    @property
    def model(self) -> str:
        return self._native.model

    @property
    def dimensions(self) -> int:
        return self._native.dimensions

    @property
    def task_type(self) -> str:
        """ "" where the model has none."""
        return self._native.task_type

    @property
    def paid(self) -> bool:
        """Whether calls are written down in the ledger before they are made."""
        return self._native.paid

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts` as the model gives them: float32 (len(texts), D). Stores nothing.

        One attempt, outside of the ledger. To pay once for each text, use `Store.ingest`.
        """
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        native, failure = self._for_run()
        try:
            native.embed(list(texts), rows)
        except BaseException:
            if failure.error is not None:
                raise failure.error
            raise
        return rows

    def __repr__(self) -> str:
        return f"<embstore.Provider {self.name}: {self.model}, {self.dimensions} dimensions>"

    def _for_run(self) -> Tuple[_embstore.Provider, Failure]:
        """What the engine calls in one run, and where a failed call of it leaves its exception."""
        return self._native, Failure()


class Failure:
    """The first exception of a function that ended a run."""

    error: Optional[BaseException] = None


class _FunctionProvider(Provider):
    def __init__(self, function: EmbedFunction, arguments: Tuple[Any, ...],
                 price: Optional[Any]) -> None:
        self._function = function
        self._arguments = arguments
        super().__init__(self._for_run()[0], price)

    def _for_run(self) -> Tuple[_embstore.Provider, Failure]:
        failure = Failure()

        def call(texts: List[str]) -> NDArray[np.float32]:
            try:
                return _as_rows(self._function(texts), len(texts), dimensions)
            except BaseException as error:
                if not isinstance(error, Error) and failure.error is None:
                    failure.error = error
                raise

        dimensions = self._arguments[1]
        return _embstore.make_function(call, *self._arguments), failure


def _as_rows(answer: ArrayLike, n: int, dimensions: int) -> NDArray[np.float32]:
    rows = np.ascontiguousarray(answer, dtype=np.float32)
    if rows.shape != (n, dimensions):
        raise ValueError(f"the function answered an array of shape {rows.shape} for {n} texts, "
                         f"not ({n}, {dimensions})")
    return rows


def from_function(function: EmbedFunction, *, model: str, dimensions: int, task_type: str = "",
                  batch_size: int = 100, concurrency: int = 1, price: Optional[Any] = None
                  ) -> Provider:
    """A provider that calls `function(texts)`, list[str] -> anything of shape (len(texts), D).

        embstore.from_function(model.encode, model="all-MiniLM-L6-v2", dimensions=384)

    `model` names the vectors in the store: give another model another name. `batch_size`: texts of
    one call, at most. `concurrency`: calls at the same time, from different threads. `price`: USD for
    a million tokens; calls then go through the ledger as those of the built-in providers do, so that
    none is paid twice unnoticed.

    An exception of `function` ends the run and comes out of `Store.ingest`; what was stored stays
    stored. Exceptions of embstore are acted upon instead; see `embstore.Error`.
    """
    return _FunctionProvider(
        function, (model, whole_number("dimensions", dimensions, least=1), task_type,
                   whole_number("batch_size", batch_size, least=1),
                   whole_number("concurrency", concurrency, least=1), price is not None), price)


def local(*, seed: int = 42, dimensions: int = 768) -> Provider:
    """The built-in model: offline, free, deterministic; for trying things."""
    return Provider(_embstore.make_local(seed, whole_number("dimensions", dimensions)))


def _key(given: Optional[str], variable: str) -> str:
    return given if given is not None else os.environ.get(variable, "")


def gemini(*, api_key: Optional[str] = None, model: str = "gemini-embedding-001",
           dimensions: int = 768, task_type: str = "CLUSTERING", base_url: str = "",
           texts_per_minute: Optional[int] = None, tokens_per_minute: Optional[int] = None,
           timeout: float = 120, ca_file: str = "", proxy: str = "") -> Provider:
    """Google's Gemini API. The key is `api_key`, or GEMINI_API_KEY of the environment.

    The quotas are those of your account; None: those of Tier 1 at Google's own address. `timeout`
    counts seconds. PermissionDenied: no key.
    """
    key = _key(api_key, "GEMINI_API_KEY")
    if not key:
        raise PermissionDenied("no API key; nothing was sent. Give api_key=, or put your key into "
                               "the environment as GEMINI_API_KEY "
                               "(https://aistudio.google.com/apikey)")
    return Provider(_embstore.make_gemini(
        key, model, whole_number("dimensions", dimensions), base_url, tokens_per_minute, timeout,
        ca_file, proxy, task_type, texts_per_minute))


def openai(*, api_key: Optional[str] = None, model: str = "text-embedding-3-small",
           dimensions: int = 768, base_url: str = "", send_dimensions: bool = True,
           batch_size: int = 100, requests_per_minute: Optional[int] = None,
           tokens_per_minute: Optional[int] = None, timeout: float = 120, ca_file: str = "",
           proxy: str = "", allow_plain_http: bool = False) -> Provider:
    """Any server with OpenAI's /v1/embeddings: OpenAI itself, Ollama, llama.cpp, TEI, vLLM.

    The key is `api_key`, or OPENAI_API_KEY of the environment; a loopback `base_url` needs none.
    `send_dimensions`: off for models of one size, which refuse the field.
    """
    return Provider(_embstore.make_openai(
        _key(api_key, "OPENAI_API_KEY"), model, whole_number("dimensions", dimensions), base_url,
        tokens_per_minute, timeout, ca_file, proxy, send_dimensions,
        whole_number("batch_size", batch_size, least=1), requests_per_minute, allow_plain_http))
