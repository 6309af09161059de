# SPDX-License-Identifier: Apache-2.0
import hashlib

import lmdb
import numpy as np

from measuring.embedder import DIMENSIONS
from rivals.rival import Rival as Base, batches


def key_of(text):
    return hashlib.sha256(text.encode()).digest()


class Rival(Base):
    """A user's own cache in LMDB: key -> vector and id -> key, one synced transaction a batch."""

    title = "own script on LMDB"
    packages = ("lmdb",)
    durability = "every batch synced"

    def _open(self, **how):
        self._database = lmdb.open(str(self.directory), map_size=1 << 36, max_dbs=2, **how)
        return (self._database, self._database.open_db(b"vectors"),
                self._database.open_db(b"ids"))

    def ingest(self, documents, embed):
        database, vectors, ids = self._open()
        keys = [key_of(text) for text in documents.texts]
        with database.begin(db=vectors) as read:
            missing = {}
            for key, (_, text) in zip(keys, documents.rows):
                if key not in missing and read.get(key) is None:
                    missing[key] = text
        for batch in batches(list(missing.items())):
            rows = np.asarray(embed([text for _, text in batch]), np.float32)
            with database.begin(write=True, db=vectors) as write:
                for (key, _), row in zip(batch, rows):
                    write.put(key, row.tobytes())
        with database.begin(write=True, db=ids) as write:
            for (id, _), key in zip(documents.rows, keys):
                if write.get(id.encode()) != key:
                    write.put(id.encode(), key)

    def vectors(self, documents):
        database, vectors, _ = self._open(readonly=True)
        rows = np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
        with database.begin(db=vectors, buffers=True) as read:
            for i, text in enumerate(documents.texts):
                held = read.get(key_of(text))
                if held is not None:
                    rows[i] = np.frombuffer(held, np.float32)
        return rows

    def open_lookup(self, documents):
        database, vectors, ids = self._open(readonly=True)
        read = database.begin(buffers=True)

        def get(id):
            key = read.get(id.encode(), db=ids)
            return np.frombuffer(read.get(key, db=vectors), np.float32).copy()
        return get, lambda wanted: np.stack([get(id) for id in wanted])
