# SPDX-License-Identifier: Apache-2.0
"""Batch jobs over several runs, and what `embstore jobs` does about them."""

import harness
from cases.openai import own_server
from harness import SIGINT, SIGKILL, case, check, contains, equal, lacks
from paid import (KEY, QUICK, SMALL_JOBS, TEXTS, all_is_there, ingest, job_files, jobs, money,
                  nothing_billed_twice, simulator, stored_positions,
                  the_invoice_is_within_the_books, unhurried, words)
from simulator import sha256

DOCUMENTS = 120  # Three jobs of at most fifty texts.
KEYS = {"id", "name", "display_name", "state", "open", "split", "model", "texts", "stored_texts",
         "tokens", "price_usd", "created", "updated", "note"}


def prepared(t, *faults, config=SMALL_JOBS, documents=DOCUMENTS, **options):
    t.config(config)
    t.sample(documents)
    return simulator(t, *faults, **options)


def submitted(t, *faults, **options):
    """Jobs that are on the server, and a run that did not wait for them."""
    server = prepared(t, *faults, config=unhurried(SMALL_JOBS), **options)
    result = ingest(t, server, "--no-wait")
    t.config(SMALL_JOBS)
    report = result.json()
    equal((report["embedded"], report["in_jobs"], report["complete"]), (0, DOCUMENTS, False), "")
    contains(result.err, "120 texts are in batch jobs; the same command, or 'embstore jobs --wait'")
    return server


@case
def without_waiting_the_jobs_are_listed_with_what_they_cost(t):
    server = submitted(t, job_seconds=30)
    made = jobs(t)
    equal([set(job) for job in made], [KEYS] * 3, "keys")
    equal([(job["id"], job["open"], job["split"], job["model"], job["texts"]) for job in made],
          [(1, True, "train", "gemini-embedding-001", 50),
           (2, True, "train", "gemini-embedding-001", 50),
           (3, True, "train", "gemini-embedding-001", 20)], "jobs")
    status = t.run("--json", "status").expect(0).json()
    equal([job["name"] for job in status["jobs"]], [job["name"] for job in made], "in status")
    books = status["money"]
    equal((books["under_way_texts"], books["spent_usd"]), (DOCUMENTS, 0), "under way, spent")
    check(abs(books["under_way_usd"] - sum(job["price_usd"] for job in made)) < 1e-9, str(books))
    table = t.run("jobs").expect(0).out
    contains(table, *(job["name"] for job in made))
    plan = t.run("--json", "plan", "train", "--input", "sample.csv").expect(0).json()
    equal((plan["in_jobs"], plan["to_embed"], plan["cost_batch_usd"]), (DOCUMENTS, 0, 0), "plan")
    # A second run does not send them again, nor do calls.
    for mode in ("batch", "sync"):
        ingest(t, server, "--no-wait", mode=mode)
        equal(len(jobs(t)), 3, "jobs after " + mode)
    nothing_billed_twice(server)


@case
def the_same_command_collects(t):
    server = submitted(t)
    report = ingest(t, server).json()
    equal((report["embedded"], report["complete"]), (DOCUMENTS, True), "report")
    all_is_there(t, server, DOCUMENTS)


@case
def jobs_wait_collects_without_the_dataset(t):
    server = submitted(t)
    (t.dir / "sample.csv").unlink()
    result = t.run("jobs", "--wait", "--base-url", server.url, key=KEY).expect(0)
    contains(result.err, "3 jobs collected, 120 texts stored")
    all_is_there(t, server, DOCUMENTS)
    split = t.run("--json", "status").json()["splits"][0]
    equal((split["embedded"], split["missing"]), (DOCUMENTS, 0), "the split")
    ended = jobs(t, "--all")
    equal([(job["open"], job["stored_texts"]) for job in ended],
          [(False, 50), (False, 50), (False, 20)], "ended jobs")
    equal(t.run("jobs").expect(0).out, "no open jobs\n", "table")


@case
def collecting_without_waiting_takes_what_is_ready(t):
    held = t.hold()
    server = submitted(t, f"job-held={held}:at=2")

    def in_jobs():
        return ingest(t, server, "--no-wait").json()["in_jobs"]

    harness.await_that(lambda: in_jobs() == 50, "two of three jobs are collected")
    held.unlink()
    harness.await_that(lambda: in_jobs() == 0, "all is there")
    all_is_there(t, server, DOCUMENTS)


@case
def a_list_of_no_jobs_is_empty(t):
    t.run("jobs").expect(9)
    t.sample(3)
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    equal(t.run("jobs").expect(0).out, "no open jobs\n", "open")
    equal(t.run("jobs", "--all").expect(0).out, "no jobs\n", "all")
    equal(jobs(t), [], "json")
    for flag in ("--cancel", "--abandon", "--accept"):
        contains(t.run("jobs", flag, "7").expect(9).err, "there is no job '7'")
    t.run("jobs", "--wait", "--cancel", "7").expect(2)


@case
def a_cancelled_job_is_in_doubt_and_its_texts_are_sent_again(t):
    held = t.hold()
    server = submitted(t, f"job-held={held}")
    jobs(t, "--cancel", 2, server=server)
    held.unlink()
    ingest(t, server)
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")
    nothing_billed_twice(server)
    equal(money(t)["in_doubt_texts"], 50, "in doubt")
    the_invoice_is_within_the_books(t, server)


@case
def a_job_that_is_not_on_the_server_yet_is_cancelled_without_a_key(t):
    server = prepared(t, "create-429")
    ingest(t, server, "--no-wait")
    calls = server.log.read_text()
    waiting = [job["id"] for job in jobs(t)]
    check(waiting, "no job waits")
    for number in waiting:
        t.run("jobs", "--cancel", number).expect(0)
    equal((jobs(t), job_files(t), server.log.read_text()), ([], [], calls), "jobs, files, the bill")
    healthy = simulator(t)
    ingest(t, healthy)
    all_is_there(t, healthy, DOCUMENTS)


@case
def a_job_that_the_server_has_is_not_cancelled_without_a_key(t):
    submitted(t, job_seconds=30)
    contains(t.run("jobs", "--cancel", "1").expect(10).err, "GEMINI_API_KEY")
    equal(len(jobs(t)), 3, "open jobs")


@case
def a_run_that_is_interrupted_says_that_its_jobs_go_on(t):
    held = t.hold()
    server = prepared(t, f"job-held={held}")
    running = t.start(*words(server), key=KEY)
    running.wait_for("job 3 created")
    running.signal(SIGINT)
    result = running.finish().expect(130)
    contains(result.err, "interrupted: 120 texts are in batch jobs, which go on on the server; "
                         "the same command, or 'embstore jobs --wait', collects them")
    lacks(result.err, "is stored")
    held.unlink()
    t.run("jobs", "--wait", "--base-url", server.url, key=KEY).expect(0)
    all_is_there(t, server, DOCUMENTS)


@case
def a_job_is_collected_by_the_provider_that_made_it(t):
    """Vectors of this model are the same through both providers, so they share a space."""
    server = prepared(t)
    model = ["--model", "gemini-embedding-2"]
    with own_server(lambda texts, _: [{"index": at, "embedding": [1.0 + at] * 128}
                                      for at in range(len(texts))]) as (url, _):
        t.run("ingest", "train", "--provider", "openai", *model, "--base-url", url, "--input",
              "sample.csv", "--limit", 5).expect(0)
    report = ingest(t, server, *model, "--no-wait").json()
    equal((report["cached"], report["in_jobs"]), (5, 115), "report")
    (space,) = t.run("--json", "status").json()["spaces"]
    equal((space["provider"], space["vectors"]), ("openai", 5), "the space")
    result = t.run("jobs", "--wait", "--base-url", server.url, key=KEY).expect(0)
    contains(result.err, "115 texts stored")
    equal((jobs(t), len(server.billed()), server.billed_twice()), ([], 115, 0), "in the end")


@case
def a_job_is_cancelled_by_the_name_of_the_server_too(t):
    server = submitted(t, job_seconds=30)
    name = jobs(t)[0]["name"]
    jobs(t, "--cancel", name, server=server)
    equal(len(jobs(t)), 3, "open until it has ended on the server")


@case
def what_a_cancelled_job_delivered_is_stored(t):
    held = t.hold()
    server = submitted(t, f"job-held={held}", flags=["--partial-results"])
    jobs(t, "--cancel", 1, server=server)
    held.unlink()
    ingest(t, server)
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")
    nothing_billed_twice(server)
    the_invoice_is_within_the_books(t, server)


@case
def an_abandoned_job_is_in_doubt_and_its_texts_are_paid_again(t):
    server = submitted(t)
    result = t.run("jobs", "--abandon", "3").expect(0)
    contains(result.err, "job 3 is given up: the next ingest sends its 20 texts again",
             "job 3 was not stopped on the server and may still be billed", "--cancel")
    books = money(t)
    equal((books["in_doubt_texts"], books["under_way_texts"]), (20, 100), "the books")
    plan = t.run("--json", "plan", "train", "--input", "sample.csv").expect(0).json()
    equal((plan["in_jobs"], plan["to_embed"]), (100, 20), "plan")
    report = ingest(t, server).json()
    equal((report["embedded"], report["complete"]), (DOCUMENTS, True), "report")
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")
    equal((len(server.billed()), server.billed_twice()), (DOCUMENTS + 20, 20), "billed")
    equal(money(t)["in_doubt_texts"], 20, "in doubt")
    the_invoice_is_within_the_books(t, server)
    contains(t.run("jobs", "--abandon", "3").expect(9).err, "there is no open job 3")


@case
def only_what_is_in_quarantine_is_accepted(t):
    server = submitted(t, job_seconds=30)
    result = t.run("jobs", "--accept", "1", "--base-url", server.url, key=KEY)
    contains(result.expect(9).err, "job 1 is not in quarantine")
    equal(len(jobs(t)), 3, "open jobs")


@case
def a_quarantined_job_is_not_cancelled(t):
    server = prepared(t, "missing-row:count=1")
    ingest(t, server, code=4)
    result = t.run("jobs", "--cancel", "1", "--base-url", server.url, key=KEY).expect(2)
    contains(result.err, "in quarantine; --accept or --abandon it")
    jobs(t, "--abandon", 1)
    equal(job_files(t), [], "files of jobs")
    ingest(t, server)
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")
    equal(server.billed_twice(), 50, "billed again")
    the_invoice_is_within_the_books(t, server)


@case
def two_splits_that_share_texts_pay_for_them_once(t):
    server = submitted(t, job_seconds=0.4)
    t.sample(200, name="more.csv")
    report = ingest(t, server, split="test", input="more.csv").json()
    equal(report["complete"], True, "complete")
    equal((len(server.billed()), server.billed_twice()), (200, 0), "billed")
    equal(stored_positions(t, 200, split="test"), list(range(200)), "test")
    # What the other split's jobs brought is its own too, without a run of its own.
    splits = {split["name"]: split["missing"]
              for split in t.run("--json", "status").expect(0).json()["splits"]}
    equal(splits, {"train": 0, "test": 0}, "missing")
    equal((ingest(t, server).json()["embedded"], len(server.billed())), (0, 200), "train again")
    the_invoice_is_within_the_books(t, server)


@case
def the_same_text_in_two_splits_at_once_is_paid_once(t):
    """Both are submitted before either is collected."""
    held = t.hold()
    server = submitted(t, f"job-held={held}")
    ingest(t, server, "--no-wait", split="test")
    equal(len(jobs(t)), 3, "jobs")
    held.unlink()
    t.run("jobs", "--wait", "--base-url", server.url, key=KEY).expect(0)
    for split in ("train", "test"):
        equal(stored_positions(t, DOCUMENTS, split=split), list(range(DOCUMENTS)), split)
    nothing_billed_twice(server)


@case
def a_report_counts_texts_in_the_jobs_of_another_split(t):
    server = submitted(t, job_seconds=30)
    result = ingest(t, server, "--no-wait", split="test")
    equal(result.json()["in_jobs"], DOCUMENTS, "in jobs")
    contains(result.err, "120 texts are in batch jobs")


@case
def a_split_that_misses_texts_in_quarantine_says_so(t):
    server = prepared(t, "missing-row:count=1", documents=50)
    ingest(t, server, code=4)
    ingest(t, server, split="test", code=4)


@case
def a_file_that_changed_meanwhile_does_not_disturb_its_jobs(t):
    server = submitted(t)
    lines = (t.dir / "sample.csv").read_text().splitlines(keepends=True)
    t.write("sample.csv", "".join(reversed(lines[60:])))
    report = ingest(t, server).json()
    equal((report["documents"], report["complete"]), (60, True), "report")
    equal(sorted(server.billed()), sorted(map(sha256, TEXTS[:DOCUMENTS])), "billed")


@case
def another_model_does_not_take_the_jobs_on(t):
    server = submitted(t, job_seconds=0.3)
    report = ingest(t, server, "--dimensions", 256).json()
    equal((report["embedded"], report["complete"], len(jobs(t))), (DOCUMENTS, True, 3), "report")
    t.run("jobs", "--wait", "--base-url", server.url, key=KEY).expect(0)
    equal(sorted((s["dimensions"], s["vectors"]) for s in
                 t.run("--json", "status").json()["spaces"]), [(128, 120), (256, 120)], "spaces")
    equal((jobs(t), job_files(t), len(server.billed())), ([], [], 2 * DOCUMENTS), "at the end")


@case
def a_killed_run_is_gone_on_with_and_no_job_is_made_twice(t):
    held = t.hold()
    server = prepared(t, f"job-held={held}")
    running = t.start(*words(server), key=KEY)
    running.wait_for("job 2 created")
    running.signal(SIGKILL)
    running.finish()
    held.unlink()
    ingest(t, server)
    all_is_there(t, server, DOCUMENTS)


@case
def a_lost_input_of_a_job_is_damage_and_nothing_is_sent_again(t):
    server = submitted(t)
    (t.dir / "cache/jobs" / job_files(t)[0]).unlink()
    result = ingest(t, server, code=5)
    contains(result.err, "❌")
    nothing_billed_twice(server)
    check(jobs(t), "the job is not open any more")


@case
def a_damaged_input_of_a_job_is_damage_and_nothing_is_sent_again(t):
    server = submitted(t)
    path = t.dir / "cache/jobs" / job_files(t)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    ingest(t, server, code=5)
    nothing_billed_twice(server)


# --- Answers by calls that are set aside ------------------------------------------------------


def rotated(t):
    """A hundred texts whose vectors came one place off."""
    t.config(QUICK)
    t.sample(300)
    server = t.simulator("--fault", "rotate:count=1")
    result = ingest(t, server, "--batch-size", 100, "--concurrency", 1, mode="sync", code=4)
    report = result.json()
    equal((report["embedded"], report["complete"], len(server.billed())), (0, False, 100), "report")
    contains(result.err, "the answer to request 1 (100 texts)", "do not fit their texts",
             "nothing of it was stored and nothing more was sent", "'embstore jobs --accept 1'",
             "'--abandon 1'")
    (answer,) = jobs(t)
    equal((answer["id"], answer["open"], answer["name"], answer["texts"]), (1, True, "", 100), "")
    books = money(t)
    equal((books["under_way_texts"], books["in_doubt_texts"]), (100, 0), "the books")
    check(job_files(t), "the answer is not kept")
    return server


@case
def a_moved_answer_is_set_aside_and_its_texts_are_not_sent_again(t):
    server = rotated(t)
    for mode in ("sync", "batch"):
        result = ingest(t, server, "--batch-size", 100, mode=mode, code=4)
        contains(result.err, "in quarantine")
        equal((len(server.billed()), server.billed_twice()), (300, 0), "billed, by " + mode)
    equal(stored_positions(t, 300), list(range(100, 300)), "stored")
    the_invoice_is_within_the_books(t, server)
    jobs(t, "--abandon", 1)
    equal((jobs(t), job_files(t), money(t)["in_doubt_texts"]), ([], [], 100), "abandoned")
    ingest(t, server, mode="sync")
    equal(stored_positions(t, 300), list(range(300)), "stored in the end")
    equal(server.billed_twice(), 100, "billed again")
    the_invoice_is_within_the_books(t, server)


@case
def a_moved_answer_can_be_accepted_as_it_came(t):
    server = rotated(t)
    result = t.run("jobs", "--accept", "1").expect(0)  # Without a key: nothing is asked for.
    contains(result.err, "job 1 is accepted: 100 texts stored")
    equal((jobs(t), job_files(t)), ([], []), "jobs, files")
    report = ingest(t, server, mode="sync").json()
    equal((report["cached"], report["embedded"], report["complete"]), (100, 200, True), "next run")
    equal(server.billed_twice(), 0, "billed twice")
    the_invoice_is_within_the_books(t, server)
    found = t.run("--json", "get", "train", "0").expect(0).json()[0]["vector"]
    (moved,) = t.tools.oracle().vectors([TEXTS[1]])  # As the server sent it.
    length = sum(x * x for x in moved) ** 0.5
    check(max(abs(a - b / length) for a, b in zip(found, moved)) < 1e-6, "another vector")


@case
def a_damaged_answer_in_quarantine_is_not_accepted(t):
    server = rotated(t)
    path = t.dir / "cache/jobs" / job_files(t)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = t.run("jobs", "--accept", "1", key=KEY).expect(5)
    contains(result.err, "is damaged; nothing was stored")
    equal((len(jobs(t)), len(server.billed())), (1, 100), "jobs, billed")


@case
def the_check_of_meaning_can_be_turned_off(t):
    t.config(QUICK, embedding="check_pairing: false")
    t.sample(100)
    server = t.simulator("--fault", "rotate:count=1")
    report = ingest(t, server, "--batch-size", 100, mode="sync").json()
    equal((report["embedded"], len(server.billed())), (100, 100), "report")


@case
def right_answers_are_never_set_aside(t):
    t.config(QUICK)
    for size in (2, 8, 33, 100):
        t.sample()
        server = t.simulator()
        result = ingest(t, server, "--store", f"s{size}", "--batch-size", size, mode="sync")
        lacks(result.err, "⚠️")
