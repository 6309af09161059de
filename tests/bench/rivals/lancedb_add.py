# SPDX-License-Identifier: Apache-2.0
import importlib

import numpy as np

from measuring.embedder import DIMENSIONS
from rivals.rival import Rival as Base, batches, key_of, missing_texts


class Rival(Base):
    """A table {key, vector}; the keys are read once, what is missing is added by the hundred."""

    title = "LanceDB add"
    packages = ("lancedb", "pylance", "pyarrow")
    durability = "new files and a manifest a batch, never synced"

    def load(self):
        self._lancedb = importlib.import_module("lancedb")
        self._pa = importlib.import_module("pyarrow")

    def _open(self):
        pa = self._pa
        schema = pa.schema([("key", pa.string()),
                            ("vector", pa.list_(pa.float32(), DIMENSIONS))])
        database = self._lancedb.connect(self.directory)
        return database.create_table("vectors", schema=schema, exist_ok=True)

    def _known(self, table):
        """The column of keys alone, which LanceDB reads quickly."""
        if table.count_rows() == 0:
            return set()
        scan = table.search().select(["key"]).limit(table.count_rows()).to_arrow()
        return set(scan["key"].to_pylist())

    def ingest(self, documents, embed):
        table = self._open()
        missing = list(missing_texts(documents, self._known(table)).items())
        for batch in batches(missing):
            vectors = np.asarray(embed([text for _, text in batch]), np.float32)
            self.store(table, self._pa.table({
                "key": [key for key, _ in batch],
                "vector": self._pa.FixedSizeListArray.from_arrays(
                    self._pa.array(vectors.reshape(-1)), vectors.shape[1])}))

    def store(self, table, rows):
        table.add(rows)

    def vectors(self, documents):
        read = self._open().to_arrow().combine_chunks()
        rows = np.full((len(documents.rows), DIMENSIONS), np.nan, np.float32)
        if len(read) == 0:
            return rows
        column = read["vector"].chunk(0)
        held = column.flatten().to_numpy().reshape(-1, DIMENSIONS)
        places = {key: i for i, key in enumerate(read["key"].to_pylist())}
        places = [places.get(key_of(text), -1) for _, text in documents.rows]
        there = np.array(places) >= 0
        rows[there] = held[np.array(places)[there]]
        return rows

    def open_lookup(self, documents):
        table = self._open()
        table.optimize()
        table.create_scalar_index("key", replace=True)
        keys = {id: key_of(text) for id, text in documents.rows}

        def rows_of(wanted):
            quoted = ",".join(f"'{key}'" for key in wanted)
            found = table.search().where(f"key IN ({quoted})").limit(len(wanted)).to_arrow()
            return dict(zip(found["key"].to_pylist(),
                            found["vector"].combine_chunks().flatten().to_numpy()
                            .reshape(-1, DIMENSIONS)))

        def get(id):
            return rows_of([keys[id]])[keys[id]]

        def get_many(ids):
            found = rows_of({keys[id] for id in ids})
            return np.stack([found[keys[id]] for id in ids])
        return get, get_many
