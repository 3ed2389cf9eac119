#!/usr/bin/env python3
"""Asks every named query of infra/athena with Trino, over the tables of infra/athena.yaml and a day of real records.

    tests/athena/asked.py JDK LIBRARIES

The records were made by tests/athena/record.py. Each check is of one layout of the bucket: all objects, those that a gateway on AWS keeps
there by now, and those that somebody has spoiled.
"""

import json
import re
import sys
import tempfile
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from trino import HERE, QUERIES, Bucket, Trino

RECORDS = {str(path.relative_to(HERE)): path.read_bytes() for path in HERE.glob("records/v1/dt=*/*/*.json")}
(DAY,) = {key.split("dt=")[1][:10] for key in RECORDS}
DAYS = (DAY, DAY)
CUSTOMERS = "demo.public.customers"
# As `DAY` is another day: the objects under it must cost nothing.
ELSEWHERE = {key.replace(f"dt={DAY}", "dt=2026-11-02"): content for key, content in RECORDS.items()}
# What `crates/aws` keeps in the bucket of records; the rest lies in the table.
ON_AWS = {key: content for key, content in RECORDS.items() if re.search(r"\.(closing|evidence-\d+)\.json$", key)}
# What `seal` writes there beside them: what waited an hour before is told twice (functions/seal/tests/rows.rs).
COMPACTED = {str(path.relative_to(HERE / "compacted")): path.read_bytes() for path in HERE.glob("compacted/exchanges/v1/dt=*/*.parquet")}

# Every query of exchanges, with parameters. `who_looked` is of looks, which are objects of their own that nobody compacts.
ASKED = {
    "what_is_missing": DAYS,
    "who_read_table": (CUSTOMERS, *DAYS),
    "everything_an_agent_did": ("claude-finance",),
    "refused_then_rephrased": DAYS,
    "masked_cells_per_person": DAYS,
    "approvals": DAYS,
    "outcomes_by_day": DAYS,
    "search": (*DAYS, "", "claude-finance", "", ""),
}

# Beside the queries: what they are asked of.
VIEWS = {"exchanges", "exchanges_of_objects"}

# What auditors looked at, as `crates/recording` writes it (Look).
LOOKS = {}

# Words of the openings that somebody spoils.
SPOILED = (b"ssn, notes from", b" as word", b"select id, name", b"drop table")


def only(rows, **wanted):
    """The one row that says so."""
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"\n  {actual}\nis not\n  {expected}")


def told(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def look(at, person, shown, **more):
    """A look, under its name."""
    record = {"v": 1, "look": f"{len(LOOKS):032x}", "at": at, "by": {"issuer": "https://people.example", "subject": person, "person": person,
              "client": "audit-console"}, "what": "search", "asked": {"person": "ana@example.com"}, "read": 9, "shown": shown, "answer": "sha256:0"}
    moment = re.sub("[^0-9TZ]", "", at)
    LOOKS[f"looks/v1/dt={at[:10]}/{moment}-{record['look']}.json"] = written(record | more)


def exchanges_are_searched_by_all_that_is_given(full):
    of = lambda *asked: told(full.ask("search", *DAYS, *asked), "person", "agent", "outcome")
    equal(len(of("", "", "", "")), 12)
    equal(of("ANA@example.com", "", "", ""), of("", "claude-finance", "", ""))
    equal({person for person, _, _ in of("ben@example.com", "", CUSTOMERS, "")}, {"ben@example.com"})
    equal(of("ben@example.com", "claude-finance", "", ""), [])
    equal(of("", "", "", "WHO OWES us"), [("ana@example.com", "claude-finance", "rows")])
    equal(of("", "", "demo.public.nobody", ""), [])
    equal(full.ask("search", "2026-11-03", "2026-11-03", "", "", "", ""), [])
    equal(of("' OR '1' = '1", "", "", ""), [])


def who_has_looked_is_told_and_what_was_changed_is_not_believed(looked):
    one, other = f"{'a' * 32}/1", f"{'a' * 32}/12"
    of = lambda *asked: told(looked.ask("who_looked", *asked), "is_intact", "person", "shown")
    days = ("2026-11-24", "2026-11-25")
    forged = (False, None, [])
    equal(of(*days, ""), [forged, (True, "sven", []), (True, "rosa", [other]), (True, "sven", [one, other])])
    equal(of(*days, one), [forged, (True, "sven", [one, other])])
    equal(of(*days, other), [forged, (True, "rosa", [other]), (True, "sven", [one, other])])
    equal(of("2026-11-24", "2026-11-24", "a" * 32), [(True, "rosa", [other]), (True, "sven", [one, other])])
    equal(of(*days, "a" * 31), [forged])
    # That an exchange is there and damaged is told of it, too.
    equal(told(looked.ask("who_looked", "2026-11-23", "2026-11-25", f"{'b' * 32}/2"), "person", "shown", "damaged"),
          [(None, [], []), ("mara", [other], [f"{'b' * 32}/2"])])
    (row, *_) = looked.ask("who_looked", "2026-11-24", "2026-11-24", one)
    equal((row["at"], row["asked"], row["exchanges_read"], row["what"]),
          ("2026-11-24T09:00:00.000001Z", '{"person":"ana@example.com"}', 9, "search"))


def looks():
    one, other = f"{'a' * 32}/1", f"{'a' * 32}/12"
    look("2026-11-24T09:00:00.000001Z", "sven", [one, other])
    look("2026-11-24T10:00:00.000001Z", "rosa", [other])
    look("2026-11-25T08:00:00.000001Z", "sven", [])
    look("2026-11-23T09:00:00.000001Z", "mara", [other], damaged=[f"{'b' * 32}/2"])
    look("2026-11-25T09:00:00.000001Z", "sven", [one])
    last = max(LOOKS)
    LOOKS[last] = LOOKS[last].replace(b"sven", b"rosa")
    return LOOKS


def who_has_read_a_table_is_told_by_person(full):
    rows = full.ask("who_read_table", CUSTOMERS, *DAYS)
    # Ben was refused to drop it and denied to change it: neither has read anything.
    equal(
        told(rows, "it_read", "person", "agent", "exchanges", "rows_shown"),
        [
            ("yes", None, "nightly-report", 2, 3),
            ("yes", "ben@example.com", "claude-support", 1, 20),
            ("yes", "ana@example.com", "claude-finance", 1, 1),
        ],
    )
    equal(full.ask("who_read_table", "demo.public.nobody", *DAYS), [])
    equal(full.ask("who_read_table", CUSTOMERS, "2026-11-03", "2026-11-03"), [])


def what_was_let_through_and_refused_afterwards_may_have_read(stopped):
    rows = stopped.ask("who_read_table", CUSTOMERS, *DAYS)
    equal(
        told(rows, "it_read", "person", "agent", "exchanges", "rows_shown"),
        [
            ("yes", None, "nightly-report", 2, 3),
            ("perhaps", "ben@example.com", "claude-support", 1, 0),
            ("perhaps", "ana@example.com", "claude-finance", 1, 0),
        ],
    )
    rows = stopped.ask("refused_then_rephrased", *DAYS)
    equal([row["outcome"] for row in rows if row["person"] == "ana@example.com"], ["refused"])


def what_holds_a_table_is_read_with_it(cloned):
    rows = cloned.ask("who_read_table", CUSTOMERS, *DAYS)
    found = {(row["it_read"], row["agent"]): row["exchanges"] for row in rows}
    equal(found, {("yes", "nightly-report"): 2, ("yes", "claude-support"): 1, ("yes", "claude-finance"): 2, ("perhaps", "claude-finance"): 1})
    # Another schema holds other tables.
    equal({row["agent"] for row in cloned.ask("who_read_table", "demo.private.customers", *DAYS) if row["it_read"] == "yes"}, {"claude-finance"})


def cloned():
    """All objects, but what one agent has run reads a schema, its database, and exports what nobody knows."""
    objects = dict(RECORDS)
    instead = iter([("define", ['DEMO.PUBLIC.""']), ("define", ['DEMO."".""']), ("export", [])])
    for key in sorted(RECORDS):
        record = json.loads(RECORDS[key])["record"]
        if ".opening." in key and record["decision"] != "refuse" and b"claude-finance" in RECORDS[key] and (one := next(instead, None)):
            cls, reads = one
            record["statements"] = [{"class": cls, "kind": "create", "reads": reads, "writes": [], "tests": []}]
            objects[key] = written(record)
            closing = key.replace(".opening.", ".closing.")
            digest = json.loads(objects[key])["digest"]
            objects[closing] = written(json.loads(RECORDS[closing])["record"] | {"opening": digest})
    return objects


def stopped_afterwards():
    """All objects, but of what was shown of people's statements nothing was: each was refused behind its run."""
    objects = dict(RECORDS)
    for key, content in RECORDS.items():
        record = json.loads(content)["record"]
        session = key.split("/")[3]
        is_of_a_person = any(b"@example.com" in RECORDS[other] for other in RECORDS if session in other and ".opening." in other)
        if ".closing." in key and record["outcome"]["kind"] == "rows" and is_of_a_person:
            outcome = {"kind": "refused", "reason": "cancelled", "message": "SQL execution canceled"}
            objects[key] = written(record | {"outcome": outcome, "parts": []})
    return objects


def everything_that_an_agent_did_is_told_in_order(full):
    rows = full.ask("everything_an_agent_did", "claude-finance")
    equal(
        told(rows, "person", "decision", "outcome", "rows_shown", "masked_cells"),
        [
            ("ana@example.com", "allow", "rows", 3, 6),
            ("ana@example.com", "refuse", "refused", 0, 0),
            ("ana@example.com", "allow", "rows", 5, 5),
            ("ana@example.com", "hold", "rows", 1, 2),
        ],
    )
    equal(rows[0]["prompt"], "who owes us money?")
    # What came late counts, and no text hides an exchange, whatever it holds.
    equal(full.ask("everything_an_agent_did", "nightly-report")[2]["prompt"], "the first two customers")
    texts = [row["sql"] for row in full.ask("everything_an_agent_did", "claude-support")]
    equal(['{"digest":"sha256:0","record":{"inline":"x"}}\u2028\u0085' in text for text in texts], [False, False, True, False, False])
    equal(full.ask("everything_an_agent_did", "CLAUDE-FINANCE' OR '1' = '1"), [])


def what_was_refused_and_put_otherwise_is_found(full):
    rows = full.ask("refused_then_rephrased", *DAYS)
    equal(
        told(rows, "person", "refused_sql", "sql", "shared_objects"),
        [
            (
                "ana@example.com",
                "select name from demo.public.employees where salary > 100000",
                "select name, salary from demo.public.employees limit 5",
                ["DEMO.PUBLIC.EMPLOYEES"],
            ),
            (
                "ben@example.com",
                "drop table demo.public.customers",
                "select name, email, ssn, notes from demo.public.customers limit 20",
                ["DEMO.PUBLIC.CUSTOMERS"],
            ),
        ],
    )
    equal({row["refused_because"] for row in rows}, {"policy"})


def masked_cells_are_counted_by_person(full):
    rows = full.ask("masked_cells_per_person", *DAYS)
    equal(
        told(rows, "is_known", "person", "masked_by_lineage", "masked_by_content", "masked_columns"),
        [
            (True, "ben@example.com", 60, 14, ["EMAIL", "NAME", "SSN"]),
            (True, "ana@example.com", 13, 0, ["C1", "C2", "C_NAME", "C_PHONE", "SALARY"]),
            (True, None, 2, 0, ["NAME"]),
        ],
    )


def approvals_are_told_with_their_times(full):
    rows = full.ask("approvals", *DAYS)
    equal(
        told(rows, "person", "verdicts", "ended", "outcome"),
        [
            ("ana@example.com", ["rosa@example.com: approve: agreed with the owner"], "spent", "rows"),
            ("ben@example.com", ["rosa@example.com: deny: use the desk"], "decided", "refused"),
            ("ben@example.com", None, "withdrawn", "refused"),
        ],
    )
    times = [rows[0][name] for name in ("asked", "told", "viewed", "decided", "last_step")]
    equal(times, sorted(times))
    equal(rows[2]["seconds_to_verdict"], None)
    for row in rows[:2]:
        took = datetime.fromisoformat(row["decided"]) - datetime.fromisoformat(row["asked"])
        equal(row["seconds_to_verdict"], took.seconds)


def how_exchanges_ended_is_told_by_closings_alone(full, on_aws):
    rows = full.ask("outcomes_by_day", *DAYS)
    equal(
        told(rows, "outcome", "reason", "exchanges", "rows_shown", "findings"),
        [
            ("rows", None, 7, 33, ["result_contradicts_plan"]),
            ("refused", "policy", 2, 0, []),
            ("failed", None, 1, 0, []),
            ("refused", "cancelled", 1, 0, []),
            ("refused", "denied", 1, 0, []),
        ],
    )
    equal(on_aws.ask("outcomes_by_day", *DAYS), rows)


def a_whole_day_misses_nothing(full):
    equal(
        full.ask("what_is_missing", *DAYS),
        [dict(dt=DAY, exchanges=12, pending=0, lost=0, without_row=0, without_opening=0, without_approval=0, damaged=0, told_until=None)],
    )


def what_has_no_row_is_counted_by_its_number(gaps):
    missing = only(gaps.ask("what_is_missing", *DAYS))
    equal((missing["exchanges"], missing["without_row"], missing["damaged"]), (9, 3, 0))


def with_gaps():
    """All objects but those of three exchanges, two of them one behind the other."""
    session = sorted({key.split("/")[3] for key in RECORDS}, key=lambda one: max(key for key in RECORDS if one in key).split("/")[4])[-1]
    other = next(key.split("/")[3] for key in RECORDS if session not in key)
    lost = (f"{session}/00000002.", f"{session}/00000003.", f"{other}/00000002.")
    return {key: content for key, content in RECORDS.items() if not any(one in key for one in lost)}


def a_day_costs_what_a_day_holds(full):
    size = sum(map(len, RECORDS.values()))
    for query, parameters in ASKED.items():
        equal((query, full.read(query, *parameters)[1]), (query, size))


def what_a_gateway_on_aws_keeps_elsewhere_is_unknown_and_not_nothing(on_aws):
    missing = only(on_aws.ask("what_is_missing", *DAYS))
    equal((missing["exchanges"], missing["without_opening"], missing["without_approval"]), (12, 12, 3))
    rows = on_aws.ask("who_read_table", CUSTOMERS, *DAYS)
    equal(told(rows, "it_read", "person", "exchanges", "rows_shown"), [("unknown", None, 12, 33)])
    rows = on_aws.ask("everything_an_agent_did", "claude-finance")
    equal(told(rows, "exchange", "exchanges"), [("unknown", 12)])
    rows = on_aws.ask("refused_then_rephrased", *DAYS)
    equal(told(rows, "exchange", "exchanges"), [("unknown", 12)])
    rows = on_aws.ask("masked_cells_per_person", *DAYS)
    equal(told(rows, "is_known", "person", "masked_by_lineage", "masked_by_content"), [(False, None, 75, 14)])
    rows = on_aws.ask("approvals", *DAYS)
    equal(told(rows, "approval", "asked"), [("unknown", None)] * 3)


def what_seal_has_told_answers_every_query_as_the_objects_do(compacted, full):
    equal(len(COMPACTED), 2)
    for query, parameters in ASKED.items():
        rows, wanted = compacted.ask(query, *parameters), full.ask(query, *parameters)
        if query == "what_is_missing":
            (row,), (other,) = rows, wanted
            equal(row.pop("told_until"), "1970-01-01T01:00:00.000000Z")
            other.pop("told_until")
        equal((query, rows), (query, wanted))
    equal(compacted.ask("who_read_table", CUSTOMERS, "2026-11-03", "2026-11-03"), [])


def a_row_that_was_told_twice_is_one_and_the_latest(compacted):
    told = compacted.trino.ask(compacted.name, f"SELECT count(*) AS rows FROM compacted WHERE dt = '{DAY}'")[0]
    equal(told, [{"rows": 15}])
    told = compacted.trino.ask(compacted.name, f"SELECT count(*) AS rows, count_if(outcome = 'pending') AS pending FROM exchanges WHERE dt = '{DAY}'")[0]
    equal(told, [{"rows": 12, "pending": 0}])


def what_waits_is_told_before_it_is_closed(waiting):
    rows = waiting.ask("approvals", *DAYS)
    equal(told(rows, "person", "outcome"), [("ana@example.com", "pending"), ("ben@example.com", "pending"), ("ben@example.com", "pending")])
    equal(only(waiting.ask("what_is_missing", *DAYS))["pending"], 3)


def every_named_query_is_asked(_):
    equal({path.stem for path in QUERIES.glob("*.sql")} - VIEWS, set(ASKED) | {"who_looked"})


def what_seal_has_told_costs_less_than_the_objects(compacted, full):
    # Twelve rows are few for files by columns; of a day of them the objects are many times as much.
    for query, parameters in ASKED.items():
        rows, objects = (bucket.read(query, *parameters)[1] for bucket in (compacted, full))
        equal((query, rows < objects), (query, True))


def what_somebody_has_spoiled_is_missing(spoiled, trail):
    missing = only(spoiled.ask("what_is_missing", *DAYS))
    equal((missing["without_opening"], missing["without_approval"], missing["damaged"]), (4, 1, 3))
    # None of them passes for somebody else who did something else.
    rows = spoiled.ask("who_read_table", CUSTOMERS, *DAYS)
    equal(told(rows, "it_read", "person", "exchanges"), [("yes", None, 1), ("yes", "ana@example.com", 1), ("unknown", None, 4)])
    rows = spoiled.ask("everything_an_agent_did", "nobody-else")
    equal(told(rows, "exchange", "exchanges"), [("unknown", 4)])
    row = only(spoiled.ask("approvals", *DAYS), exchange=trail)
    equal((row["verdicts"], row["decided"], row["missing"]), (None, None, "approval"))


def spoil():
    """All objects, and which exchange has lost the end of its trail. Of four openings one is changed, one written anew with a digest of its own,
    one put in the place of another, and one cut."""
    objects = dict(RECORDS)
    opening = {text: next(key for key in RECORDS if ".opening." in key and text in RECORDS[key]) for text in SPOILED}
    changed, forged, exchanged, cut = opening.values()
    objects[changed] = RECORDS[changed].replace(b"claude-support", b"nobody-else")
    objects[forged] = written(json.loads(RECORDS[forged])["record"] | {"principal": {"agent": "nobody-else"}})
    objects[exchanged] = RECORDS[forged]
    objects[cut] = RECORDS[cut][: len(RECORDS[cut]) // 2]
    verdict = next(key for key in RECORDS if ".approval-" in key and b"agreed" in RECORDS[key])
    of_exchange = verdict.split(".approval-")[0]
    for key in [key for key in objects if key.startswith(f"{of_exchange}.approval-") and key >= verdict]:
        del objects[key]
    return objects, exchange_of(verdict)


def written(record):
    """A record as an object, with the digest that it has."""
    record = json.dumps(record, separators=(",", ":")).encode()
    return b'{"digest":"sha256:%s","record":%s}\n' % (sha256(record).hexdigest().encode(), record)


def a_large_page_inside_a_closing_hides_nothing(large, full):
    for query in ("masked_cells_per_person", "outcomes_by_day", "what_is_missing"):
        equal(large.ask(query, *DAYS), full.ask(query, *DAYS))


def with_large_pages():
    """All objects, every page inside a closing as large as one may be."""
    objects = dict(RECORDS)
    for key, content in RECORDS.items():
        record = json.loads(content)["record"]
        pages = [page for part in record.get("parts", []) for page in part["pages"] if "inline" in page]
        for page in pages:
            page["inline"] = "A" * 350_000
        if pages:
            objects[key] = written(record)
    return objects


def exchange_of(key):
    session, number = key.split("/")[3:]
    return f"{session}/{int(number.split('.')[0])}"


def main():
    jdk, libraries = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        trino = Trino(jdk.resolve(), libraries.resolve(), Path(folder).resolve())
        try:
            trino.wait()
            full = Bucket(trino, "whole", {**RECORDS, **ELSEWHERE}, DAY)
            on_aws = Bucket(trino, "on_aws", ON_AWS, DAY)
            objects, trail = spoil()
            spoiled = Bucket(trino, "spoiled", objects, DAY)
            gaps = Bucket(trino, "gaps", with_gaps(), DAY)
            large = Bucket(trino, "large", with_large_pages(), DAY)
            clones = Bucket(trino, "clones", cloned(), DAY)
            stopped = Bucket(trino, "stopped", stopped_afterwards(), DAY)
            compacted = Bucket(trino, "compacted", {**ON_AWS, **COMPACTED}, DAY, view="exchanges")
            before = {key: file for key, file in COMPACTED.items() if "/waiting-" in key}
            waiting = Bucket(trino, "waiting", before, DAY, view="exchanges")
            looked = Bucket(trino, "looked", looks(), DAY)
            checks = [
                (every_named_query_is_asked, full),
                (exchanges_are_searched_by_all_that_is_given, full),
                (who_has_looked_is_told_and_what_was_changed_is_not_believed, looked),
                (who_has_read_a_table_is_told_by_person, full),
                (what_was_let_through_and_refused_afterwards_may_have_read, stopped),
                (what_holds_a_table_is_read_with_it, clones),
                (everything_that_an_agent_did_is_told_in_order, full),
                (what_was_refused_and_put_otherwise_is_found, full),
                (masked_cells_are_counted_by_person, full),
                (approvals_are_told_with_their_times, full),
                (how_exchanges_ended_is_told_by_closings_alone, full, on_aws),
                (a_whole_day_misses_nothing, full),
                (what_has_no_row_is_counted_by_its_number, gaps),
                (a_day_costs_what_a_day_holds, full),
                (what_a_gateway_on_aws_keeps_elsewhere_is_unknown_and_not_nothing, on_aws),
                (what_seal_has_told_answers_every_query_as_the_objects_do, compacted, full),
                (a_row_that_was_told_twice_is_one_and_the_latest, compacted),
                (what_waits_is_told_before_it_is_closed, waiting),
                (what_seal_has_told_costs_less_than_the_objects, compacted, full),
                (a_large_page_inside_a_closing_hides_nothing, large, full),
                (what_somebody_has_spoiled_is_missing, spoiled, trail),
            ]
            failed = 0
            for check, *of in checks:
                try:
                    check(*of)
                    print(f"ok {check.__name__}")
                except Exception as error:
                    failed += 1
                    print(f"FAILED {check.__name__}: {type(error).__name__}: {error}")
            print(f"{len(checks) - failed} passed, {failed} failed")
            sys.exit(1 if failed else 0)
        finally:
            trino.stop()


if __name__ == "__main__":
    main()
