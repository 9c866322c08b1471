# The front door. `make demo` and `make test` work in a fresh clone: they set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
ASSIGNMENT ?= aml-a3
PART ?= a
# Two workers: the tests start kernels of their own, and two cores are what we promise to need.
PYTEST_ARGS ?= -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test check style lint types format golden template docs bench similarity validate lock hooks clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

setup: ## .venv with the locked packages (done at once when nothing changed)
	@$(PYTHON) scripts/setup_env.py

demo: setup ## grade a small class, end to end
	@$(BIN)/autograder demo

test: setup ## all tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: style lint types ## format, lint and types

style: setup ## whether everything is formatted
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted; run: make format"; exit 1; }

lint: setup ## ruff
	@$(BIN)/ruff check .

types: setup ## mypy, strict
	@$(BIN)/mypy

format: setup ## format and sort imports
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

golden: setup ## make the golden values again; the only way to change them
	@$(BIN)/autograder golden $(ASSIGNMENT) --part $(PART)

template: setup ## make the student notebook again from the reference
	@$(BIN)/autograder template $(ASSIGNMENT) --part $(PART)

validate: setup ## proof of the rubric: correct styles, seeds and mutants (long)
	@$(BIN)/autograder validate $(ASSIGNMENT) --part $(PART)

docs: setup ## generate the references and the JSON schemas
	@$(BIN)/python scripts/make_docs.py

bench: setup ## what grading costs, beside other tools (10 minutes; QUICK=1: 2; ROUNDS=3, MINUTES=1)
	@$(BIN)/python -m scripts.bench $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MINUTES),--minutes $(MINUTES))

similarity: setup ## how often disguised copies are found, and independent solutions shown (a minute)
	@$(BIN)/python scripts/similarity_rates.py

lock: ## pin everything again; needs uv (https://docs.astral.sh/uv)
	@uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-annotate --no-header \
		--extra kernel --extra review --extra browser --extra dev --output-file build/all.lock --upgrade pyproject.toml
	@echo "# Made by 'make lock' from pyproject.toml; do not edit. PyTorch is left to scripts/setup_env.py," > requirements.lock
	@echo "# which picks a build without CUDA. One line a package for Python 3.11 to 3.14 on Linux, macOS and Windows." >> requirements.lock
	@grep -vE '^(torch|torchvision|triton|nvidia-[^=]*|cuda-[^=]*)==' build/all.lock >> requirements.lock

hooks: setup ## run the pre-commit hooks before every commit
	@$(BIN)/pre-commit install

clean: ## remove .venv, caches and the demo run
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis demo-run
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
