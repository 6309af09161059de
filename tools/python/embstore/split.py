# SPDX-License-Identifier: Apache-2.0
"""Reading a split: documents, vectors, exports."""

from __future__ import annotations

import operator
import os
from typing import (TYPE_CHECKING, Any, Callable, List, Optional, Sequence, Tuple, TypeVar, Union,
                    cast, overload)

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _embstore, providers
from .errors import Corruption, InvalidArgument, NotFound
from .providers import Provider
from .types import Document, ExportReport, Hit, Id, Label, Matches, PathLike, Space

if TYPE_CHECKING:
    from .store import Store

T = TypeVar("T")

_LOCAL_MODEL = "local-v1-seed"


def _is_one(ids: Union[Id, Sequence[Id]]) -> bool:
    return isinstance(ids, (str, int, np.integer, np.bool_))


def _integer_id(id: Any) -> str:
    if isinstance(id, (bool, np.bool_)):
        raise InvalidArgument(f"{id} is not the id of a document. Of a mask, np.flatnonzero has "
                              "the positions")
    return str(operator.index(id))


def _id_list(ids: Sequence[Id]) -> List[str]:
    return [id if isinstance(id, str) else _integer_id(id) for id in ids]


class Split:
    """A named, ordered list of documents and their vectors in one space.

    Made by `Store.split`. Safe for use by several threads, and usable as long as its store is open.
    After `Store.ingest` or `Store.refresh` it shows the new state.
    """

    def __init__(self, store: Store, name: str, model: Optional[str], dimensions: Optional[int],
                 task_type: Optional[str], keep_vectors: bool) -> None:
        self._store = store
        self._name = name
        self._wanted = (model, dimensions, task_type)
        self._keep_vectors = keep_vectors
        self._seen: Tuple[int, Optional[_embstore.SplitInfo]] = (-1, None)
        self._chosen: Tuple[int, Optional[_embstore.SpaceInfo]] = (-1, None)
        self._listed: Tuple[int, Tuple[List[str], List[Label]]] = (-1, ([], []))
        self._info()  # NotFound now, not later.

    @property
    def name(self) -> str:
        return self._name

    @property
    def store(self) -> Store:
        return self._store

    def __len__(self) -> int:
        """Documents."""
        return self._info().documents

    def __repr__(self) -> str:
        return f"<embstore.Split {self._name!r}: {len(self)} documents>"

    # Documents

    @property
    def ids(self) -> List[str]:
        """The ids of all documents, in order."""
        return list(self._lists()[0])

    @property
    def labels(self) -> Union[NDArray[np.int64], List[Label]]:
        """The labels of all documents, in order: int64 (N,) if all are integers, else a list."""
        labels = self._lists()[1]
        if labels and all(type(label) is int for label in labels):
            return np.array(labels, dtype=np.int64)
        return list(labels)

    def document(self, id: Id) -> Document:
        """A document with its text. NotFound: there is none with this id."""
        return self._documents([id])[0]

    def text(self, id: Id) -> str:
        """The text of a document. NotFound: no such document, or its text was not stored."""
        return self.texts([id])[0]

    def texts(self, ids: Optional[Sequence[Id]] = None) -> List[str]:
        """The texts of `ids`, or of all documents, in order. NotFound: as `text`."""
        if ids is None:
            texts = self._read(lambda info: self._store._native.texts(info))
        else:
            texts = [document.text for document in self._documents(ids)]
        if any(text is None for text in texts):
            raise NotFound(f"split '{self._name}': the store has no texts (store_texts was off)")
        return cast(List[str], texts)

    # Vectors

    @property
    def spaces(self) -> List[Space]:
        """The spaces that have vectors of this split."""
        return [Space._of(space) for space in self._native_spaces()]

    @property
    def space(self) -> Space:
        """The space whose vectors this split shows.

        NotFound: there is none, or none like the one that was asked for. InvalidArgument: there are
        several; choose by `Store.split(name, model=..., dimensions=..., task_type=...)`.
        """
        return Space._of(self._native_space())

    @overload
    def get(self, ids: Id, *, normalize: bool = ...) -> NDArray[np.float32]: ...

    @overload
    def get(self, ids: Sequence[Id], *, normalize: bool = ...,
            out: Optional[NDArray[np.float32]] = ...) -> NDArray[np.float32]: ...

    def get(self, ids: Any, *, normalize: bool = True,
            out: Optional[NDArray[np.float32]] = None) -> NDArray[np.float32]:
        """Vectors by document id: float32 (D,) for one id, float32 (len(ids), D) for several.

        Rows have unit length unless `normalize` is off; then they are as the provider returned
        them. `out` is float32 (len(ids), D) in C order and takes the rows in place of a new array.
        NotFound: a document or its vector is not there; `ids` of the error has which.
        """
        wanted = _id_list([ids] if _is_one(ids) else ids)
        space = self._native_space()
        rows = _rows(out, len(wanted), space.dimensions)
        self._read(lambda info: self._store._native.read_ids(info, space, wanted, rows, normalize))
        return rows[0] if _is_one(ids) else rows

    def vectors(self, *, normalize: bool = True, missing: str = "fail",
                out: Optional[NDArray[np.float32]] = None) -> NDArray[np.float32]:
        """The vectors of all documents, in order: float32 (N, D).

        `missing`: "fail" raises NotFound when a document has no vector, "nan" fills its row with
        NaN. `normalize` and `out` as for `get`. To share the array with other processes, or where it
        does not fit into memory, use `memmap`.
        """
        if missing not in ("fail", "nan"):
            raise InvalidArgument(f"missing is 'fail' or 'nan', not {missing!r}")
        space = self._native_space()

        def read(info: _embstore.SplitInfo) -> NDArray[np.float32]:
            rows = _rows(out, info.documents, space.dimensions)
            self._store._native.read_split(info, space, rows, normalize, missing == "nan")
            return rows

        return self._read(read)

    def export(self, directory: Optional[PathLike] = None, *, format: str = "npy",
               normalize: bool = True, missing: str = "fail", dimensions: int = 0,
               verify: bool = False) -> ExportReport:
        """Writes {name}_embeddings.npy, _documents.jsonl, _labels.npy and _metadata.json.

        `directory`: the store's, or one that exists. Files that are up to date are left alone.
        `format`: "npy", or "arrow" for {name}_embeddings.arrow with ids, labels, texts and vectors.
        `missing`: "fail", "skip" (leave the row out; the .jsonl says which rows there are) or "nan".
        `dimensions`: keep only the first so many of each vector. `verify`: read the files back.
        """
        return ExportReport(**self._read(lambda info: self._store._native.export(
            info.name, self._native_space(), os.fspath(directory or ""), format, missing,
            dimensions, normalize, verify)))

    def memmap(self, directory: Optional[PathLike] = None, *, normalize: bool = True,
               missing: str = "fail") -> NDArray[np.float32]:
        """The vectors of all documents as a read-only mapped file: float32 (N, D), in order.

        Exports first, which costs little when nothing changed. The mapped file stays valid when a
        later export takes its place. Arguments as for `export`.
        """
        report = self.export(directory, normalize=normalize, missing=missing)
        rows: NDArray[np.float32] = np.load(report.path, mmap_mode="r")
        return rows

    # Search

    def similar(self, id: Id, k: int = 10, *, min_score: Optional[float] = None,
                where: Optional[ArrayLike] = None, exclude_self: bool = True,
                exact: bool = False) -> List[Hit]:
        """The nearest documents of a document, by cosine, best first.

        Arguments as for `search`. NotFound: no such document, or it has no vector.
        """
        query = self.get(id)
        exclude = self.document(id).position if exclude_self else None
        return self._hits(query, k, min_score, where, exclude, exact)

    def search(self, query: Union[str, ArrayLike], k: int = 10, *,
               min_score: Optional[float] = None, where: Optional[ArrayLike] = None,
               exact: bool = False, provider: Optional[Provider] = None) -> List[Hit]:
        """The documents nearest to a text or to a vector, float (D,) of any length; best first.

        `min_score`: worse ones are left out. `where`: bool (N,), which documents may be found, such
        as `split.labels == 3`. `exact`: compare with every vector; otherwise a neighbour may be
        missed now and then, at a fraction of the time. `provider` embeds a text; it must have the
        model of the split's vectors, and the built-in one is found without asking. A text that costs
        money is stored and paid for once (`Store.embed`).

        The first search reads the vectors and keeps sketches of them for the next ones.
        """
        rows = self._queries([query] if isinstance(query, str) else np.asarray(query)[np.newaxis],
                             provider)
        return self._hits(rows[0], k, min_score, where, None, exact)

    def search_batch(self, queries: Union[Sequence[str], ArrayLike], k: int = 10, *,
                     min_score: Optional[float] = None, where: Optional[ArrayLike] = None,
                     exact: bool = False, provider: Optional[Provider] = None) -> Matches:
        """`search` for many texts or for vectors (Q, D) at once, answered as arrays (Q, k)."""
        rows = self._queries(queries, provider)
        return self._read(
            lambda info: self._matches(info, rows, k, min_score, where, None, exact))

    def _queries(self, queries: Any, provider: Optional[Provider]) -> NDArray[np.float32]:
        space = self._native_space()
        if isinstance(queries, str):
            raise InvalidArgument("search_batch takes a list of texts; search takes one")
        if len(queries) > 0 and all(isinstance(query, str) for query in queries):
            return self._store._embed_queries(list(queries), _provider_of(space, provider))
        rows = np.ascontiguousarray(queries, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != space.dimensions:
            raise InvalidArgument(f"vectors of {space.dimensions} dimensions are asked for, not an "
                                  f"array of shape {rows.shape}")
        return rows

    def _matches(self, info: _embstore.SplitInfo, queries: NDArray[np.float32], k: int,
                 min_score: Optional[float], where: Optional[ArrayLike], exclude: Optional[int],
                 exact: bool) -> Matches:
        if k < 1:
            raise InvalidArgument(f"k is at least 1, not {k}")
        shape = (len(queries), min(k, info.documents))
        found = Matches(np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.int64))
        mask = None if where is None else _mask(where, info.documents)
        searcher = self._store._searcher(info, self._native_space(), self._keep_vectors)
        searcher.search(queries, min_score, exclude, mask, exact, *found)
        return found

    def _hits(self, query: NDArray[np.float32], k: int, min_score: Optional[float],
              where: Optional[ArrayLike], exclude: Optional[int], exact: bool) -> List[Hit]:
        def search(info: _embstore.SplitInfo) -> List[Hit]:
            found = self._matches(info, query[np.newaxis], k, min_score, where, exclude, exact)
            positions = [position for position in found.positions[0].tolist() if position >= 0]
            documents = self._store._native.documents_at(info, positions)
            return [Hit(position, id, score, label, text)
                    for (position, id, label, text), score in zip(documents,
                                                                  found.scores[0].tolist())]

        return self._read(search)

    # The engine's side

    def _info(self) -> _embstore.SplitInfo:
        epoch = self._store._epoch
        seen, info = self._seen
        if info is None or seen != epoch:
            info = self._store._native.find_split(self._name)
            self._seen = (epoch, info)
        return info

    def _read(self, call: Callable[[_embstore.SplitInfo], T]) -> T:
        """`call` with the list of documents; again if another thread replaced the list meanwhile."""
        info = self._info()
        while True:
            try:
                return call(info)
            except (NotFound, Corruption):
                now = self._store._native.find_split(self._name)
                if now.generation == info.generation:
                    raise
                info = now

    def _lists(self) -> Tuple[List[str], List[Label]]:
        def read(info: _embstore.SplitInfo) -> Tuple[List[str], List[Label]]:
            generation, lists = self._listed
            if generation != info.generation:
                lists = self._store._native.list_split(info)
                self._listed = (info.generation, lists)
            return lists

        return self._read(read)

    def _documents(self, ids: Sequence[Id]) -> List[Document]:
        wanted = _id_list(ids)
        rows = self._read(lambda info: self._store._native.documents(info, wanted))
        return [Document(*row) for row in rows]

    def _native_spaces(self) -> List[_embstore.SpaceInfo]:
        return self._store._native.spaces_of(self._info())

    def _native_space(self) -> _embstore.SpaceInfo:
        epoch = self._store._epoch
        seen, space = self._chosen
        if space is None or seen != epoch:
            space = self._choose_space()
            self._chosen = (epoch, space)
        return space

    def _choose_space(self) -> _embstore.SpaceInfo:
        spaces = self._native_spaces()
        model, dimensions, task_type = self._wanted
        chosen = [space for space in spaces
                  if model in (None, space.model) and dimensions in (None, space.dimensions)
                  and task_type in (None, space.task_type)]
        if len(chosen) == 1:
            return chosen[0]
        there_are = "; ".join(str(Space._of(space)) for space in spaces)
        there_are = (f"split '{self._name}' has vectors of: {there_are}" if there_are else
                     f"split '{self._name}' has no vectors yet")
        if not chosen:
            raise NotFound(there_are)
        raise InvalidArgument(there_are + ". Choose one: store.split(name, model=..., "
                              "dimensions=..., task_type=...)")


def _rows(out: Optional[NDArray[np.float32]], n: int, dimensions: int) -> NDArray[np.float32]:
    if out is None:
        return np.empty((n, dimensions), dtype=np.float32)
    if (not isinstance(out, np.ndarray) or out.dtype != np.float32 or out.shape != (n, dimensions)
            or not out.flags.c_contiguous or not out.flags.writeable):
        raise InvalidArgument(f"out is not a writable float32 array of shape ({n}, {dimensions}) "
                              "in C order")
    return out


def _mask(where: ArrayLike, n: int) -> NDArray[np.bool_]:
    mask = np.ascontiguousarray(where)
    if mask.dtype != np.bool_:
        raise InvalidArgument(f"where is an array of {mask.dtype}, not of bool: positions are not "
                              "a mask. np.isin(np.arange(len(split)), positions) makes one of them")
    if mask.shape != (n,):
        raise InvalidArgument(f"where is one bool for each of {n} documents, not an array of shape "
                              f"{mask.shape}")
    return mask


def _provider_of(space: _embstore.SpaceInfo, provider: Optional[Provider]) -> Provider:
    """What embeds texts to be compared with the vectors of `space`."""
    if provider is None:
        seed = space.model[len(_LOCAL_MODEL):]
        if space.provider != "local" or not seed.isdigit():
            task = f" and task_type={space.query_task_type!r}" if space.query_task_type else ""
            raise InvalidArgument("to search by text, give the provider of the split's vectors, "
                                  f"with provider=: {space.model}, {space.dimensions} dimensions"
                                  + task)
        provider = providers.local(seed=int(seed), dimensions=space.dimensions)
    if (provider.model, provider.dimensions) != (space.model, space.dimensions):
        raise InvalidArgument(f"{provider} does not fit the split's vectors: {Space._of(space)}")
    return provider
