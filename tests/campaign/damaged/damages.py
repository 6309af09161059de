# SPDX-License-Identifier: Apache-2.0
"""What can befall the files of a cache directory."""

import pathlib
import re
import shutil

PAGE = 4096
FOOTER = 53  # Bytes at the end of a RocksDB table.
FAMILIES = ("meta", "spaces", "index", "vectors", "texts", "splits", "documents", "document_ids",
            "failures", "runs", "sketches", "default")
OF_ROCKSDB = {"MANIFEST": "manifest", "CURRENT": "current", "OPTIONS": "options",
              "IDENTITY": "identity", "LOG": "notes"}
OF_EXPORTS = {"train_embeddings.npy": "npy", "train_labels.npy": "labels",
              "train_documents.jsonl": "documents", "train_metadata.json": "metadata",
              "train_embeddings.arrow": "arrow", "train_embeddings.arrow.json": "metadata"}


def kind_of(path):
    """Of a file, or nothing where damage is without a meaning."""
    if path.suffix == ".sst":
        return "table of " + family_of(path)
    if path.parent.name == "store":
        return "log" if path.suffix == ".log" else OF_ROCKSDB.get(path.name.split("-")[0])
    if path.parent.name == "jobs":
        return "quarantine" if path.name.startswith("request-") else \
            None if path.name.startswith("reserve-") else "job"
    if path.name.startswith(".checkpoint"):
        return "checkpoint"
    return "ledger" if path.name == "ledger" else OF_EXPORTS.get(path.name)


def family_of(table):
    """By the properties at its end."""
    end = table.read_bytes()[-4000:]
    names = [name for name in FAMILIES if b"name" + name.encode() in end]
    return max(names, key=len, default="?")


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def targets(cache):
    """The files of each kind."""
    found = {}
    for path in files_of(cache):
        kind = kind_of(path)
        if kind is not None and path.stat().st_size > 0:
            found.setdefault(kind, []).append(path)
    return found


def flip(path, chance):
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    while path.suffix == ".sst" and at >= len(content) - FOOTER and content[at] == 0:
        at = chance.randrange(len(content))  # Zeros that fill a footer up say nothing.
    content[at] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def page(path, chance):
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content)) // PAGE * PAGE
    content[at:at + PAGE] = bytes(len(content[at:at + PAGE]))
    path.write_bytes(content)


def cut(path, chance):
    content = path.read_bytes()
    path.write_bytes(content[:chance.randrange(len(content))])


def delete(path, chance):
    del chance
    path.unlink()


def swap(path, chance):
    """With another table file; an export with that of the same name in the other directory."""
    others = path.parent.glob("*.sst") if path.suffix == ".sst" else \
        [path.parent.parent / "exports" / path.name]
    content = path.read_bytes()
    others = [other for other in sorted(others)
              if other.exists() and other.read_bytes() != content]
    if others:
        other = chance.choice(others)
        path.write_bytes(other.read_bytes()), other.write_bytes(content)


def old(path, chance):
    """Last week's copy; of what has its number in its name, last week's last one."""
    del chance
    copy = pathlib.Path(str(path).replace("/cache/", "/week/"))
    if not copy.exists() and path.parent.name == "store" and path.suffix != ".sst":
        form = re.sub(r"\d+", "*", path.name)
        copy = max(copy.parent.glob(form), default=copy)
    if copy.exists():
        shutil.copy(copy, path)


def lose_part(cache, part, has_old):
    """The store as a whole, or the ledger: gone, or as it was last week."""
    path, copy = cache / part, cache.parent / "week" / part
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if has_old:
        (shutil.copytree if copy.is_dir() else shutil.copy)(copy, path)


DAMAGES = {"flip": flip, "page": page, "cut": cut, "delete": delete, "swap": swap, "old": old}
FIGURES = {"flip": "flips", "page": "pages", "cut": "cuts", "delete": "deletions",
           "swap": "swaps", "old": "old copies"}
