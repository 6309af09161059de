# SPDX-License-Identifier: Apache-2.0
"""Opening a store."""

from __future__ import annotations

import json
import os
import pathlib
import threading
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from . import _embstore
from .errors import InvalidArgument, NotFound
from .ingest import (Documents, IngestPlan, IngestReport, Progress, make_dataset, make_options,
                     run_engine)
from .providers import Provider
from .split import Split
from .types import Id, Label, PathLike, Space


def open(path: PathLike = "data/embeddings", *, read_only: bool = True, create: bool = True,
         store_texts: bool = True, new_ledger: bool = False,
         block_cache_bytes: int = 32 << 20) -> Store:
    """Opens the cache directory `path`, the same that `embstore --store` names.

    For reading it can be open any number of times, beside a writer too; it then shows the moment at
    which it was opened (`Store.refresh` goes on to the present one). With `read_only=False` one
    process at a time may `ingest`; it makes a new store where there is none, if `create` is on.

    NotFound: no store there. Locked: another process writes. Corruption: damaged, or older than its
    ledger. `store_texts` and `new_ledger` are those of the command.
    """
    native = _embstore.OpenStore.open(os.fspath(path), read_only, create, store_texts, new_ledger,
                                      block_cache_bytes)
    return Store(native)


class Store:
    """A durable map from texts to vectors, and the document lists of splits. Made by `open`.

    Safe for use by several threads. Calls of the engine let other Python threads run. It cannot be
    used in a process that was forked after it was opened; a store that is open for reading can be
    pickled, which opens it anew.
    """

    def __init__(self, native: _embstore.OpenStore) -> None:
        self._native = native
        self._epoch = 0  # Grows when the document lists may have changed.
        self._searchers: Dict[Tuple[str, str, bool], Tuple[Any, _embstore.Searcher]] = {}
        self._searchers_lock = threading.Lock()

    def close(self) -> None:
        """Waits for calls of other threads, then closes. Everything acknowledged is safe anyway."""
        self._native.close()
        self._searchers.clear()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "for reading" if self.read_only else "for writing"
        return f"<embstore.Store {str(self.path)!r}, {state}>"

    def __reduce__(self) -> Any:
        if not self.read_only:
            raise InvalidArgument("a store that is open for writing cannot be pickled")
        return (open, (os.fspath(self.path),))

    @property
    def path(self) -> pathlib.Path:
        return self._native.path

    @property
    def read_only(self) -> bool:
        return self._native.read_only

    @property
    def closed(self) -> bool:
        return self._native.closed

    @property
    def id(self) -> str:
        """32 hex digits, drawn when the store was made."""
        return self._native.id()

    def refresh(self) -> None:
        """Shows what other processes have committed up to now. Costs as much as opening it."""
        self._native.refresh()
        self._epoch += 1

    @property
    def splits(self) -> List[str]:
        """The names of all splits."""
        return [split.name for split in self._native.splits()]

    def split(self, name: str, *, model: Optional[str] = None, dimensions: Optional[int] = None,
              task_type: Optional[str] = None, keep_vectors: bool = False) -> Split:
        """A split. NotFound: there is none of this name; the message lists those there are.

        Where it has vectors of several models, sizes or tasks, the next three
        arguments choose. `keep_vectors`: once searched, keep all vectors in memory, 4 * D bytes each;
        otherwise only sketches, about D / 8 bytes.
        """
        return Split(self, name, model, dimensions, task_type, keep_vectors)

    def spaces(self) -> List[Space]:
        """All spaces."""
        return [Space._of(space) for space in self._native.spaces()]

    def status(self) -> Dict[str, Any]:
        """What is stored and what it cost: the document that `embstore --json status` prints."""
        status: Dict[str, Any] = json.loads(self._native.status_json())
        return status

    def ingest(self, split: str, documents: Documents, provider: Provider, *,
               ids: Optional[Sequence[Id]] = None, labels: Optional[Sequence[Label]] = None,
               format: Optional[str] = None, text_fields: Sequence[str] = ("text",),
               id_field: str = "", label_field: str = "", limit: int = 0,
               mode: Optional[str] = None, wait: bool = True, batch_size: int = 0,
               concurrency: int = 0, max_cost: Optional[Any] = None, refresh: bool = False,
               max_retries: int = 3, retry_wait: float = 4, check_pairing: Optional[bool] = None,
               progress: Optional[Callable[[Progress], None]] = None) -> IngestReport:
        """Makes `documents` the split, and has `provider` embed the texts that have no vector yet.

        `documents`: texts, with `ids` and `labels` as long as they, or the path of a file of
        `format` "csv" (with a header), "jsonl" or "ag_news", plain, gzip or zstd, with the names of
        its fields. Without ids, the id is the position.

        `mode`: "sync", or "batch" for batch jobs, at half the price (default where the provider has
        them; `wait=False` returns once they are submitted). `max_cost`: USD; the run ends before the
        request that could pass it. `batch_size`, `concurrency`: 0 is the provider's choice.
        `refresh`: embed (and pay) again. `retry_wait`: seconds before the first retry; doubles.
        `check_pairing`: whether answers seem to belong to their texts; off for the built-in model.
        `limit`: only the first documents.

        `progress` is called in this thread, with the newest state. Ctrl-C, or an exception of it,
        ends the run cleanly: what is in flight is awaited and stored, then the exception goes on. So
        it is with exceptions of a provider's function. The same call goes on where it ended. Errors
        that ended a run have its report as `report`. Warnings go to the logger "embstore".
        """
        dataset = make_dataset(documents, ids, labels, format, text_fields, id_field, label_field)
        options = make_options(provider, mode=mode, wait=wait, limit=limit, batch_size=batch_size,
                               concurrency=concurrency, max_cost=max_cost, refresh=refresh,
                               max_retries=max_retries, retry_wait=retry_wait,
                               check_pairing=check_pairing)
        try:
            return run_engine(
                lambda engine_provider, stop, put: self._native.ingest(
                    split, dataset, engine_provider, options, stop, put), provider, progress)
        finally:
            self._epoch += 1

    def embed(self, texts: Sequence[str], provider: Provider, *, normalize: bool = True,
              max_cost: Optional[Any] = None, max_retries: int = 3, retry_wait: float = 4
              ) -> NDArray[np.float32]:
        """Vectors of texts of no split, such as questions: float32 (len(texts), D).

        What the store has is not asked for again; the rest is embedded and stored, as by `ingest`.
        A store that is open for reading answers if it has all of them. NotFound: a text got no
        vector; the logger "embstore" heard why.
        """
        wanted = list(texts)
        rows = np.empty((len(wanted), provider.dimensions), dtype=np.float32)
        missing = len(wanted) - sum(self._lookup(provider, wanted, rows, normalize))
        if missing == 0:
            return rows
        if self.read_only:
            raise InvalidArgument(f"{missing} of {len(wanted)} texts have no vector yet, and the "
                                  "store is open for reading only: open it with read_only=False")
        options = make_options(provider, mode="sync", wait=True, limit=0, batch_size=0,
                               concurrency=0, max_cost=max_cost, refresh=False,
                               max_retries=max_retries, retry_wait=retry_wait, check_pairing=None)
        run_engine(lambda engine_provider, stop, put: self._native.embed_texts(
            wanted, engine_provider, options, stop, put), provider)
        found = self._lookup(provider, wanted, rows, normalize)
        if not all(found):
            text = wanted[found.index(False)]
            raise NotFound(f"{found.count(False)} of {len(wanted)} texts got no vector, the first "
                           f"is {text[:80]!r}")
        return rows

    def plan(self, split: str, documents: Documents, provider: Provider, *,
             ids: Optional[Sequence[Id]] = None, labels: Optional[Sequence[Label]] = None,
             format: Optional[str] = None, text_fields: Sequence[str] = ("text",),
             id_field: str = "", label_field: str = "", limit: int = 0,
             mode: Optional[str] = None, batch_size: int = 0, refresh: bool = False) -> IngestPlan:
        """What `ingest` would do and cost. Sends nothing and writes nothing."""
        dataset = make_dataset(documents, ids, labels, format, text_fields, id_field, label_field)
        options = make_options(provider, mode=mode, wait=True, limit=limit, batch_size=batch_size,
                               concurrency=0, max_cost=None, refresh=refresh, max_retries=3,
                               retry_wait=4, check_pairing=None)
        return IngestPlan(**self._native.plan(split, dataset, provider._native, options))

    def _lookup(self, provider: Provider, texts: List[str], rows: NDArray[np.float32],
                normalize: bool) -> List[bool]:
        return self._native.lookup(provider.model, provider.dimensions, provider.task_type, texts,
                                   rows, normalize)

    def _embed_queries(self, texts: List[str], provider: Provider) -> NDArray[np.float32]:
        """Free vectors are just made; those that cost money are stored, and paid for once."""
        if provider.paid:
            return self.embed(texts, provider)
        rows = np.empty((len(texts), provider.dimensions), dtype=np.float32)
        return rows if all(self._lookup(provider, texts, rows, True)) else provider.embed(texts)

    def _searcher(self, split: _embstore.SplitInfo, space: _embstore.SpaceInfo,
                  keep_vectors: bool) -> _embstore.Searcher:
        """Made once, and again when there are other documents or vectors."""
        key = (split.name, space.id, keep_vectors)
        with self._searchers_lock:
            version = (self._epoch, split.generation, self._native.commit_number())
            made_for, searcher = self._searchers.get(key, (None, None))
            if searcher is None or made_for != version:
                searcher = self._native.searcher(split, space, keep_vectors)
                self._searchers[key] = (version, searcher)
            return searcher
