"""A minute of mutated inputs of every kind (see `fuzz`); ``benchmarks/fuzz.py`` goes on for as long as one likes."""

import time

import pytest

import fuzz

SECONDS = 60
INPUTS = 1500


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return fuzz.Place(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.slow
def test_no_input_gives_a_traceback_hangs_or_loses_a_file(place):
    end = time.monotonic() + SECONDS
    counts, faults = fuzz.fuzz(place, seed=1, inputs=INPUTS, stop=lambda: time.monotonic() > end)
    assert faults == []
    assert set(counts) == set(fuzz.KINDS) and sum(counts.values()) >= 200
