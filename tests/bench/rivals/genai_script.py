#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The script that people write: google-genai, a list, numpy.save.

Usage: genai_script DIR DOCUMENTS BASE_URL
"""

import csv
import pathlib
import sys

import numpy as np
from google import genai
from google.genai import types

BATCH = 100


def main():
    directory, documents, url = sys.argv[1:]
    with open(documents, encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    client = genai.Client(api_key="any-word", http_options=types.HttpOptions(base_url=url))
    config = types.EmbedContentConfig(task_type="CLUSTERING", output_dimensionality=768)
    distinct = list(dict.fromkeys(texts))
    vectors = {}
    for at in range(0, len(distinct), BATCH):
        batch = distinct[at:at + BATCH]
        reply = client.models.embed_content(model="gemini-embedding-001", contents=batch,
                                            config=config)
        for text, embedding in zip(batch, reply.embeddings, strict=True):
            vectors[text] = embedding.values
    rows = np.array([vectors[text] for text in texts], np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    np.save(pathlib.Path(directory) / "embeddings.npy", rows)


if __name__ == "__main__":
    main()
