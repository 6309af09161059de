# SPDX-License-Identifier: Apache-2.0
import hashlib
import json

import numpy as np

from measuring.embedder import DIMENSIONS
from rivals.rival import DoesNotDoThis, Rival as Base, batches


class Rival(Base):
    """The script that people write: embed all by the hundred, keep them in a list, save at the end.

    A second run uses the file if it was made of the same documents.
    """

    title = "script with numpy.save"
    packages = ("numpy",)
    durability = "one file at the end, never synced"

    @property
    def _array(self):
        return self.directory / "embeddings.npy"

    @property
    def _metadata(self):
        return self.directory / "metadata.json"

    @staticmethod
    def _fingerprint(documents):
        return hashlib.sha256(documents.path.read_bytes()).hexdigest()

    def ingest(self, documents, embed):
        self.directory.mkdir(parents=True, exist_ok=True)
        fingerprint = self._fingerprint(documents)
        if self._metadata.exists() and \
                json.loads(self._metadata.read_text())["documents"] == fingerprint:
            return
        distinct = list(dict.fromkeys(documents.texts))
        vectors = []
        for batch in batches(distinct):
            vectors.extend(embed(batch))
        places = {text: i for i, text in enumerate(distinct)}
        np.save(self._array, np.array([vectors[places[text]] for text in documents.texts],
                                      np.float32))
        self._metadata.write_text(json.dumps({"documents": fingerprint}))

    def vectors(self, documents):
        if not self._array.exists():
            return np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
        return np.load(self._array)

    def export(self, documents, path):
        raise DoesNotDoThis("its store is the .npy file")

    def open_lookup(self, documents):
        rows = np.load(self._array, mmap_mode="r")
        places = {id: i for i, (id, _) in enumerate(documents.rows)}
        return (lambda id: np.array(rows[places[id]]),
                lambda ids: rows[[places[id] for id in ids]])
