"""Weights that change while a model is trained, step by step."""

import jax.numpy as jnp
import numpy as np
import pytest

from latente.errors import SpecError
from latente.objective.schedules import Constant, Cyclical, Linear, schedule


def test_a_number_is_a_constant():
    assert schedule(0.5, "beta") == Constant(0.5)
    assert Constant(0.5).at(jnp.int32(7)) == 0.5 and Constant(0.5).length() == 0


def test_linear_rises_evenly_and_stays():
    rise = schedule({"name": "linear", "steps": 4, "start": 1.0, "end": 3.0}, "beta")
    assert np.asarray(rise.at(jnp.arange(7))) == pytest.approx([1, 1.5, 2, 2.5, 3, 3, 3])
    assert np.asarray(rise.settled(jnp.arange(7))).tolist() == [False] * 4 + [True] * 3


def test_cyclical_rises_in_each_cycle_and_ends_at_its_end():
    cycles = schedule({"name": "cyclical", "steps": 8, "cycles": 2, "rise": 0.5, "end": 2.0}, "beta")
    assert np.asarray(cycles.at(jnp.arange(10))) == pytest.approx([0, 1, 2, 2, 0, 1, 2, 2, 2, 2])
    assert cycles.length() == 8


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, r"beta: got -1.0; allowed: a number of at least 0, or a schedule"),
        ("liner", 'beta: unknown schedule "liner"; did you mean "linear"'),
        ({"name": "linear", "steps": 0}, "beta: got steps = 0; allowed: a whole number of at least 1"),
        ({"name": "cyclical", "steps": 3, "cycles": 4}, "allowed: at most one cycle a step"),
        ({"name": "cyclical", "rise": 0.0}, "got rise = 0.0; allowed: a number above 0 and at most 1"),
    ],
)
def test_what_means_nothing_is_refused(value, message):
    with pytest.raises(SpecError, match=message):
        schedule(value, "beta")
    assert Linear().length() == 1000 and Cyclical().length() == 1000
