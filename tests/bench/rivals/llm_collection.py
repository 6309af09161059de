# SPDX-License-Identifier: Apache-2.0
import llm
import numpy as np
import sqlite_utils

from measuring.embedder import BATCH, DIMENSIONS
from rivals.rival import Rival as Base


class Model(llm.EmbeddingModel):
    model_id = "free"
    batch_size = BATCH

    def __init__(self, embed):
        self._embed = embed

    def embed_batch(self, items):
        return (row.tolist() for row in self._embed(list(items)))


class Rival(Base):
    """`llm embed-multi` by its Python class: ids, texts' hashes and vectors in SQLite."""

    title = "llm embed-multi"
    packages = ("llm", "sqlite-utils")
    durability = "every batch synced (SQLite, rollback journal)"

    def _collection(self, embed=None):
        self.directory.mkdir(parents=True, exist_ok=True)
        database = sqlite_utils.Database(self.directory / "embeddings.db")
        return llm.Collection("s", database, model=Model(embed))

    def ingest(self, documents, embed):
        self._collection(embed).embed_multi(documents.rows, batch_size=BATCH)

    def vectors(self, documents):
        database = self._collection().db
        found = dict(database.execute(
            "select embeddings.id, embedding from embeddings join collections "
            "on collections.id = collection_id where name = 's'").fetchall())
        rows = np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
        for i, (id, _) in enumerate(documents.rows):
            if id in found:
                rows[i] = np.frombuffer(found[id], np.float32)
        return rows

    def open_lookup(self, documents):
        collection = self._collection()
        database, number = collection.db, collection.id

        def get(id):
            (held,), = database.execute(
                "select embedding from embeddings where collection_id = ? and id = ?",
                (number, id)).fetchall()
            return np.frombuffer(held, np.float32)

        return get, lambda ids: np.stack([get(id) for id in ids])
