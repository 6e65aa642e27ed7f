# Two commands: `make demo` and `make test`. All they need is make and Python >= 3.11.
# Every path is relative, so that the folder may have any name.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PORT ?= 8080
CHECK ?=

# The uv that makes the environment: the same version stands in pyproject.toml.
UV := uv==0.13.9

export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT UV_PYTHON PYTHONHOME PYTHONPATH

READY := .venv/.ready

# An environment holds absolute paths: it is made again when the folder has moved.
ifneq ("$(shell cat $(READY) 2>/dev/null)","$(shell pwd -P)")
$(READY): moved
endif

.PHONY: help demo test lint format clean moved browser

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

demo: $(READY) ## Serve the demo on 127.0.0.1:8080 (PORT= another port; CHECK=1 play it by itself)
ifeq ($(filter-out 0 no false,$(CHECK)),)
	@exec .venv/bin/yuzuri demo --port '$(PORT)'
else
	@exec .venv/bin/yuzuri demo --check
endif

# Two at once, each with a database server of its own; the tests of one file stay together.
test: lint browser ## Check style, types and rooms, then run all tests
	@.venv/bin/pytest -n 2 --dist loadfile

lint: $(READY)
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: $(READY) ## Put the code in its one style
	@.venv/bin/ruff check --fix-only
	@.venv/bin/ruff format

clean: ## Remove the environment and all caches (never data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	@find src tests -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# The browser journey uses the system's Chromium.
browser:
	@for name in chromium chromium-browser google-chrome; do \
	  if command -v "$$name" >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo 'Installing Chromium for the browser journey (once)...'; \
	  log=$$(mktemp); \
	  export DEBIAN_FRONTEND=noninteractive; \
	  if apt-get update -qq >"$$log" 2>&1 \
	    && apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 chromium >>"$$log" 2>&1; \
	  then rm -f "$$log"; exit 0; fi; \
	  tail -n 3 "$$log"; rm -f "$$log"; \
	fi; \
	echo 'No Chromium here: install it (Debian: apt-get install chromium) to run the browser journey.'

# Trusted is what this machine trusts (a company's own certificate authority, for one); where it has
# no list of its own, the one that uv brings.
$(READY): pyproject.toml uv.lock Makefile
	@python=; \
	for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'Yuzuri needs Python 3.11 or newer: install one (Debian: apt-get install python3 python3-venv) and run make again.' >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  echo "$$("$$python" --version) cannot make an environment: install its venv package (Debian: apt-get install python3-venv) and run make again." >&2; \
	  exit 1; \
	fi; \
	if [ -z "$$SSL_CERT_FILE" ]; then unset SSL_CERT_FILE; fi; \
	if [ -z "$$SSL_CERT_FILE" ] && [ -f "$$PIP_CERT" ]; then export SSL_CERT_FILE="$$PIP_CERT"; fi; \
	folder=$$(pwd -P); \
	if [ "$$(cat .venv/.folder 2>/dev/null)" != "$$folder" ] \
	  || ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  rm -rf .venv && "$$python" -m venv .venv && printf '%s\n' "$$folder" > .venv/.folder || exit 1; \
	fi; \
	if [ "$$(.venv/bin/python -m uv --version 2>/dev/null | cut -d' ' -f2)" != '$(UV:uv==%=%)' ]; then \
	  .venv/bin/python -m pip install --quiet '$(UV)' || exit 1; \
	fi; \
	errors=$$(UV_SYSTEM_CERTS=1 .venv/bin/python -m uv sync --quiet --locked 2>&1) \
	|| UV_SYSTEM_CERTS=0 .venv/bin/python -m uv sync --quiet --locked \
	|| { printf '%s\n' "$$errors" >&2; exit 1; }; \
	printf '%s\n' "$$folder" > $(READY)

moved: ;
