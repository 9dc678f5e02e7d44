# Two commands do it all: `make dev` runs a whole pool on this machine, `make test` passes the tests.
# `make help` lists the rest.

RUN := .venv/bin/python -m
DEV_ARGS ?=
# In the order of the tree: the many small files of unit tests come last, so that both workers end together.
TWO_AT_ONCE := -n 2 --dist loadfile --no-loadscope-reorder

# What a test sees of the order of a set is the same in every run, too.
test unit faults engines browser: export PYTHONHASHSEED := 0

.DEFAULT_GOAL := help
.PHONY: help setup setup-test dev check test faults engines unit fuzz explore mutate sim lint fmt browser dapp dapp-types contracts bench lock image clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:
	@scripts/setup dev

setup-test:
	@scripts/setup test

dev: setup ## run a whole pool on this machine: chain, contracts, control plane, one node of two replicas
	@.venv/bin/linkpool dev $(DEV_ARGS)

check: setup ## the same without a terminal: 30 requests, a replica killed, one JSON object of proof
	@.venv/bin/linkpool dev --check --json

test: setup-test ## everything that needs no container engine, the slow proofs aside (those are in .ci/run)
	@.venv/bin/python scripts/tests -m "unit or contracts or integration" $(TWO_AT_ONCE) $(ARGS)
	@npm --prefix dapp test --silent
	@.venv/bin/python scripts/tests -m browser $(ARGS)

browser: setup-test ## the pages in Chromium, against a real pool
	@.venv/bin/python scripts/tests -m browser $(ARGS)

dapp: setup ## build the pages, when they changed

dapp-types: setup-test ## write what the pages know of the API and the contracts, after a change of either
	@.venv/bin/python scripts/dapp-types

faults: setup-test ## processes, networks and chains broken on purpose
	@.venv/bin/python scripts/tests -m faults $(TWO_AT_ONCE) $(ARGS)

engines: ## the container engines: a daemon, a swarm of three machines, the image (root, docker.io)
	@scripts/setup engines
	@.venv/bin/python scripts/tests -m engines $(ARGS)

explore: setup-test ## properties with new examples: so many times as many (FACTOR=10); the contracts' machines: fuzz
	@LINKPOOL_FUZZ=$(or $(FACTOR),10) $(RUN) pytest -m hypothesis --timeout 0 $(TWO_AT_ONCE) $(ARGS)

fuzz: setup-test ## the contracts' state machines for hours: so many times as many examples (FACTOR=1000)
	@LINKPOOL_FUZZ=$(or $(FACTOR),1000) $(RUN) pytest tests/contracts/test_invariants.py -n 2 $(ARGS)

mutate: setup-test ## break the contracts line by line; a test must fail for each
	@$(RUN) tests.contracts.mutate $(ARGS)

sim: setup-test ## 20,000 simulated histories of two to four replicas
	@$(RUN) tests.sim --histories 20000 $(ARGS)

unit: setup-test ## the tests that open no socket
	@$(RUN) pytest -m unit $(ARGS)

lint: setup-test ## style, types, import floors
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) mypy --follow-imports=silent bench
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python scripts/dapp-types --check
	@cd dapp && npm run --silent types && npm run --silent lint && npm run --silent size

fmt: setup-test ## let the formatter have its way
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

lock: setup-test ## lock Python dependencies with hashes, after a change in pyproject.toml
	@$(RUN) pip install --quiet --disable-pip-version-check uv
	@$(RUN) uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.lock
	@$(RUN) uv pip compile pyproject.toml --extra aws --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file deploy/requirements.lock

image: setup ## the container image, for Swarm and ECS: [BASE=python:3.11-slim] [TAG=linkpool:VERSION]
	@BASE=$(BASE) TAG=$(TAG) scripts/image

contracts: setup-test ## build the contracts' artifacts from their sources
	@$(RUN) linkpool.contracts.build

bench: setup ## list the benches; run one with `.venv/bin/python -m bench NAME --json`
	@$(RUN) bench || true

clean: ## remove everything that set-up and runs made
	rm -rf .venv node_modules dapp/node_modules src/linkpool/api/static .linkpool .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
