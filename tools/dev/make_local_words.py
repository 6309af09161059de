#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes engine/provider/local_words.cc from WordNet 3.0's data files.

usage: make_local_words.py WORDNET_DIR OUTPUT   (needs numpy and scipy)

Weight of a word: how rare it is among the glosses. Topic code: the left singular vectors of the
words' positive pointwise mutual information over synsets, whitened, centred, two bits each.
"""
import collections
import math
import re
import sys

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

WORDS = 8000
DIMENSIONS = 32
MAX_WEIGHT = 63
CAP = 0.75  # A word in 17 of 117,659 glosses; rarer words weigh no more.
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LOW = """a about above after again against all almost along already also although always am among an
and another any are around as at away back be became because become been before began being below
between both but by came can cannot come comes could day days did do does doing done down due during
each either else end even ever every few first five following for former found four from further
gave get gets getting give given go goes going gone good got had has have having he her here hers
herself high him himself his how however i if in instead into is it its itself just keep kept know
known last late later least less like likely little long look made make makes making man many may me
meanwhile men might more most much must my myself near nearly need never new next nine no nor not
nothing now of off often old on once one only or other others our ours out over own part people per
put quite rather re said same saw say saying says second see seen set seven several she should since
six so some something soon still such take taken takes taking ten than that the their theirs them
themselves then there these they thing things third this those though three through thus time times
to today together told tomorrow tonight too took toward two under until up upon us use used using
very want was way we week weeks well went were what when where whether which while who whole whom
whose why will with within without won would year years yes yesterday yet you your yours january
february march april june july august september october november december jan feb mar apr jun jul
aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri
sat sun ve ll don didn doesn isn wasn weren http www com org net href html""".split()


def read_synsets(directory):
    synsets = {}
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(f"{directory}/data.{part}", encoding="latin1"):
            if line.startswith("  "):
                continue
            head, gloss = line.split("| ", 1)
            field = head.split()
            count = int(field[3], 16)
            lemmas = [field[4 + 2 * i].lower().replace("_", " ") for i in range(count)]
            at = 4 + 2 * count
            pointers = [(field[at + 1 + 4 * i], field[at + 3 + 4 * i].replace("s", "a"),
                         field[at + 2 + 4 * i]) for i in range(int(field[at]))]
            synsets[field[2].replace("s", "a"), field[0]] = (lemmas, pointers, gloss.lower())
    return synsets


def words_of(text):
    return re.findall(r"[a-z]+", text)


def main(directory, output):
    synsets = read_synsets(directory)
    gloss_df = collections.Counter()
    for _, _, gloss in synsets.values():
        gloss_df.update(set(words_of(gloss)))
    total = len(synsets)

    def rarity(word, cap):
        return min(math.log((total + 1) / (gloss_df.get(word, 0) + 1)) / math.log(total), cap)

    bags = []
    for lemmas, pointers, gloss in synsets.values():
        bag = collections.Counter(set(words_of(gloss)))
        for lemma in lemmas:
            for word in words_of(lemma):
                bag[word] += 2
        for symbol, part, offset in pointers:
            if symbol[0] in "@;" and (part, offset) in synsets:
                for lemma in synsets[part, offset][0]:
                    for word in words_of(lemma):
                        bag[word] += 2 if symbol[0] == ";" else 1
        bags.append(bag)

    df = collections.Counter()
    for bag in bags:
        df.update(bag.keys())
    index = {word: i for i, word in enumerate(sorted(w for w, c in df.items() if c >= 4))}
    rows, columns, values = [], [], []
    for i, bag in enumerate(bags):
        for word, count in bag.items():
            if word in index:
                rows.append(i)
                columns.append(index[word])
                values.append(math.sqrt(count) * max(0.0, rarity(word, 1.0) - 0.3))
    counts = sp.csr_matrix((np.array(values), (rows, columns)), shape=(len(bags), len(index)))
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
    counts = sp.diags(1 / np.maximum(lengths, 1e-9)) @ counts
    pairs = (counts.T @ counts).tocoo()
    sums = np.asarray(pairs.sum(1)).ravel()
    information = np.log(pairs.data * sums.sum() / (sums[pairs.row] * sums[pairs.col]))
    keep = information > 0
    matrix = sp.csr_matrix((information[keep], (pairs.row[keep], pairs.col[keep])), pairs.shape)
    left, singular, _ = svds(matrix, k=DIMENSIONS, random_state=0)
    left = left[:, np.argsort(-singular)]
    left *= np.sign(left[np.abs(left).argmax(0), np.arange(DIMENSIONS)])

    low = set(LOW)
    ranked = sorted(((-c, w) for w, c in gloss_df.items() if w in index and len(w) >= 3))
    words = [w for _, w in ranked[:WORDS] if w not in low]
    topics = left[[index[w] for w in words]]
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    weight = np.array([math.sqrt(gloss_df[w]) * rarity(w, CAP) for w in words])
    topics -= (topics * (weight / weight.sum())[:, None]).sum(0)
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    large = np.abs(topics) >= 0.98 / math.sqrt(DIMENSIONS)
    codes = (topics < 0) * 1 + large * 2

    entries = []
    for word, code in sorted(zip(words, codes)):
        level = round(rarity(word, CAP) / CAP * MAX_WEIGHT)
        bits = sum(int(c) << (2 * i) for i, c in enumerate(code))
        entries.append(ALPHABET[level]
                       + "".join(ALPHABET[(bits >> (6 * i)) & 63] for i in range(11)) + word)
    with open(output, "w") as out:
        write(out, sorted(low), entries)


def write_literal(out, words, width=96):
    line = ""
    for word in words:
        if len(line) + len(word) + 1 > width - 4:
            out.write(f'    "{line}"\n')
            line = ""
        line += word + " "
    out.write(f'    "{line}";\n')


HEADER = """// SPDX-License-Identifier: Apache-2.0
// Word weights and topic codes of the local provider. Generated by tools/dev/make_local_words.py
// from WordNet 3.0; the format is described in local_words.h.
//
// WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.
// THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS
// OR WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY
// MAKES NO REPRESENTATIONS OR WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE
// OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD
// PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS.
// The name of Princeton University or Princeton may not be used in advertising or publicity
// pertaining to distribution of the software and/or database. Title to copyright in this software,
// database and any associated documentation shall at all times remain with Princeton University
// and LICENSEE agrees to preserve same.
#include "engine/provider/local_words.h"

namespace embstore {

// clang-format off
"""


def write(out, low, entries):
    out.write(HEADER)
    out.write("const std::string_view kCommonWords =\n")
    write_literal(out, low)
    out.write("\nconst std::string_view kTopicWords =\n")
    write_literal(out, entries)
    out.write("// clang-format on\n\n}  // namespace embstore\n")


main(*sys.argv[1:])
