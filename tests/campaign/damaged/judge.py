# SPDX-License-Identifier: Apache-2.0
"""What must hold with a damaged cache directory: of readers, `verify`, `ingest` and `recover`."""

import hashlib
import shutil

import paid
from damaged.damages import files_of
from damaged.paid_store import ALL, POSITIONS
from files import read_npy, wrong_rows
from harness import check
from paid import KEY, TOKENS
from simulator import sha256
from work import Broken, holds

# Where damage need not be noticed: nothing that is served or paid for rests on it.
HARMLESS = ("options", "identity", "notes", "checkpoint")
DAMAGED = 5


def said(result):
    return f"{result.line()}: exit {result.code}: {(result.err or result.out)[-600:]}"


def ends_in_order(result, *codes):
    """Not by a signal, and with one of these exit codes."""
    holds(result.code in codes, "other", said(result))
    holds(result.code == 0 or result.err.strip() or result.out.strip(), "other",
          f"no message: {said(result)}")
    return result


def digests(folder):
    """Of all files; the content of `lock` says only who wrote last."""
    return {str(path): b"" if path.name == "lock" else hashlib.sha256(path.read_bytes()).digest()
            for path in files_of(folder)}


class Judge:
    """Of one damaged copy of the store `made`, in the directory of `t`."""

    def __init__(self, t, made):
        self.t = t
        self.made = made
        self.refused = False  # A reader or `ingest` said that something is damaged.

    # Readers.

    def read(self):
        got = self.reader("get", "train", "--stdin", "--raw",
                          input="".join(f"{at}\n" for at in self.made.acknowledged).encode())
        if got.code == 0:
            right = b"".join(self.made.rows[at] for at in self.made.acknowledged)
            holds(got.raw == right, "wrong", "get serves other vectors")
        similar = self.reader("--json", "similar", "train", "5", "-k", 5)
        if similar.code == 0:
            holds(similar.out == self.made.similar, "wrong", f"similar: {similar.out}")
        self.look_at_rows(self.export((0, DAMAGED)))

    def reader(self, *words, **options):
        result = self.t.run(*words, **options)
        holds(result.code != 9, "lost", said(result))
        ends_in_order(result, 0, DAMAGED)
        self.refused |= result.code == DAMAGED
        return result

    def export(self, codes):
        (self.t.dir / "rows").mkdir(exist_ok=True)
        result = self.reader("export", "train", "--missing", "nan", "--output-dir", "rows")
        holds(result.code in codes, "other", said(result))
        if result.code != 0:
            return None
        return read_npy(self.t.dir / "rows/train_embeddings.npy").rows()

    def look_at_rows(self, rows, tolerance=0):
        """All that was acknowledged is there, and right; others are right, or not there."""
        if rows is None:
            return
        holds(len(rows) == ALL, "lost", f"{len(rows)} rows of {ALL}")
        there = [at for at, row in enumerate(rows) if row[0] == row[0]]
        if tolerance:
            same = [at for at in there if at in self.made.rows]
            wrong = wrong_rows([rows[at] for at in same], [self.made.right[at] for at in same],
                               tolerance)
        else:
            wrong = [at for at in there
                     if rows[at].tobytes() != self.made.rows.get(at, rows[at].tobytes())]
        wrong += [at for at in there if at not in self.made.rows and
                  wrong_rows([rows[at]], [self.made.right[at]], 1e-5)]
        holds(not wrong, "wrong", f"{len(wrong)} rows: {wrong[:10]}")
        lost = set(self.made.acknowledged) - set(there)
        holds(not lost, "lost", f"{len(lost)} rows without an error: {sorted(lost)[:10]}")
        self.there = there

    # Damage is named.

    def verify(self):
        report = ends_in_order(self.t.run("--json", "verify", "--output-dir", "exports"), 0,
                               DAMAGED).json()
        named = [(damage["kind"], damage["where"], damage["what"]) for damage in report["damaged"]]
        holds(report["ok"] == (not named), "other", f"verify: {report}")
        return named

    # Money.

    def ingest(self, *codes):
        """Answers its exit code, and the documents whose texts were billed."""
        before = len(self.made.server.billed())
        words = paid.words(self.made.server, "--no-wait", mode="sync")
        result = ends_in_order(self.t.run(*words, key=KEY), *codes)
        self.refused |= result.code == DAMAGED
        return result, [POSITIONS[text] for text in self.made.server.billed()[before:]]

    def ingest_buys_nothing(self):
        result, billed = self.ingest(0, 4, DAMAGED)
        self.bills("ingest", billed, 0, result)
        holds(result.code == DAMAGED or result.code == self.made.ingest_code, "other",
              said(result))
        return result.code

    def bills(self, what, billed, texts, result):
        holds(len(billed) <= texts, "doubled",
              f"{what} billed {len(billed)} texts: {sorted(billed)[:10]}; {said(result)}")
        holds(len(billed) == texts, "lost",
              f"{what} billed {len(billed)} texts of {texts}; {said(result)}")

    # Recovery.

    def recover(self, *words):
        result = ends_in_order(self.t.run("--json", "recover", *words), 0, DAMAGED)
        report = result.json()
        holds((result.code == 0) == (report["complete"] or not report["total_left"] and
                                     not report["lost"]), "other", said(result))
        return report

    def recovery(self, words):
        """Tried, done, and the rest given up. Answers how many texts were lost."""
        before = digests(self.t.dir)
        plan = self.recover(*words)
        changed = sorted(set(before.items()) ^ set(digests(self.t.dir).items()))
        holds(not changed, "other", f"recover without --yes changes {changed[:4]}")
        done = self.recover("--yes", *words)
        lost = lost_texts(done)
        holds(lost_texts(plan) == lost, "other",
              f"recover says that {lost_texts(plan)} texts are lost, and then {lost}")
        self.only_what_it_named_is_left(done)
        price = sum(loss["embed_again_usd"] for loss in done["lost"])
        given_up = []
        if lost > 0:
            result, billed = self.ingest(DAMAGED)
            self.bills("ingest before --give-up", billed, 0, result)
            self.only_what_it_named_is_left(self.recover("--yes", "--give-up", *words))
        result, given_up = self.ingest(self.made.ingest_code, 0)
        self.bills("ingest after recover", given_up, lost, result)
        self.costs(given_up, price)
        rescaled = any(source["rescaled"] for source in done["sources"])
        without_job = any(damage["kind"] == "job" and "request-" not in damage["where"]
                          for damage in done["left"])
        self.collect(DAMAGED if without_job else 0)
        self.look_at_rows(self.export((0,)), 1e-5 if rescaled or given_up else 0)
        holds(without_job or set(self.made.stored) <= set(self.there), "lost",
              "rows of the open job")
        return lost, bool(rescaled)

    def collect(self, code):
        """What open jobs have on the server. With a damaged input file it stays there."""
        before = len(self.made.server.billed())
        words = ["--json", "jobs", "--wait", "--base-url", self.made.server.url]
        result = ends_in_order(self.t.run(*words, key=KEY), code)
        self.bills("jobs --wait", self.made.server.billed()[before:], 0, result)

    def only_what_it_named_is_left(self, report):
        named = self.verify()
        left = {(damage["kind"], damage["where"]) for damage in report["left"]}
        rest = [one for one in named if one[:2] not in left]
        exports = [one for one in rest if one[0] == "export" or "exports/" in one[1]]
        rest = [one for one in rest if one not in exports]
        holds(not rest, "other", f"verify after recover, which named {left}: {rest[:5]}")

    def costs(self, given_up, price):
        tokens = sum(TOKENS[sha256(paid.TEXTS[at])] for at in given_up)
        cost = tokens * paid.SYNC_PRICE
        holds(abs(cost - price) <= 0.25 * cost + 1e-9, "other",
              f"{len(given_up)} texts cost ${cost:.9f}; recover named ${price:.9f}")


def lost_texts(report):
    return sum(loss["texts"] for loss in report["lost"])
