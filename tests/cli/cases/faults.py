# SPDX-License-Identifier: Apache-2.0
"""Each fault of the simulator: what the run says, what is stored, what was paid."""

import socket

from files import ag_news_texts, read_npy, same_rows, unit
from harness import SAMPLE, case, check, contains, equal
from simulator import sha256

DOCUMENTS = 40  # Four requests of ten texts, one after the other.


def run_with(t, *faults, code, more=(), documents=DOCUMENTS, concurrency=1):
    server = t.simulator(*(word for fault in faults for word in ("--fault", fault)))
    t.sample(documents)
    result = t.run("--json", "ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                   "--concurrency", concurrency, *more, key="good")
    return server, result.expect(code), result.json()


def rows_are_right(t, documents):
    """Exports what is there and compares it; answers the positions that have a vector."""
    t.run("export", "train", "--missing", "nan", "--verify").expect(0)
    rows = read_npy(t.dir / "cache/train_embeddings.npy").rows()
    there = [at for at, row in enumerate(rows) if row[0] == row[0]]
    texts = ag_news_texts(SAMPLE)[:documents]
    same_rows([rows[at] for at in there],
              [unit(v) for v in t.tools.oracle().vectors([texts[at] for at in there])])
    return there


def recovers(t, fault, billed, calls, in_doubt=0):
    """One fault, then all is well: everything is stored, exit 0. What may have been paid for
    without an answer is listed."""
    server, result, report = run_with(t, fault, code=0)
    equal((report["embedded"], report["failed"], report["complete"]), (DOCUMENTS, 0, True), fault)
    equal(report["batches"], dict(total=4, successful=4, failed=0, skipped=0), "batches")
    equal(report["api_calls"], calls, "calls counted after " + fault)
    equal(len(rows_are_right(t, DOCUMENTS)), DOCUMENTS, "rows after " + fault)
    equal(server.stop(), calls, "calls received after " + fault)
    equal(len(server.billed()), billed, "texts billed after " + fault)
    money = t.run("--json", "status").expect(0).json()["money"]
    equal((report["in_doubt_texts"], money["in_doubt_texts"]), (in_doubt, in_doubt), "in doubt")
    check(abs(report["in_doubt_usd"] - money["in_doubt_usd"]) < 1e-9, f"{report} {money}")
    equal(sum(doubt["texts"] for doubt in money["doubts"]), in_doubt, "listed")
    return result


def skips(t, fault, words):
    """An invalid answer: its batch is left out, its neighbours are stored, exit 3; the next run
    embeds just what is missing."""
    server, result, report = run_with(t, fault, code=3)
    equal((report["embedded"], report["failed"], report["complete"]), (30, 10, False), fault)
    equal(report["batches"], dict(total=4, successful=3, failed=0, skipped=1), "batches")
    equal((report["api_calls"], server.stop(), len(server.billed())), (4, 4, 40), fault)
    contains(result.err, "⚠️ Batch 2: invalid reply, skipping: 127.0.0.1: ", words,
             "⚠️ 10 texts have no vector (see 'embstore status train' for the reasons)")
    equal(rows_are_right(t, DOCUMENTS), [*range(0, 10), *range(20, 40)], "rows after " + fault)
    failures = t.run("--json", "status").json()["failures"]
    equal(sorted(int(f["id"]) for f in failures), list(range(10, 20)), "reasons after " + fault)
    second = t.simulator()
    report = t.run("--json", "ingest", "train", "--base-url", second.url, "--input", "sample.csv",
                   key="good").expect(0).json()
    equal((report["cached"], report["embedded"], report["complete"]), (30, 10, True), "next run")
    equal(t.run("--json", "status").json()["failures"], [], "reasons after the next run")


@case
def connection_faults_are_retried_and_counted(t):
    # On a new connection and on a kept one, where libcurl would send again by itself.
    recovers(t, "reset-before-reply:count=1", billed=50, calls=5, in_doubt=10)


@case
def a_kept_connection_that_is_reset_is_not_resent_in_silence(t):
    recovers(t, "reset-before-reply:at=3", billed=50, calls=5, in_doubt=10)


@case
def a_connection_closed_before_the_reply_is_retried(t):
    recovers(t, "close-before-reply:count=1", billed=50, calls=5, in_doubt=10)


@case
def a_kept_connection_that_is_closed_is_not_resent_in_silence(t):
    recovers(t, "close-before-reply:at=3", billed=50, calls=5, in_doubt=10)


@case
def a_cut_body_is_retried(t):
    recovers(t, "cut-body:at=2", billed=50, calls=5, in_doubt=10)


@case
def status_503_is_retried(t):
    recovers(t, "status=503:count=1", billed=40, calls=5)


@case
def a_gateway_that_gave_up_leaves_a_doubt(t):
    """The server behind it may have done the work."""
    for status in (502, 504, 408):
        server, _, report = run_with(t, f"status={status}:at=2", code=0,
                                     more=["--store", f"s{status}"])
        equal((report["embedded"], report["in_doubt_texts"], len(server.billed())), (40, 10, 40),
              f"after {status}")
        money = t.run("--json", "--store", f"s{status}", "status").expect(0).json()["money"]
        equal([doubt["texts"] for doubt in money["doubts"]], [10], "listed")
        contains(money["doubts"][0]["reason"], f"HTTP {status}")


@case
def status_500_is_retried(t):
    recovers(t, "status=500:count=3", billed=40, calls=7)


@case
def status_429_is_waited_for(t):
    result = recovers(t, "status=429:count=1", billed=40, calls=5)
    check(result.seconds > 1.5, f"waited {result.seconds} s of the 1.5 s asked for")


@case
def an_error_object_with_status_200_is_retried(t):
    recovers(t, "error-200:at=2", billed=50, calls=5, in_doubt=10)


@case
def an_error_inside_a_list_is_understood(t):
    recovers(t, "array-error:at=2", billed=50, calls=5)


@case
def a_slow_reply_is_waited_for(t):
    recovers(t, "slow=400:at=2", billed=40, calls=4)


@case
def a_dripping_body_meets_the_deadline(t):
    t.config("http: {request_timeout_seconds: 4}\n")
    recovers(t, "drip=50:at=2", billed=50, calls=5, in_doubt=10)


@case
def a_short_reply_is_refused_as_a_whole(t):
    skips(t, "short-reply:at=2", "9 embeddings for 10 texts")


@case
def a_long_reply_is_refused_as_a_whole(t):
    skips(t, "extra-reply:at=2", "11 embeddings for 10 texts")


@case
def a_number_that_is_none_is_refused(t):
    skips(t, "nan:at=2", "invalid reply")


@case
def a_vector_of_the_wrong_size_is_refused(t):
    skips(t, "wrong-dims:at=2", "127 values instead of 128")


@case
def a_vector_of_zeros_is_refused(t):
    skips(t, "zero-vector:at=2", "only zeros")


@case
def a_web_page_is_no_reply(t):
    skips(t, "html-200:at=2", "Network login required")


@case
def an_empty_reply_is_refused(t):
    skips(t, "empty-200:at=2", "empty")


@case
def two_documents_in_one_body_are_refused(t):
    skips(t, "duplicate-json:at=2", "invalid reply")


@case
def a_body_that_is_not_gzip_is_no_answer(t):
    """Whether it was billed is not known, so it is asked for again and listed."""
    recovers(t, "gzip-garbage:at=2", billed=50, calls=5, in_doubt=10)


@case
def a_redirect_is_an_error_and_never_followed(t):
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        elsewhere.settimeout(0)
        target = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/steal"
        server, result, report = run_with(t, f"redirect={target}:at=2", code=2)
        contains(result.err, "redirects are not followed", "HTTP 302")
        equal((report["embedded"], server.stop()), (10, 2), "stored, calls")
        try:
            elsewhere.accept()
            check(False, "the redirect was followed")
        except BlockingIOError:
            pass


@case
def one_rejected_text_does_not_hurt_its_neighbours(t):
    texts = ag_news_texts(SAMPLE)[:DOCUMENTS]
    bad = "plebiscite"
    at = [i for i, text in enumerate(texts) if bad in text]
    equal(at, [3], "positions with the word")
    server, result, report = run_with(t, f"reject-text={bad}", code=3)
    equal((report["embedded"], report["failed"], report["complete"]), (39, 1, False), "counts")
    equal(report["batches"], dict(total=4, successful=4, failed=0, skipped=0), "batches")
    contains(result.err, "⚠️ Batch 1: 1 texts were refused, the first is document '3'", "400")
    equal(rows_are_right(t, DOCUMENTS), [i for i in range(DOCUMENTS) if i != 3], "rows")
    equal(sorted(server.billed()), sorted(map(sha256, texts[:3] + texts[4:])), "billed")
    contains(t.run("status").expect(0).out, "1 texts without a vector", "train document '3': ",
             "HTTP 400")
    equal([(f["split"], f["id"], f["code"]) for f in t.run("--json", "status").json()["failures"]],
          [("train", "3", "rejected")], "failures")
    contains(t.run("get", "train", "3").expect(9).err, "no vector for document '3'")


def ended_after_five_batches(report, how, server, attempts):
    """One more batch may have begun when the fifth one failed."""
    equal(report["embedded"], 0, "embedded")
    check(5 <= report["batches"][how] <= 6, str(report))
    check(5 * attempts <= report["api_calls"] <= 6 * attempts, str(report))
    equal(server.stop(), report["api_calls"], "calls received and reported")


@case
def a_server_that_only_fails_ends_the_run_in_clear_words(t):
    server, result, report = run_with(t, "status=503", code=1, documents=100)
    ended_after_five_batches(report, "failed", server, attempts=4)
    contains(result.err, "❌ Embedding generation failed: 5 batches in a row failed; the last ",
             "HTTP 503", "What was committed is safe. Run the same command to go on.")


@case
def a_login_page_for_ever_ends_the_run_in_clear_words(t):
    server, result, report = run_with(t, "html-200", code=1, documents=100)
    ended_after_five_batches(report, "skipped", server, attempts=1)
    contains(result.err, "5 batches in a row failed", "Network login required")


@case
def resets_for_ever_end_the_run_in_clear_words(t):
    server, result, report = run_with(t, "reset-before-reply", code=1, documents=100)
    ended_after_five_batches(report, "failed", server, attempts=4)
    contains(result.err, "5 batches in a row failed", "may have been billed")


@case
def a_mixture_of_faults_leaves_nothing_wrong(t):
    """A third of all calls goes wrong in one way or another; a few runs finish all the same."""
    names = ["reset-before-reply", "cut-body", "status=503", "short-reply", "nan", "gzip-garbage"]
    server = t.simulator(*(word for name in names for word in ("--fault", name + ":rate=0.06")))
    t.sample(300)
    for _ in range(10):
        result = t.run("--json", "ingest", "train", "--base-url", server.url, "--input",
                       "sample.csv", key="good")
        check(result.code in (0, 3), str(result))
        if result.code == 0:
            break
    equal(result.json()["complete"], True, "complete after ten runs")
    equal(len(rows_are_right(t, 300)), 300, "rows")
