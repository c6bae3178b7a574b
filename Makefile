# Every target installs what it needs into .venv and reuses it.
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: demo test check release bench bench-train fuzz clean

demo: $(INSTALLED)
	$(PYTHON) examples/demo.py

test: $(INSTALLED)
	$(PYTHON) -m pytest

check: $(INSTALLED)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: $(INSTALLED)
	$(PYTHON) benchmarks/grade.py

bench-train: $(INSTALLED)
	$(PYTHON) benchmarks/train.py

fuzz: $(INSTALLED)
	$(PYTHON) -W error -m tests.fuzz 10000

release: $(INSTALLED)
	$(PYTHON) -m autograder release hw8_lora

$(INSTALLED): requirements.txt pyproject.toml
	python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --disable-pip-version-check --quiet -r requirements.txt
	$(PYTHON) -m pip install --disable-pip-version-check --quiet --no-deps -e .
	touch $@

clean:
	rm -rf build records reports .pytest_cache .mypy_cache .ruff_cache
