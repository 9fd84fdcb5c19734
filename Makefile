# make lab | make test | make notebooks
# PORT and BROWSER steer `make lab`, for example: make lab PORT=9000 BROWSER=no
PORT    ?= 8888
BROWSER ?= yes
FIRST   := doc/tree/notebooks/00_start_here.ipynb
WINDOWS := $(filter Windows_NT,$(OS))
ifneq ($(filter yes no,$(BROWSER)),)
unexport BROWSER  # Jupyter would take it for the name of a program
endif
PYTHON  ?= $(if $(WINDOWS),python,python3)
BIN     := .venv/$(if $(WINDOWS),Scripts,bin)
ROOT_OK  = $(if $(filter 0,$(shell id -u)),--allow-root)
NO_BROWSER = $(if $(filter no,$(BROWSER)),--no-browser)

.PHONY: lab test ruff mypy lessons widgets pytest nbval notebooks
.DELETE_ON_ERROR:

lab: export JUPYTER_CONFIG_PATH := $(CURDIR)/tools/jupyter
lab: .venv/lab
	$(BIN)/jupyter lab --port=$(PORT) $(NO_BROWSER) $(ROOT_OK) --LabApp.default_url=$(FIRST)

test: .venv/test
	@$(MAKE) --no-print-directory --keep-going --jobs=2 ruff mypy lessons widgets pytest nbval || \
		{ echo "make test: FAILED, see above"; exit 1; }
	@echo "make test: ruff, mypy, pytest, nbval and the browser tests all passed"

ruff: .venv/test
	$(BIN)/ruff check .
mypy: .venv/test
	$(BIN)/mypy
lessons: .venv/test  # every lesson in a browser; the other browser tests run beside it
	$(BIN)/pytest tests/browser/test_jupyterlab.py
widgets: .venv/test
	$(BIN)/pytest tests/browser --ignore=tests/browser/test_jupyterlab.py
pytest: .venv/test
	$(BIN)/pytest --ignore=tests/browser
nbval: .venv/test
	$(BIN)/pytest --nbval --nbval-current-env --nbval-cell-timeout=120 \
		--nbval-sanitize-with tests/nbval_sanitize.cfg notebooks

notebooks: .venv/lab
	$(BIN)/python tools/execute_notebooks.py

.venv/lab .venv/test: pyproject.toml constraints.txt
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv  # never over another interpreter's
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".$(if $(filter %test,$@),[test])"
	@touch $@
