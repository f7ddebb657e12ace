"""Runs with made-up numbers on the tiny data."""

from functools import partial

import pytest
from maderuns import made_run


@pytest.fixture(scope="session")
def make(tiny):
    return partial(made_run, tiny)
