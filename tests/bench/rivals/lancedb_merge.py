# SPDX-License-Identifier: Apache-2.0
from rivals.lancedb_add import Rival as Add


class Rival(Add):
    """The same, safe to repeat: what is there already is left alone."""

    title = "LanceDB merge_insert"

    def store(self, table, rows):
        table.merge_insert("key").when_not_matched_insert_all().execute(rows)
