# SPDX-License-Identifier: Apache-2.0
import embstore

from measuring.embedder import BATCH, DIMENSIONS, TooManyRequests
from rivals.rival import Rival as Base


class Rival(Base):
    title = "embstore"
    packages = ("embstore",)
    durability = "every batch synced (fdatasync) before it counts"

    def ingest(self, documents, embed):
        def call(texts):
            try:
                return embed(texts)
            except TooManyRequests as error:
                raise embstore.RateLimited(str(error)) from error

        provider = embstore.from_function(call, model="free", dimensions=DIMENSIONS,
                                          batch_size=BATCH, price=embed.price)
        with embstore.open(self.directory, read_only=False) as store:
            store.ingest("s", documents.path, provider, format="csv", id_field="id",
                         retry_wait=0.1)

    def _split(self):
        return embstore.open(self.directory).split("s")

    def vectors(self, documents):
        return self._split().vectors(normalize=False, missing="nan")

    def export(self, documents, path):
        self._split().export(path.parent)

    def open_lookup(self, documents):
        split = self._split()
        return split.get, split.get
