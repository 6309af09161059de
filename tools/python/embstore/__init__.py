# SPDX-License-Identifier: Apache-2.0
"""embstore: an embedded storage engine and vector cache for text embeddings.

    import embstore

    with embstore.open("data/embeddings") as store:
        split = store.split("test")
        vectors = split.vectors()      # float32 (N, D)
        labels = split.labels          # int64 (N,)
        vector = split.get("17")       # float32 (D,)
"""

from ._embstore import version as __version__
from .errors import (BudgetReached, Cancelled, Corruption, Error, Held, Incompatible, InDoubt,
                     InvalidArgument, InvalidReply, Locked, NotFound, PermissionDenied,
                     ProviderError, QuotaExhausted, RateLimited, Refused, Rejected, Unavailable,
                     WriteFailed)
from .ingest import BatchCounts, IngestPlan, IngestReport, Progress
from .providers import Provider, from_function, gemini, local, openai
from .split import Split
from .store import Store, open
from .types import Document, ExportReport, Hit, Matches, Space

__all__ = [
    "BatchCounts", "BudgetReached", "Cancelled", "Corruption", "Document", "Error",
    "ExportReport", "Held", "Hit", "InDoubt", "Incompatible", "IngestPlan", "IngestReport",
    "InvalidArgument", "InvalidReply", "Locked", "Matches", "NotFound", "PermissionDenied",
    "Progress", "Provider", "ProviderError", "QuotaExhausted", "RateLimited", "Refused",
    "Rejected", "Space", "Split", "Store", "Unavailable", "WriteFailed", "__version__",
    "from_function", "gemini", "local", "open", "openai",
]
