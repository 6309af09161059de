# SPDX-License-Identifier: Apache-2.0
"""Traces in which the order is wrong on purpose: a rule that finds nothing in one is blind."""

import os
import re

import calls
from rules import METADATA, is_record, replacements
from witnesses import COMMIT, CREATING, DROP, JOB, REQUEST, key_of

DOCTORINGS = {}  # By the name of the rule: functions from witnesses to lists of events.


def against(*rules):
    def register(function):
        for name in rules:
            DOCTORINGS.setdefault(name, []).append(function)
        return function
    return register


def without(w, unwanted):
    unwanted = set(map(id, unwanted))
    return [event for event in w.events if id(event) not in unwanted]


def moved(w, event, place):
    """The same events, with one of them at another place."""
    return [*without(w, [event]), event.copy(start=place, end=place)]


def after(event):
    return event.end + 0.25


def before(event):
    return event.start - 0.25


def syncs_of(w, path, since=-1, until=float("inf")):
    return [sync for sync in w.syncs if sync.path == path and since < sync.start < until]


def with_entry(w, number):
    """A request, and the last entry of the ledger that is for it."""
    request = w.paid_requests[number]
    keys = sorted(map(key_of, request.texts()))
    return request, [one for one in w.of_kind(REQUEST) if sorted(one.keys()) == keys][-1]


@against("intent-before-request")
def the_last_entry_comes_behind_its_request(w):
    request, entry = with_entry(w, -1)
    return moved(w, entry.written, after(request.first))


@against("intent-before-request")
def the_sync_of_an_entry_ends_behind_its_request(w):
    request, entry = with_entry(w, len(w.paid_requests) // 2)
    syncs = syncs_of(w, w.directory + "/ledger", since=entry.written.end,
                     until=request.first.start)
    return [*without(w, syncs), syncs[0].copy(end=after(request.first))]


@against("intent-before-request")
def a_request_is_sent_twice(w):
    again = [event.copy(path=event.path + "again", start=event.end + 0.25, end=event.end + 0.25)
             for event in w.events if event in (w.paid_requests[0].first, w.paid_requests[0].last)]
    return [*w.events, *again]


@against("intent-before-request", "creation-recorded-before-sent", "stored-before-removed",
         "drop-recorded-before-removal")
def the_ledger_is_never_synced(w):
    return without(w, syncs_of(w, w.directory + "/ledger"))


@against("all-durable-at-the-end")
def the_last_write_to_the_ledger_is_not_synced(w):
    last = w.ledger_writes[-1]
    return without(w, syncs_of(w, last.path, since=last.end))


@against("job-files-before-upload")
def the_input_gets_its_name_behind_the_upload(w):
    upload = next(request for request in w.requests if request.is_upload())
    named = next(event for event in w.renames() if "/jobs/" in event.target)
    return moved(w, named, after(upload.last))


@against("job-files-before-upload")
def the_folder_of_jobs_is_not_synced(w):
    return without(w, syncs_of(w, w.directory + "/jobs"))


@against("creation-recorded-before-sent")
def a_creation_is_recorded_behind_it(w):
    creation = next(request for request in w.requests if request.is_creation())
    entry = next(entry for entry in w.of_kind(JOB) if entry.table.number(1, "<B") == CREATING)
    return moved(w, entry.written, after(creation.first))


@against("few-syncs-for-each-request")
def a_request_costs_four_syncs_more(w):
    at = w.paid_requests[3].first
    return [*w.events, *(calls.Event("fdatasync", after(at) + number / 100,
                                     path=w.directory + "/ledger") for number in range(4))]


def last_commit(w):
    """The last commit entry and the write to the log before it."""
    entry = w.of_kind(COMMIT)[-1]
    return entry, [event for event in w.wal_writes if event.start < entry.written.start][-1]


@against("log-before-commit-entry", "texts-in-log-before-commit-entry", "commit-before-progress",
         "stored-before-removed", "drop-recorded-before-removal")
def the_log_is_never_synced(w):
    return without(w, [sync for path in {event.path for event in w.wal_writes}
                       for sync in syncs_of(w, path)])


@against("log-before-commit-entry", "texts-in-log-before-commit-entry",
         "drop-recorded-before-removal")
def the_log_is_written_behind_the_last_commit_entry(w):
    entry, written = last_commit(w)
    return moved(w, written, after(entry.written))


@against("log-before-commit-entry", "texts-in-log-before-commit-entry")
def the_log_is_synced_behind_the_last_commit_entry(w):
    entry, written = last_commit(w)
    sync = syncs_of(w, written.path, since=written.end, until=entry.written.start)[0]
    return moved(w, sync, after(entry.written))


@against("texts-in-log-before-commit-entry")
def the_log_has_other_texts(w):
    _, written = last_commit(w)
    return [*without(w, [written]), written.copy(data=written.data.replace(b"e", b"f"))]


@against("all-durable-at-the-end")
def the_last_write_to_the_log_is_not_synced(w):
    last = w.wal_writes[-1]
    return without(w, syncs_of(w, last.path, since=last.end))


@against("commit-before-progress")
def the_last_commit_comes_behind_the_end_of_the_bar(w):
    bars = [event for event in w.events if "/dev/pts" in event.path and b"60/60" in event.data]
    return moved(w, last_commit(w)[0].written, after(bars[-1]))


@against("stored-before-removed")
def the_files_of_a_job_go_first(w):
    removal = next(event for event in w.removals() if event.path.endswith(".jsonl"))
    return moved(w, removal, before(w.of_kind(COMMIT)[0].written))


@against("stored-before-removed")
def the_files_on_the_server_go_first(w):
    deletion = next(request for request in w.requests if request.method == "DELETE")
    return moved(w, deletion.first, before(w.of_kind(COMMIT)[0].written))


@against("drop-recorded-before-removal")
def a_drop_is_recorded_behind_the_removal(w):
    drop = w.of_kind(DROP)[0]
    removal = next(event for event in w.wal_writes if event.start > drop.durable)
    return moved(w, removal, before(drop.written))


@against("file-synced-before-renamed", "metadata-first-and-last")
def a_file_is_not_synced(w):
    return without(w, syncs_of(w, replacements(w)[0].path))


@against("file-synced-before-renamed", "metadata-first-and-last")
def a_file_is_written_behind_its_sync(w):
    one = replacements(w)[0]
    return moved(w, w.writes_to(one.path)[-1], before(one))


@against("file-synced-before-renamed")
def a_file_gets_its_name_before_its_sync(w):
    one = replacements(w)[-1]
    return moved(w, one, before(syncs_of(w, one.path)[-1]))


@against("file-synced-before-renamed", "metadata-first-and-last", "new-store-before-request",
         "directories-before-request")
def no_directory_is_synced(w):
    return without(w, [sync for sync in w.syncs if "." not in os.path.basename(sync.path)
                       and not sync.path.endswith("/ledger")])


@against("file-synced-before-renamed")
def a_temporary_file_is_not_opened_exclusively(w):
    opened = w.opened(replacements(w)[0].path)[0]
    return [*without(w, [opened]), opened.copy(flags=opened.flags.replace("O_EXCL", "0"))]


def metadata_of(w):
    return next(event for event in replacements(w) if METADATA.search(event.target))


def syncs_of_the_export(w, number):
    """The trace without one of the three syncs of the directory."""
    last = metadata_of(w)
    syncs = syncs_of(w, os.path.dirname(last.target))
    return without(w, [syncs[-3:][number]])


@against("metadata-first-and-last")
def no_sync_between_the_removal_and_the_parts(w):
    return syncs_of_the_export(w, 0) if w.trace.name != "npy-new" else no_directory_is_synced(w)


@against("metadata-first-and-last")
def no_sync_between_the_parts_and_the_metadata(w):
    return syncs_of_the_export(w, 1)


@against("metadata-first-and-last")
def no_sync_behind_the_metadata(w):
    return syncs_of_the_export(w, 2)


@against("metadata-first-and-last")
def the_metadata_comes_first(w):
    return moved(w, metadata_of(w), before(replacements(w)[0]))


@against("metadata-first-and-last")
def the_old_metadata_stays(w):
    if w.trace.name == "npy-new":  # There was none.
        return the_metadata_comes_first(w)
    return without(w, [event for event in w.removals() if METADATA.search(event.path)])


@against("new-store-before-request")
def the_new_ledger_is_not_synced(w):
    made = next(event for event in w.renames() if event.target == w.directory + "/ledger")
    return without(w, syncs_of(w, made.path))


@against("new-store-before-request")
def the_new_store_is_not_synced(w):
    made = next(event for event in w.renames() if event.target == w.directory + "/store")
    return without(w, [sync for sync in w.syncs if is_record(sync.path, made.path)])


@against("new-store-before-request")
def the_new_store_gets_its_name_behind_the_first_request(w):
    made = next(event for event in w.renames() if event.target == w.directory + "/store")
    return moved(w, made, after(w.requests[0].first))


# --- The reader of traces -------------------------------------------------------------------

TRACE = r"""
7 1.0 openat(AT_FDCWD</data>, "cache/ledger", O_RDWR|O_CLOEXEC) = 5</data/cache/ledger>
7 1.1 pwrite64(5</data/cache/ledger>, "a\0\"\303\244>)", 7, 80) = 7
7 1.2 fdatasync(5</data/cache/ledger> <unfinished ...>
8 1.3 sendto(9<TCP:[127.0.0.1:5->127.0.0.1:6]>, "GET / HTTP/1.1\r\n\r\n", 18, 0) = 18
7 1.4 <... fdatasync resumed>)  = 0
8 1.5 rename("cache/a", "../b") = 0
8 1.6 unlink("cache/none") = -1 ENOENT (No such file or directory)
8 1.7 --- SIGCHLD {si_signo=SIGCHLD} ---
7 1.8 exit_group(0) = ?
7 1.9 +++ exited with 0 +++
""".strip().split("\n")


def reader_is_right():
    """Answers what the reader gets wrong in a small trace."""
    events = calls.parse(TRACE, "/data")
    names = [event.name for event in events]
    wrong = []
    if names != ["openat", "pwrite64", "fdatasync", "sendto", "rename", "exit_group"]:
        return [f"calls: {names}"]
    _, write, sync, send, rename, _ = events
    if (write.data, write.path, write.offset) != (b'a\0"\xc3\xa4>)', "/data/cache/ledger", 80):
        wrong.append(f"pwrite64: {write.__dict__}")
    if not sync.start < send.start < sync.end:
        wrong.append("a sync that is under way counts as done")
    if send.data != b"GET / HTTP/1.1\r\n\r\n" or not re.match("TCP", send.path):
        wrong.append(f"sendto: {send.__dict__}")
    if (rename.path, rename.target) != ("/data/cache/a", "/b"):
        wrong.append(f"rename: {rename.path} {rename.target}")
    return wrong
