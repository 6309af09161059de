# SPDX-License-Identifier: Apache-2.0
"""The catalogue: each way in which a server can be hostile, with the class that
docs/decisions/0012 gives it."""

import ssl

from . import meaning, tls
from . import replies as r

# What one request of three of ten texts comes to, by calls:
#   fine      nothing happened
#   again     not billed, asked again
#   doubt     may be billed: asked again, and listed for good
#   wasted    a whole answer that cannot be used: its batch is left out, exit 3
#   split     the input is refused: asked again in halves
#   refused   the input is refused down to each text, exit 3
#   held      a person has to look at it, exit 4
#   ends      the run ends, nothing is billed; the exit code follows
# Jobs have the same, and:
#   found     the answer to the creation is lost; the job is found by its name
#   lost      and is not found: in doubt, and its texts go out with another job
#   second    the server has two of that name: one is in doubt
#   unseen    two rows with swapped keys, or answers for each other's requests with texts too short
#             to tell: no check can see it, and wrong vectors are stored
CALLS = ("upload-start", "upload", "create", "poll", "list", "download", "files")



# At the other calls of a job some answers mean something else. No class: left out.
OWN = {("upload-start", "404"): "ends 2", ("download", "blanks around it"): "again",
       # As long as bytes come, files of gigabytes may take their time.
       ("upload", "headers byte by byte"): "", ("upload", "a body byte by byte"): "",
       ("download", "headers byte by byte"): "", ("download", "a body byte by byte"): ""}

# name, fault, by calls, the creation of a job, its other calls, words. A class of OpenAI's own
# follows a slash.
ANSWERS = [
    # Connections.
    ("a reset before the answer", r.ended(reset=True), "doubt", "found", "again",
     "may have been billed"),
    ("closed before the answer", r.ended(), "doubt", "found", "again", "may have been billed"),
    ("closed in the status line", r.ended(size=9), "doubt", "found", "again",
     "may have been billed"),
    ("closed in the headers", r.ended(size=40), "doubt", "found", "again",
     "may have been billed"),
    ("closed in the body", r.ended(share=0.7), "doubt", "found", "again", "may have been billed"),
    ("a reset in the body", r.ended(reset=True, share=0.7), "doubt", "found", "again",
     "may have been billed"),
    ("a reset before the body is read", r.inside_request(reset=True), "doubt", "lost", "again",
     "may have been billed"),
    ("closed before the body is read", r.inside_request(reset=False), "doubt", "lost", "again",
     "may have been billed"),
    ("half-closed, no answer", r.half_closed, "doubt", "found", "again", "may have been billed"),
    ("closed when idle", r.closed_idle, "fine", "fine", "fine", ""),
    ("no answer at all", r.silent, "doubt", "found", "again", "may have been billed"),
    ("the body is never read", r.unread, "doubt", "lost", "again", "may have been billed"),
    ("headers byte by byte", r.dripped("headers"), "doubt", "found", "again",
     "may have been billed"),
    ("a body byte by byte", r.dripped("body", 0.15), "doubt", "found", "again",
     "may have been billed"),
    ("a slow answer", r.late(0.4), "fine", "fine", "fine", ""),
    # Framing.
    ("no status line", r.framed("hello\r\n\r\n", fin=True), "wasted", "found", "again", ""),
    ("HTTP/0.9", r.framed("", fin=True), "wasted", "found", "again", "HTTP/0.9"),
    ("a status that is no number", r.framed("HTTP/1.1 abc OK\r\n\r\n", fin=True), "wasted",
     "found", "again", ""),
    ("interim answers before it", r.reply(r.interim), "fine", "fine", "fine", ""),
    ("a flood of 100 Continue", r.flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 9000), "wasted",
     "found", "again", "more than 64 KiB of headers"),
    ("10 MB of headers", r.flood(b"HTTP/1.1 200 OK\r\n", b"X-Flood: " + b"x" * 990 + b"\r\n",
                                 10_000), "wasted", "found", "again",
     "more than 64 KiB of headers"),
    ("one header of 1 MB", r.framed("HTTP/1.1 200 OK\r\nX-Long: " + "x" * r.MEBIBYTE +
                                    "\r\n\r\n", fin=True), "wasted", "found", "again", "header"),
    ("a length that is too short", r.with_length(lambda body: len(body) // 2), "wasted", "found",
     "again", ""),
    ("a length that is too long", r.with_length(lambda body: len(body) + 9), "doubt", "found",
     "again", "may have been billed"),
    ("a negative length", r.with_length(lambda body: -1), "wasted", "found", "again", ""),
    ("a length that is a word", r.with_length(lambda body: "many"), "wasted", "found", "again",
     ""),
    ("two lengths that differ", r.two_lengths(1), "wasted", "found", "again",
     "two different Content-Length"),
    ("the same length twice", r.two_lengths(0), "fine", "fine", "fine", ""),
    ("a length and chunks", r.reply(r.length_and_chunks), "fine", "fine", "fine", ""),
    ("no length, until it closes", r.reply(r.until_close, fin=True), "fine", "fine", "fine", ""),
    ("no length, and cut in the body", r.reply(lambda a: r.until_close(a)[:-200], fin=True),
     "wasted", "found", "again", ""),
    ("chunks", r.framed(r.CHUNKED, lambda body: r.chunks(body) + b"0\r\n\r\n"), "fine", "fine",
     "fine", ""),
    ("chunks with trailers", r.framed(r.CHUNKED, lambda body: r.chunks(body) +
                                      b"0\r\nX-Trailer: 1\r\n\r\n"), "fine", "fine", "fine", ""),
    ("a chunk size that is none", r.framed(r.CHUNKED, lambda body: b"zz\r\n" + body, fin=True),
     "doubt", "found", "again", "may have been billed"),
    ("a chunk size beyond all bounds", r.framed(r.CHUNKED, lambda body: b"f" * 17 + b"\r\n" +
                                                body, fin=True), "doubt", "found", "again",
     "may have been billed"),
    ("no last chunk", r.framed(r.CHUNKED, r.chunks, fin=True), "doubt", "found", "again",
     "may have been billed"),
    ("endless chunks", r.flood(r.CHUNKED.encode(), b"8000\r\n" + b" " * 0x8000 + b"\r\n", 1200),
     "wasted", "found", "again", "larger than any valid answer"),
    ("an endless body", r.flood(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 0x8000, 1200), "wasted",
     "found", "again", "larger than any valid answer"),
    # Packing.
    ("gzip", r.with_gzip(lambda data: data), "fine", "fine", "fine", ""),
    ("damaged gzip", r.with_gzip(lambda data: data[:-6] + b"\0\1" + data[-4:]), "doubt", "found",
     "again", "gzip"),
    ("cut gzip", r.with_gzip(lambda data: data[:-9]), "doubt", "found", "again", "ended early"),
    ("gzip with more behind it", r.with_gzip(lambda data: data + b"x"), "doubt", "found", "again",
     "gzip"),
    ("a gzip bomb", r.with_gzip(lambda data: r.BOMB), "wasted", "found", "again",
     "larger than any valid"),
    ("not gzip, but called so", r.reply(lambda a: a.raw(headers=[("Content-Encoding", "gzip")])),
     "doubt", "found", "again", "gzip"),
    ("an encoding nobody asked for", r.reply(lambda a: a.raw(headers=[("Content-Encoding",
                                                                      "br")])),
     "wasted", "found", "again", "neither plain nor gzip"),
    # Bodies.
    ("an HTML page", r.reply(lambda a: a.raw(body=b"<html>Please sign in</html>")), "wasted",
     "found", "again", "Please sign in"),
    ("an empty body", r.edited(lambda body: b""), "wasted", "found", "again", ""),
    ("null", r.edited(lambda body: b"null"), "wasted", "found", "again", ""),
    ("an empty object", r.edited(lambda body: b"{}"), "wasted", "found", "again", ""),
    ("an empty list", r.edited(lambda body: b"[]"), "wasted", "found", "again", ""),
    ("half a document", r.edited(lambda body: body[:len(body) // 2]), "wasted", "found", "again",
     ""),
    ("a document and more", r.edited(lambda body: body + b"x"), "wasted", "found", "again", ""),
    ("two documents", r.edited(lambda body: body + body), "wasted", "found", "again", ""),
    ("a byte order mark", r.edited(lambda body: b"\xef\xbb\xbf" + body), "wasted", "found",
     "again", ""),
    ("UTF-16", r.edited(lambda body: body.decode().encode("utf-16")), "wasted", "found", "again",
     ""),
    ("a NUL behind it", r.edited(lambda body: body + b"\0"), "wasted", "found", "again", ""),
    ("blanks around it", r.edited(lambda body: b" \r\n" + body + b"\r\n\t "), "fine", "fine",
     "fine", ""),
    ("100,000 brackets", r.edited(lambda body: b"[" * 100_000), "wasted", "found", "again", ""),
    ("another Content-Type", r.reply(lambda a: a.raw(headers=[("Content-Type", "image/png")])),
     "fine", "fine", "fine", ""),
    ("an error object with 200", r.reply(lambda a: a.raw(
        body=b'{"error":{"code":500,"message":"made up","status":"INTERNAL"}}')), "doubt",
     "found", "again", "made up"),
    # Statuses.
    ("204", r.status(204, billed=True), "wasted", "found", "again", "HTTP 204"),
    ("206", r.reply(lambda a: a.raw(status=206)), "wasted", "found", "again", "HTTP 206"),
    ("400", r.error_status(400), "split", "ends 1", "ends 1", ""),
    ("401", r.error_status(401), "ends 10", "ends 10", "ends 10", "HTTP 401"),
    ("402", r.error_status(402), "ends 10", "ends 10", "ends 10", "HTTP 402"),
    ("403", r.error_status(403), "ends 10", "ends 10", "ends 10", "HTTP 403"),
    ("404", r.error_status(404), "ends 2", "ends 2", "again", "HTTP 404"),
    ("405", r.error_status(405), "ends 2", "ends 2", "ends 2", "HTTP 405"),
    ("408", r.error_status(408), "doubt", "lost", "again", "HTTP 408"),
    ("409", r.error_status(409), "again", "again", "again", ""),
    ("413", r.error_status(413), "split", "ends 1", "ends 1", ""),
    ("418", r.error_status(418), "ends 2", "ends 2", "ends 2", "HTTP 418"),
    ("422", r.error_status(422), "split", "ends 1", "ends 1", ""),
    ("425", r.error_status(425), "again", "again", "again", ""),
    ("429, seconds", r.too_many(header="1"), "again", "again", "again", ""),
    ("429, a date", r.too_many(header=r.in_seconds(1)), "again", "again", "again", ""),
    ("429, a delay in the body", r.too_many(delay="0.3s"), "again", "again", "again", ""),
    ("499", r.error_status(499), "doubt", "lost", "again", "HTTP 499"),
    ("500", r.error_status(500), "again", "lost", "again", ""),
    ("501", r.error_status(501), "doubt/ends 2", "lost", "again", "HTTP 501"),
    ("502", r.error_status(502), "doubt", "lost", "again", "HTTP 502"),
    ("503", r.error_status(503), "again", "lost", "again", ""),
    ("504", r.error_status(504), "doubt", "lost", "again", "HTTP 504"),
    ("529", r.error_status(529), "again", "lost", "again", ""),
    ("599", r.error_status(599), "doubt", "lost", "again", "HTTP 599"),
    ("999", r.error_status(999), "doubt", "lost", "again", "HTTP 999"),
]

# Of a sync answer of either API.
VECTORS = [
    ("one vector fewer", meaning.vectors(lambda items: items[:-1]), "wasted",
     "9 embeddings for 10 texts"),
    ("one vector more", meaning.vectors(lambda items: items + items[-1:]), "wasted",
     "11 embeddings for 10 texts"),
    ("no vectors", meaning.vectors(lambda items: []), "wasted", "0 embeddings for 10 texts"),
    ("vectors moved by one", meaning.vectors(meaning.rotated), "held", "do not fit"),
    ("the same vector for all texts", meaning.vectors(lambda items: [items[0]] * len(items)),
     "held", "do not fit"),
    ("a vector too short", meaning.vectors(meaning.middle(lambda v: v[:-1])), "wasted",
     "values instead of"),
    ("a vector too long", meaning.vectors(meaning.middle(lambda v: v + [0.1])), "wasted",
     "values instead of"),
    ("a vector of zeros", meaning.vectors(meaning.middle(lambda v: [0.0] * len(v))), "wasted",
     "only zeros"),
    ("a vector in a list", meaning.vectors(meaning.middle(lambda v: [v])), "wasted", ""),
    ("strings as values", meaning.vectors(meaning.middle(lambda v: [str(x) for x in v])),
     "wasted", ""),
    ("true as a value", meaning.value("true"), "wasted", ""),
    ("null as a value", meaning.value("null"), "wasted", ""),
    ("NaN", meaning.value("NaN"), "wasted", ""),
    ("-Infinity", meaning.value("-Infinity"), "wasted", ""),
    ("1e999", meaning.value("1e999"), "wasted", ""),
    ("1e39, beyond float32", meaning.value("1e39"), "wasted", ""),
    ("an integer of 400 digits", meaning.value("7" * 400), "wasted", ""),
    ("a fraction of 400 digits", meaning.value(meaning.digits(400)), "fine", ""),
    ("-0", meaning.value("-0"), "fine", ""),
    ("a denormal", meaning.value("1e-45"), "fine", ""),
    ("a number below all denormals", meaning.value("1e-400"), "fine", ""),
    ("a number in hexadecimal", meaning.value("0x1p-3"), "wasted", ""),
    ("an error object for one text", meaning.item_of(
        lambda item: {"error": {"code": 500, "message": "made up"}}), "wasted", ""),
    ("null for one text", meaning.item_of(lambda item: None), "wasted", ""),
]
GEMINI = [
    ("embeddings twice", meaning.key_twice("embeddings"), "wasted", "no list \"embeddings\""),
    ("an object for the list", meaning.document(lambda d: {"embeddings": {"values": [1]}}),
     "wasted", ""),
]
OPENAI = [
    ("data twice", meaning.key_twice("data"), "wasted", "no list \"data\""),
    ("reverse order", meaning.document(lambda d: {**d, "data": d["data"][::-1]}), "fine", ""),
    ("no index at 0", meaning.index(0, None), "fine", ""),
    ("no index at 3", meaning.index(3, None), "wasted", "index 0 twice"),
    ("an index twice", meaning.index(3, 4), "wasted", "index 4 twice"),
    ("a string as index", meaning.index(3, "3"), "wasted", "index"),
    ("a fraction as index", meaning.index(3, 3.5), "wasted", "index"),
    ("a whole number with a point as index", meaning.index(3, 3.0), "wasted", "index"),
    ("a negative index", meaning.index(3, -1), "wasted", "index"),
    ("an index beyond the texts", meaning.index(3, 10), "wasted", "index 10 for 10 texts"),
    ("an index beyond 64 bits", meaning.index(3, 1 << 70), "wasted", "index"),
    ("null as index", meaning.index(3, None), "wasted", "index"),
    ("base64 cut by a digit", meaning.in_base64(lambda text: text[:-1]), "wasted", ""),
    ("base64 cut by a float", meaning.in_base64(lambda text: text[:-16]), "wasted", ""),
    ("base64 with blanks", meaning.in_base64(lambda text: text[:8] + " " + text[8:]), "wasted",
     ""),
    ("NaN in base64", meaning.in_base64(meaning.nan_in_base64), "wasted", ""),
    ("numbers for base64", meaning.vectors(lambda items: items), "fine", ""),
    ("another model's name", meaning.document(lambda d: {**d, "model": "another"}), "changed",
     "changed the model"),
    ("no usage", meaning.document(lambda d: {"data": d["data"], "model": d["model"]}), "fine", ""),
]

# Which of a call's requests are meant, where it is not the first.
STRIKES = {"pages in a circle": lambda kind, number: kind == "list" and number < 3,
           "a result file that leads elsewhere": lambda kind, number: kind == "poll"}

# target, name, fault, class, words
JOBS = [
    ("create", "a name that leads elsewhere", meaning.renamed("batches/../files/x"), "found",
     "without a usable name"),
    ("create", "no name", meaning.renamed(""), "found", "without a usable name"),
    ("poll", "another job's name", meaning.renamed("batches/another"), "again", "another job"),
    ("poll", "an unknown state", meaning.state("BATCH_STATE_DREAMING"), "fine", ""),
    ("poll", "no state", meaning.state(""), "fine", ""),
    ("poll", "a result file that leads elsewhere", meaning.ResultFileElsewhere, "again",
     "without a usable name"),
    ("list", "one job to a page", meaning.one_to_a_page, "fine", ""),
    ("list", "in another order", meaning.listed(lambda jobs: jobs[::-1]), "found", ""),
    ("list", "two jobs of the same name", meaning.listed(
        lambda jobs: jobs[:1] + [meaning.called(jobs[0], "batches/second")] + jobs[1:]), "second",
     "the server has 2 jobs"),
    ("list", "an entry that is none", meaning.listed(lambda jobs: [7, *jobs]), "again", "no job"),
    ("list", "a token that is a number", meaning.document(
        lambda d: {**d, "nextPageToken": 7}), "again", "a page token that is no string"),
    ("list", "pages in a circle", meaning.in_a_circle, "again", "go in a circle"),
    ("download", "cut in a line", meaning.edited(lambda body: body[:-40]), "held", ""),
    ("download", "blank lines", meaning.lines(lambda l: b"\n\n" + b"\n\n\n".join(l) + b"\n\n"),
     "fine", ""),
    ("download", "lines that end in CR LF", meaning.lines(lambda l: b"\r\n".join(l)), "fine", ""),
    ("download", "no line end at the end", meaning.lines(b"\n".join), "fine", ""),
    ("download", "in another order", meaning.lines(lambda l: meaning.joined(l[::-1])), "fine", ""),
    ("download", "a key twice", meaning.lines(lambda l: meaning.joined([*l, l[0]])), "held", ""),
    ("download", "a row fewer", meaning.lines(lambda l: meaning.joined(l[1:])), "held", ""),
    ("download", "two documents in a line", meaning.lines(
        lambda l: meaning.joined([l[0] + l[1], *l[2:]])), "held", ""),
    ("download", "a line that is no JSON", meaning.lines(lambda l: meaning.joined([b"x", *l])),
     "held", ""),
]

# How a run under TLS begins: name, certificate, version, handshake, class, words.
TLS = [
    ("a certificate that is trusted", "good", None, None, "fine", ""),
    ("a certificate of another name", "wrong-name", None, None, "unsent 2", "not trusted"),
    ("a certificate that has expired", "expired", None, None, "unsent 2", "not trusted"),
    ("a certificate of its own", "self-signed", None, None, "unsent 2", "not trusted"),
    ("a certificate of another authority", "other", None, None, "unsent 2", "not trusted"),
    ("TLS 1.0 only", "good", ssl.TLSVersion.TLSv1, None, "unsent 1", "was not sent"),
    ("TLS 1.1 only", "good", ssl.TLSVersion.TLSv1_1, None, "unsent 1", "was not sent"),
    ("TLS 1.2", "good", ssl.TLSVersion.TLSv1_2, None, "fine", ""),
    ("closed in the handshake", "good", None, tls.closed, "fine", ""),
    ("reset in the handshake", "good", None, tls.reset, "fine", ""),
    ("no TLS at all", "good", None, tls.not_tls, "fine", ""),
    ("half a handshake", "good", None, tls.cut_record, "fine", ""),
    ("a handshake that stops", "good", None, tls.silent, "fine", ""),
]
# Inside TLS: name, fault, class.
IN_TLS = [
    ("closed with no close_notify before the answer", r.ended(), "doubt"),
    ("closed with no close_notify in the body", r.ended(share=0.7), "doubt"),
    ("a reset in the body", r.ended(reset=True, share=0.7), "doubt"),
    ("no length, and no close_notify at the end", r.reply(r.until_close, fin=True), "fine"),
    ("no length, and cut in the body", r.reply(lambda a: r.until_close(a)[:-200], fin=True),
     "wasted"),
    ("no close_notify behind a whole answer", r.closed_idle, "fine"),
]

# Faults of the simulator: what a job is or delivers, and what is billed.
SIMULATED_CALLS = [
    ("gemini: reject-text=plebiscite", "refused", "1 texts were refused"),
    ("openai: insufficient-quota:at=2", "ends 10", "credit"),
    ("openai: plain-error:at=2", "again", ""),
    ("openai: fp16:at=2", "fine", ""),
]
SIMULATED = [
    ("miskey-rows", "unseen"),
    ("upload-mime", "fine"), ("upload-reset", "fine"), ("upload-finalize-error", "fine"),
    ("create-lost", "found"), ("create-429", "job again"), ("create-500", "lost"),
    ("create-500-made", "found"), ("poll-500", "again"), ("download-404", "again"),
    ("download-cut", "again"), ("rotate-rows", "held"), ("missing-row", "held"),
    ("duplicate-row", "held"), ("unknown-key-row", "held"), ("row-error=0.3", "rows again"),
    ("bad-row=nan", "held"), ("bad-row=zero", "held"), ("bad-row=dims", "held"),
    ("bad-row=text", "held"), ("bad-row=cut", "held"), ("job-failed", "job again"),
    ("job-expired", "job again"), ("job-cancelled", "lost"), ("unknown-state=2", "fine"),
    ("late-result=200", "fine"), ("create-lost, list-empty-page", "found"),
    ("create-lost, list-lag=2", "found"), ("create-lost, list-lag-ms=100", "found"),
    ("job-failed, partial-results", "rows again"),
    ("job-cancelled, partial-results", "half in doubt"),
]
