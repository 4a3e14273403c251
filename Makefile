# Targets with a comment after ## appear in `make help`.
PYTHON ?= python3
VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest
TWO_FILES := --numprocesses 2 --dist loadfile --no-loadscope-reorder
.DEFAULT_GOAL := help

.PHONY: help setup demo run test search check bench bench-sound eval soak docs lock

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

setup:  ## install what Wren needs on this machine, and the default models; again: seconds
	@$(PYTHON) setup_machine.py

demo: setup  ## a spoken request in a simulated room switches a simulated light and is answered
	@$(VENV)/wren demo

run: setup  ## the same with this machine's microphone and loudspeaker, and its house
	@$(VENV)/wren run

test: setup  ## run the tests, two files at a time where they bear it
	@failed=0; \
	$(PYTEST) $(TWO_FILES) tests/unit || failed=1; \
	$(PYTEST) $(TWO_FILES) -m "not alone" tests/pipeline tests/faults || failed=1; \
	$(PYTEST) -m alone tests/pipeline || failed=1; \
	exit $$failed

search: setup  ## look for counterexamples to the tests that state a property, with ten times as many random examples
	@$(PYTEST) $(TWO_FILES) --hypothesis-profile search -m hypothesis tests/unit

check: setup  ## check format, lint and types
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/mypy device models tests setup_machine.py

bench: setup  ## measure latency, CPU and memory in the simulated room, beside Pipecat
	@$(VENV)/python -m tests.bench.bench

bench-sound: setup  ## the same as heard through a software sound server, with people's recordings
	@$(VENV)/python -m tests.bench.sound_server

eval: setup  ## measure how well it hears and understands
	@$(VENV)/python -m tests.bench.evaluate

soak: setup  ## an hour of conversation with interruptions, noise and killed daemons
	@$(VENV)/python -m tests.bench.soak

docs: setup  ## write the generated pages anew: docs/events.md, docs/settings.md
	@$(VENV)/python -m device.console.pages

lock: setup  ## pin the newest packages that pyproject.toml allows
	@$(VENV)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-emit-index-url \
		--no-emit-find-links --generate-hashes --no-emit-package llama-cpp-python --no-header --no-annotate \
		--quiet --upgrade -o requirements.lock
