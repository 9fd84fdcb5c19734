# make lab | make teach | make test | make notebooks | make handout | make site | make thorough
# PORT and BROWSER steer `make lab` and `teach`, for example: make lab PORT=9000 BROWSER=no; WORKERS says how many run
# TESTS, with the versions in PINS.
PORT    ?= 8888
BROWSER ?= yes
WORKERS ?= 3
TESTS   ?= notebooks tests skiplib
PINS    ?= constraints.txt
FIRST   := doc/tree/notebooks/00_start_here.ipynb
WINDOWS := $(filter Windows_NT,$(OS))
ifneq ($(filter yes no,$(BROWSER)),)
unexport BROWSER  # Jupyter would take it for the name of a program
endif
SITE_PYTHON ?= python3.12
PYTHON  ?= $(if $(WINDOWS),python,python3)
UV      := $(shell command -v uv 2>/dev/null)
VENV     = $(if $(UV),uv venv --quiet --python $(PYTHON),$(PYTHON) -m venv)
INSTALL  = $(if $(UV),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install)
BIN     := .venv/$(if $(WINDOWS),Scripts,bin)
ROOT_OK  = $(if $(filter 0,$(shell id -u)),--allow-root)
NBVAL   := --nbval --dist=loadfile --nbval-current-env --nbval-cell-timeout=150 --nbval-sanitize-with tests/nbval_sanitize.cfg
NO_BROWSER = $(if $(filter no,$(BROWSER)),--no-browser)

.PHONY: lab teach test ruff mypy pytest notebooks handout site thorough
.DELETE_ON_ERROR:

lab teach: export JUPYTER_CONFIG_PATH := $(CURDIR)/tools/jupyter
lab teach: %: .venv/%
	$(BIN)/jupyter lab --port=$(PORT) $(NO_BROWSER) $(ROOT_OK) --LabApp.default_url=$(FIRST)

test: .venv/test
	@$(MAKE) --no-print-directory --keep-going --jobs=3 ruff mypy pytest || \
		{ echo "make test: FAILED, see above"; exit 1; }
	@echo "make test: ruff, mypy, pytest, nbval and the browser tests all passed"

ruff: .venv/test
	$(BIN)/ruff check .
mypy: .venv/test
	$(BIN)/mypy
# All tests: those in a browser, strict nbval, and all others. A second thread is no help beside other workers.
pytest: export OMP_NUM_THREADS := 1
pytest: .venv/test
	$(BIN)/pytest -n $(WORKERS) $(NBVAL) $(TESTS)
thorough: .venv/test
	$(BIN)/python tools/thorough.py $(WORKERS) $(NBVAL)

notebooks: .venv/lab
	$(BIN)/python tools/execute_notebooks.py
handout: .venv/lab
	$(BIN)/python tools/handout.py

# Into build/site, for any static host. Its tools have an environment of their own, and need Python 3.12 and npm.
site: .venv/lab build/tools
	$(BIN)/python tools/web/build.py build/tools build
build/tools: tools/web/requirements.txt tools/web/package.json
	$(SITE_PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --requirement $<
	cp tools/web/package.json $@ && npm install --silent --prefix $@
	@touch $@

.venv/lab .venv/teach .venv/test: pyproject.toml $(PINS)
	$(BIN)/python $(if $(UV),,-m pip) --version >/dev/null 2>&1 || $(VENV) .venv  # never over another interpreter's
	$(INSTALL) --quiet --constraint $(PINS) --editable ".$(patsubst %,[%],$(filter-out lab,$(@F)))"
	@touch $@
