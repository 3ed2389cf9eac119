#!/usr/bin/env python3
"""An independent witness of footprints: which stored tables does a statement touch, by Snowgate and by sqlglot?

    tests/sql/witness.py BINARY CORPUS... [--schema FILE.sql] [-v]

BINARY is `snowgate`; its `read` command is given every statement of the corpora. A corpus is JSON lines
(`{"id", "sql"}`), or a text in which every statement follows a line `--@@ id`, or a file of lines as in
crates/sql/tests/data; each may be gzipped. Nothing leaves the machine. The version of sqlglot is pinned in
tests/requirements.txt.

Two readers that were written apart and agree are worth more than one. Where they disagree the statement must show one of
the constructs of REASONS, each of which says why; a disagreement without a reason is printed, and the exit status is 1.
"""

import gzip
import json
import logging
import re
import subprocess
import sys
from collections import Counter

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


class Case:
    """One statement, read by both."""

    def __init__(self, text, entry, theirs):
        self.text, self.entry = text, entry
        self.ours = {split_name(name) for name in entry["reads"] + entry["writes"]}
        self.theirs = theirs
        self.only_ours = {name for name in self.ours if not any(same(name, other) for other in theirs)}
        self.only_theirs = {name for name in theirs if not any(same(other, name) for other in self.ours)}

    def writes(self, pattern):
        return re.search(pattern, self.text, re.IGNORECASE | re.DOTALL) is not None


# Why the two may disagree: a name, what shows it, and the explanation. By construct, never by statement.
REASONS = [
    (
        "name given by an expression",
        lambda case: case.writes(r"\b(identifier|table)\s*\(\s*(['$:?]|\$\$)"),
        "Snowgate puts the constant in place; sqlglot leaves a function",
    ),
    (
        "sequence",
        lambda case: not case.only_theirs and case.writes(r"\.\s*nextval\b"),
        "a sequence is touched by NEXTVAL; to sqlglot it is a column",
    ),
    (
        "step of a pipeline",
        lambda case: case.writes(r"->>"),
        "Snowgate reads every step; sqlglot none",
    ),
    (
        "schema left out",
        lambda case: case.writes(r'[\w"]\s*\.\.\s*[\w"]'),
        "`db..name` is of PUBLIC; sqlglot keeps an empty part",
    ),
    (
        "stage",
        lambda case: case.writes(r"@"),
        "the two spell stages and their paths differently, and sqlglot passes some over",
    ),
    (
        "semantic view or model",
        lambda case: case.writes(r"semantic_view\s*\(|!\s*\w+\s*\(|\bas\s+model\b"),
        "to Snowgate a semantic view is read and a model is none; sqlglot takes both for functions or tables",
    ),
    (
        "name of a column before flatten",
        lambda case: case.writes(r"\bfrom\b.*,\s*[\w.\"]+\s*:") or case.writes(r"\blateral\b"),
        "sqlglot takes a path that stands in FROM for a table",
    ),
    (
        "opaque",
        lambda case: case.entry["opaque"],
        "Snowgate has no tree of it either and names whatever its words mention, rather too much",
    ),
    (
        "definition told by its words",
        lambda case: case.entry["class"] == "define" and case.entry["why"] is not None,
        "Snowgate could not read this definition as a tree and names whatever its words mention, rather too much",
    ),
    (
        "foreign key",
        lambda case: case.entry["class"] == "define" and case.writes(r"\breferences\b"),
        "sqlglot names the table that a foreign key points at; no row of it is read",
    ),
    (
        "format of files",
        lambda case: not case.only_ours and case.writes(r"\bformat_name\b|\bfile_format\b"),
        "sqlglot takes the name of a file format for a table",
    ),
]


def main():
    arguments = sys.argv[1:]
    verbose = "-v" in arguments
    arguments = [argument for argument in arguments if argument != "-v"]
    schema = []
    if "--schema" in arguments:
        at = arguments.index("--schema")
        schema = arguments[at : at + 2]
        del arguments[at : at + 2]
    if len(arguments) < 2:
        sys.exit(__doc__)
    # It tells of every statement that it keeps as a command.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    binary, *corpora = arguments
    print(f"sqlglot {sqlglot.__version__}")
    unexplained = 0
    for corpus in corpora:
        statements = list(read_corpus(corpus))
        answers = ask(binary, schema, statements)
        counts = Counter()
        for identifier, text in statements:
            outcome, case = judge(text, answers[identifier])
            counts[outcome] += 1
            if outcome == "UNEXPLAINED" or (verbose and case is not None and outcome != "agree"):
                print(f"{outcome}: {identifier}\n  only Snowgate: {sorted(case.only_ours)}")
                print(f"  only sqlglot: {sorted(case.only_theirs)}\n  {' '.join(text.split())[:400]}")
        unexplained += counts["UNEXPLAINED"]
        print(f"{corpus}: {sum(counts.values())} statements")
        for outcome, count in counts.most_common():
            print(f"  {count:5}  {outcome}")
    sys.exit(1 if unexplained else 0)


def judge(text, entries):
    """What the two say of one statement."""
    if len(entries) != 1:
        return "nothing to compare", None
    if not moves_rows(entries[0]):
        return "not compared: told by its words alone, and no row moves", None
    theirs = tables_by_sqlglot(text)
    if theirs is None:
        return "not compared: sqlglot does not read it", None
    case = Case(text, entries[0], theirs)
    if not case.only_ours and not case.only_theirs:
        return "agree", case
    for name, applies, _ in REASONS:
        if applies(case):
            return name, case
    return "UNEXPLAINED", case


def moves_rows(entry):
    """Whether the statement reads or copies rows, so that both readers need a tree of it."""
    copies = ("create_table", "replace_table", "create_view", "replace_view", "clone_table", "copy_into")
    return entry["class"] in ("read", "write") or entry["kind"].startswith(copies)


def read_corpus(path):
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
        text = file.read()
    if text.lstrip().startswith("{"):
        for line in filter(None, text.splitlines()):
            entry = json.loads(line)
            yield str(entry["id"]), entry["sql"]
        return
    if "--@@" not in text:
        for number, line in enumerate(text.splitlines(), 1):
            line = re.sub(r"^[\d ]*\|", "", line).strip()
            if line and not line.startswith("-- "):
                yield str(number), line
        return
    for part in text.split("--@@")[1:]:
        identifier, _, body = part.partition("\n")
        yield identifier.strip(), body.strip().removesuffix(";").rstrip()


def ask(binary, schema, statements):
    lines = "".join(json.dumps({"id": i, "sql": sql}) + "\n" for i, sql in statements)
    run = subprocess.run([binary, "read", *schema], input=lines, capture_output=True, text=True, check=True)
    answers = (json.loads(line) for line in run.stdout.splitlines())
    return {str(answer["id"]): answer["statements"] for answer in answers}


def tables_by_sqlglot(text):
    """The names of stored tables, each a tuple of parts; none where sqlglot has no tree."""
    try:
        trees = sqlglot.parse(text, dialect="snowflake")
    except (SqlglotError, RecursionError, ValueError):
        return None
    if len(trees) != 1 or trees[0] is None or trees[0].find(exp.Command) is not None:
        return None
    names = set()
    for table in trees[0].find_all(exp.Table):
        name = name_of(table)
        if name is None or (len(name) == 1 and (name[0] in queries_around(table) or name[0] == "DUAL")):
            continue
        names.add(name)
    return names


def name_of(table):
    """The parts of a table's name as Snowflake stores them; none for a function, a step, a stage."""
    if not isinstance(table.this, exp.Identifier):
        return None
    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part is not None]
    if not all(isinstance(part, exp.Identifier) for part in parts):
        return None
    return tuple(fold(part) for part in parts)


def fold(identifier):
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


def queries_around(node):
    """The common table expressions that a name at this node may mean."""
    names = set()
    parent = node.parent
    while parent is not None:
        with_ = parent.args.get("with_") or parent.args.get("with")
        if isinstance(with_, exp.With):
            names.update(fold(query.args["alias"].this) for query in with_.expressions)
        parent = parent.parent
    return names


def split_name(printed):
    """The parts of a name as Snowgate prints it: dotted, a part in quotes where it is no plain identifier."""
    return tuple(
        part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in re.findall(r'"(?:[^"]|"")*"|[^.]+', printed)
    )


def same(full, parts):
    """Whether a full name may be what these parts mean."""
    return full[len(full) - len(parts) :] == parts


if __name__ == "__main__":
    main()
