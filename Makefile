# One command a thing. Each target sets up first when it has to; `make setup` alone does only that.
PYTHON ?= python3
# On plain Linux the package index gives the CUDA build of torch. For the small CPU build:
#   make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two runs of the tests at a time on two cores; threads inside each are one, so that they do not fight.
JOBS ?= 2

.PHONY: help setup demo test test-long bench lint docs tables clean
.DEFAULT_GOAL := help

help:
	@echo "make setup      a virtual environment in $(VENV) with penchant and all its tools"
	@echo "make demo       make a small world, train six systems, compare them, write demo/compare.html"
	@echo "make test       the quick tests (mechanics)"
	@echo "make test-long  the checks that take minutes"
	@echo "make bench NAME one benchmark, or all without a name; results into docs/results/"
	@echo "make lint       style, types, and which room may import which"
	@echo "make docs       the documentation into docs/build/html"
	@echo "make tables     refresh the tables of README.md and docs/ from the catalogue and docs/results/"
	@echo "make clean      remove what the targets above made"

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt -e '.[dev]'
	touch $(READY)

setup: $(READY)

demo: $(READY)
	$(BIN)/penchant demo

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST)

test-long: $(READY)
	$(BIN)/python -m pytest -m checks $(PYTEST)

# `make bench NAME=gowalla` and `make bench gowalla` are the same; alone it runs them all.
ifeq (bench,$(firstword $(MAKECMDGOALS)))
NAME ?= $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
# The names behind `bench` are no targets of their own.
$(eval $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS)):;@:)
endif
bench: $(READY)
	$(BIN)/python -m benchmarks $(NAME)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

tables: $(READY)
	$(BIN)/python -m docs.tables

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/build/html

clean:
	rm -rf demo build dist docs/build docs/generated .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .ci/last
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
