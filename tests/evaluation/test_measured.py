"""What a score found, by hand: numbers by their names, intervals, and the values that a number is the mean of."""

import numpy as np
import pytest

from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import EACH, Measured, by_example

NLL = Measured({"nll_50": Metric(80.0, 2.0), "nll_50_gain": Metric(0.5, 0.1)}, name="nll", key="nll_50")
COPIES = {"copies_samples500": Metric(0.25, 0.05), "odd_samples500": Metric(float("nan"), 0.0)}
GENERATION = Measured(COPIES, {"curve": [1, 2]}, name="generation", key="generation_samples500")


def test_a_number_is_found_without_the_options_in_its_column():
    assert NLL.column("gain") == "nll_50_gain" and NLL.value("gain") == 0.5
    assert GENERATION.column("copies") == "copies_samples500" and GENERATION.value("copies") == 0.25
    assert NLL.value("copies") is None


def test_an_interval_is_a_normal_one_of_95_percent():
    found = GENERATION.estimate("copies")
    half = 1.959964 * 0.05
    assert (found.low, found.value, found.high) == pytest.approx((0.25 - half, 0.25, 0.25 + half), abs=1e-6)
    assert GENERATION.estimate("odd") is None and GENERATION.estimate("absent") is None


def test_a_mean_keeps_the_values_that_it_is_of():
    found = by_example("mse", np.float32([1, 2, 6]))
    # Deviations −2, −1 and 3: a variance of 7, and an error of √(7 / 3).
    assert (found.values["mse"].value, found.values["mse"].standard_error) == pytest.approx((3, (7 / 3) ** 0.5))
    assert found.each("mse").tolist() == [1, 2, 6] and found.each("mse").dtype == np.float64
    assert list(found.arrays) == [EACH + "mse"] and found.each("nll") is None
    assert GENERATION.array("curve").tolist() == [1, 2] and GENERATION.array("mse") is None


def test_it_is_shown_with_twelve_numbers_and_three_warnings_at_most():
    many = Measured({f"n{i}": Metric(i / 7, 0.0123) for i in range(14)}, warnings=("a", "b", "c", "d"))
    lines = repr(many).splitlines()
    assert lines[0] == "measured" and lines[2].split() == ["n1", "0.142857", "±", "0.012"]
    assert [line.split(maxsplit=1) for line in lines[13:]] == [["…", "2 more in values"]] + [
        ["warning", w] for w in "abc"
    ]
