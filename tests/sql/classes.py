#!/usr/bin/env python3
"""Measures the classes that the reader gives to statements by what their labels mean.

    tests/sql/classes.py CORPUS.sql.gz BINARY [LABELS.toml]

CORPUS holds statements, each after a line `--@@ <source>#<n>[:<label>]` and closed by a line `;`. BINARY is run as
`BINARY read`: JSON lines `{"id","sql"}` in, `{"id","statements":[{"class","kind","why",…}]}` out. What labels mean is in
crates/sql/tests/data/labels.toml. Every disagreement is printed. The exit code is 1 when fewer than 99 of 100 agree,
when more than 2 of 100 are ambiguous, or when anything that changes, grants, exports or runs is read as mild.
"""

import collections
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tomllib

MILD = {"read", "show", "session"}
STRICT = {"write", "define", "grant", "export", "account", "call"}
ORDER = ["show", "session", "transaction", "read", "write", "import", "define", "call", "export", "grant", "account", "opaque"]
LABELS = pathlib.Path(__file__).parents[2] / "crates/sql/tests/data/labels.toml"


def statements(path):
    """The (id, label, text) of each statement of a corpus."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as corpus:
        entries = re.split(r"^--@@ ", corpus.read(), flags=re.M)[1:]
    for entry in entries:
        head, _, text = entry.partition("\n")
        source, _, label = head.strip().partition(":")
        yield source, label, re.sub(r"\n?;\s*\Z", "", text)


def plain(text):
    """The text without comments, with single spaces: what the patterns of the table are searched in."""
    pieces = r"'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|\$\$.*?\$\$|(--|//)[^\n]*|/\*.*?\*/"
    kept = re.sub(pieces, lambda piece: " " if piece[0][:2] in ("--", "//", "/*") else piece[0], text, flags=re.S)
    return re.sub(r"\s+", " ", kept).strip()


def meant(table, label, text):
    """The classes that a statement may rightly have, and why; none for an unknown label."""
    for rule in table["rules"]:
        if label in rule["labels"] and re.search(rule["pattern"], plain(text), re.I):
            return {rule["class"]}, rule["reason"]
    for ambiguous in table["ambiguous"]:
        if label == ambiguous["label"]:
            return set(ambiguous["classes"]), ambiguous["reason"]
    known = table["labels"].get(label)
    return ({known} if known else None), ""


def read(binary, corpus):
    """What the reader tells of each statement: the strictest of its steps."""
    lines = "".join(json.dumps({"id": at, "sql": text}) + "\n" for at, (_, _, text) in enumerate(corpus))
    run = subprocess.run([binary, "read"], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if [answer["id"] for answer in answers] != list(range(len(corpus))):
        sys.exit("the reader answered other statements than it was asked")
    empty = {"class": "opaque", "kind": "", "why": "no statement"}
    return [max(answer["statements"], key=lambda step: ORDER.index(step["class"]), default=empty) for answer in answers]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    table = tomllib.loads(pathlib.Path(sys.argv[3] if len(sys.argv) == 4 else LABELS).read_text())
    corpus = list(statements(sys.argv[1]))
    found = read(sys.argv[2], corpus)
    agreed, mild, ruled, ambiguous, unlabelled = 0, 0, 0, 0, collections.Counter()
    for (source, label, text), step in zip(corpus, found, strict=True):
        classes, reason = meant(table, label, text)
        if classes is None:
            unlabelled[label or "(none)"] += 1
            continue
        ambiguous += len(classes) > 1
        ruled += bool(reason)
        if step["class"] in classes:
            agreed += 1
            continue
        is_mild = step["class"] in MILD and bool(classes & STRICT)
        mild += is_mild
        print(f"{'MILD ' if is_mild else ''}{source}:{label} means {'/'.join(sorted(classes))}, is {step['class']}")
        print(f"    {plain(text)[:150]}")
        print(f"    {step.get('kind', '')}; {step.get('why') or ''}")
    labelled = len(corpus) - sum(unlabelled.values())
    for label, count in unlabelled.most_common():
        print(f"no meaning for {count} of {label}: {dict(collections.Counter(s['class'] for (_, l, _), s in zip(corpus, found) if (l or '(none)') == label))}")
    if not labelled:
        return
    print(f"{agreed} of {labelled} agree: {100 * agreed / labelled:.2f} %; by a rule {ruled}; ambiguous {100 * ambiguous / labelled:.2f} %")
    print(f"{mild} that change, grant, export or run are read as {', '.join(sorted(MILD))}")
    if mild or agreed < 0.99 * labelled or ambiguous > 0.02 * labelled:
        sys.exit(1)


if __name__ == "__main__":
    main()
