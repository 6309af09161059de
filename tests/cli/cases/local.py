# SPDX-License-Identifier: Apache-2.0
"""Ingest with the built-in provider: what is embedded, what is not, and how it is reported."""

import json
import os

from harness import SAMPLE_DOCUMENTS, PROJECT, Skipped, case, check, contains, equal, lacks

REPORT_KEYS = ["split", "documents", "unique_documents", "cached", "embedded", "failed", "skipped",
               "in_jobs", "held", "in_doubt_texts", "in_doubt_usd", "kept_texts", "batches",
               "api_calls", "tokens", "tokens_estimated", "estimated_cost_usd",
               "elapsed_seconds", "mean_batch_seconds", "space", "complete"]


def ingest(t, *words, split="train", input="sample.csv", code=0):
    return t.run("--json", "ingest", split, "--provider", "local", "--input", input,
                 *words).expect(code).json()


def counts(report):
    return {k: report[k] for k in ("documents", "unique_documents", "cached", "embedded")}


def row(number, text):
    return f'"1","title {number}","{text}"\n'


@case
def the_report_has_the_promised_keys(t):
    t.sample(25)
    report = ingest(t)
    equal(list(report), REPORT_KEYS, "keys")
    equal(list(report["batches"]), ["total", "successful", "failed", "skipped"], "keys of batches")
    equal(counts(report), dict(documents=25, unique_documents=25, cached=0, embedded=25), "counts")
    equal(report["batches"], dict(total=3, successful=3, failed=0, skipped=0), "batches")
    equal((report["split"], report["failed"], report["skipped"], report["api_calls"],
           report["estimated_cost_usd"], report["complete"]), ("train", 0, 0, 3, 0, True), "facts")
    check(report["tokens"] > 0 and report["tokens_estimated"] is True, str(report))
    check(report["elapsed_seconds"] >= report["mean_batch_seconds"] / 2 >= 0, str(report))
    check(len(report["space"]) == 16 and int(report["space"], 16), report["space"])


@case
def a_first_and_a_second_run_look_like_this(t):
    t.sample()
    for _ in range(2):
        t.show("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0)
    t.show("status").expect(0)
    t.show("status", "train").expect(0)
    t.show("export", "train").expect(0)
    t.show("export", "train").expect(0)
    t.show("similar", "train", "0", "-k", "3").expect(0)
    t.matches("local_ingest")


@case
def a_second_run_embeds_nothing(t):
    t.sample(50)
    ingest(t)
    for _ in range(2):
        again = t.run("--json", "ingest", "train", "--provider", "local", "--input", "sample.csv")
        report = again.expect(0, err="⚠️ Using cached embeddings from cache/store\n").json()
        equal(counts(report), dict(documents=50, unique_documents=50, cached=50, embedded=0), "")
        equal((report["api_calls"], report["batches"]["total"], report["complete"]), (0, 0, True),
              "requests")


@case
def a_touched_file_with_the_same_content_embeds_nothing(t):
    t.sample(50)
    ingest(t)
    os.utime(t.dir / "sample.csv", (1, 1))
    equal(counts(ingest(t)), dict(documents=50, unique_documents=50, cached=50, embedded=0), "")
    t.write("copy.csv", t.read("sample.csv"))
    equal(ingest(t, input="copy.csv")["embedded"], 0, "embedded from a copy")


@case
def a_changed_row_embeds_only_its_text(t):
    t.write("rows.csv", "".join(row(i, f"text {i}") for i in range(30)))
    ingest(t, input="rows.csv")
    before = t.run("--json", "get", "train", "7", "8").expect(0).json()
    t.write("rows.csv", "".join(row(i, "other" if i == 7 else f"text {i}") for i in range(30)))
    report = ingest(t, input="rows.csv")
    equal(counts(report), dict(documents=30, unique_documents=30, cached=29, embedded=1), "")
    after = t.run("--json", "get", "train", "7", "8").expect(0).json()
    equal(after[1], before[1], "the neighbour")
    equal(after[0]["text"], "title 7 other", "the text")
    check(after[0]["vector"] != before[0]["vector"], "the vector is still that of the old text")


@case
def removed_and_appended_rows_move_positions_not_money(t):
    rows = [row(i, f"text {i}") for i in range(30)]
    t.write("rows.csv", "".join(rows))
    ingest(t, input="rows.csv")
    t.write("rows.csv", "".join(rows[:10] + rows[11:]))
    report = ingest(t, input="rows.csv")
    equal(counts(report), dict(documents=29, unique_documents=29, cached=29, embedded=0), "removed")
    equal(t.run("--json", "get", "train", "10").json()[0]["text"], "title 11 text 11", "text")
    t.run("get", "train", "29").expect(9)
    t.write("rows.csv", "".join(rows + [row(30, "new"), row(31, "newer")]))
    report = ingest(t, input="rows.csv")
    equal(counts(report), dict(documents=32, unique_documents=32, cached=30, embedded=2),
          "appended")


@case
def a_limit_takes_the_first_documents_and_the_rest_follows(t):
    t.sample(60)
    equal(counts(ingest(t, "--limit", "25")),
          dict(documents=25, unique_documents=25, cached=0, embedded=25), "with the limit")
    t.run("get", "train", "25").expect(9)
    equal(counts(ingest(t)), dict(documents=60, unique_documents=60, cached=25, embedded=35),
          "without")
    t.run("get", "train", "59").expect(0)


@case
def refresh_embeds_everything_again(t):
    t.sample(20)
    ingest(t)
    report = ingest(t, "--refresh")
    equal(counts(report), dict(documents=20, unique_documents=20, cached=0, embedded=20), "flag")
    t.config(embedding="cache_enabled: false")
    equal(ingest(t)["embedded"], 20, "embedded with cache_enabled: false")


@case
def two_models_live_side_by_side(t):
    t.sample(20)
    first = ingest(t)
    second = ingest(t, "--dimensions", "256")
    check(first["space"] != second["space"], "both have one space")
    equal(second["embedded"], 20, "embedded for the second")
    # Both are the same model's name, so only the configuration can choose.
    t.run("get", "train", "3").expect(2)
    t.write("config.yaml", "seed: 7\n" + t.read("config.yaml"))
    third = ingest(t)
    equal(third["embedded"], 20, "embedded for the third")
    spaces = t.run("--json", "status").json()["spaces"]
    equal(sorted((s["model"], s["dimensions"], s["vectors"]) for s in spaces),
          [("local-v1-seed42", 128, 20), ("local-v1-seed42", 256, 20),
           ("local-v1-seed7", 128, 20)], "spaces")
    seven = t.run("--json", "get", "train", "3", "--model", "local-v1-seed7").expect(0).json()
    equal(seven[0]["dimensions"], 128, "dimensions")
    t.run("export", "train", "--model", "local-v1-seed7").expect(0)
    equal(json.loads(t.read("cache/train_metadata.json"))["model"], "local-v1-seed7", "model")
    for words in [["get", "train", "3"], ["export", "train"], ["similar", "train", "3"]]:
        ambiguous = t.run(*words).expect(2)
        contains(ambiguous.err, "local-v1-seed42 (128 dimensions)",
                 "local-v1-seed42 (256 dimensions)", "local-v1-seed7 (128 dimensions)", "--model")
        wrong = t.run(*words, "--model", "nope").expect(9)
        contains(wrong.err, "local-v1-seed7")


@case
def the_configured_model_is_chosen_among_several(t):
    t.sample(10)
    local = t.read("config.yaml").replace("{dimensions", "{provider: local, dimensions")
    t.write("config.yaml", local)
    ingest(t)
    ingest(t, "--dimensions", "256")
    equal(t.run("--json", "get", "train", "3").expect(0).json()[0]["dimensions"], 128, "128")
    t.write("config.yaml", local.replace("128", "256"))
    equal(t.run("--json", "get", "train", "3").expect(0).json()[0]["dimensions"], 256, "256")


@case
def an_unexpected_number_of_documents_is_a_warning_with_both_numbers(t):
    t.sample(7)
    t.config("dataset: {splits: {train: {path: sample.csv, expected_documents: 8}}}\n")
    warning = "⚠️ split 'train' has 7 documents, 8 were expected\n"
    for words in [["plan", "train"], ["ingest", "train"], ["ingest", "train"]]:
        contains(t.run(*words, "--provider", "local").expect(0).err, warning)
    for more in [["--limit", "3"], ["--input", "sample.csv"]]:
        lacks(t.run("ingest", "train", "--provider", "local", *more).expect(0).err, "expected")


@case
def progress_is_a_line_every_thousand_documents(t):
    t.sample()
    said = t.run("ingest", "train", "--provider", "local", "--input", "sample.csv").expect(0).err
    lines = [line for line in said.splitlines() if line.startswith("📊")]
    equal(len(lines), 2, "lines of progress")
    equal(lines[0], "📊 Processing batch 1/120 (documents 0-9)", "the first")
    contains(lines[1], "📊 Processing batch 101/120 (documents 1000-1009)")
    contains(said, "✅ Generated embeddings for 1200 documents\n")


@case
def texts_are_kept_unless_told_otherwise(t):
    t.sample(5)
    ingest(t)
    kept = t.run("--json", "get", "train", "0").json()[0]["text"]
    contains(kept, "entity that which is perceived")
    contains(t.run("get", "train", "0", "--text").expect(0).out, kept)
    t.config(embedding="store_texts: false")
    t.run("--store", "bare", "ingest", "train", "--provider", "local", "--input",
          "sample.csv").expect(0)
    equal(t.run("--store", "bare", "--json", "get", "train", "0").expect(0).json()[0]["text"], None,
          "text")
    t.run("--store", "bare", "similar", "train", "0").expect(0)
    for file in (t.dir / "bare").rglob("*"):
        check(not file.is_file() or b"perceived" not in file.read_bytes(), f"a text is in {file}")


@case
def a_new_text_under_an_old_id_is_a_new_text(t):
    words = ["--format", "csv", "--id-field", "id"]
    t.write("a.csv", "text,id\nold,x\nsame,y\n")
    ingest(t, *words, input="a.csv")
    t.write("a.csv", "text,id\nnew,x\nsame,y\n")
    equal(ingest(t, *words, input="a.csv")["embedded"], 1, "embedded")
    found = t.run("--json", "get", "train", "x", "y").expect(0).json()
    equal([d["text"] for d in found], ["new", "same"], "texts")


@case
def an_id_may_come_twice_with_one_text(t):
    t.write("a.csv", "text,id\na,x\nb,y\na,x\n")
    result = t.run("--json", "ingest", "train", "--provider", "local", "--format", "csv",
                   "--id-field", "id", "--input", "a.csv").expect(0)
    contains(result.err, "⚠️ 1 documents repeat the id and the text of an earlier one")
    equal(counts(result.json()), dict(documents=3, unique_documents=2, cached=0, embedded=2), "")
    found = t.run("--json", "get", "train", "x").expect(0).json()
    check(found[0]["position"] in (0, 2) and found[0]["text"] == "a", str(found))


@case
def the_same_seed_gives_the_same_vectors_and_another_seed_others(t):
    t.sample(5)
    ingest(t)
    t.run("--store", "b", "ingest", "train", "--provider", "local", "--input",
          "sample.csv").expect(0)
    one = t.run("get", "train", "0", "4", "--raw").expect(0).raw
    equal(t.run("--store", "b", "get", "train", "0", "4", "--raw").raw, one, "second store")
    t.write("config.yaml", "seed: 43\n" + t.read("config.yaml"))
    t.run("--store", "c", "ingest", "train", "--provider", "local", "--input",
          "sample.csv").expect(0)
    other = t.run("--store", "c", "get", "train", "0", "4", "--raw").raw
    check(other != one, "seed 43 changed nothing")


@case
def neighbours_come_with_scores_and_texts(t):
    t.sample(300)
    ingest(t)
    hits = t.run("--json", "similar", "train", "0", "-k", "5").expect(0).json()
    equal([list(hit) for hit in hits], [["id", "position", "label", "score", "text"]] * 5, "keys")
    scores = [hit["score"] for hit in hits]
    equal(scores, sorted(scores, reverse=True), "scores in order")
    check(all(-1.000001 <= score <= 1.000001 for score in scores), str(scores))
    check("0" not in [hit["id"] for hit in hits], "the document itself is among its neighbours")
    all_of_them = t.run("--json", "similar", "train", "0", "-k", "100000").expect(0).json()
    equal(len(all_of_them), 299, "all")
    contains(t.run("similar", "train", "300").expect(9).err, "300")


@case
def status_has_the_promised_keys(t):
    t.sample(12)
    ingest(t)
    status = t.run("--json", "status").expect(0).json()
    check({"splits", "spaces", "jobs", "money", "store_bytes"} <= set(status), str(list(status)))
    check({"name", "documents", "embedded", "missing", "space", "last_processed_index",
           "batch_size", "total_batches", "timestamp"} <= set(status["splits"][0]), str(status))
    check({"model", "dimensions", "task_type", "vectors"} <= set(status["spaces"][0]), str(status))
    money = status["money"]
    equal(set(money), {"spent_usd", "spent_today_usd", "wasted_usd", "in_doubt_texts",
                       "in_doubt_usd", "under_way_texts", "under_way_usd", "reported_tokens",
                       "estimate_of_reported", "by_split", "by_model", "by_day", "doubts"}, "money")
    equal([value for value in money.values() if value], [], "money spent on a free provider")
    split = status["splits"][0]
    equal((split["documents"], split["embedded"], split["missing"], split["batch_size"],
           split["total_batches"], split["last_processed_index"]), (12, 12, 0, 10, 2, 11), "facts")
    check(status["store_bytes"] > 0, "store_bytes")


@case
def ag_news_test_gives_7600_documents(t):
    path = PROJECT.parent / "shared" / "data" / "ag_news" / "test.csv"
    if not path.exists():
        raise Skipped("../shared/data/ag_news/test.csv is not there")
    report = ingest(t, split="test", input=path)
    equal((report["documents"], report["unique_documents"], report["complete"]),
          (7600, 7600, True), "documents")
    equal(ingest(t, split="test", input=path)["embedded"], 0, "embedded by a second run")
    t.run("export", "test", "--verify").expect(0)


@case
def the_whole_sample_is_complete(t):
    t.sample()
    report = ingest(t)
    equal((report["documents"], report["unique_documents"], report["complete"]),
          (SAMPLE_DOCUMENTS, SAMPLE_DOCUMENTS, True), "documents")
