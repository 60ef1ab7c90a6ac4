# make run     the demo: installs, builds, starts; PORT=8080, PBX=sim|real
# make test    all tests, with the real servers; ARGS="-k tracker" goes to pytest
# make check   format, lint, types, import contracts
# make bench   the benchmarks; SCALE=full for more
# make pbx     a real Asterisk on loopback with telephones
# make setup   everything installed and built, nothing started
# make lock    requirements/*.txt anew from setup.cfg
# make clean   everything that was made here

PYTHON ?= python3
export PYTHON
export PORT ?= 8080
export PBX ?= sim
ARGS ?=

.PHONY: help setup dev run test check bench pbx lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

setup:
	@$(PYTHON) scripts/setup.py run

dev:
	@$(PYTHON) scripts/setup.py dev

run: setup
	@exec scripts/run.sh

test:
	@exec scripts/test.sh $(ARGS)

check: dev
	@exec scripts/check.sh

bench: dev
	@exec .venv/bin/python -m bench $(ARGS)

pbx: dev
	@exec .venv/bin/python -m tests.pbx $(ARGS)

lock:
	@exec scripts/lock.sh

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
	  test-artefacts agent_console/web/dist agent_console/web/node_modules webchat/widget/dist webchat/widget/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
