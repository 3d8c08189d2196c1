# What a newcomer needs: `make demo` and `make test`, with Python 3.11 or newer and make. See README.md.
PYTHON ?= $(firstword $(foreach one,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(one) -c \
  'import sys; sys.version_info >= (3, 11) and print("$(one)")' 2>/dev/null)) python3)
BIN := .venv/bin
DEMO_DIR ?= var
export DEMO_DIR

.PHONY: demo demo-reset test check fmt lock shell help

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit("SupportDesk needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.embedded: .venv/.made requirements/embedded.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/embedded.txt
	@touch $@

.venv/.dev: .venv/.made requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@ .venv/.embedded

demo: .venv/.embedded ## The whole desk with demo data on http://127.0.0.1:8000 (PORT, DEMO_DIR)
	@exec $(BIN)/python -m supportdesk.demo

demo-reset: ## Delete the demo's data
	@$(PYTHON) -m supportdesk.demo reset

test: .venv/.dev ## The whole suite, in parallel, on servers of its own
	$(BIN)/python -m pytest -n auto --dist worksteal $(TESTS)

check: .venv/.dev ## Lint, types, layers, migrations, deployment, locks, audit
	$(BIN)/python .ci/check.py

fmt: .venv/.dev ## Format the code
	$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

lock: .venv/.dev ## Lock the dependencies anew after an edit of pyproject.toml
	$(BIN)/python .ci/lock.py

shell: .venv/.dev ## Django's shell, on the demo that runs or on DATABASE_URL and REDIS_URL
	$(BIN)/python manage.py shell
