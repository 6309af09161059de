# SPDX-License-Identifier: Apache-2.0
"""Paid runs against the simulator, by calls and by batch jobs, and what the books say of them."""

import collections

from files import ag_news_texts, read_npy, unit, wrong_rows
from harness import SAMPLE, check, equal
from simulator import sha256, tokens_of

KEY = "good-key"

# Short waits, so that a job is a matter of tenths of a second.
QUICK = """\
batch: {first_poll_seconds: 0.02, max_poll_seconds: 0.1, queue_wait_seconds: 0.1, \
creation_grace_seconds: 0.3}
"""
# Jobs of a tenth of that size, several of them at once.
SMALL_JOBS = QUICK.replace("batch: {", "batch: {max_job_texts: 50, ")

SYNC_PRICE = 0.15e-6
BATCH_PRICE = 0.075e-6
OTHER_PRICES = {"gemini-embedding-2": 0.2e-6, "text-embedding-3-small": 0.02e-6}

TEXTS = ag_news_texts(SAMPLE)
TOKENS = {sha256(text): tokens_of(text) for text in TEXTS}


def unhurried(config):
    """The same, but nobody asks for a new job in the run that makes it, however slow that is."""
    return config.replace("first_poll_seconds: 0.02", "first_poll_seconds: 60")


def simulator(t, *faults, flags=(), job_seconds=0.1):
    """A simulator whose batch jobs are quick, with faults."""
    words = [word for fault in faults for word in ("--fault", fault)]
    return t.simulator("--batch-seconds", job_seconds, *flags, *words)


def words(server, *more, split="train", input="sample.csv", mode="batch"):
    return ["--json", "ingest", split, "--base-url", server.url, "--input", input, "--mode", mode,
            *more]


def ingest(t, server, *more, code=0, key=KEY, under=(), **options):
    return t.run(*words(server, *more, **options), key=key, under=under).expect(code)


def jobs(t, *more, code=0, server=None):
    """`jobs --json` with more words; answers the list where the command answers one."""
    base = ["--base-url", server.url] if server is not None else []
    result = t.run("--json", "jobs", *base, *more, key=KEY).expect(code)
    return result.json()["jobs"] if code == 0 else result


def money(t):
    return t.run("--json", "status").expect(0).json()["money"]


def job_files(t):
    """What is in the folder of open jobs and quarantined answers."""
    folder = t.dir / "cache/jobs"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def billed_cost(server, price):
    """What the server would put on its invoice."""
    return sum(TOKENS[text] for text in server.billed()) * price


def stored_positions(t, documents, split="train"):
    """Exports what is there; answers the positions that have a vector, which must be the right
    ones."""
    exported = t.run("export", split, "--missing", "nan", "--verify")
    if exported.code == 9:
        return []
    exported.expect(0)
    rows = read_npy(t.dir / f"cache/{split}_embeddings.npy").rows()
    there = [at for at, row in enumerate(rows) if row[0] == row[0]]
    right = [unit(v) for v in t.tools.oracle().vectors([TEXTS[at] for at in there])]
    equal(wrong_rows([rows[at] for at in there], right), [], "wrong rows")
    equal(len(rows), documents, "rows")
    return there


def nothing_billed_twice(server):
    counts = collections.Counter(server.billed())
    twice = {text: count for text, count in counts.items() if count > 1}
    equal(twice, {}, "texts billed more than once")


def all_is_there(t, server, documents, billed_twice=0):
    """Everything is stored and right, and paid once; nothing is left open."""
    equal(stored_positions(t, documents), list(range(documents)), "stored")
    equal(set(server.billed()), set(map(sha256, TEXTS[:documents])), "texts billed")
    equal(server.billed_twice(), billed_twice, "billed more than once")
    equal(jobs(t), [], "open jobs")
    equal(job_files(t), [], "files of jobs")
    the_invoice_is_within_the_books(t, server)


def the_invoice_is_within_the_books(t, *servers):
    """spent + wasted <= billed <= spent + wasted + in doubt + under way, by the texts billed."""
    billed = sum(billed_cost_by_line(server) for server in servers)
    books = money(t)
    least = books["spent_usd"] + books["wasted_usd"]
    most = least + books["in_doubt_usd"] + books["under_way_usd"]
    slack = 1e-9
    check(least - slack <= billed <= most + slack,
          f"billed {billed:.9f}, but the books say {least:.9f} to {most:.9f}: {books}")


def billed_cost_by_line(server):
    """The invoice, where some lines are of batch jobs, at half the price."""
    lines = [line.split() for line in server.log.read_text().splitlines()]
    return sum(TOKENS[line[0]] * price_of(line) for line in lines)


def price_of(line):
    if "half-price" in line:
        return BATCH_PRICE
    return OTHER_PRICES.get(line[1], SYNC_PRICE)
