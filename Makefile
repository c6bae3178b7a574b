# Every target installs what it needs into .venv and reuses it.
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
OLDEST := build/oldest
OLDEST_NOTEBOOK := build/oldest-notebook
WHEEL := build/wheel

# A whole file goes to one worker, the longest first; see tests/conftest.py for how many there are.
PYTEST := $(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: demo install messages test test-slow test-oldest test-wheel sweep seeds starved check release interrupted bench bench-scale bench-train bench-sandboxes bench-gpu full-size fuzz clean

demo: $(INSTALLED)
	$(PYTHON) examples/demo.py

install: $(INSTALLED)

test: $(INSTALLED)
	$(PYTEST) -m "not slow and not sweep"

# Sweeps over whole banks, every hostile act, every damage, a starved class, and the notebook while it trains.
test-slow: $(INSTALLED)
	BANKS=all $(PYTEST) -m slow

# Hundreds of rare forms of right work with their wrong twins, and the banks under another seed: not in CI.
sweep: $(INSTALLED)
	$(PYTEST) -m sweep

# Right solutions under 1,000 seeds: none may lose a point. About six minutes of one processor.
seeds: $(INSTALLED)
	PYTHONPATH=grading $(PYTHON) -m tests.seeds 1000

# The notebook and the grader, each with the oldest libraries that it promises to work with: five minutes, half to install.
test-oldest: $(INSTALLED) $(OLDEST)/.installed $(OLDEST_NOTEBOOK)/.installed
	HW8_OLDEST_PYTHON=$(CURDIR)/$(OLDEST_NOTEBOOK)/bin/python $(PYTHON) -m pytest tests/notebook/test_running.py -k oldest
	AUTOGRADER_OLDEST_PYTHON=$(CURDIR)/$(OLDEST)/bin/python $(PYTHON) -m pytest tests/test_oldest.py

$(OLDEST)/.installed: tests/oldest.txt pyproject.toml
	python3 -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	touch $@

$(OLDEST_NOTEBOOK)/.installed: tests/notebook/oldest.txt
	python3 -m venv $(OLDEST_NOTEBOOK)
	$(OLDEST_NOTEBOOK)/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	touch $@

# The tool as a wheel, in an environment of its own that has no PyTorch: a minute, most of it to install.
test-wheel: $(INSTALLED)
	rm -rf $(WHEEL)
	$(PYTHON) -m pip wheel --disable-pip-version-check --quiet --no-deps --wheel-dir $(WHEEL) .
	python3 -m venv $(WHEEL)/env
	$(WHEEL)/env/bin/python -m pip install --disable-pip-version-check --quiet $(WHEEL)/*.whl
	AUTOGRADER_WHEEL_PYTHON=$(CURDIR)/$(WHEEL)/env/bin/python $(PYTHON) -m pytest tests/test_wheel.py

# What every wrong solution of the banks earns and reads, for a person: build/messages.md.
messages: $(INSTALLED)
	PYTHONPATH=grading $(PYTHON) -m tests.assignments.messages

check: $(INSTALLED)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: $(INSTALLED)
	$(PYTHON) benchmarks/grade.py
	$(PYTHON) benchmarks/speed.py
	$(PYTHON) -m tests.kernel.soak 100

# Classes of 50, 200 and 1,000 distinct submissions, and 5,000 copied Records: a quarter of an hour.
bench-scale: $(INSTALLED)
	$(PYTHON) benchmarks/scale.py

bench-train: $(INSTALLED)
	$(PYTHON) benchmarks/train.py

# What the sandbox without namespaces costs beside the one with them. Only root can ask; three minutes.
bench-sandboxes: $(INSTALLED)
	$(PYTHON) benchmarks/sandboxes.py

# Seconds per epoch at GPT-2's shape, memory, and submissions per hour of a graphics card; without one it says so.
bench-gpu: $(INSTALLED)
	$(PYTHON) benchmarks/gpu.py

# The solved notebook at GPT-2's size with random weights, in the sandbox; DATA may name a folder, see the file.
full-size: $(INSTALLED)
	$(PYTHON) benchmarks/full_size.py $(DATA)

# A class on one processor with two submissions of 110 spinning processes each, three times.
starved: $(INSTALLED)
	$(PYTHON) -m tests.scenarios.starved

# A small class whose grading is ended at twenty random moments and goes on: five minutes.
interrupted: $(INSTALLED)
	$(PYTHON) -m tests.interrupted 20

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
