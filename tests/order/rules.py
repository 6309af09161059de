# SPDX-License-Identifier: Apache-2.0
"""What must come before what. A rule looks at one trace and answers what is wrong in it."""

import collections
import os
import re

from witnesses import COMMIT, CREATING, DROP, ENDING, JOB, NEVER, REQUEST, key_of

SYNCS_PER_REQUEST = 3

RULES = {}


class Rule:
    """A named rule and the traces that it is for."""

    def __init__(self, function, scenarios):
        self.name = function.__name__.replace("_", "-")
        self.doc = function.__doc__.strip()
        self.scenarios = scenarios
        self.check = function


def rule(*scenarios):
    def register(function):
        RULES[function.__name__.replace("_", "-")] = Rule(function, scenarios)
        return function
    return register


# --- Requests -------------------------------------------------------------------------------


@rule("gemini", "several", "openai", "batch", "retried")
def intent_before_request(w):
    """The ledger names a request's texts, synced, before its first byte goes out."""
    wrong = []
    unused = w.of_kind(REQUEST)
    if not w.paid_requests:
        wrong.append("no paid request was seen")
    for request in w.paid_requests:
        keys = sorted(map(key_of, request.texts()))
        intent = next((entry for entry in unused if sorted(entry.keys()) == keys), None)
        if intent is None:
            wrong.append(f"{request} has no entry of its own in the ledger")
            continue
        unused.remove(intent)
        if not intent.durable < request.first.start:
            wrong.append(f"{request} was sent before its entry was synced")
    return wrong


@rule("batch")
def job_files_before_upload(w):
    """The input of a job is whole and durable here before it is uploaded."""
    wrong = []
    uploads = [request for request in w.requests if request.is_upload()]
    if not uploads:
        wrong.append("no upload was seen")
    inputs = [event for event in w.renames() if re.search(r"/jobs/\w+\.jsonl$", event.target)]
    for upload in uploads:
        named = [event for event in inputs
                 if b"".join(one.data for one in w.writes_to(event.path)) == upload.body]
        if not any(w.durable_name(event, event.target) < upload.first.start for event in named):
            wrong.append(f"{upload} was sent before its file was durable")
    return wrong


@rule("batch")
def creation_recorded_before_sent(w):
    """That a job is about to be created is synced before the request that creates it."""
    wrong = []
    creations = [request for request in w.requests if request.is_creation()]
    planned = [entry for entry in w.of_kind(JOB) if entry.table.number(1, "<B") == CREATING]
    if not creations:
        wrong.append("no creation was seen")
    for number, creation in enumerate(creations):
        if number >= len(planned) or not planned[number].durable < creation.first.start:
            wrong.append(f"{creation} was sent before the ledger said so")
    return wrong


@rule("gemini", "openai")
def few_syncs_for_each_request(w):
    """At most three syncs a request: the entry before it, the log, the entry behind it."""
    sent = [request.first.start for request in w.paid_requests] + [
        max(entry.written.start for entry in w.of_kind(COMMIT)) + 1]
    # The first one also makes the file of the log known to its directory.
    wrong = []
    for number, (begin, end) in enumerate(zip(sent[1:], sent[2:]), 2):
        count = sum(begin < sync.start < end for sync in w.syncs)
        if count > SYNCS_PER_REQUEST:
            wrong.append(f"{count} syncs between requests {number} and {number + 1}")
    return wrong


# --- Commits --------------------------------------------------------------------------------


@rule("gemini", "several", "openai", "batch", "imported")
def log_before_commit_entry(w):
    """What a commit entry of the ledger stands for is durable in the log of RocksDB before it."""
    wrong = []
    commits = w.of_kind(COMMIT)
    if not commits:
        wrong.append("no commit was seen")
    last = -1
    for entry in commits:
        place = entry.written.start
        if w.unsynced(w.wal_writes, place):
            wrong.append(f"{len(w.unsynced(w.wal_writes, place))} writes to the log were not "
                         f"synced when commit {entry.request()} was written down")
        # Its own sync had something to sync: neither nothing nor what an earlier one had.
        syncs = [sync for sync in w.syncs if sync.end < place and is_log(w, sync.path)]
        before = max([sync.start for sync in syncs[:-1]] + [last])
        if not syncs or not any(before < event.start < syncs[-1].start for event in w.wal_writes):
            wrong.append(f"nothing was written to the log for commit {entry.request()}")
        last = place
    return wrong


def is_log(w, path):
    return any(event.path == path for event in w.wal_writes)


@rule("gemini", "several", "openai", "batch")
def texts_in_log_before_commit_entry(w):
    """The log has the texts of the very requests that a commit entry names."""
    wrong = []
    texts_of = {}
    by_key = {key_of(text): text for request in w.paid_requests for text in request.texts()}
    for entry in w.of_kind(REQUEST):
        texts_of[entry.request()] = [by_key[key] for key in entry.keys() if key in by_key]
    for entry in w.of_kind(COMMIT):
        content = w.wal_content(entry.written.start)
        missing = [text for request in entry.shares() for text in texts_of[request]
                   if text.encode() not in content]
        if missing:
            wrong.append(f"commit {entry.request()} was written down while {len(missing)} of its "
                         f"texts were not durable in the log")
    return wrong


@rule("gemini")
def commit_before_progress(w):
    """The progress bar counts what is durable, and nothing else."""
    wrong = []
    shown = 0
    for event in w.events:
        if not re.search(r"/dev/(pts/|tty)", event.path):
            continue
        for count in re.findall(rb"\xe2\x96\x91? ?(?:\x1b\[0m)? ([\d,]+)/[\d,]+ ", event.data) or \
                re.findall(rb" ([\d,]+)/[\d,]+  \d", event.data):
            number = int(count.replace(b",", b""))
            shown = max(shown, number)
            durable = sum(entry.texts() for entry in w.of_kind(COMMIT)
                          if entry.written.start < event.start)
            if number > durable or w.unsynced(w.wal_writes, event.start):
                wrong.append(f"{number} shown as done while {durable} were durable")
    return wrong if shown else wrong + ["no progress was seen"]


@rule("gemini", "several", "openai", "batch", "gc", "imported")
def all_durable_at_the_end(w):
    """Nothing in the ledger or in the log is left to the system when the command ends."""
    wrong = []
    for end in w.exits[-1:]:
        for what, writes in (("ledger", w.ledger_writes), ("log", w.wal_writes)):
            count = len(w.unsynced(writes, end.start))
            if count:
                wrong.append(f"{count} writes to the {what} were not synced at the end")
    return wrong if w.exits else ["no end was seen"]


@rule("batch")
def stored_before_removed(w):
    """What a job brought is durable before its files are removed, here and on the server."""
    wrong = []
    places = [(repr(request), request.first.start) for request in w.requests
              if request.method == "DELETE"]
    places += [(repr(event), event.start) for event in w.removals()
               if re.search(r"/jobs/\w+(\.result)?\.jsonl$", event.path)]
    if not places:
        wrong.append("nothing was removed")
    ends = [entry.durable for entry in w.of_kind(ENDING)] + [
        entry.durable for entry in w.of_kind(COMMIT)]
    for what, place in places:
        if w.unsynced(w.wal_writes, place) or w.unsynced(w.ledger_writes, place):
            wrong.append(f"{what} came before what it had brought was durable")
        if not any(end < place for end in ends):
            wrong.append(f"{what} came before anything of it was stored")
    return wrong


@rule("gc")
def drop_recorded_before_removal(w):
    """The ledger knows what is dropped before it goes, and the commit behind it afterwards."""
    wrong = []
    drops = w.of_kind(DROP)
    if not drops:
        wrong.append("nothing was dropped")
    for drop in drops:
        commit = min((entry.written.start for entry in w.of_kind(COMMIT)
                      if entry.written.start > drop.written.start), default=NEVER)
        removals = [event for event in w.wal_writes if drop.written.start < event.start < commit]
        if commit == NEVER:
            wrong.append("no commit follows what is dropped")
        if not removals:
            wrong.append("nothing was removed between the entry of a drop and its commit")
        if any(event.start < drop.durable for event in removals):
            wrong.append("something was removed before the ledger's entry was synced")
        if w.unsynced(removals, commit):
            wrong.append("a removal was not durable when its commit was written down")
    return wrong


# --- Files ----------------------------------------------------------------------------------


def replacements(w):
    """Renames of written files to their names; views that can be made again do not count."""
    return [event for event in w.renames() if re.search(r"\.tmp-\d+-\d+$", event.path)
            and not os.path.basename(event.target).startswith(".checkpoint_")]


@rule("gemini", "batch", "npy", "npy-new", "arrow", "imported")
def file_synced_before_renamed(w):
    """A file gets its name when it is whole and synced; then its directory is synced."""
    wrong = []
    if not replacements(w):
        wrong.append("no file was replaced")
    for event in replacements(w):
        writes = w.writes_to(event.path)
        late = [write for write in writes if write.end > event.start]
        if not writes:
            wrong.append(f"{event}: nothing was written")
        if late or w.unsynced(writes, event.start):
            wrong.append(f"{event}: renamed before it was synced")
        if not all("O_EXCL" in opened.flags and "O_NOFOLLOW" in opened.flags
                   for opened in w.opened(event.path)):
            wrong.append(f"{event}: opened as if it might be there already")
        if not w.durable_name(event, event.target) < min(end.start for end in w.exits):
            wrong.append(f"{event}: its directory was not synced afterwards")
        for opened in w.opened(event.target):
            if re.search("O_WRONLY|O_RDWR", opened.flags) and opened.start < event.start:
                wrong.append(f"{opened}: written in its place")
    return wrong


METADATA = re.compile(r"(_metadata|_embeddings\.arrow)\.json$")


@rule("npy", "arrow", "npy-new")
def metadata_first_and_last(w):
    """The parts change only while there is no metadata file, with a sync of the directory
    before, between and after."""
    metadata = [event for event in replacements(w) if METADATA.search(event.target)]
    parts = [event for event in replacements(w) if event not in metadata]
    if len(metadata) != 1 or not parts:
        return [f"{len(metadata)} metadata files and {len(parts)} parts were written"]
    last = metadata[0]
    gone = [event for event in w.removals() if event.path == last.target]
    wrong = []
    if not gone and w.trace.name != "npy-new":
        wrong.append("the metadata of before was not removed")
    first = min(part.start for part in parts)
    for event in gone:
        if not w.durable_name(event, event.path) < first:
            wrong.append(f"{event}: not durable before the parts changed")
    begin = min([event.start for event in gone] + [first])
    for one in [*parts, last]:
        writes = w.writes_to(one.path)
        if not writes or writes[-1].end > begin or w.unsynced(writes, begin):
            wrong.append(f"{one}: not whole and synced when the first part of the old set went")
    for part in parts:
        if not w.durable_name(part, part.target) < last.start:
            wrong.append(f"{part}: not durable before the metadata came back")
    if not w.durable_name(last, last.target) < w.exits[-1].start:
        wrong.append("the metadata's name was not synced")
    return wrong


@rule("gemini", "batch", "openai")
def new_store_before_request(w):
    """A new store and a new ledger are durable, whole, before anything is sent."""
    wrong = []
    sent = min((request.first.start for request in w.requests), default=NEVER)
    for name in ("store", "ledger"):
        made = [event for event in w.renames() if event.target == f"{w.directory}/{name}"]
        if len(made) != 1:
            wrong.append(f"{name}: made {len(made)} times")
            continue
        event = made[0]
        if not w.durable_name(event, event.target) < sent:
            wrong.append(f"{name}: its name was not durable when something was sent")
        inside = [write for write in w.events if write.name.startswith(("write", "pwrite"))
                  and (write.path == event.path or is_record(write.path, event.path))]
        if not inside or w.unsynced(inside, event.start):
            wrong.append(f"{name}: what is in it was not durable when it got its name")
    return wrong


def is_record(path, directory):
    """A file that a store needs, not its notes."""
    return re.fullmatch(re.escape(directory) + r"/(MANIFEST-\d+|\d+\.(log|sst|dbtmp))",
                        path) is not None


@rule("gemini", "batch", "openai", "several")
def directories_before_request(w):
    """A directory that was made for the store is known to its parent before anything is sent."""
    wrong = []
    sent = min((request.first.start for request in w.requests), default=NEVER)
    made = [event for event in w.events if event.name.startswith("mkdir") and event.start < sent
            and (w.directory + "/").startswith(event.path + "/")]
    if not made:
        wrong.append("no directory was made")
    for event in made:
        if not w.durable_name(event, event.path) < sent:
            wrong.append(f"{event}: its parent was not synced before something was sent")
    return wrong


def figures(w):
    """Counts for a person to read."""
    counts = collections.Counter(kind_of(sync.path) for sync in w.syncs)
    parts = [f"{len(w.ledger_writes)} writes to the ledger", f"{len(w.wal_writes)} to the log",
             f"{len(w.syncs)} syncs (" +
             ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) + ")"]
    if w.requests:
        parts.insert(0, f"{len(w.requests)} requests, {len(w.paid_requests)} with texts")
    if w.paid_requests:
        sent = [request.first.start for request in w.paid_requests]
        end = max(entry.written.start for entry in w.of_kind(COMMIT)) + 1
        during = sum(sent[0] < sync.start < end for sync in w.syncs)
        parts.append(f"{(during + 1) / len(sent):.1f} syncs a request with texts")
    return "; ".join(parts)


def kind_of(path):
    name = os.path.basename(path)
    if name == "ledger" or name.startswith("ledger.tmp"):
        return "ledger"
    if re.fullmatch(r"\d+\.log", name):
        return "log"
    if re.search(r"\.(sst|dbtmp)$|^(MANIFEST|OPTIONS)", name):
        return "other RocksDB"
    return "directory" if "." not in name else "file"
