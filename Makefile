# Everything that is needed on a fresh machine: Python >= 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test loggers golden browser lint check clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,parallel,slurm,search,real]'
	@touch $@

demo: .venv/ready  ## set up .venv, then train and compare an RNN and an LSTM
	$(BIN)/python -m seqexp --multirun cell=rnn,lstm

test: .venv/ready  ## set up .venv, then run all tests
	@# Tests start Pythons of their own: where these may write no bytecode, each would compile the package again.
	@$(BIN)/python -m compileall -q seqexp
	$(BIN)/python -m pytest

# Trackio takes no Pillow 13, so this is an environment of its own.
.venv-loggers/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-loggers
	grep -vi '^pillow==' constraints.txt > .venv-loggers/constraints.txt
	.venv-loggers/bin/pip install --quiet --disable-pip-version-check --constraint .venv-loggers/constraints.txt \
		--editable '.[dev,mlflow,wandb,trackio]'
	@touch $@

loggers: .venv-loggers/ready  ## set up .venv-loggers, then read back what a sweep leaves in MLflow, W&B and Trackio
	.venv-loggers/bin/python -m pytest --numprocesses=0 tests/logger tests/run/test_loggers.py

browser: .venv/ready  ## TensorBoard's pages in Chromium, as tests/browser wants them; pictures in outputs/browser
	@$(BIN)/python -c "import playwright" 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[browser]'
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || apt-get install -y --no-install-recommends chromium \
		|| { echo "make browser needs Chromium: sudo apt install chromium"; exit 1; }
	$(BIN)/python -m pytest --numprocesses=0 tests/browser

golden: .venv/ready  ## write anew what tests/golden keeps of the console's texts; read the diff
	GOLDEN=write $(BIN)/python -m pytest --numprocesses=0 --quiet tests/show/test_golden.py

lint: .venv/ready  ## style and types
	$(BIN)/ruff check seqexp tests scripts examples
	$(BIN)/ruff format --check seqexp tests scripts examples
	$(BIN)/mypy

check: lint test  ## what must pass before a commit lands

clean:  ## remove the environment and what tools left behind
	rm -rf .venv .venv-loggers dist .mypy_cache .ruff_cache .pytest_cache
