#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clusters a split by k-means and compares the clusters with the labels.

Usage: cluster_ag_news.py CSV [--store DIR] [--vectors F16]

CSV is a file in AG News' format. Its texts are embedded by the built-in model, or by a function that
looks their vectors up in F16: float16 (documents, 512), in the order of the CSV.
"""

import argparse
import csv
import tempfile

import numpy as np
from sklearn.cluster import KMeans

import embstore

LOOKUP_DIMENSIONS = 512


def lookup(csv_path, vectors_path):
    """A provider that finds a text's vector in a file."""
    vectors = np.fromfile(vectors_path, dtype=np.float16).reshape(-1, LOOKUP_DIMENSIONS)
    with open(csv_path, encoding="utf-8", newline="") as file:
        row_of = {f"{title} {description}": row
                  for row, (_, title, description) in enumerate(csv.reader(file))}
    return embstore.from_function(lambda texts: vectors[[row_of[text] for text in texts]],
                                  model="use-lite", dimensions=LOOKUP_DIMENSIONS, batch_size=1000)


def purity(clusters, labels):
    """The share of documents whose label is the commonest one of their cluster."""
    labels = labels - labels.min()
    return sum(np.bincount(labels[clusters == cluster]).max()
               for cluster in np.unique(clusters)) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", metavar="CSV")
    parser.add_argument("--store", metavar="DIR", help="default: one that is thrown away")
    parser.add_argument("--vectors", metavar="F16")
    options = parser.parse_args()
    provider = lookup(options.csv, options.vectors) if options.vectors else embstore.local()
    with tempfile.TemporaryDirectory() as scratch:
        with embstore.open(options.store or scratch, read_only=False) as store:
            report = store.ingest("documents", options.csv, provider, format="ag_news")
            split = store.split("documents", model=provider.model)
            vectors, labels = split.memmap(), split.labels
        kinds = len(np.unique(labels))
        clusters = KMeans(kinds, n_init=3, random_state=0).fit_predict(vectors)
    print(f"{report.documents} documents, {report.embedded} embedded, {kinds} clusters")
    print(f"purity {purity(clusters, labels):.3f}")


if __name__ == "__main__":
    main()
