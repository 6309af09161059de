# SPDX-License-Identifier: Apache-2.0
"""Running an ingest: the engine works in a thread, the caller's thread hears of it."""

from __future__ import annotations

import atexit
import dataclasses
import logging
import os
import queue
import threading
from typing import (TYPE_CHECKING, Any, Callable, Dict, Iterable, Optional, Sequence, Set, Tuple,
                    Union)

from . import _embstore
from .arguments import UINT64_MAX, usd, wait_seconds, whole_number
from .errors import InvalidArgument
from .providers import Provider

if TYPE_CHECKING:
    from .types import Id, Label

_log = logging.getLogger("embstore")


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far an ingest is."""

    texts_done: int  #: Embedded or failed in this run.
    texts_total: int  #: Texts that this run embeds.
    batches_done: int
    tokens: int
    cost_usd: float


@dataclasses.dataclass(frozen=True)
class BatchCounts:
    """Requests, or batch jobs."""

    total: int
    successful: int
    failed: int  #: No answer after all retries, or refused.
    skipped: int  #: The answer was invalid, so nothing of it was stored.


@dataclasses.dataclass(frozen=True)
class IngestPlan:
    """What an ingest would do. Texts are counted once, documents are rows."""

    documents: int
    unique_documents: int
    duplicates: int
    cached: int
    in_jobs: int  #: In batch jobs that are not collected yet.
    in_doubt: int  #: Of to_embed: may have been paid for already.
    to_embed: int
    too_long: int
    empty: int
    batches: int
    tokens: int  #: Estimated.
    cost_usd: float


@dataclasses.dataclass(frozen=True)
class IngestReport:
    """How an ingest went: the keys of `embstore --json ingest`.

    unique_documents = cached + embedded + failed + skipped + in_jobs + not reached.
    """

    split: str
    documents: int
    unique_documents: int
    cached: int
    embedded: int
    failed: int  #: Refused by the provider, or lost with their batch.
    skipped: int  #: Never sent: empty or too long.
    in_jobs: int  #: Left in batch jobs, to be collected by the same call later.
    held: int  #: Not sent, because they may have been paid for already.
    in_doubt_texts: int  #: Sent by requests whose answer was lost.
    kept_texts: int  #: Paid for when the disk failed; the next open for writing stores them.
    in_doubt_usd: float
    batches: BatchCounts
    api_calls: int
    tokens: int
    tokens_estimated: bool
    estimated_cost_usd: float
    elapsed_seconds: float
    mean_batch_seconds: float
    space: str
    complete: bool  #: Every document has a vector.

    @classmethod
    def _of(cls, values: Dict[str, Any]) -> IngestReport:
        return cls(**{**values, "batches": BatchCounts(**values["batches"])})


Documents = Union[str, "os.PathLike[str]", Iterable[str]]


def make_dataset(documents: Documents, ids: Optional[Sequence[Id]],
                 labels: Optional[Sequence[Label]], format: Optional[str],
                 text_fields: Sequence[str], id_field: str, label_field: str
                 ) -> _embstore.Dataset:
    """A file where `documents` is a path, else the texts themselves."""
    if isinstance(documents, (str, os.PathLike)):
        if ids is not None or labels is not None:
            raise InvalidArgument("ids and labels come with texts; a file has id_field and "
                                  "label_field")
        if format is None:
            raise InvalidArgument("which format has the file? Give format='csv' (with a header), "
                                  "'jsonl' or 'ag_news'")
        return _embstore.make_file_dataset(os.fspath(documents), format, list(text_fields), id_field,
                                           label_field)
    texts = list(documents)
    id_list = None if ids is None else [str(id) for id in ids]
    label_list = None if labels is None else [None if label is None else str(label)
                                              for label in labels]
    for name, values in (("ids", id_list), ("labels", label_list)):
        if values is not None and len(values) != len(texts):
            raise InvalidArgument(f"{len(values)} {name} for {len(texts)} texts")
    return _embstore.make_memory_dataset(texts, id_list, label_list)


def make_options(provider: Provider, *, mode: Optional[str], max_cost: Optional[Any],
                 check_pairing: Optional[bool], retry_wait: float, wait: bool, refresh: bool,
                 limit: int, **counts: int) -> Dict[str, Any]:
    if mode not in (None, "sync", "batch"):
        raise InvalidArgument(f"mode is 'sync' or 'batch', not {mode!r}")
    has_jobs = provider._native.has_batch_jobs
    return {**{name: whole_number(name, value) for name, value in counts.items()},
            "limit": whole_number("limit", limit, most=UINT64_MAX), "wait": wait,
            "refresh": refresh, "retry_wait": wait_seconds("retry_wait", retry_wait),
            "batch_jobs": has_jobs if mode is None else mode == "batch",
            "max_cost": usd("max_cost", max_cost), "price": provider._price,
            "check_pairing": provider.name != "local" if check_pairing is None else check_pairing}


EngineCall = Callable[[_embstore.Provider, _embstore.StopFlag, Callable[[str, Any], None]],
                      Tuple[Dict[str, Any], Optional[Exception]]]


class _Run:
    """One call of the engine in a thread of its own, so that the caller's can be interrupted."""

    def __init__(self, call: EngineCall, provider: Provider) -> None:
        self._call = call
        self._stop = _embstore.StopFlag()
        self._events: queue.SimpleQueue[Tuple[str, Any]] = queue.SimpleQueue()
        self._provider, self._failure = provider._for_run()
        self._thread = threading.Thread(target=self._work, name="embstore-ingest", daemon=True)

    def _put(self, kind: str, what: Any) -> None:
        self._events.put((kind, what))

    def _work(self) -> None:
        try:
            self._put("done", self._call(self._provider, self._stop, self._put))
        except BaseException as error:
            self._put("raised", error)

    def stop(self) -> None:
        """Sends nothing new and waits for what is in flight, which is stored."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def run(self, progress: Optional[Callable[[Progress], None]]) -> IngestReport:
        _running.add(self)
        try:
            self._thread.start()
            return self._wait(progress)
        finally:
            self.stop()
            _running.discard(self)

    def _wait(self, progress: Optional[Callable[[Progress], None]]) -> IngestReport:
        interruption: Optional[BaseException] = None
        while True:
            try:
                kind, what = self._events.get()
                if kind == "progress" and progress is not None and interruption is None:
                    progress(Progress(**what))
            except BaseException as error:  # Ctrl-C, or the caller's function raised.
                interruption = interruption or error
                self._stop.set()
                continue
            if kind == "warning":
                _log.warning("%s", what)
            elif kind == "notice":
                _log.info("%s", what)
            elif kind == "raised":
                raise interruption or what
            elif kind == "done":
                return self._finish(what, interruption)

    def _finish(self, what: Tuple[Dict[str, Any], Optional[Exception]],
                interruption: Optional[BaseException]) -> IngestReport:
        values, outcome = what
        report = IngestReport._of(values)
        error = interruption or (outcome and self._failure.error) or outcome
        if error is None:
            return report
        error.report = report  # type: ignore[attr-defined]
        raise error


_running: Set[_Run] = set()


@atexit.register
def _stop_all() -> None:
    """Before the interpreter ends, no thread of the engine may call it any more."""
    for run in list(_running):
        run.stop()


def run_engine(call: EngineCall, provider: Provider,
               progress: Optional[Callable[[Progress], None]] = None) -> IngestReport:
    """`call` with the provider; its report, or the exception that ended it."""
    return _Run(call, provider).run(progress)
