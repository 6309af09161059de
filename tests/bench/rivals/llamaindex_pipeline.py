# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import TextNode

from measuring.embedder import BATCH, DIMENSIONS
from rivals.rival import Rival as Base


class Model(BaseEmbedding):
    embed: Any = None

    def model_dump(self, **more):  # The function is no part of what the model is.
        more["exclude"] = {"embed"}
        return super().model_dump(**more)

    def _get_text_embeddings(self, texts):
        return self.embed(texts).tolist()

    def _get_text_embedding(self, text):
        return self._get_text_embeddings([text])[0]

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query):
        return self._get_query_embedding(query)


class Rival(Base):
    """IngestionPipeline with its cache, loaded before and persisted after the run."""

    title = "LlamaIndex pipeline"
    packages = ("llama-index-core",)
    durability = "one JSON file after the run, never synced"

    def _run(self, documents, embed):
        model = Model(embed=embed, model_name="free", embed_batch_size=BATCH)
        pipeline = IngestionPipeline(transformations=[model])
        if self.directory.exists():
            pipeline.load(str(self.directory))
        # Distinct texts: of several documents with one text the pipeline would embed each.
        first = {}
        for id, text in documents.rows:
            first.setdefault(text, id)
        nodes = pipeline.run(nodes=[TextNode(id_=id, text=text) for text, id in first.items()])
        return pipeline, {node.text: node.embedding for node in nodes}

    def ingest(self, documents, embed):
        pipeline, _ = self._run(documents, embed)
        self.directory.mkdir(parents=True, exist_ok=True)
        pipeline.persist(str(self.directory))

    def vectors(self, documents):
        def embed(texts):  # What the cache does not have is not there.
            return np.full((len(texts), DIMENSIONS), np.nan, np.float32)
        _, found = self._run(documents, embed)
        return np.array([found[text] for text in documents.texts], np.float32)

    def open_lookup(self, documents):
        rows = self.vectors(documents)  # It has no look-up by id: all of it is read into memory.
        places = {id: i for i, (id, _) in enumerate(documents.rows)}
        return (lambda id: rows[places[id]], lambda ids: rows[[places[id] for id in ids]])
