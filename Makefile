# demo: the tour · test: the tests (test-core without plugins, then test-plugins) · check: style, types, direction of imports · bench: side-by-side figures · graphiql: fetch the query page
# test-clients: JavaScript clients against the server (needs node and npm)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELL := /bin/bash
export EVENHAND_DATA ?= $(CURDIR)/.evenhand
export PIP_DISABLE_PIP_VERSION_CHECK := 1
DISTRIBUTIONS := core schema plugins/assignment plugins/scoring plugins/commission plugins/importers

.PHONY: demo test test-core test-plugins test-clients check bench graphiql clean setup

demo: $(READY)
	@exec $(BIN)/evenhand demo $(ARGS)

test: test-core test-plugins

# The core and its schema stand without any plugin.
test-core: $(READY)
	EVENHAND_PLUGINS=none $(BIN)/python -m pytest -n auto core/tests schema/tests $(ARGS)

test-plugins: $(READY)
	$(BIN)/python -m pytest -n auto plugins tests $(ARGS)

# The packages go to the data directory, not into the source tree.
NODE_CLIENTS := $(EVENHAND_DATA)/node-clients

test-clients: $(READY)
	@if ! command -v node > /dev/null || ! command -v npm > /dev/null; then \
		echo "node or npm is not installed: JavaScript clients are not tried (install Node 20 or newer)"; exit 0; fi; \
	mkdir -p $(NODE_CLIENTS) && cp tests/clients/node/package.json $(NODE_CLIENTS) && \
	npm install --prefix $(NODE_CLIENTS) --silent --no-audit --no-fund --no-package-lock && \
	EVENHAND_NODE_CLIENTS=$(NODE_CLIENTS) $(BIN)/python -m pytest tests/clients $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

graphiql: $(READY)
	@$(BIN)/python -m evenhand_schema.http.graphiql

clean:
	rm -rf $(VENV) $(EVENHAND_DATA) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

setup: $(READY)

$(READY): requirements/runtime.txt requirements/dev.txt $(addsuffix /pyproject.toml,$(DISTRIBUTIONS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Evenhand needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) (once; about half a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq -r requirements/runtime.txt -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation $(addprefix --editable ,$(DISTRIBUTIONS))
	@touch $(READY)
