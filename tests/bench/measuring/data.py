# SPDX-License-Identifier: Apache-2.0
"""The documents that everybody gets: one CSV file with a header and the fields id and text."""

import csv
import gzip
import pathlib
import random


class Documents:
    """A file of documents. `rows` reads it as a user of a Python library would."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._rows = None

    @property
    def rows(self):
        if self._rows is None:
            with open(self.path, encoding="utf-8", newline="") as file:
                reader = csv.reader(file)
                next(reader)
                self._rows = [(id, text) for id, text in reader]
        return self._rows

    @property
    def texts(self):
        return [text for _, text in self.rows]


def write_rows(file, rows):
    writer = csv.writer(file)
    writer.writerow(("id", "text"))
    writer.writerows(rows)


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        write_rows(file, rows)
    return Documents(path)


def read_ag_news(path):
    """The texts of a file in the form of AG News, plain or gzip."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return [f"{title} {description}" for _, title, description in csv.reader(file)]


def numbered(texts):
    return [(f"d{i:07}", text) for i, text in enumerate(texts)]


def with_duplicates(rows, share, seed=1):
    """As many rows, of which `share` repeat an earlier text under another id, near and far."""
    chosen = random.Random(seed)
    made = list(rows)
    for i in chosen.sample(range(1, len(rows)), int(len(rows) * share)):
        near = chosen.random() < 0.5  # Most likely inside one batch.
        made[i] = (made[i][0], made[max(0, i - 1 if near else chosen.randrange(i))][1])
    return made


def changed(rows, share, seed=2):
    """The same rows, of which `share` have a new text."""
    chosen = random.Random(seed)
    made = list(rows)
    count = max(1, int(len(rows) * share))
    for i in chosen.sample(range(len(rows)), count):
        made[i] = (made[i][0], made[i][1] + " (changed)")
    return made, count


def edited(rows):
    """One text changed, one row added in the middle, one removed, one moved: two texts are new."""
    made = list(rows)
    made[1] = (made[1][0], made[1][1] + " (edited)")
    made.insert(len(made) // 2, ("added", "a document that nobody has seen before"))
    del made[len(made) // 4]
    made.append(made.pop(len(made) // 3))
    return made
