# SPDX-License-Identifier: Apache-2.0
"""Reads what embstore writes, without any of its code."""

import array
import ast
import csv
import math
import pathlib
import struct
import sys

from harness import Failed, check, equal


class Npy:
    """A .npy file, read by hand."""

    def __init__(self, content):
        equal(content[:6], b"\x93NUMPY", "magic")
        equal(content[6:8], b"\x01\x00", "version")
        (length,) = struct.unpack("<H", content[8:10])
        self.header = content[10:10 + length].decode("ascii")
        self.data_at = 10 + length
        facts = ast.literal_eval(self.header)
        self.descr = facts["descr"]
        self.fortran = facts["fortran_order"]
        self.shape = facts["shape"]
        code = {"<f4": "f", "<i8": "q"}[self.descr]
        self.values = array.array(code)
        self.values.frombytes(content[self.data_at:])
        if sys.byteorder == "big":
            self.values.byteswap()
        equal(len(self.values), math.prod(self.shape), "numbers in the file")

    def rows(self):
        width = self.shape[1]
        return [self.values[at:at + width] for at in range(0, len(self.values), width)]


def read_npy(path):
    return Npy(pathlib.Path(path).read_bytes())


def npy(rows, descr="<f4", shape=None, version=1, fortran=False):
    """A .npy file, written by hand."""
    code, order = {"f4": "f", "f8": "d", "f2": "e"}[descr[1:]], descr[0]
    data = b"".join(struct.pack(f"{order}{len(row)}{code}", *row) for row in rows)
    shape = shape or (len(rows), len(rows[0]))
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


def wrong_rows(rows, expected, tolerance=1e-6):
    """The numbers of the rows that differ."""
    check(len(rows) == len(expected), f"{len(rows)} rows instead of {len(expected)}")
    return [at for at, (row, right) in enumerate(zip(rows, expected))
            if len(row) != len(right)
            or not all(abs(a - b) <= tolerance for a, b in zip(row, right))]


def same_rows(rows, expected, tolerance=1e-6):
    wrong = wrong_rows(rows, expected, tolerance)
    if wrong:
        raise Failed(f"{len(wrong)} of {len(rows)} rows are not what they should be: {wrong[:10]}")


def ag_news_texts(path):
    """The texts of a file in the form of AG News: title, space, description."""
    with open(path, newline="", encoding="utf-8") as file:
        return [f"{title} {description}" for _, title, description in csv.reader(file)]
