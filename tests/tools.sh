#!/usr/bin/env bash
# Installs what the tests need beside Rust: pinned, into this folder, again only when the pins have changed.
# Usage: tests/tools.sh TOOLS_DIR PYTHON NPM
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${1:-.tools} python=${2:-python3} npm=${3:-npm}
mkdir -p "$tools"

# A missing toolchain is said loudly and its suites count as skipped; a missing package is a failure.
if command -v node >/dev/null && command -v "$npm" >/dev/null; then
    stamp="$tools/oidc-provider.$(sha256sum tests/oidc-provider/package-lock.json | cut -c1-16)"
    if [ ! -e "$stamp" ] || [ ! -d tests/oidc-provider/node_modules ]; then
        echo "installing the OIDC provider for the tests"
        "$npm" ci --prefix tests/oidc-provider --no-audit --no-fund --loglevel=error
        touch "$stamp"
    fi
    stamp="$tools/mcp-clients.$(sha256sum tests/mcp-clients/package-lock.json | cut -c1-16)"
    if [ ! -e "$stamp" ] || [ ! -d tests/mcp-clients/node_modules ]; then
        echo "installing the TypeScript SDK of MCP, its conformance suite and its Inspector for the tests"
        "$npm" ci --prefix tests/mcp-clients --no-audit --no-fund --loglevel=error
        touch "$stamp"
    fi
    stamp="$tools/claude-code.$(sha256sum tests/claude-code/package-lock.json | cut -c1-16)"
    if [ ! -e "$stamp" ] || [ ! -d tests/claude-code/node_modules ]; then
        echo "installing the command line of Claude Code for the tests"
        "$npm" ci --prefix tests/claude-code --no-audit --no-fund --loglevel=error
        touch "$stamp"
    fi
else
    echo "!! node and npm are not here: the tests with a real OIDC provider, a real browser, Claude Code and the TypeScript clients of MCP will be SKIPPED" >&2
fi

# The browser is Debian's package: the tests drive whatever Chromium there is.
if command -v node >/dev/null && command -v "$npm" >/dev/null; then
    stamp="$tools/browser.$(sha256sum tests/browser/package-lock.json | cut -c1-16)"
    if [ ! -e "$stamp" ] || [ ! -d tests/browser/node_modules ]; then
        echo "installing the driver of the browser for the tests"
        "$npm" ci --prefix tests/browser --no-audit --no-fund --loglevel=error
        touch "$stamp"
    fi
    if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Chromium for the tests"
        if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation; } >/dev/null 2>&1; then
            echo "!! Chromium could not be installed" >&2
        fi
    fi
    if ! command -v chromium >/dev/null; then
        echo "!! chromium is not here (apt-get install chromium): the tests with a real browser will be SKIPPED" >&2
    fi
fi

if command -v "$python" >/dev/null; then
    stamp="$tools/python.$(sha256sum tests/requirements.txt | cut -c1-16)"
    if [ ! -e "$stamp" ]; then
        echo "installing cargo-lambda, sam, cfn-lint, moto and a mail catcher for the tests"
        "$python" -m venv --clear "$tools/python"
        "$tools/python/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt
        touch "$stamp"
    fi
    # Apart from those: their pins are not each other's.
    stamp="$tools/mcp-python.$(sha256sum tests/mcp-clients/requirements.txt | cut -c1-16)"
    if [ ! -e "$stamp" ]; then
        echo "installing the Python SDK of MCP for the tests"
        "$python" -m venv --clear "$tools/mcp-python"
        "$tools/mcp-python/bin/pip" install --quiet --disable-pip-version-check -r tests/mcp-clients/requirements.txt
        touch "$stamp"
    fi
    stamp="$tools/checkov.$(sha256sum tests/template/requirements.txt | cut -c1-16)"
    if [ ! -e "$stamp" ]; then
        echo "installing checkov for the tests"
        "$python" -m venv --clear "$tools/checkov"
        "$tools/checkov/bin/pip" install --quiet --disable-pip-version-check -r tests/template/requirements.txt
        touch "$stamp"
    fi
else
    echo "!! python3 is not here: the Lambda, template, mail and AWS tests will be SKIPPED" >&2
fi

# Trino, which the queries for Athena are asked with: two folders, for the libraries of its server and of its connector are not each other's.
if command -v mvn >/dev/null && [ -n "$(tests/athena/jdk.sh)" ]; then
    stamp="$tools/trino.$(sha256sum tests/athena/pom.xml | cut -c1-16)"
    if [ ! -e "$stamp" ]; then
        echo "installing Trino for the tests"
        rm -rf "$tools/trino"
        for part in server hive; do
            mvn --quiet --batch-mode --file tests/athena/pom.xml --activate-profiles "$part" \
                dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$(realpath "$tools")/trino/$part"
        done
        touch "$stamp"
    fi
else
    echo "!! mvn and a JDK of 25 or newer are not here: the queries for Athena will be SKIPPED" >&2
fi
