# SPDX-License-Identifier: Apache-2.0
"""The values that reading hands out."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import List, NamedTuple, Optional, Union

import numpy as np
from numpy.typing import NDArray

from . import _embstore

Id = Union[str, int]
Label = Union[int, str, None]
PathLike = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class Document:
    """One row of a split."""

    position: int  #: Its row in every array and export of the split.
    id: str  #: The decimal position where the source has no ids.
    label: Label  #: int where it is written as one.
    text: Optional[str]  #: None where the store was made with `store_texts=False`.


@dataclasses.dataclass(frozen=True)
class Space:
    """The vectors of one model, number of dimensions and task type."""

    id: str
    provider: str
    model: str
    dimensions: int
    task_type: str  #: "" where the model has none.

    def __str__(self) -> str:
        task = f", {self.task_type}" if self.task_type else ""
        return f"{self.model} ({self.dimensions} dimensions{task})"

    @classmethod
    def _of(cls, info: _embstore.SpaceInfo) -> Space:
        return cls(info.id, info.provider, info.model, info.dimensions, info.task_type)


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What `Split.export` did."""

    path: pathlib.Path  #: Of the file with the vectors; the others lie beside it.
    rows: int
    dimensions: int
    missing: int  #: Documents without a vector.
    missing_ids: List[str]  #: The first few of them.
    unchanged: bool  #: The files were there already and were left alone.


@dataclasses.dataclass(frozen=True)
class Hit:
    """A document that was found."""

    position: int
    id: str
    score: float  #: Cosine.
    label: Label
    text: Optional[str]  #: None where the store has no texts.


class Matches(NamedTuple):
    """What many queries found, best first; where there are fewer than k: NaN and -1."""

    scores: NDArray[np.float32]  #: (Q, k), cosines.
    positions: NDArray[np.int64]  #: (Q, k), rows of the split.
