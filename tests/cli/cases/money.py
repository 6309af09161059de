# SPDX-License-Identifier: Apache-2.0
"""Budgets, doubts and the books about them, checked against what the simulator billed."""

from harness import SIGKILL, await_that, case, check, contains, equal, lacks
from paid import (BATCH_PRICE, KEY, QUICK, SYNC_PRICE, all_is_there,
                  billed_cost, ingest, job_files, jobs, money, nothing_billed_twice, simulator,
                  stored_positions, the_invoice_is_within_the_books, unhurried, words)

DOCUMENTS = 300  # About 7,300 tokens: $0.0011 by calls, half of it by jobs.
CONFIG = QUICK.replace("batch: {", "batch: {max_job_texts: 30, ")


def prepared(t, *faults, more="", **options):
    t.config(CONFIG + more)
    t.sample(DOCUMENTS)
    return simulator(t, *faults, **options)


def spend_in_steps(t, server, mode, price, budget, more=()):
    """Runs with the same budget each, until all is there: none ever bills more."""
    billed_before, runs = 0.0, 0
    while True:
        result = t.run(*words(server, *more, mode=mode), key=KEY)
        billed = billed_cost(server, price)
        check(billed - billed_before <= budget + 1e-12,
              f"run {runs} of {mode} billed {billed - billed_before:.9f} of {budget:.9f}")
        runs += 1
        if result.code == 0:
            break
        contains(result.expect(8).err, "the budget of this run of $", "is reached",
                 "Raise the budget to go on.")
        check(billed > billed_before, "a run that sends nothing")
        billed_before = billed
        check(runs < 20, "no end")
    all_is_there(t, server, DOCUMENTS)
    return runs


@case
def a_budget_of_each_run_is_never_passed_by_calls(t):
    server = prepared(t)
    runs = spend_in_steps(t, server, "sync", SYNC_PRICE, 0.0003, ["--max-cost", "0.0003"])
    check(4 <= runs <= 6, f"{runs} runs")


@case
def a_budget_of_each_run_is_never_passed_by_jobs(t):
    server = prepared(t)
    runs = spend_in_steps(t, server, "batch", BATCH_PRICE, 0.00015, ["--max-cost", "0.00015"])
    check(4 <= runs <= 8, f"{runs} runs")


@case
def a_budget_of_the_configuration_counts_and_the_flag_goes_first(t):
    server = prepared(t, more="budget: {per_run_usd: 0.0003}\n")
    contains(ingest(t, server, mode="sync", code=8).err, "the budget of this run of $0.0003")
    contains(ingest(t, server, "--max-cost", "0.0001", mode="sync", code=8).err, "of $0.0001")
    check(billed_cost(server, SYNC_PRICE) <= 0.0004, "billed")
    ingest(t, server, "--max-cost", "1", mode="sync")
    all_is_there(t, server, DOCUMENTS)


@case
def a_budget_of_a_day_counts_over_runs_splits_and_modes(t):
    server = prepared(t, more="budget: {per_day_usd: 0.0005}\n")
    ingest(t, server, "--limit", 100, mode="sync")  # About $0.0003.
    ingest(t, server, split="test", mode="batch", code=8)
    result = ingest(t, server, mode="sync", code=8)
    contains(result.err, "the budget of this day (UTC) of $0.0005 is reached")
    books = money(t)
    the_invoice_is_within_the_books(t, server)
    check(0.0004 < books["spent_usd"] <= 0.0005, str(books))
    check(abs(books["spent_usd"] - books["spent_today_usd"]) < 1e-12, str(books))
    nothing_billed_twice(server)


@case
def a_budget_of_a_split_counts_over_runs(t):
    server = prepared(t, more="budget: {per_split_usd: 0.0004}\n")
    for number, mode in enumerate(("sync", "batch", "sync")):
        contains(ingest(t, server, mode=mode, code=8).err,
                 "the budget of this split of $0.0004 is reached")
        check(money(t)["spent_usd"] <= 0.0004, f"run {number}: {money(t)}")
    t.sample(400, name="more.csv")
    t.write("rest.csv", "".join((t.dir / "more.csv").read_text().splitlines(True)[-50:]))
    ingest(t, server, split="test", input="rest.csv", mode="sync")
    the_invoice_is_within_the_books(t, server)
    nothing_billed_twice(server)


@case
def what_is_under_way_counts_towards_a_budget(t):
    server = prepared(t, more="budget: {per_split_usd: 0.0004}\n", job_seconds=30)
    for _ in range(2):
        result = ingest(t, server, "--no-wait", code=8)
        contains(result.err, "the budget of this split of $0.0004 is reached")
    books = money(t)
    check(0.0003 < books["under_way_usd"] <= 0.0004, str(books))
    equal(len(server.billed()), len(set(server.billed())), "billed once")


@case
def a_budget_is_kept_when_answers_are_lost(t):
    """What is in doubt counts as spent."""
    server = prepared(t, "reset-before-reply:every=2")
    budget = 0.0004
    result = ingest(t, server, "--max-cost", budget, mode="sync", code=8)
    contains(result.err, "the budget of this run")
    check(billed_cost(server, SYNC_PRICE) <= budget, f"{billed_cost(server, SYNC_PRICE)}")
    the_invoice_is_within_the_books(t, server)


@case
def a_budget_of_nothing_makes_no_job(t):
    server = prepared(t)
    ingest(t, server, "--max-cost", "0", code=8)
    equal((server.stop(), jobs(t), job_files(t)), (0, [], []), "calls, jobs, files")


@case
def a_budget_needs_a_price(t):
    server = prepared(t, more="budget: {per_day_usd: 1}\n")
    result = ingest(t, server, "--model", "gemini-embedding-99", code=2)
    contains(result.err, "a budget needs a price", "nothing was sent")
    equal(server.stop(), 0, "calls")


@case
def the_books_say_what_the_server_billed(t):
    """Runs by calls and by jobs, of two splits."""
    server = prepared(t)
    ingest(t, server, "--limit", 100, mode="sync")
    ingest(t, server, mode="batch")
    t.sample(400, name="more.csv")
    ingest(t, server, split="test", input="more.csv", mode="batch")
    the_invoice_is_within_the_books(t, server)
    books = money(t)
    equal((books["wasted_usd"], books["in_doubt_usd"], books["under_way_usd"]), (0, 0, 0), "other")
    equal([(group["name"], group["texts"]) for group in books["by_model"]],
          [("gemini-embedding-001, batch", 300), ("gemini-embedding-001, sync", 100)], "by model")
    equal([(group["name"], group["texts"]) for group in books["by_split"]],
          [("test", 100), ("train", 300)], "by split")
    equal([group["texts"] for group in books["by_day"]], [400], "by day")
    contains(t.run("status").expect(0).out, "gemini-embedding-001, batch", "spent $", "today (UTC)")


@case
def an_unusable_answer_is_wasted_and_in_the_books(t):
    server = prepared(t, "short-reply:at=2")
    ingest(t, server, "--concurrency", 1, mode="sync", code=3)
    check(money(t)["wasted_usd"] > 0, "nothing is wasted")
    the_invoice_is_within_the_books(t, server)
    ingest(t, server, mode="sync")
    the_invoice_is_within_the_books(t, server)


@case
def the_books_and_the_jobs_look_like_this(t):
    server = prepared(t, "reset-before-reply:at=3")
    ingest(t, server, "--limit", 100, "--concurrency", 1, mode="sync")
    base = ["--base-url", server.url]
    t.config(unhurried(CONFIG))
    t.show("ingest", "train", "--input", "sample.csv", "--mode", "batch", "--limit", 160,
           "--no-wait", *base, key=KEY).expect(0)
    t.show("jobs").expect(0)
    t.show("status").expect(0)
    t.show("plan", "train", "--input", "sample.csv").expect(0)
    t.show("jobs", "--abandon", 99).expect(9)
    t.config(CONFIG)
    t.run("jobs", "--wait", *base, key=KEY).expect(0)
    t.show("jobs", "--all").expect(0)
    t.show("status").expect(0)
    t.matches("money")


# --- Doubts -----------------------------------------------------------------------------------


@case
def a_lost_answer_is_resent_and_listed(t):
    server = prepared(t, "reset-before-reply:at=3")
    result = ingest(t, server, "--concurrency", 1, mode="sync")
    equal((result.json()["in_doubt_texts"], server.billed_twice()), (10, 10), "in doubt")
    status = t.run("status").expect(0).out
    contains(status, "in doubt: 10 texts", "perhaps paid for, the answers were lost", "request 3: ")
    equal(money(t)["doubts"][0]["texts"], 10, "doubts")
    all_is_there(t, server, DOCUMENTS, billed_twice=10)


@case
def with_the_policy_hold_a_lost_answer_is_not_sent_again(t):
    server = prepared(t, "reset-before-reply:at=3", more="doubt: {policy: hold}\n")
    result = ingest(t, server, "--concurrency", 1, mode="sync", code=4)
    contains(result.err, "❌", "not sent again", "may have been paid for",
             "'embstore status' shows what is open")
    nothing_billed_twice(server)
    # The others are sent, the held ones are not.
    result = ingest(t, server, "--concurrency", 1, mode="sync", code=4)
    equal((result.json()["held"], result.json()["complete"]), (10, False), "held")
    equal((len(server.billed()), server.billed_twice()), (DOCUMENTS, 0), "billed")
    result = ingest(t, server, code=4)
    equal((result.json()["held"], len(server.billed())), (10, DOCUMENTS), "by jobs")
    the_invoice_is_within_the_books(t, server)
    # A person decides.
    t.config(QUICK)
    ingest(t, server, mode="sync")
    all_is_there(t, server, DOCUMENTS, billed_twice=10)


@case
def no_more_than_allowed_is_sent_again_in_one_run(t):
    """About $0.000035 a request of ten texts: two of them may be risked."""
    server = prepared(t, "reset-before-reply:every=2", more="doubt: {max_resend_usd: 0.00009}\n")
    result = ingest(t, server, "--concurrency", 1, mode="sync", code=4)
    contains(result.err, "not sent again")
    check(0 < server.billed_twice() <= 20, f"{server.billed_twice()} texts billed twice")
    the_invoice_is_within_the_books(t, server)


@case
def a_request_that_was_killed_is_in_doubt(t):
    server = prepared(t, f"held={t.hold()}")
    running = t.start(*words(server, "--concurrency", 2, mode="sync"), key=KEY)
    await_that(lambda: len(server.billed()) >= 20, "two requests are in flight")
    running.signal(SIGKILL)
    running.finish()
    books = money(t)
    equal((books["in_doubt_texts"], books["under_way_texts"]), (0, 20), "before the next writer")
    the_invoice_is_within_the_books(t, server)
    healthy = simulator(t)
    ingest(t, healthy, mode="sync")
    equal(money(t)["in_doubt_texts"], 20, "in doubt")
    the_invoice_is_within_the_books(t, server, healthy)
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")


@case
def with_the_policy_hold_a_killed_request_is_not_sent_again(t):
    server = prepared(t, f"held={t.hold()}", more="doubt: {policy: hold}\n")
    running = t.start(*words(server, "--concurrency", 1, mode="sync"), key=KEY)
    await_that(lambda: len(server.billed()) >= 10, "a request is in flight")
    running.signal(SIGKILL)
    running.finish()
    healthy = simulator(t)
    for mode in ("sync", "batch"):
        result = ingest(t, healthy, mode=mode, code=4)
        equal((result.json()["held"], len(healthy.billed())), (10, DOCUMENTS - 10), mode)
        contains(result.err, "❌", "'embstore status' shows what is open")
    equal(set(server.billed()) & set(healthy.billed()), set(), "sent again")
    the_invoice_is_within_the_books(t, server, healthy)


@case
def an_estimate_that_is_off_is_learned_from(t):
    """This model counts tokens by calls, too."""
    server = prepared(t)
    report = ingest(t, server, "--model", "gemini-embedding-2", mode="sync").json()
    equal(report["tokens_estimated"], False, "tokens_estimated")
    books = money(t)
    check(books["reported_tokens"] > 0 and books["estimate_of_reported"] > 0, str(books))
    plan = t.run("--json", "plan", "again", "--model", "gemini-embedding-2", "--input",
                 "sample.csv").expect(0).json()
    ratio = books["reported_tokens"] / books["estimate_of_reported"]
    check(abs(plan["token_ratio"] - ratio) < 1e-6, f"{plan['token_ratio']} {ratio}")


@case
def plan_tells_how_long_quotas_take(t):
    t.sample()
    plan = t.run("--json", "plan", "train", "--input", "sample.csv").expect(0).json()
    equal(sorted(plan["quota_seconds"]), ["free", "tier_1", "tier_2", "tier_3"], "tiers")
    seconds = plan["quota_seconds"]
    check(seconds["free"] > seconds["tier_1"] >= seconds["tier_2"] >= seconds["tier_3"] > 0,
          str(seconds))
    local = t.run("--json", "plan", "train", "--provider", "local", "--input",
                  "sample.csv").expect(0).json()
    check("quota_seconds" not in local, "quotas of a provider that has none")
    lacks(t.run("plan", "train", "--provider", "local", "--input", "sample.csv").out, "quotas")
