# SPDX-License-Identifier: Apache-2.0
"""Opening a store."""

from __future__ import annotations

import os
import pathlib
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from . import _embstore
from .errors import InvalidArgument
from .split import PathLike, Space, Split
from .status import collect_status


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

    def close(self) -> None:
        """Waits for calls of other threads, then closes. Everything acknowledged is safe anyway."""
        self._native.close()

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
              task_type: Optional[str] = None) -> Split:
        """A split. NotFound: there is none of this name; the message lists those there are.

        Where it has vectors of several models, sizes or tasks, the other arguments choose.
        """
        return Split(self, name, model, dimensions, task_type)

    def spaces(self) -> List[Space]:
        """All spaces."""
        return [Space._of(space) for space in self._native.spaces()]

    def status(self) -> Dict[str, Any]:
        """What is stored and what it cost: the document that `embstore --json status` prints."""
        return collect_status(self._native)
