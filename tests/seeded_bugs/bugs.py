# SPDX-License-Identifier: Apache-2.0
"""Each bug that engine/base/seeded_bug.cc knows, and the test that must find it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    unit: str = ""  # The test is a test case of this unit test program, ...
    cli: str = ""  # ... or a case of tests/cli in this file.
    case: str = ""
    sanitizer: str = ""  # Only in builds with this sanitizer, ...
    report: str = ""  # ... which must say this.


BUGS = [
    # Money: written down before it is sent, held against the budgets, never spent twice.
    Bug("no-intent-sync", unit="ledger",
        case="ledger: what is promised to be durable is synced, and all but the last entry always"),
    Bug("intent-after-send", unit="ingest",
        case="ingest: a request is in the ledger before the provider is called"),
    Bug("failed-sync-ignored", unit="ledger", case="ledger: a failed sync is not tried again"),
    Bug("ledger-unchecked", unit="ledger",
        case="ledger: a last entry with a sector that was never written is torn"),
    Bug("orphans-forgotten", unit="store",
        case="store: a request that a process left open is in doubt for the next writer"),
    Bug("doubt-unrecorded", unit="ingest",
        case="ingest: a lost answer is in doubt, and its texts are sent again at that risk"),
    Bug("doubt-unbounded", unit="ingest",
        case="ingest: the risk of paying twice stays within what one run may risk"),
    Bug("budget-passed-by-last", unit="ingest",
        case="ingest: no request begins that could pass the budget of the run"),
    Bug("day-never-ends", unit="ingest",
        case="ingest: a run that crosses midnight counts on for the new day"),
    Bug("no-second-witness", unit="ingest",
        case="ingest: a text that was paid for and is not there stops the run before it pays "
             "again"),
    Bug("commit-number-unchecked", unit="store",
        case="store: an older copy of the database is refused, with the number of lost texts"),
    Bug("commit-unrecorded", unit="store",
        case="store: what was bought is in the ledger, also after the next open"),
    Bug("gc-unrecorded", cli="gc", case="what was dropped is bought again and nothing else"),
    Bug("job-made-twice", unit="ingest",
        case="jobs: a job that was made without an answer is found by its name"),
    Bug("stored-rows-again", unit="ingest",
        case="jobs: a large result of which a part is stored is gone on with, and paid for once"),
    Bug("bad-request-retried", unit="provider",
        case="gemini: input that the server refuses is rejected"),
    Bug("no-jitter-floor", unit="ingest",
        case="ingest: a longer hint of the server wins over the planned wait"),
    Bug("hint-ignored", unit="ingest",
        case="limiter: after a refusal nobody sends before the hint is over"),
    Bug("unbounded-flight", unit="ingest",
        case="ingest: never more batches are sent and not yet durable than may be in flight"),
    Bug("lock-after-send", cli="interrupts",
        case="a second writer is turned away before it sends anything"),
    Bug("unlocked", unit="store",
        case="store: a second writer is refused at once and told who holds the store"),

    # The store: durable when it says so, damage is an error, a hit is the text itself.
    Bug("unsynced-commit", unit="store",
        case="store: a commit is synced before it is acknowledged"),
    Bug("told-before-stored", unit="ingest", case="ingest: progress tells only of what is stored"),
    Bug("default-recovery", unit="store",
        case="store: a log damaged in the middle refuses to open instead of losing commits"),
    Bug("iterator-status-ignored", unit="store",
        case="store: damage is an error, never a missing or a wrong vector"),
    Bug("checksum-without-key", unit="record",
        case="record: a vector under another key is refused"),
    Bug("hash-without-fingerprint", unit="ingest",
        case="ingest: two texts with one content hash are both paid for and keep their own "
             "vectors"),
    Bug("no-sketch", unit="store",
        case="sketches: every vector gets its sketch in the commit that brings it"),
    Bug("broken-list-published", unit="ingest",
        case="ingest: an error on a late line leaves the earlier document list in place"),
    Bug("changed-text-sent", unit="ingest",
        case="ingest: a text that the scan did not see is never sent"),

    # Answers: nothing wrong is stored.
    Bug("matched-by-position", unit="ingest",
        case="quarantine: accepting a job stores what fits, the rest is sent again and paid anew"),
    Bug("missing-row-accepted", unit="ingest",
        case="quarantine: a result whose keys or vectors are mixed up is set aside, in plain "
             "words"),
    Bug("row-twice-accepted", unit="ingest",
        case="quarantine: a result whose keys or vectors are mixed up is set aside, in plain "
             "words"),
    Bug("index-ignored", unit="provider", case="openai: vectors are put in order by their index"),
    Bug("one-vector-less-accepted", unit="provider",
        case="gemini: too few, too many and fused vectors are refused with both numbers"),
    Bug("reply-size-unchecked", unit="ingest",
        case="ingest: an invalid reply stores nothing, is not paid for again, and the run goes "
             "on"),
    Bug("nan-accepted", unit="provider",
        case="embedding values: what makes a vector unusable is named"),
    Bug("stored-unchecked", unit="ingest",
        case="ingest: an invalid reply stores nothing, is not paid for again, and the run goes "
             "on"),
    Bug("pairing-unchecked", unit="ingest",
        case="quarantine: an answer in another order is set aside until a person decides"),

    # HTTP and the key.
    Bug("postfields", unit="http", case="http: every libcurl setting of a POST is as decided"),
    Bug("silent-resend", unit="http",
        case="http: a reused connection that dies takes one POST with it, not two"),
    Bug("redirects-followed", unit="http",
        case="http: redirects are handed to the caller and the key goes nowhere else"),
    Bug("certificate-unchecked", unit="http",
        case="http: every libcurl setting of a POST is as decided"),
    Bug("no-body-cap", unit="http", case="http: a body over the cap is refused however it is sent"),
    Bug("cut-gzip-accepted", unit="http",
        case="http: gzip that was cut before it was framed is not whole"),
    Bug("key-in-message", unit="provider",
        case="gemini: the key is never in a message, wherever the server echoes it"),

    # Files.
    Bug("unsynced-rename", unit="base",
        case="base: a file is synced before it gets its name, and the directory after"),
    Bug("unsynced-directory", unit="base",
        case="base: a file is synced before it gets its name, and the directory after"),
    Bug("metadata-left", unit="exporter",
        case="export: where only some files can be replaced, no metadata vouches for any"),
    Bug("missing-exported", unit="exporter",
        case="export: documents without a vector refuse the export and are named"),
    Bug("normalised-before-cut", unit="exporter",
        case="export: a cut to fewer dimensions is normalised after the cut"),

    # The sanitizers are not blind.
    Bug("race-of-ledger", unit="ledger", case="ledger: threads may write and read at once",
        sanitizer="thread", report="WARNING: ThreadSanitizer: data race"),
    Bug("race-of-workers", unit="ingest",
        case="ingest: many workers store each vector under its own text",
        sanitizer="thread", report="WARNING: ThreadSanitizer: data race"),
    Bug("heap-overflow", unit="ledger",
        case="ledger: requests are numbered from 1 over the life of the file",
        sanitizer="address", report="ERROR: AddressSanitizer: heap-buffer-overflow"),
    Bug("signed-overflow", unit="ledger",
        case="ledger: sums beyond what money holds stay at its limit",
        sanitizer="undefined", report="runtime error: signed integer overflow"),
]
