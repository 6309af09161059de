# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as exceptions, named by what the caller would do next."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Type


class Error(Exception):
    """Base of all errors of embstore.

    `code` is the word that the command's JSON has for it; `report` says how the run went for errors
    that ended an ingest. A provider of your own may raise any of these: `Unavailable`,
    `RateLimited` and `InDoubt` are retried, `Rejected` finds the bad text by halving the batch,
    `InvalidReply` skips the batch, all others end the run.
    """

    code = "internal error"
    report: Optional[Any] = None
    retry_after: float = 0.0  #: Seconds to wait before asking again; 0: not said.

    def __init__(self, message: str = "", *, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgument(Error, ValueError):
    """Bad usage or input: change it and call again."""

    code = "invalid argument"


class NotFound(Error, KeyError):
    """No such document, split or vector. `ids` has those of the documents, where there are some."""

    code = "not found"

    def __init__(self, message: str = "", *, ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.ids = list(ids)


class Corruption(Error):
    """Stored bytes do not match their checksum: stop, restore a backup."""

    code = "corruption"


class Incompatible(Error):
    """Written by a newer or foreign version: use that version."""

    code = "incompatible version"


class Locked(Error):
    """Another process has the store open for writing: wait for it, or open it for reading."""

    code = "locked"


class WriteFailed(Error):
    """No space, read-only, or another write error: free space, call again."""

    code = "write failed"


class Held(Error):
    """Paid, or possibly paid: nothing more is sent until a person decides (`embstore jobs`)."""

    code = "held"


class BudgetReached(Error):
    """The next request would cost more than allowed."""

    code = "budget reached"


class Cancelled(Error):
    """The caller asked to stop."""

    code = "cancelled"


class ProviderError(Error):
    """The embedding model or its server could not answer."""

    code = "unavailable"


class Unavailable(ProviderError):
    """The network or the server failed for now: retry."""


class RateLimited(ProviderError):
    """Asked too fast: wait, then retry."""

    code = "rate limited"


class InvalidReply(ProviderError):
    """The provider answered something that must not be stored."""

    code = "invalid reply"


class InDoubt(ProviderError):
    """A request died under way: it may have been billed."""

    code = "in doubt"


class Refused(ProviderError):
    """The provider says no, and will say so again."""

    code = "rejected"


class QuotaExhausted(Refused):
    """A daily quota or the account's credit is used up: go on later."""

    code = "quota exhausted"


class PermissionDenied(Refused):
    """The key is missing, wrong or not allowed: fix it."""

    code = "permission denied"


class Rejected(Refused):
    """The server refuses this very input: leave it out or change it."""


_BY_CODE: Dict[str, Type[Error]] = {
    kind.code: kind
    for kind in (InvalidArgument, NotFound, Corruption, Incompatible, Locked, WriteFailed, Held,
                 BudgetReached, Cancelled, Unavailable, RateLimited, InvalidReply, InDoubt,
                 QuotaExhausted, PermissionDenied, Rejected)
}


def make(code: str, message: str, ids: Sequence[str] = ()) -> Error:
    """The exception of a code. For the engine's side of the package."""
    kind = _BY_CODE.get(code, Error)
    return kind(message, ids=ids) if kind is NotFound else kind(message)
