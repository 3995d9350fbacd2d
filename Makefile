# Needs Python 3.11 or newer and make; everything else is set up in .venv from the hash-locked file.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready

# Each module is compiled once, not by each process anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test coverage lint bench torture simulate-test mutants lock clean peers screenshots

demo: $(READY)
	$(BIN)/mute-orchestrator demo $(ARGS)

# Every branch of the core is met by a test that is about it: drawn histories, which meet any by luck, do not count.
# What breaks processes and judges by the clock has no other test beside it; the rest runs on all cores, with one more
# worker than there are, for many of them wait. Where tests wait, new stories of the simulation are played, other ones
# with each commit: in virtual time, so nothing is too slow for them, and they give way to all else.
WORKERS     ?= $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))')
NEW_STORIES ?= 200
COVERAGE     = $(BIN)/pytest tests/core -n $(WORKERS) \
	--cov=orchestrator.core --cov-report=term-missing:skip-covered --cov-fail-under=100
test: $(READY)
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else
	$(COVERAGE)
	$(MAKE) --jobs 2 after-core new-stories
endif

.PHONY: after-core new-stories
after-core: $(READY)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not alone" --ignore tests/core
	$(BIN)/pytest -m alone

new-stories: $(READY)
	nice -n 19 $(BIN)/python -m tests.simulation --new --seeds $(NEW_STORIES)

coverage: $(READY)
	$(COVERAGE)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m bench $(ARGS)

# The whole daemon in virtual time, with faults: as many stories as SEEDS says; exit code 1 if one breaks a rule.
SEEDS ?= 1000
simulate-test: $(READY)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

# The daemon with one rule broken at a time: the simulation must notice each. Exit code 1 if one survives.
mutants: $(READY)
	$(BIN)/python -m tests.simulation.mutants $(ARGS)

# Real faults on real parts, at full length: make torture ARGS="kills --kills 50"
torture: $(READY)
	$(BIN)/python -m tests.torture $(ARGS)

# The independent Socket.IO clients and servers of tests/peers, and AsyncAPI's and OpenAPI's own schemas (needs Node).
peers:
	cd tests/peers && npm ci --no-audit --no-fund

# Pictures of the page for its docs (needs Chromium): make screenshots ARGS="--out /tmp/pictures"
screenshots: $(READY)
	$(BIN)/python -m tests.page.screenshots $(ARGS)

# --no-deps: the lock is complete, and older pips look past it for a newer `coverage[toml]` and then refuse that.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

# Renews the locks from pyproject.toml, for every platform and Python 3.11+: all extras for working on it, the
# run-time alone and the build's backend for the image. `make lock UPGRADE=--upgrade` takes newer releases.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock"
lock: $(READY)
	$(COMPILE) --all-extras $(UPGRADE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra embedded -c requirements.lock -o requirements.run.lock pyproject.toml
	echo hatchling | $(COMPILE) -c requirements.lock -o requirements.build.lock -

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
