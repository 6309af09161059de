# SPDX-License-Identifier: Apache-2.0
"""The rivals, one file each, and the worker that runs one operation of one of them as a process.

What a rival leaves to its user is done by its file as a careful user would: distinct texts once,
order by id, the .npy file.
"""

import importlib

# embstore goes first; then the order of the tables.
NAMES = ("embstore_python", "lancedb_add", "lancedb_merge", "llm_collection", "diskcache_litellm",
         "langchain_files", "llamaindex_pipeline", "numpy_script", "lmdb_script")


def load(name):
    """The class of a rival."""
    return importlib.import_module("rivals." + name).Rival


def make(name, directory):
    """One that is ready to work in `directory`."""
    rival = load(name)(directory)
    rival.load()
    return rival
