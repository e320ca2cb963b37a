# duecourse: every task is one line; `make` alone lists them.
PY := .venv/bin/python
export BENTOML_DO_NOT_TRACK := True
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
export ITERATIVE_DO_NOT_TRACK := 1

# what is compiled once is not compiled again at each run, in each worker and in each process that a test starts
test test-slow: export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo serve test test-slow lint types bench
help: ; @grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/installed: requirements.lock pyproject.toml
	python3 -m venv .venv
	.venv/bin/pip install --disable-pip-version-check -q --require-hashes --no-deps -r requirements.lock
	.venv/bin/pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/rivals-installed: .venv/installed requirements-rivals.lock
	.venv/bin/pip install --disable-pip-version-check -q --require-hashes --no-deps -r requirements-rivals.lock
	@touch $@

demo: .venv/installed ## simulate a book, train, score it, print the ranked list with reasons and actions
	@$(PY) -m serving.cli demo
.duecourse/demo-ledger: ; @$(MAKE) demo
serve: .duecourse/demo-ledger ## serve the demo's ledger on loopback and print its address
	@$(PY) -m serving.cli serve .duecourse/demo-ledger
test: .venv/installed ## the fast tests
	@$(PY) -m pytest -m "not slow" -n auto --dist worksteal
test-slow: .venv/installed .venv/rivals-installed ## the marked rest: server processes, load, notebooks, rival models
	@OPENBLAS_NUM_THREADS=1 $(PY) -m pytest -m slow -n auto --dist worksteal
lint: .venv/installed ## ruff: style and format
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
types: .venv/installed ## mypy on the public surface
	@.venv/bin/mypy
bench: .venv/installed ## paired timings of the feature code, and peak memory
	@$(PY) -m tests.bench
