# SPDX-License-Identifier: Apache-2.0
import numpy as np
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_classic.storage import LocalFileStore
from langchain_core.embeddings import Embeddings

from measuring.embedder import BATCH, DIMENSIONS
from rivals.rival import Rival as Base, batches


class Model(Embeddings):
    def __init__(self, embed):
        self._embed = embed

    def embed_documents(self, texts):
        made = []
        for batch in batches(texts):
            made += self._embed(batch).tolist()
        return made

    def embed_query(self, text):
        return self.embed_documents([text])[0]


class Rival(Base):
    """CacheBackedEmbeddings over a LocalFileStore, written by the hundred: its `batch_size`."""

    title = "LangChain cache"
    packages = ("langchain-classic", "langchain-core")
    durability = "one file a vector, never synced"

    def _cache(self, embed=None):
        return CacheBackedEmbeddings.from_bytes_store(
            Model(embed), LocalFileStore(self.directory), namespace="free-768", batch_size=BATCH,
            key_encoder="sha256")

    def ingest(self, documents, embed):
        # The answers are the vectors; here they only have to be in the store.
        self._cache(embed).embed_documents(list(dict.fromkeys(documents.texts)))

    def vectors(self, documents):
        held = self._cache().document_embedding_store.mget(documents.texts)
        rows = np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
        for i, vector in enumerate(held):
            if vector is not None:
                rows[i] = vector
        return rows

    def open_lookup(self, documents):
        store = self._cache().document_embedding_store
        texts = dict(documents.rows)
        return (lambda id: np.array(store.mget([texts[id]])[0], np.float32),
                lambda ids: np.array(store.mget([texts[id] for id in ids]), np.float32))
