#!/usr/bin/env bash
# Holds infra/athena.yaml to its queries, and asks them of real records with the engine that Athena is made of.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v python3 >/dev/null; then
    echo "!! SKIPPED: python3 is not here, so no query for Athena was asked" >&2
    exit 0
fi
python3 tests/athena/template.py
jdk=$(tests/athena/jdk.sh)
if [ -z "$jdk" ] || ! command -v mvn >/dev/null; then
    echo "!! SKIPPED: mvn and a JDK of 25 or newer are not here, so no query for Athena was asked" >&2
    exit 0
fi
if [ ! -x .tools/python/bin/python ] || [ ! -d .tools/trino/hive ]; then
    echo "Trino is not installed; run: make tools" >&2
    exit 1
fi
.tools/python/bin/python tests/athena/asked.py "$jdk" .tools/trino
