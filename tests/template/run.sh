#!/usr/bin/env bash
# Holds the SAM template to both linters, and what it nests to one.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=.tools/python/bin
if ! command -v python3 >/dev/null; then
    echo "!! SKIPPED: python3 is not here, so no template was linted" >&2
    exit 0
fi
if [ ! -x "$bin/sam" ]; then
    echo "sam is not installed; run: make tools" >&2
    exit 1
fi
export AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0
"$bin/sam" validate --lint --template template.yaml
"$bin/cfn-lint" --non-zero-exit-code warning template.yaml infra/*.yaml
echo "template.yaml: 2 linters passed; infra: 1"
