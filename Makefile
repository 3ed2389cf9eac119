# Every command that a person or a machine runs here. `make help` lists them.

CARGO ?= cargo
PYTHON ?= python3
NPM ?= npm
TOOLS := .tools

.PHONY: help run test tools lint strike bench compare build-lambda clean-home

help:           ## this list
	@grep -E '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 16

run:            ## the gateway over the embedded warehouse, on 127.0.0.1:8181
	$(CARGO) run

test: tools     ## every test
	$(CARGO) test --workspace --locked
	tests/template/run.sh
	tests/athena/run.sh

tools:          ## what the tests need beside Rust, pinned, into .tools and node_modules
	@tests/tools.sh "$(TOOLS)" "$(PYTHON)" "$(NPM)"

lint:           ## format and lints, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

strike: tools   ## every call of AWS fails, is lost, frozen or the last one, in every scenario: half an hour on a quiet machine
	SNOWGATE_STRIKE=enough $(CARGO) test --workspace --locked --test lambda -- between --nocapture

bench:          ## every figure that the README quotes
	$(CARGO) bench --locked -p sql -p masking -p policy -p gateway -p snowgate \
	  --bench read --bench speed --bench memory --bench detect --bench decide --bench ask --bench load

compare:        ## other maskers on the same cells: make compare DATA=cells.jsonl SCORER=score.py (tests/pii/compare.py --help)
	$(CARGO) build --release --locked
	$(PYTHON) tests/pii/compare.py "$(DATA)" "$(SCORER)" --tools "$(TOOLS)"

build-lambda:   ## the functions as sam build compiles them, their sizes and starts: make build-lambda ARCH=arm64 (or x86_64)
	$(TOOLS)/python/bin/python -B -W ignore tests/template/build.py $(ARCH)

clean-home:     ## forget the local demo: its keys, its recordings
	rm -rf ./.snowgate
