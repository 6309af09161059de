# SPDX-License-Identifier: Apache-2.0
"""Ingest by batch jobs: every text is paid once, whatever the server does. The simulator's billing
log is the judge."""

import harness
from files import read_npy, same_rows
from harness import SIGINT, case, check, contains, equal, lacks
from paid import (KEY, QUICK, SMALL_JOBS, all_is_there, billed_cost, ingest, job_files, jobs,
                  money, nothing_billed_twice, simulator, stored_positions,
                  the_invoice_is_within_the_books, words)
from simulator import sha256

DOCUMENTS = 120  # Three jobs of at most fifty texts.


def prepared(t, *faults, config=SMALL_JOBS, documents=DOCUMENTS, **options):
    t.config(config)
    t.sample(documents)
    return simulator(t, *faults, **options)


def recovers(t, *faults, says=(), config=SMALL_JOBS, **options):
    """A fault that goes by: one run, exit 0, everything there and paid once."""
    server = prepared(t, *faults, config=config, **options)
    result = ingest(t, server)
    report = result.json()
    equal((report["embedded"], report["failed"], report["complete"]), (DOCUMENTS, 0, True),
          str(faults))
    contains(result.err, *says)
    all_is_there(t, server, DOCUMENTS)
    again = ingest(t, server).json()
    equal((again["embedded"], len(server.billed())), (0, DOCUMENTS), "the second run")
    return server, result


def one_job_is_set_aside(t, fault, why, accepted):
    """The answer of the first job is refused as a whole, and so is paying for it again; the others
    are stored."""
    server = prepared(t, fault + ":count=1")
    result = ingest(t, server, code=4)
    report = result.json()
    contains(result.err, "⚠️ job 1 is set aside: ", why, "jobs --accept 1", "--abandon 1",
             "answers are in quarantine")
    equal((report["embedded"], report["failed"], report["complete"]), (70, 0, False), fault)
    equal(stored_positions(t, DOCUMENTS), list(range(50, DOCUMENTS)), "stored")
    again = ingest(t, server, code=4)
    contains(again.err, "in quarantine")
    equal((again.json()["embedded"], len(server.billed())), (0, DOCUMENTS), "the second run")
    plan = t.run("--json", "plan", "train", "--input", "sample.csv").expect(0).json()
    equal((plan["in_jobs"], plan["to_embed"]), (50, 0), "plan")
    books = money(t)
    equal((books["under_way_texts"], books["in_doubt_texts"]), (50, 0), "the books")
    the_invoice_is_within_the_books(t, server)
    (job,) = jobs(t)
    equal((job["id"], job["open"], job["texts"]), (1, True, 50), "the job")
    contains(job["note"], why)
    equal(jobs(t, "--accept", 1, server=server), [], "open jobs")
    equal(t.run("--json", "status").json()["spaces"][0]["vectors"], 70 + accepted, "vectors")
    equal(job_files(t), [], "files of jobs")
    last = ingest(t, server).json()
    equal((last["embedded"], last["complete"]), (50 - accepted, True), "the last run")
    equal(server.billed_twice(), 50 - accepted, "billed again")
    return server


# --- As it should be --------------------------------------------------------------------------


@case
def batch_jobs_are_the_default_of_gemini_and_cost_half(t):
    t.sample(DOCUMENTS)
    t.write("config.yaml", "embedding: {dimensions: 128, cache_dir: cache}\n" + SMALL_JOBS)
    server = simulator(t)
    result = t.run("--json", "ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                   key=KEY).expect(0)
    report = result.json()
    equal((report["embedded"], report["complete"], report["api_calls"]), (DOCUMENTS, True, 3), "")
    equal(report["batches"], dict(total=3, successful=3, failed=0, skipped=0), "jobs")
    contains(result.err, "📊 Processing batch 1/3 (documents 0-49)", "job 1 created: batches/",
             "job 1: BATCH_STATE_SUCCEEDED", "✅ Generated embeddings for 120 documents")
    lines = [line.split() for line in server.log.read_text().splitlines()]
    equal({(line[1], line[2], line[-1]) for line in lines},
          {("gemini-embedding-001", "128", "half-price")}, "lines of the bill")
    check(abs(report["estimated_cost_usd"] - billed_cost(server, 0.075e-6)) < 1e-9, str(report))
    # Here, unlike by calls, the server counts tokens.
    equal(report["tokens_estimated"], False, "tokens_estimated")
    all_is_there(t, server, DOCUMENTS)
    calls = server.stop()
    check(calls < 100, f"{calls} calls for three jobs")


@case
def jobs_and_calls_give_the_same_rows_and_share_them(t):
    server = prepared(t, documents=harness.SAMPLE_DOCUMENTS, config=QUICK)
    ingest(t, server)
    t.run("export", "train").expect(0)
    by_jobs = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    t.run(*words(server, "--store", "calls", mode="sync"), key=KEY).expect(0)
    t.run("--store", "calls", "export", "train").expect(0)
    same_rows(by_jobs, read_npy(t.dir / "calls/train_embeddings.npy").rows())
    # A vector is a vector: what jobs brought is not paid for by calls.
    billed = len(server.billed())
    equal(ingest(t, server, mode="sync").json()["embedded"], 0, "embedded")
    equal(ingest(t, server, split="again", mode="sync").json()["embedded"], 0, "embedded")
    equal(len(server.billed()), billed, "billed")


@case
def results_in_any_order_with_any_names_are_understood(t):
    for flags in (["--ordered-results"], ["--strict-snake"], ["--foreign-jobs", "30"],
                  ["--results-delay", "0.2"], ["--seed", "7"]):
        server = prepared(t, flags=flags)
        ingest(t, server, "--store", f"s{flags[0]}")
        nothing_billed_twice(server)
        equal(len(server.billed()), DOCUMENTS, f"billed with {flags}")


@case
def a_full_queue_is_waited_for(t):
    """The server takes about one job at a time; embstore believes there is room for all."""
    server, result = recovers(t, flags=["--enqueued-tokens", "1500"])
    contains(result.err, "the server's queue is full", "this is normal")
    lacks(result.err, "⚠️")


@case
def no_more_is_enqueued_than_the_configuration_allows(t):
    server, result = recovers(t, flags=["--enqueued-tokens", "1500"], config=SMALL_JOBS.replace(
        "batch: {", "batch: {max_enqueued_tokens: 1500, "))
    lacks(result.err, "queue is full")


@case
def no_more_jobs_are_open_than_the_configuration_allows(t):
    recovers(t, flags=["--max-batch-jobs", "1"],
             config=SMALL_JOBS.replace("batch: {", "batch: {max_jobs: 1, "))


@case
def jobs_keep_to_their_bounds(t):
    for bound in ("max_job_texts: 30", "max_job_tokens: 700"):
        t.config(QUICK.replace("batch: {", f"batch: {{{bound}, "))
        t.sample(DOCUMENTS)
        server = simulator(t)
        name = "s" + bound.split(":", maxsplit=1)[0]
        report = ingest(t, server, "--store", name).json()
        check(3 < report["batches"]["total"] < 30, f"{bound}: {report['batches']}")
        made = t.run("--json", "--store", name, "jobs", "--all").expect(0).json()["jobs"]
        if "texts" in bound:
            equal({job["texts"] for job in made}, {30}, "texts of jobs")
        if "tokens" in bound:
            check(max(job["tokens"] for job in made) <= 700, str(made))
        equal((len(server.billed()), server.billed_twice()), (DOCUMENTS, 0), bound)


@case
def the_file_of_a_job_keeps_to_its_bound(t):
    server = prepared(t, config=QUICK.replace("batch: {", "batch: {max_job_bytes: 10000, "))
    ingest(t, server, "--no-wait")
    sizes = [(t.dir / "cache/jobs" / name).stat().st_size for name in job_files(t)]
    check(sizes and max(sizes) <= 10000, f"bytes of files: {sizes}")


@case
def the_free_tier_has_no_batch_jobs_and_that_is_said(t):
    server = prepared(t, flags=["--tier", "free"], documents=50)
    result = ingest(t, server, code=10)
    contains(result.err, "❌", "Free tier", "--mode sync")
    equal((server.billed(), jobs(t), job_files(t)), ([], [], []), "billed, jobs, files")
    equal(money(t)["in_doubt_texts"] + money(t)["under_way_texts"], 0, "in doubt")
    equal(ingest(t, server, mode="sync").json()["complete"], True, "by calls")
    all_is_there(t, server, 50)


@case
def after_the_refusal_of_the_free_tier_calls_send_everything(t):
    server = prepared(t, flags=["--tier", "free"])
    ingest(t, server, code=10)
    equal((server.billed(), jobs(t), job_files(t)), ([], [], []), "billed, jobs, files")
    equal(ingest(t, server, mode="sync").json()["complete"], True, "by calls")
    all_is_there(t, server, DOCUMENTS)


@case
def only_gemini_has_batch_jobs(t):
    t.sample(3)
    own = ["--provider", "openai", "--model", "m", "--base-url", "http://127.0.0.1:9/v1"]
    for provider in (["--provider", "local"], own):
        result = t.run("ingest", "train", *provider, "--input", "sample.csv", "--mode", "batch",
                       openai_key=KEY).expect(2, out="")
        contains(result.err, "has no batch jobs", "nothing was sent", "--mode sync")
    check(not (t.dir / "cache").exists(), "something was written")
    # Wanted by the configuration alone, it is not asked of a provider that has none.
    t.write("config.yaml", "embedding: {use_batch_api: true, cache_dir: cache}\n")
    t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)


@case
def a_refused_key_ends_the_run_before_a_job_is_made(t):
    server = prepared(t)
    result = ingest(t, server, code=10, key="bad-key")
    contains(result.err, "API key", "Check the key")
    equal(server.billed(), [], "billed")
    ingest(t, server)
    all_is_there(t, server, DOCUMENTS)


# --- The creation of a job --------------------------------------------------------------------


@case
def a_lost_answer_to_a_creation_makes_no_second_job(t):
    server, result = recovers(t, "create-lost:count=1",
                              says=["⚠️ job 1: no answer to its creation", "job 1 was found on "
                                    "the server: batches/"])
    equal(len(jobs(t, "--all")), 3, "jobs")


@case
def answers_to_creations_that_are_always_lost_make_no_second_job(t):
    recovers(t, "create-lost")


@case
def a_failed_creation_that_made_the_job_all_the_same_makes_no_second_one(t):
    recovers(t, "create-500-made", says=["job 1 was found on the server", "job 3 was found"])


@case
def a_failed_creation_that_made_none_is_made_up_for(t):
    recovers(t, "create-500:count=1", says=["job 1 is not on the server; it counts as in doubt",
                                            "50 texts are sent with another job"])


@case
def a_full_queue_at_the_first_creation_is_no_failure(t):
    _, result = recovers(t, "create-429:count=2")
    lacks(result.err, "⚠️")


@case
def a_queue_that_stays_full_is_left_to_the_next_run(t):
    server = prepared(t, "create-429")
    report = ingest(t, server, "--no-wait").json()
    equal((report["in_jobs"], report["embedded"], server.billed()), (DOCUMENTS, 0, []), "report")
    running = t.start(*words(server), key=KEY)
    running.wait_for("the server's queue is full")
    running.signal(SIGINT)
    running.finish().expect(130)
    healthy = simulator(t)
    ingest(t, healthy)
    all_is_there(t, healthy, DOCUMENTS)


@case
def a_job_that_shows_late_in_the_list_is_found(t):
    for number, lag in enumerate(("list-lag=3", "list-lag-ms=150")):
        server = prepared(t, "create-lost", lag)
        ingest(t, server, "--store", f"s{number}")
        equal((len(server.billed()), server.billed_twice()), (DOCUMENTS, 0), lag)


@case
def an_empty_page_is_not_the_end_of_the_list(t):
    recovers(t, "create-lost", "list-empty-page:count=1")
    recovers_with_foreign = prepared(t, "create-lost", "list-empty-page:count=1",
                                     flags=["--foreign-jobs", "70"])
    ingest(t, recovers_with_foreign, "--store", "other")
    equal((len(recovers_with_foreign.billed()), recovers_with_foreign.billed_twice()),
          (DOCUMENTS, 0), "billed among jobs of others")


@case
def a_list_without_an_end_ends_the_run_and_keeps_the_job(t):
    server = prepared(t, "create-lost:count=1", "list-empty-page")
    result = ingest(t, server, code=1)
    contains(result.err, "cannot look for it (job 1)", "pages go in a circle")
    equal([job["id"] for job in jobs(t) if job["state"] == "creating"], [1], "open jobs")
    the_invoice_is_within_the_books(t, server)
    nothing_billed_twice(server)


@case
def a_server_that_never_makes_a_job_ends_the_run_in_clear_words(t):
    server = prepared(t, "create-500", config=SMALL_JOBS.replace("grace_seconds: 0.3",
                                                                 "grace_seconds: 0.01"))
    running = t.start(*words(server), key=KEY)
    result = running.finish(10).expect(1)
    contains(result.err, "❌ Embedding generation failed: no batch got an answer", "HTTP 500")
    equal((server.billed(), jobs(t)), ([], []), "billed, open jobs")
    check(money(t)["in_doubt_texts"] >= DOCUMENTS, "nothing is in doubt")
    healthy = simulator(t)
    ingest(t, healthy)
    all_is_there(t, healthy, DOCUMENTS)


# --- Upload, polling, download ----------------------------------------------------------------


@case
def an_upload_that_fails_is_begun_again(t):
    for number, fault in enumerate(["upload-reset:count=1", "upload-finalize-error:count=1",
                                    "upload-mime", "upload-start/status=503:count=2",
                                    "upload/cut-body:count=1"]):
        server = prepared(t, fault)
        report = ingest(t, server, "--store", f"s{number}").json()
        equal((report["complete"], len(server.billed()), server.billed_twice()),
              (True, DOCUMENTS, 0), fault)


@case
def an_upload_that_always_fails_ends_the_run_and_nothing_is_billed(t):
    server = prepared(t, "upload-reset")
    result = ingest(t, server, code=1)
    contains(result.err, "❌ Embedding generation failed: cannot upload its input (job 1)")
    equal(server.billed(), [], "billed")
    books = money(t)
    equal((books["spent_usd"], books["in_doubt_usd"]), (0, 0), "the books")
    # Another address may be what is needed.
    healthy = simulator(t)
    ingest(t, healthy)
    all_is_there(t, healthy, DOCUMENTS)


@case
def a_server_that_does_not_tell_the_state_for_long_is_asked_again(t):
    recovers(t, "poll-500:count=60", says=["job 1: cannot ask for its state now, trying again"])


@case
def a_job_that_the_server_has_forgotten_stays_open(t):
    """It may have been paid for: a person decides."""
    server = prepared(t, "poll/status=404", documents=50)
    result = ingest(t, server, code=4)
    contains(result.err, "the server does not know job 1 (batches/", "--abandon 1")
    equal([job["open"] for job in jobs(t)], [True], "open")
    equal(money(t)["under_way_texts"], 50, "under way")
    healthy = simulator(t)
    ingest(t, healthy, code=4)
    equal(healthy.billed(), [], "billed again")
    jobs(t, "--abandon", 1)
    equal(money(t)["in_doubt_texts"], 50, "in doubt")
    equal(ingest(t, healthy).json()["complete"], True, "complete")


@case
def an_unknown_state_is_no_end(t):
    recovers(t, "unknown-state=3")


@case
def a_result_that_comes_late_is_waited_for(t):
    recovers(t, "late-result=300")


@case
def a_download_that_fails_is_begun_again_and_nothing_is_sent_again(t):
    for number, fault in enumerate(["download-404:count=3", "download-cut:count=3",
                                    "download/status=503:count=12", "download/html-200:count=1",
                                    "download/empty-200:count=1"]):
        server = prepared(t, fault)
        report = ingest(t, server, "--store", f"s{number}").json()
        equal((report["complete"], len(server.billed()), server.billed_twice()),
              (True, DOCUMENTS, 0), fault)


@case
def a_download_that_always_fails_can_be_interrupted_and_is_never_paid_again(t):
    server = prepared(t, "download-cut:count=60", config=QUICK)
    running = t.start(*words(server), key=KEY)
    running.wait_for("its result cannot be fetched now; this is tried again")
    running.signal(SIGINT)
    running.finish().expect(130)
    equal((len(jobs(t)), len(server.billed())), (1, DOCUMENTS), "open jobs, billed")
    ingest(t, server)
    all_is_there(t, server, DOCUMENTS)


# --- Results ----------------------------------------------------------------------------------


@case
def a_missing_row_sets_the_job_aside(t):
    one_job_is_set_aside(t, "missing-row", "its result lacks 1 of 50 rows", accepted=49)


@case
def a_row_that_was_paid_for_in_vain_is_in_the_books(t):
    server = one_job_is_set_aside(t, "missing-row", "its result lacks 1 of 50 rows", accepted=49)
    the_invoice_is_within_the_books(t, server)


@case
def a_row_twice_sets_the_job_aside(t):
    one_job_is_set_aside(t, "duplicate-row", "two rows with the key", accepted=50)


@case
def a_row_nobody_asked_for_sets_the_job_aside(t):
    one_job_is_set_aside(t, "unknown-key-row", "unknown key 'a key that nobody sent'", accepted=50)


@case
def a_row_that_is_no_vector_sets_the_job_aside(t):
    one_job_is_set_aside(t, "bad-row=nan", "of its result: ", accepted=49)


@case
def a_vector_of_the_wrong_size_sets_the_job_aside(t):
    one_job_is_set_aside(t, "bad-row=dims", "127 values instead of 128", accepted=49)


@case
def a_line_that_is_no_row_sets_the_job_aside(t):
    one_job_is_set_aside(t, "bad-row=text", "502 Bad Gateway", accepted=49)


@case
def a_zero_vector_sets_the_job_aside(t):
    one_job_is_set_aside(t, "bad-row=zero", "only zeros", accepted=49)


@case
def a_cut_row_sets_the_job_aside(t):
    one_job_is_set_aside(t, "bad-row=cut", "of its result: ", accepted=49)


@case
def rows_moved_against_their_keys_set_the_job_aside(t):
    moved_rows_set_the_job_aside(t, "--ordered-results")


@case
def shuffled_rows_moved_against_their_keys_set_the_job_aside(t):
    moved_rows_set_the_job_aside(t)


def moved_rows_set_the_job_aside(t, *flags):
    server = prepared(t, "rotate-rows", documents=harness.SAMPLE_DOCUMENTS, config=QUICK,
                      flags=flags)
    result = ingest(t, server, code=4)
    contains(result.err, "its vectors do not fit its texts", "jobs --accept 1")
    equal(result.json()["embedded"], 0, "embedded")
    ingest(t, server, code=4)
    equal((len(server.billed()), server.billed_twice()), (harness.SAMPLE_DOCUMENTS, 0), "billed")


@case
def rows_with_errors_are_sent_with_another_job(t):
    server, result = recovers(t, "row-error=0.2:count=4")
    contains(result.err, "texts are sent with another job")


@case
def rows_that_never_get_an_answer_are_named_and_not_sent_for_ever(t):
    server = prepared(t, "row-error=1")
    result = ingest(t, server, code=3)
    report = result.json()
    equal((report["embedded"], report["failed"], report["complete"]), (0, DOCUMENTS, False), "")
    contains(result.err, "texts got no vector; the first reason: ",
             "⚠️ 120 texts have no vector (see 'embstore status train' for the reasons)")
    equal((server.billed(), jobs(t), job_files(t)), ([], [], []), "billed, jobs, files")
    made = jobs(t, "--all")
    # Three rounds; the second and third may need fewer jobs.
    equal(sum(job["texts"] for job in made), 3 * DOCUMENTS, "texts in jobs")
    the_invoice_is_within_the_books(t, server)


@case
def jobs_that_fail_or_expire_are_made_again(t):
    for number, fault in enumerate(["job-failed:count=1", "job-expired:count=1"]):
        server = prepared(t, fault)
        result = ingest(t, server, "--store", f"s{number}")
        contains(result.err, "⚠️ job 1 ended as BATCH_STATE_", "50 texts are sent with another job")
        equal((result.json()["complete"], len(server.billed()), server.billed_twice()),
              (True, DOCUMENTS, 0), fault)
        books = t.run("--json", "--store", f"s{number}", "status").json()["money"]
        equal((books["in_doubt_texts"], books["under_way_texts"]), (0, 0), "the books")


@case
def jobs_that_always_fail_end_with_the_reason(t):
    server = prepared(t, "job-failed")
    result = ingest(t, server, code=1)
    contains(result.err, "ended as BATCH_STATE_FAILED", "no batch got an answer")
    equal(len([line for line in result.err.splitlines() if "ended as" in line]), 9, "failed jobs")
    equal((server.billed(), jobs(t), job_files(t)), ([], [], []), "billed, jobs, files")
    healthy = simulator(t)
    ingest(t, healthy)
    all_is_there(t, healthy, DOCUMENTS)


@case
def what_a_failed_job_delivered_is_kept_and_only_the_rest_is_sent_again(t):
    server = prepared(t, "job-failed:count=1", flags=["--partial-results"])
    result = ingest(t, server)
    contains(result.err, "ended as BATCH_STATE_FAILED", "what it delivered is kept",
             "25 texts are sent with another job")
    all_is_there(t, server, DOCUMENTS)


@case
def a_job_cancelled_by_somebody_else_is_in_doubt_and_made_again(t):
    server = prepared(t, "job-cancelled:count=1")
    result = ingest(t, server)
    contains(result.err, "⚠️ job 1 ended as BATCH_STATE_CANCELLED")
    equal((stored_positions(t, DOCUMENTS), server.billed_twice()),
          (list(range(DOCUMENTS)), 0), "stored, billed twice")
    equal(money(t)["in_doubt_texts"], 50, "in doubt")
    the_invoice_is_within_the_books(t, server)


@case
def what_a_cancelled_job_delivered_is_kept(t):
    server = prepared(t, "job-cancelled:count=1", flags=["--partial-results"])
    ingest(t, server)
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")
    nothing_billed_twice(server)
    the_invoice_is_within_the_books(t, server)


@case
def a_stuck_job_can_be_left_and_cancelled(t):
    server = prepared(t, "job-stuck:count=1")
    running = t.start(*words(server), key=KEY)
    for number in (2, 3):
        running.wait_for(f"job {number}: BATCH_STATE_SUCCEEDED")
    running.signal(SIGINT)
    running.finish().expect(130)
    (job,) = [job for job in jobs(t) if "RUNNING" in job["state"]]
    jobs(t, "--cancel", job["id"], server=server)
    ingest(t, server)
    equal(stored_positions(t, DOCUMENTS), list(range(DOCUMENTS)), "stored")
    nothing_billed_twice(server)
    the_invoice_is_within_the_books(t, server)


@case
def two_texts_with_one_hash_go_with_two_jobs(t):
    """XXH3-128 of both is 6a67cb492e86ca8626f61705f9ecf037, and rows are named by it."""
    first = bytearray(b"e" * 256)
    first[32:36], first[96:100], first[36:37], first[100:101] = b" @@@", b"icvs", b"b", b"c"
    second = bytearray(first)
    second[36:37], second[100:101] = b"c", b"b"
    texts = [bytes(first).decode(), bytes(second).decode(), "other"]
    t.config(QUICK)
    server = simulator(t)
    t.write("a.csv", "text\n" + "\n".join(texts) + "\n")
    report = ingest(t, server, "--format", "csv", input="a.csv").json()
    equal((report["embedded"], report["complete"]), (3, True), "report")
    equal(sorted(server.billed()), sorted(map(sha256, texts)), "billed")
    t.run("export", "train", "--no-normalize").expect(0)
    same_rows(read_npy(t.dir / "cache/train_embeddings.npy").rows(),
              t.tools.oracle().vectors(texts))


@case
def a_mixture_of_faults_leaves_nothing_wrong_and_nothing_paid_twice(t):
    names = ["create-lost", "create-500-made", "create-429", "poll-500", "download-cut",
             "upload-reset", "list-empty-page", "row-error=0.05"]
    t.config(SMALL_JOBS)
    t.sample(600)
    server = simulator(t, *(name + ":rate=0.15" for name in names), job_seconds=0.05)
    for _ in range(10):
        result = t.run(*words(server), key=KEY)
        check(result.code in (0, 1, 3), str(result))
        if result.code == 0:
            break
    equal(result.json()["complete"], True, "complete")
    all_is_there(t, server, 600)
