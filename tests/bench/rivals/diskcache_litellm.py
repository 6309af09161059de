# SPDX-License-Identifier: Apache-2.0
import hashlib
import time

import diskcache
import numpy as np

from measuring.embedder import DIMENSIONS
from rivals.rival import Rival as Base, batches


def key_of(text):
    return hashlib.sha256(f"model: freedimensions: {DIMENSIONS}input: {text}".encode()).hexdigest()


class Rival(Base):
    """LiteLLM's disk cache. Newer versions of LiteLLM have none any more ("the disk cache backend was
    removed"), so this calls diskcache as those did that had one: one key and one dictionary a text.
    Its limit of 1 GB, beyond which it drops entries, is raised as its documentation says."""

    title = "diskcache as LiteLLM had it"
    packages = ("diskcache",)
    durability = "one SQLite transaction a text, synced at checkpoints of its log only"

    def _open(self):
        return diskcache.Cache(str(self.directory), size_limit=1 << 40)

    def ingest(self, documents, embed):
        with self._open() as cache:
            missing = {}
            for text in documents.texts:
                key = key_of(text)
                if key not in missing and cache.get(key) is None:
                    missing[key] = text
            for batch in batches(list(missing.items())):
                rows = embed([text for _, text in batch])
                for i, ((key, _), row) in enumerate(zip(batch, rows)):
                    cache.set(key, {"timestamp": time.time(), "response": {
                        "embedding": row.tolist(), "index": i, "object": "embedding",
                        "model": "free"}})

    def vectors(self, documents):
        rows = np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
        with self._open() as cache:
            for i, text in enumerate(documents.texts):
                held = cache.get(key_of(text))
                if held is not None:
                    rows[i] = held["response"]["embedding"]
        return rows

    def open_lookup(self, documents):
        cache = self._open()
        texts = dict(documents.rows)

        def get(id):
            return np.array(cache.get(key_of(texts[id]))["response"]["embedding"], np.float32)
        return get, lambda ids: np.stack([get(id) for id in ids])
