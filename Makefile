# demo, test, test-all, ui, bench, docs: each makes .venv on first use and keeps it while pyproject.toml and
# constraints.txt stay. `make test` is for every change, and the one place that leaves out what is marked `full`: every
# boundary of a kill, long loads, a process a step, the whole installation. `make test-all` runs that too, every night
# and before a release. A bare `pytest PATH` runs all that it is pointed at.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
READY := .venv/.ready
PYTEST = PATH="$(CURDIR)/$(BIN):$$PATH" pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

.PHONY: demo test test-all test-lowest test-newest mutants claims lint types services ui bench docs

demo: $(READY)
	@$(BIN)/ballast run digits

test: $(READY) services lint types
	@$(PYTEST) -m "not full"

test-all: $(READY) services lint types
	@$(PYTEST)

test-lowest test-newest:
	@PYTHON="$(PYTHON)" JOBS="$(JOBS)" sh tests/bounds.sh $(@:test-%=%)

mutants: $(READY)
	@$(BIN)/python tests/mutants/run.py

# Measures the claims that are due, and records them; NAMES="kliep doremi" those, due or not, ALL=1 all. Figures that
# moved are recorded where ACCEPT="kliep" names them, once the card says so.
claims: MEASURED = $(foreach name,$(NAMES) $(ACCEPT),$(shell find tests/claims -name test_$(name).py))
claims: $(READY)
	@BALLAST_CLAIMS=$(if $(NAMES)$(ALL),all,due) BALLAST_CLAIMS_ACCEPT="$(ACCEPT)" \
		$(PYTEST) $(or $(MEASURED),tests/claims)

# Measures how often tests by column reject where nothing has changed, over sizes, kinds and widths: docs/levels.md;
# and how often intervals of metrics and effects hold them: docs/coverage.md.
.PHONY: levels
levels: $(READY)
	@$(BIN)/python -m tests.levels

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(READY)
	@$(BIN)/pyright --pythonpath $(BIN)/python

services:
	@sh tests/services.sh

ui: $(READY) .ballast/dagster/dagster.yaml
	@DAGSTER_HOME="$(CURDIR)/.ballast/dagster" PATH="$(CURDIR)/$(BIN):$$PATH" \
		dagster dev --workspace workspace.yaml --host 127.0.0.1

bench: $(READY)
	@set -e; for script in benchmarks/[a-z]*.py; do $(BIN)/python "$$script"; done

docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in site/index.html"

.PHONY: changelog
changelog: $(READY)
	@$(BIN)/python changes/numbers.py
	@$(BIN)/towncrier build --yes

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Ballast needs Python 3.11 or newer, and '$(PYTHON)' is not. Name another one: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv: a few minutes the first time"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

.ballast/dagster/dagster.yaml:
	@mkdir -p $(@D)
	@printf 'telemetry:\n  enabled: false\nnux:\n  enabled: false\n' > $@
