# SPDX-License-Identifier: Apache-2.0
"""`recover` brings a damaged cache directory back to work, and nothing is paid for twice."""

import os
import shutil

from cases.damage import flip, largest, put_back
from cases.verify import files_of
from files import read_npy, same_rows
from harness import SIGKILL, await_that, case, check, contains, equal
from paid import KEY, SMALL_JOBS, nothing_billed_twice, simulator
import harness
import paid as paid_runs

DOCUMENTS = 300


def paid(t, export=("--no-normalize",)):
    """A closed store that was paid for in two runs, copies of it half way (`half`) and at the end
    (`good`), and an export in `exports`; answers the server and the right rows."""
    server = t.simulator()
    t.sample(DOCUMENTS)
    ingest(t, server, "--limit", "150").expect(0)
    shutil.copytree(t.dir / "cache", t.dir / "half")
    ingest(t, server).expect(0)
    shutil.copytree(t.dir / "cache", t.dir / "good")
    (t.dir / "right").mkdir()
    t.run("export", "train", "--output-dir", "right", "--no-normalize").expect(0)
    (t.dir / "exports").mkdir()
    if export is not None:
        t.run("export", "train", "--output-dir", "exports", *export).expect(0)
    return server, (t.dir / "right/train_embeddings.npy").read_bytes()


def ingest(t, server, *words):
    return t.run("ingest", "train", "--base-url", server.url, "--input", "sample.csv", *words,
                 key="good")


def recover(t, *words, code=0):
    return t.run("--json", "recover", *words).expect(code).json()


def lost_texts(report):
    return sum(loss["texts"] for loss in report["lost"])


def all_is_back(t, server, right, billed=DOCUMENTS):
    """The store is whole, the next ingest pays for nothing, and every number is what it was."""
    verified = t.run("--json", "verify").expect(0).json()
    equal(verified["damaged"], [], "damage")
    ingest(t, server).expect(0)
    # Unchanged, a split is skipped: with a limit the texts are looked for one by one.
    ingest(t, server, "--limit", str(DOCUMENTS - 1)).expect(0)
    ingest(t, server).expect(0)
    equal(len(server.billed()), billed, "texts billed")
    (t.dir / "again").mkdir(exist_ok=True)
    t.run("export", "train", "--output-dir", "again", "--no-normalize", "--verify").expect(0)
    rows = (t.dir / "again/train_embeddings.npy").read_bytes()
    if right is not None:
        equal(rows == right, True, "rows are byte for byte what they were")
    return rows


def tables_of(t, family, folder="cache"):
    """Table files that hold a family, by the properties at their ends."""
    tables = [table for table in sorted((t.dir / folder / "store").glob("*.sst"))
              if b"name" + family.encode() in table.read_bytes()[-4000:]]
    check(tables, f"no table file holds {family}")
    return tables


@case
def a_healthy_store_is_left_as_it_is(t):
    server, right = paid(t)
    before = files_of(t.dir / "cache")
    report = recover(t, "--yes")
    equal((report["total_damaged"], report["new_store"], report["ledger"]["new"]),
          (0, False, False), "report")
    after = files_of(t.dir / "cache")
    before.pop(str(t.dir / "cache/lock")), after.pop(str(t.dir / "cache/lock"))
    equal(after == before, True, "the files are as they were")
    contains(t.run("recover").expect(0).out, "damaged  nothing")
    all_is_back(t, server, right)


@case
def without_a_store_there_is_nothing_to_recover(t):
    contains(t.run("recover").expect(9).err, "there is no store in 'cache'")
    contains(t.run("recover", "--exports", "nowhere").expect(9).err, "there is no store")


@case
def without_yes_nothing_is_changed(t):
    server, _ = paid(t)
    (t.dir / "cache/store/CURRENT").unlink()
    before = files_of(t.dir / "cache/store")
    result = t.run("recover").expect(0)
    contains(result.out, "kept", "300 vectors")
    contains(result.err, "nothing was changed; the same command with --yes does it")
    equal(files_of(t.dir / "cache/store") == before, True, "the store is as it was")
    ingest(t, server).expect(5)


@case
def a_lost_or_damaged_current_or_manifest_costs_nothing(t):
    """Table files and log say themselves what is in them."""
    server, right = paid(t, export=None)

    def cut_the_manifest(part):
        manifest = largest(t, "MANIFEST-*")
        os.truncate(manifest, manifest.stat().st_size * part // 4)

    hurts = [lambda: (t.dir / "cache/store/CURRENT").unlink(),
             lambda: t.write("cache/store/CURRENT", "MANIFEST-004005\n"),
             lambda: t.write("cache/store/CURRENT", ""),
             lambda: largest(t, "MANIFEST-*").unlink(),
             lambda: cut_the_manifest(0), lambda: cut_the_manifest(1),
             lambda: cut_the_manifest(3),
             lambda: flip(largest(t, "MANIFEST-*"), largest(t, "MANIFEST-*").stat().st_size // 2)]
    for at, hurt in enumerate(hurts):
        put_back(t, "good")
        hurt()
        report = recover(t, "--yes")
        equal((report["complete"], report["kept"]["vectors"], report["lost"]),
              (True, DOCUMENTS, []), f"report {at}")
        equal(len(report["set_aside"]), 1, "set aside")
        check((t.dir / report["set_aside"][0]).is_dir(), "the damaged store is kept")
        all_is_back(t, server, right)


@case
def a_flipped_bit_among_the_vectors_costs_one_vector_which_an_export_gives_back(t):
    server, right = paid(t)
    for place in (4, 2, 3):
        put_back(t, "good")
        table = max(tables_of(t, "vectors"), key=lambda path: path.stat().st_size)
        flip(table, table.stat().st_size // place)
        plan = recover(t, code=5)
        equal(lost_texts(plan), 1, "lost without the export")
        report = recover(t, "--exports", "exports", "--yes")
        equal((report["complete"], report["lost"]), (True, []), "report")
        equal([source["vectors"] for source in report["sources"]], [1], "brought back")
        all_is_back(t, server, right)


@case
def a_deleted_table_of_vectors_comes_back_from_an_export(t):
    server, right = paid(t)
    for table in tables_of(t, "vectors"):
        table.unlink()
    check(lost_texts(recover(t, code=5)) >= 100, "lost without the export")
    report = recover(t, "--exports", "exports", "--yes")
    equal((report["complete"], report["lost"]), (True, []), "report")
    equal(report["sources"][0]["rescaled"], 0, "rescaled")
    all_is_back(t, server, right)


@case
def an_export_of_unit_length_gives_vectors_back_that_differ_in_their_last_bits(t):
    server, right = paid(t, export=())
    for table in tables_of(t, "vectors"):
        table.unlink()
    report = recover(t, "--exports", "exports", "--yes")
    source = report["sources"][0]
    equal(source["rescaled"], source["vectors"], "rescaled")
    rows = all_is_back(t, server, None)
    t.write("rows.npy", rows), t.write("right.npy", right)
    same_rows(read_npy(t.dir / "rows.npy").rows(), read_npy(t.dir / "right.npy").rows(), 1e-5)


@case
def a_deleted_or_damaged_index_is_made_again_from_the_vectors(t):
    server, right = paid(t, export=None)

    def delete(table):
        table.unlink()

    for hurt in (delete, lambda table: flip(table, 12),
                 lambda table: flip(table, table.stat().st_size - 5)):
        put_back(t, "good")
        for table in tables_of(t, "index"):
            hurt(table)
        report = recover(t, "--yes")
        equal((report["complete"], report["kept"]["vectors"], report["lost"]),
              (True, DOCUMENTS, []), "report")
        check(report["kept"]["rebuilt_index"] > 0, "index records made anew")
        all_is_back(t, server, right)


@case
def any_one_table_file_may_be_deleted(t):
    """What was in it is kept elsewhere, made again, or comes from the export."""
    server, right = paid(t)
    names = sorted(path.name for path in (t.dir / "good/store").glob("*.sst"))
    for name in names:
        put_back(t, "good")
        (t.dir / "cache/store" / name).unlink()
        report = recover(t, "--exports", "exports", "--yes")
        equal((report["complete"], report["lost"]), (True, []), f"report without {name}")
        all_is_back(t, server, right)


@case
def any_one_table_file_may_have_a_flipped_bit(t):
    server, right = paid(t)
    names = sorted(path.name for path in (t.dir / "good/store").glob("*.sst"))
    for number, name in enumerate(names):
        put_back(t, "good")
        size = (t.dir / "good/store" / name).stat().st_size
        at = (12, size // 2, size - 300)[number % 3]
        flip(t.dir / "cache/store" / name, at)
        report = recover(t, "--exports", "exports", "--yes")
        equal((report["complete"], report["lost"]), (True, []), f"byte {at} of {name}")
        all_is_back(t, server, right)


@case
def two_exchanged_table_files_are_told_apart_by_what_they_hold(t):
    server, right = paid(t, export=None)
    for one, other in (("vectors", "index"), ("vectors", "texts")):
        put_back(t, "good")
        a, b = tables_of(t, one)[0], tables_of(t, other)[0]
        a.rename(t.dir / "aside"), b.rename(a), (t.dir / "aside").rename(b)
        report = recover(t, "--yes")
        equal((report["complete"], report["lost"]), (True, []), "report")
        all_is_back(t, server, right)


@case
def a_flipped_bit_in_the_log_costs_at_most_one_vector(t):
    """Whatever lies before and behind it proves itself."""
    server, _ = paid(t, export=None)
    killed = t.simulator("--fault", f"held={t.hold()}:from=20")
    shutil.rmtree(t.dir / "cache")
    running = t.start("ingest", "train", "--base-url", killed.url, "--input", "sample.csv",
                      key="good")
    await_that(lambda: len(killed.billed()) >= 200, "two hundred texts are billed")
    running.signal(SIGKILL)
    running.finish()
    log = largest(t, "*.log").name
    stored = t.run("--json", "verify").expect(0).json()["checked"]["vectors"]
    shutil.copytree(t.dir / "cache", t.dir / "killed")
    for tenth in (1, 3, 5, 8):
        put_back(t, "killed")
        path = t.dir / "cache/store" / log
        flip(path, path.stat().st_size * tenth // 10)
        report = t.run("--json", "recover", "--yes").json()
        check(report["kept"]["vectors"] >= stored - 1, f"{tenth}: {report['kept']} of {stored}")
        equal(lost_texts(report), stored - report["kept"]["vectors"], "lost")


@case
def an_older_copy_of_the_store_names_what_it_lacks_and_an_export_fills_it(t):
    server, right = paid(t)
    put_back(t, "half", "store")
    plan = t.run("--json", "recover").expect(5).json()
    equal((plan["complete"], lost_texts(plan)), (False, 150), "without the export")
    check(plan["lost"][0]["embed_again_usd"] > 0, "price")
    # The list of the old store is another one, and only the price of an ingest is nothing: what
    # the export has is of texts that the old list does not name.
    kept = recover(t, "--yes", code=5)
    equal(kept["kept"]["vectors"], 150, "kept")
    contains(ingest(t, server).expect(5).err, "embstore recover")
    equal(len(server.billed()), DOCUMENTS, "billed")
    report = recover(t, "--yes", "--give-up")
    equal((report["given_up"], lost_texts(report)), (True, 150), "given up")
    all_is_back(t, server, right, billed=DOCUMENTS + 150)


@case
def what_cannot_be_brought_back_is_bought_again_only_when_given_up(t):
    server, right = paid(t, export=None)
    table = max(tables_of(t, "vectors"), key=lambda path: path.stat().st_size)
    flip(table, table.stat().st_size // 2)
    report = recover(t, "--yes", code=5)
    equal(lost_texts(report), 1, "lost")
    check(report["lost"][0]["documents"][0].startswith("train/"), str(report["lost"]))
    ingest(t, server).expect(5)
    equal(len(server.billed()), DOCUMENTS, "billed")
    again = recover(t, "--yes", "--give-up")
    equal(again["complete"], True, "complete")
    all_is_back(t, server, right, billed=DOCUMENTS + 1)


@case
def a_damaged_ledger_is_made_anew_of_what_can_be_read_and_of_the_store(t):
    server, right = paid(t, export=None)
    spent = t.run("--json", "status").expect(0).json()["money"]["spent_usd"]
    size = (t.dir / "good/ledger").stat().st_size

    def cut(part):
        os.truncate(t.dir / "cache/ledger", size * part // 4)

    hurts = [lambda at=at: flip(t.dir / "cache/ledger", at)
             for at in (3, 20, 60, 100, size // 4, size // 2, size * 3 // 4, size - 200)]
    hurts += [lambda: cut(0), lambda: cut(1), lambda: cut(3),
              lambda: (t.dir / "cache/ledger").unlink(),
              lambda: put_back(t, "half", "ledger")]
    for at, hurt in enumerate(hurts):
        put_back(t, "good")
        hurt()
        report = recover(t, "--yes")
        equal((report["complete"], report["ledger"]["new"], report["new_store"]),
              (True, True, False), f"damage {at}")
        all_is_back(t, server, right)
        books = t.run("--json", "status").expect(0).json()["money"]
        check(abs(books["spent_usd"] - spent) <= spent * 0.02,
              f"damage {at}: spent {books['spent_usd']} and not {spent}")
    # What it knows then guards the money as before.
    shutil.rmtree(t.dir / "cache/store")
    contains(ingest(t, server).expect(5).err, "its ledger knows of")


@case
def store_and_ledger_may_both_be_damaged(t):
    server, right = paid(t)
    (t.dir / "cache/store/CURRENT").unlink()
    flip(t.dir / "cache/ledger", 5000)
    report = recover(t, "--yes")
    equal((report["complete"], report["new_store"], report["ledger"]["new"]), (True, True, True),
          "report")
    equal(len(report["set_aside"]), 2, "set aside")
    all_is_back(t, server, right)


@case
def a_running_writer_is_not_disturbed(t):
    held = t.hold()
    server = t.simulator("--fault", f"held={held}")
    t.sample(DOCUMENTS)
    running = t.start("ingest", "train", "--base-url", server.url, "--input", "sample.csv",
                      key="good")
    await_that(lambda: len(server.billed()) > 0, "something is billed")
    t.run("recover", "--yes").expect(6)
    held.unlink()
    running.finish().expect(0)


@case
def a_damaged_export_is_no_source(t):
    server, _ = paid(t)
    table = max(tables_of(t, "vectors"), key=lambda path: path.stat().st_size)
    flip(table, table.stat().st_size // 2)
    flip(t.dir / "exports/train_embeddings.npy", 9000)
    result = t.run("--json", "recover", "--exports", "exports", "--yes").expect(5)
    contains(result.err, "train_embeddings.npy' is damaged itself")
    equal(lost_texts(result.json()), 1, "lost")
    equal(len(server.billed()), DOCUMENTS, "billed")


@case
def a_lost_store_comes_back_from_a_table_with_texts(t):
    server, right = paid(t, export=("--no-normalize", "--format", "arrow"))
    shutil.rmtree(t.dir / "cache/store")
    report = recover(t, "--exports", "exports", "--yes")
    equal((report["complete"], report["lost"], report["sources"][0]["vectors"]),
          (True, [], DOCUMENTS), "report")
    all_is_back(t, server, right)


@case
def an_old_copy_is_filled_from_a_table_with_texts(t):
    server, right = paid(t, export=("--no-normalize", "--format", "arrow"))
    put_back(t, "half", "store")
    report = recover(t, "--exports", "exports", "--yes")
    equal((report["complete"], report["sources"][0]["vectors"]), (True, 150), "report")
    all_is_back(t, server, right)


@case
def a_lost_store_comes_back_from_an_array_only_with_what_proves_its_rows(t):
    """The ids of an array do not say which texts they had when it was written."""
    server, _ = paid(t)
    shutil.rmtree(t.dir / "cache/store")
    result = t.run("--json", "recover", "--exports", "exports", "--yes").expect(5)
    equal(lost_texts(result.json()), DOCUMENTS, "lost")
    contains(result.err, "give the documents with --input")
    equal(len(server.billed()), DOCUMENTS, "billed")


@case
def a_lost_document_list_is_written_again_for_nothing(t):
    server, right = paid(t, export=None)
    for words, dropped in (((), ["train"]), (("--input", "sample.csv"), [])):
        put_back(t, "good")
        for table in tables_of(t, "documents"):
            table.unlink()
        report = recover(t, "--yes", *words)
        equal((report["complete"], report["dropped_lists"]), (True, dropped), "report")
        all_is_back(t, server, right)


@case
def lost_texts_come_back_from_the_input(t):
    server, right = paid(t, export=None)
    for table in tables_of(t, "texts"):
        flip(table, 12)
    report = recover(t, "--yes", "--input", "sample.csv")
    equal((report["complete"], report["kept"]["vectors"]), (True, DOCUMENTS), "report")
    all_is_back(t, server, right)
    t.run("get", "train", "--text", "0", "150", "299").expect(0)


@case
def open_jobs_that_the_ledger_has_lost_are_collected_and_not_sent_again(t):
    t.config(SMALL_JOBS)
    t.sample(120)
    server = simulator(t, job_seconds=1)
    paid_runs.ingest(t, server, "--no-wait")
    shutil.copytree(t.dir / "cache", t.dir / "open")
    size = (t.dir / "cache/ledger").stat().st_size
    for hurt in (lambda: flip(t.dir / "cache/ledger", 120),
                 lambda: flip(t.dir / "cache/ledger", size // 2),
                 lambda: (t.dir / "cache/ledger").unlink()):
        put_back(t, "open")
        hurt()
        recover(t, "--yes")
        paid_runs.ingest(t, server)
        equal(paid_runs.stored_positions(t, 120), list(range(120)), "stored")
        nothing_billed_twice(server)
        equal(paid_runs.jobs(t), [], "open jobs")


def ends_of_entries(ledger):
    """By the heads of the entries."""
    at, ends = 80, []
    while at < len(ledger):
        at += 24 + int.from_bytes(ledger[at:at + 4], "little")
        ends.append(at)
    return ends


@case
def wherever_the_ledger_is_cut_no_job_is_made_twice(t):
    """A job that was made after what is left of the ledger is looked for on the server; one whose
    texts are stored has ended."""
    t.config(SMALL_JOBS)
    t.sample(100)
    held = t.hold()
    server = simulator(t, f"job-held={held}:at=2", job_seconds=0.05)
    running = t.start(*paid_runs.words(server), key=KEY)

    def stored():
        status = t.run("--json", "status")
        return status.code == 0 and sum(s["vectors"] for s in status.json()["spaces"]) == 50

    await_that(stored, "one of two jobs is stored")
    await_that(lambda: len(paid_runs.job_files(t)) == 1, "its files are gone")
    running.signal(SIGKILL)
    running.finish()
    held.unlink()
    await_that(lambda: len(server.billed()) == 100, "the other job is done")
    shutil.copytree(t.dir / "cache", t.dir / "open")
    for end in ends_of_entries((t.dir / "cache/ledger").read_bytes())[:-1]:
        put_back(t, "open")
        os.truncate(t.dir / "cache/ledger", end)
        recover(t, "--yes")
        paid_runs.ingest(t, server)
        equal(paid_runs.stored_positions(t, 100), list(range(100)), f"stored, cut at {end}")
        equal(len(server.billed()), 100, f"billed, cut at {end}")
        equal((paid_runs.jobs(t), paid_runs.job_files(t)), ([], []), f"open, cut at {end}")


def damaged_wherever_a_job_wrote(t, *faults, off=0.02):
    """Damages each entry of the ledger of 50 texts, whose jobs are done. `off`: what the books may
    differ by, as texts of a job count as equally long."""
    t.config(SMALL_JOBS)
    t.sample(50)
    server = simulator(t, *faults)
    paid_runs.ingest(t, server)
    spent = paid_runs.money(t)["spent_usd"]
    billed = len(server.billed())
    shutil.copytree(t.dir / "cache", t.dir / "good")
    ends = [80] + ends_of_entries((t.dir / "cache/ledger").read_bytes())
    for begin in ends[:-1]:
        for cut in (True, False):
            put_back(t, "good")
            if cut:
                os.truncate(t.dir / "cache/ledger", begin)
            else:
                flip(t.dir / "cache/ledger", begin + 20)
            report = recover(t, "--yes")
            if cut and not report["ledger"]["new"]:
                continue  # Between two entries behind the last commit nothing looks damaged.
            money = paid_runs.money(t)
            place = f"{'cut' if cut else 'flipped'} at {begin}: {money}"
            check(abs(money["spent_usd"] - spent) <= spent * off, f"{place}, not {spent}")
            equal((money["under_way_usd"], paid_runs.jobs(t)), (0, []), place)
            paid_runs.ingest(t, server)
            equal(len(server.billed()), billed, "billed")


@case
def wherever_the_ledger_of_a_finished_job_is_damaged_its_price_is_written_down_once(t):
    damaged_wherever_a_job_wrote(t)


@case
def wherever_the_ledger_of_a_job_with_refused_rows_is_damaged_it_has_ended(t):
    """The file of a job goes when its end is durable."""
    damaged_wherever_a_job_wrote(t, "row-error=0.1:count=1", off=0.1)


@case
def without_an_index_and_runs_texts_are_priced_by_the_configuration_and_said_to_be_estimates(t):
    server, _ = paid(t, export=None)
    spent = t.run("--json", "status").expect(0).json()["money"]["spent_usd"]
    for family in ("index", "runs"):
        for table in tables_of(t, family):
            table.unlink(missing_ok=True)
    (t.dir / "cache/ledger").unlink()
    shown = t.run("recover").expect(0).out
    contains(shown, "by an estimate of their tokens or their price")
    report = recover(t, "--yes")["ledger"]
    equal((report["estimated_texts"] > 0, report["unpriced_texts"]), (True, 0), str(report))
    books = t.run("--json", "status").expect(0).json()["money"]["spent_usd"]
    check(spent * 0.3 <= books <= spent * 3, f"spent {books} and not {spent}")


@case
def a_job_that_a_cut_ledger_does_not_know_is_looked_for_before_anything_is_sent(t):
    """Nothing of the store is behind the cut, so only the server can tell."""
    t.config(SMALL_JOBS)
    t.sample(50)
    server = simulator(t, "late-result=86400000:count=1", job_seconds=0.05)
    paid_runs.ingest(t, server, "--no-wait")
    await_that(lambda: len(server.billed()) == 50, "the job is done")
    shutil.copytree(t.dir / "cache", t.dir / "open")
    refused = 0
    for end in ends_of_entries((t.dir / "cache/ledger").read_bytes())[:-1]:
        put_back(t, "open")
        os.truncate(t.dir / "cache/ledger", end)
        result = t.run(*paid_runs.words(server, "--no-wait"), key=KEY)
        if result.code == 5:
            contains(result.err, "the ledger has lost entries", "embstore recover --yes")
            refused += 1
            recover(t, "--yes")
            result = t.run(*paid_runs.words(server, "--no-wait"), key=KEY)
        result.expect(0)
        equal(len(server.billed()), 50, f"billed, cut at {end}")
        equal([(job["texts"], job["open"]) for job in paid_runs.jobs(t)], [(50, True)], "jobs")
    put_back(t, "open")
    os.truncate(t.dir / "cache/ledger", 80)
    for mode in ("batch", "sync"):
        result = t.run(*paid_runs.words(server, mode=mode), key=KEY).expect(5)
        contains(result.err, "the ledger has lost entries")
    recover(t, "--yes")
    t.run(*paid_runs.words(server, "--no-wait"), key=KEY).expect(0)
    equal(len(server.billed()), 50, "billed without a ledger's entries")


@case
def a_quarantined_answer_that_the_ledger_has_lost_stays_in_quarantine(t):
    t.sample(100)
    server = t.simulator("--fault", "rotate:count=1")
    paid_runs.ingest(t, server, "--batch-size", 100, mode="sync", code=4)
    (t.dir / "cache/ledger").unlink()
    recover(t, "--yes")
    equal([(job["id"], job["texts"]) for job in paid_runs.jobs(t)], [(1, 100)], "quarantined")
    paid_runs.ingest(t, server, "--batch-size", 100, mode="sync", code=4)
    equal(len(server.billed()), 100, "billed")


@case
def a_paid_answer_that_a_cut_ledger_does_not_know_is_not_removed(t):
    t.sample(100)
    server = simulator(t, "rotate:count=1")
    paid_runs.ingest(t, server, "--batch-size", 100, mode="sync", code=4)
    os.truncate(t.dir / "cache/ledger", 80)
    for mode in ("batch", "sync"):
        result = t.run(*paid_runs.words(server, mode=mode), key=KEY).expect(5)
        contains(result.err, "there is a paid answer", "embstore recover --yes")
    equal(paid_runs.job_files(t), ["request-1.jsonl"], "files")
    recover(t, "--yes")
    equal([(job["id"], job["texts"]) for job in paid_runs.jobs(t)], [(1, 100)], "quarantined")
    equal(len(server.billed()), 100, "billed")


@case
def an_answer_gets_another_number_only_together_with_the_new_ledger(t):
    t.sample(100)
    server = simulator(t, "rotate:count=1")
    paid_runs.ingest(t, server, "--batch-size", 100, mode="sync", code=4)
    os.truncate(t.dir / "cache/ledger", 80)
    far = "request-200000.jsonl"
    (t.dir / "cache/jobs/request-1.jsonl").rename(t.dir / "cache/jobs" / far)
    t.write("bad.csv", 'id,text\n1,"never closed\n')
    result = t.run("recover", "--yes", "--input", "bad.csv")
    check(result.code != 0, str(result))
    contains(result.err, "bad.csv")
    equal(paid_runs.job_files(t), [far], "files")
    recover(t, "--yes")
    equal(paid_runs.job_files(t), ["request-1.jsonl"], "files")
    equal([(job["id"], job["texts"]) for job in paid_runs.jobs(t)], [(1, 100)], "quarantined")
    equal(len(server.billed()), 100, "billed")


@case
def without_space_nothing_is_changed(t):
    server, right = paid(t, export=None)
    (t.dir / "cache/store/CURRENT").unlink()
    before = files_of(t.dir / "cache/store")
    result = t.run("recover", "--yes", under=("prlimit", "--fsize=20000"))
    check(result.code in (1, 7), str(result))
    equal(files_of(t.dir / "cache/store") == before, True, "the store is as it was")
    recover(t, "--yes")
    all_is_back(t, server, right)


def crash_case(name):
    def is_survived(t):
        server, right = paid(t)
        for passage in range(1, 6):
            put_back(t, "good")
            table = max(tables_of(t, "vectors"), key=lambda path: path.stat().st_size)
            flip(table, table.stat().st_size // 2)
            flip(t.dir / "cache/ledger", 5000)
            more = ("--give-up",) if name == "recover-given-up" else ("--exports", "exports")
            first = t.run("recover", "--yes", *more,
                          env={"EMBSTORE_CRASH_AT": f"{name}:{passage}"})
            if first.code == 0:
                check(passage > 1, "no recovery comes to this point")
                return
            equal(first.code, -SIGKILL, str(first))
            billed = len(server.billed())
            between = ingest(t, server)
            check(between.code == 5 or name == "recover-given-up", str(between))
            if name != "recover-given-up":
                equal(len(server.billed()), billed, "billed between")
            recover(t, "--yes", *more)
            billed = len(server.billed())
            all_is_back(t, server, right if name != "recover-given-up" else None, billed)

    is_survived.__name__ = name.replace("-", "_") + "_is_survived"
    return is_survived


for point in harness.CRASH_POINTS:
    if point.startswith("recover-"):
        case(crash_case(point))
