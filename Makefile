# Every target makes .venv by itself; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := $(shell find cpp ofx_bridge presets python_core/synthetic_focus/ofx_host -type f \( -name '*.cpp' -o -name '*.h' -o -name '*.txt' -o -name '*.toml' -o -name '*.py' -o -name '*.in' \) 2>/dev/null)

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: tools
tools:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is missing. Debian/Ubuntu: sudo apt-get install python3 python3-venv python3-dev"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old, 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing. Debian/Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sysconfig, pathlib, sys; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' || { echo "Python's headers are missing. Debian/Ubuntu: sudo apt-get install python3-dev"; exit 1; }
	@command -v c++ >/dev/null || { echo "A C++20 compiler is missing. Debian/Ubuntu: sudo apt-get install g++"; exit 1; }

$(VENV)/.dependencies: pyproject.toml constraints.txt | tools
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*p["dependencies"], *p["optional-dependencies"]["dev"], sep="\n")' > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -r $(VENV)/requirements.txt
	touch $@

$(VENV)/.built: $(VENV)/.dependencies CMakeLists.txt $(NATIVE)
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: build
build: $(VENV)/.built ## The native module, the plug-in bundle and the package, into .venv

.PHONY: test
test: build ## All tests
	$(BIN)/python -m pytest

.PHONY: demo
demo: build ## A night scene through the plug-in. Yours: make demo CLIP=a.mp4 [DEPTH=b.mp4] FOCUS="0.3,0.5@0 0.7,0.4@40"
	$(BIN)/python -m synthetic_focus.demo $(if $(CLIP),--clip "$(CLIP)") $(if $(DEPTH),--depth "$(DEPTH)") $(foreach f,$(FOCUS),--focus $(f))

.PHONY: lint
lint: build ## ruff, mypy and clang-format
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	git ls-files '*.cpp' '*.h' | xargs $(BIN)/clang-format --dry-run --Werror

.PHONY: bench
bench: build ## How fast it is, beside the targets (GROUPS="renderer bridge start colour blender")
	$(BIN)/python -m synthetic_focus.evaluation.bench $(GROUPS)

.PHONY: clean
clean: ## Removes what was built, .venv included
	rm -rf build $(VENV) out
