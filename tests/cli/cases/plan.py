# SPDX-License-Identifier: Apache-2.0
"""plan: counts and prices, without a key, without a server, without writing."""

from harness import case, check, contains, equal

KEYS = ["documents", "unique_documents", "duplicates", "cached", "to_embed", "too_long", "tokens",
        "cost_sync_usd", "cost_batch_usd"]

ROWS = "text\n" + "".join(f"{word}\n" for word in ["aaaa", "bbbb", "aaaa", "cccc", '""', "bbbb"])


def plan(t, *words, code=0):
    return t.run("--json", "plan", "s", "--format", "csv", "--input", "a.csv",
                 *words).expect(code).json()


@case
def numbers_need_neither_key_nor_server_and_nothing_is_written(t):
    t.write("a.csv", ROWS + "x" * 8196 + "\n")
    before = sorted(p.name for p in t.dir.iterdir())
    found = plan(t)
    equal({k: found[k] for k in KEYS[:6]},
          dict(documents=7, unique_documents=5, duplicates=2, cached=0, to_embed=3, too_long=1),
          "counts")
    equal((found["tokens"], found["empty"]), (3, 1), "tokens and empty texts")
    equal(sorted(p.name for p in t.dir.iterdir()), before, "files")


@case
def prices_are_those_of_the_configuration(t):
    t.write("a.csv", "text\n" + "".join(f"{i:05} " + "word " * 1000 + "\n" for i in range(100)))
    found = plan(t)
    equal(found["tokens"], 125_200, "tokens")
    check(abs(found["cost_sync_usd"] - 0.01878) < 1e-9, str(found))
    check(abs(found["cost_batch_usd"] - 0.00939) < 1e-9, str(found))
    t.config("pricing:\n  as_of: 2030-01-01\n"
             "  models: {gemini-embedding-001: {sync: 1, batch: 0.1}}\n")
    found = plan(t)
    check(abs(found["cost_sync_usd"] - 0.1252) < 1e-9, str(found))
    check(abs(found["cost_batch_usd"] - 0.01252) < 1e-9, str(found))


@case
def what_is_stored_counts_as_cached(t):
    t.write("a.csv", ROWS)
    words = ["--provider", "local"]
    t.run("ingest", "s", "--format", "csv", "--input", "a.csv", "--limit", "3", *words).expect(0)
    found = plan(t, *words)
    equal((found["cached"], found["to_embed"], found["cost_sync_usd"]), (2, 1, 0), "counts")
    equal(plan(t, *words, "--refresh")["to_embed"], 3, "with --refresh")
    equal(plan(t)["cached"], 0, "cached for another model")


@case
def it_looks_like_this(t):
    t.sample()
    t.show("plan", "train", "--input", "sample.csv").expect(0)
    t.show("plan", "train", "--input", "sample.csv", "--max-cost", "0.001").expect(0)
    t.show("plan", "train", "--input", "sample.csv", "--limit", "10", "--model",
           "tomorrow-1").expect(0)
    t.show("plan", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    t.show("plan", "train", "--input", "sample.csv", "--model", "tomorrow-1", "--max-cost",
           "1").expect(2)
    t.matches("plan")


@case
def an_unknown_model_has_no_price_and_that_is_said(t):
    t.write("a.csv", ROWS)
    result = t.run("plan", "s", "--format", "csv", "--input", "a.csv", "--model", "tomorrow-1")
    contains(result.expect(0).err, "no price is known for model 'tomorrow-1'", "pricing.models")
