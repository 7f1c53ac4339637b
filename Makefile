# Everything a developer does here, from a bare checkout: only python3 (3.11 or newer) and make are needed.

PYTHON ?= python3
BIN := .venv/bin

# Compiled bytecode makes every start of the platform three times faster.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test check docs bench chaos simulate format lock clean

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Make the development environment in .venv (quick when nothing changed)
	@$(PYTHON) scripts/environment.py develop

run:  ## Start the platform on this machine with sample jobs (ARGS="--port 9000")
	@$(PYTHON) scripts/environment.py run
	@$(BIN)/scheduler dev --example $(ARGS)

test: setup  ## Run every test with branch coverage and its floors (ARGS="-x -k cron")
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	@echo "Domain and application, of which at least 95 % must be covered:"
	$(BIN)/coverage report --include='domain/*,application/*' --fail-under=95 --format=total

check: setup  ## Check formatting, lint, types, the import contracts, and that the API only grows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m scripts.reference --check

docs: setup  ## Write the pages of the reference that are made from the code (ARGS=--break for a broken API)
	$(BIN)/python -m scripts.reference $(ARGS)

bench: setup  ## Measure speed against real services (ARGS="fires")
	$(BIN)/python -m benchmarks $(ARGS)

chaos: setup  ## Kill, stop and cut off the parts of a cluster, and check what must hold (ARGS="--seed 7 --minutes 10")
	$(BIN)/python -m tests.chaos $(ARGS)

simulate: setup  ## Run worlds in virtual time, check what must hold, and find planted bugs (ARGS="--minutes 10", "--seed 7")
	$(BIN)/python -m tests.simulation $(ARGS)

format: setup  ## Format the code and apply safe fixes
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

COMPILE = $(BIN)/uv pip compile --quiet --system-certs --universal --generate-hashes --python-version 3.11 \
	--no-annotate --no-header $(ARGS)

lock: setup  ## Lock the requirements after pyproject.toml changed (ARGS=--upgrade for newer versions)
	$(COMPILE) requirements/setup.in -o requirements/setup.txt
	$(COMPILE) --no-emit-package platform-scheduler-sdk pyproject.toml -o requirements/run.txt
	$(COMPILE) --no-emit-package platform-scheduler-sdk -c requirements/setup.txt -c requirements/run.txt \
		--group dev pyproject.toml -o requirements/dev.txt
	@$(PYTHON) scripts/environment.py develop

clean:  ## Remove caches, reports and builds; .venv stays
	rm -rf .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
