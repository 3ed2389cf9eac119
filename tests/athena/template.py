#!/usr/bin/env python3
"""Holds that infra/athena.yaml asks what infra/athena/*.sql say; with `--write`, makes it so."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra/athena.yaml"
QUERIES = ROOT / "infra/athena"
VIEWS = ("exchanges", "exchanges_of_objects")

# A block of text that stands for a query: its key, how far that is indented, and whatever is indented further.
BLOCK = re.compile(r"^(?P<key>(?P<by> *)\S.*[|>]-? # athena/(?P<name>\w+)\.sql)\n(?:(?P=by) +\S.*\n|\n)*", re.MULTILINE)
COLUMN = re.compile(r"^ *- \{Name: (\w+), Type: ([\w<>]+)", re.MULTILINE)
TYPES = {"string": "varchar", "bigint": "bigint", "array<string>": "array(varchar)"}


def plain(sql):
    """A query on one line, without its comments."""
    lines = (line.strip() for line in sql.splitlines())
    return " ".join(line for line in lines if line and not line.startswith("--"))


def view(name, sql, template):
    """The lines of a view as Athena keeps it: JSON, in which `${Database}` still stands. Lines are folded to blanks by YAML."""
    declared = template[template.index(f"Name: {name}\n") :]
    declared = declared[: declared.index("ViewExpandedText")]
    columns = [{"name": name, "type": TYPES[kind]} for name, kind in COLUMN.findall(declared)]
    lines = [line.strip() for line in sql.splitlines() if line.strip() and not line.strip().startswith("--")]
    yield '{"catalog": "awsdatacatalog", "schema": "${Database}", "originalSql": "'
    yield from (json.dumps(line, ensure_ascii=False)[1:-1] for line in lines)
    yield '", "columns": ['
    yield from (json.dumps(column) + "," for column in columns[:-1])
    yield json.dumps(columns[-1])
    yield "]}"


def filled(template):
    """The template with every query as its file says it."""

    def fill(block):
        sql = (QUERIES / f"{block['name']}.sql").read_text()
        lines = view(block["name"], sql, template) if block["name"] in VIEWS else sql.splitlines()
        indent = block["by"] + "  "
        return "\n".join([block["key"], *(indent + line if line else "" for line in lines)]) + "\n"

    return BLOCK.sub(fill, template)


def main():
    template = TEMPLATE.read_text()
    if sys.argv[1:] == ["--write"]:
        TEMPLATE.write_text(filled(template))
        return
    named = sorted(block["name"] for block in BLOCK.finditer(template))
    files = sorted(path.stem for path in QUERIES.glob("*.sql"))
    if named != files:
        raise SystemExit(f"infra/athena.yaml names {named}; infra/athena holds {files}")
    if filled(template) != template:
        raise SystemExit("infra/athena.yaml and infra/athena/*.sql differ; run: tests/athena/template.py --write")
    for path in QUERIES.glob("*.sql"):
        for comment in re.findall("--.*", path.read_text()):
            # Whoever fills in parameters may take these for some, or for the begin of a text.
            if set("?'\"") & set(comment):
                raise SystemExit(f"{path.name}: no quotes and question marks in comments: {comment}")
    print(f"infra/athena.yaml: {len(files)} queries as their files say them")


if __name__ == "__main__":
    main()
