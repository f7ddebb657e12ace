"""The test of a batch has the level and the power that it states."""

import numpy as np
import pytest
from scipy.stats import norm

from latente.errors import DataError, SpecError
from latente.evaluation.outliers.drift import drift, power_of


def shifted(share):
    """The mean of a unit normal that lies above a standard one with this probability."""
    return np.sqrt(2) * norm.ppf(share)


@pytest.mark.parametrize(("shift", "expected"), [(0.5, 0.05), (0.6, 0.81), (0.75, 0.87)])
def test_level_and_power_are_as_stated(shift, expected):
    rng = np.random.default_rng(0)
    n = 150
    rows = drift(np.arange(n), [1.0, 2.0], shift=max(shift, 0.55)).rows if shift > 0.5 else 40
    found = [drift(rng.normal(size=n), rng.normal(shifted(shift), 1, size=rows)).p <= 0.05 for _ in range(400)]
    assert np.mean(found) == pytest.approx(expected, abs=0.04)
    if shift > 0.5:
        assert power_of(shift, n, rows) == pytest.approx(0.8, abs=0.03)


def test_what_so_many_rows_can_find():
    found = drift(np.arange(100.0), np.arange(50.0) + 60)
    assert found.above.value == pytest.approx(
        np.mean([(np.arange(100) < b).mean() + 0.005 for b in range(60, 110)]), abs=0.01
    )
    assert found.p < 1e-6 and power_of(found.detectable, 100, 50) == pytest.approx(0.8, abs=1e-6)
    # With fewer held-out examples than this no batch is large enough.
    assert found.held_out == 66
    assert drift(np.arange(65.0), [1.0, 2.0]).rows is None and drift(np.arange(66.0), [1.0, 2.0]).rows > 1000
    assert drift([1.0, 2.0], [1.0, 2.0]).detectable is None
    assert repr(drift(np.arange(65.0), [1.0, 2.0])).splitlines()[-1].endswith("at least 66 held-out examples")


def test_equal_scores_do_not_drift():
    assert drift(np.ones(20), np.ones(10)).p == 1


def test_mistakes_are_said():
    with pytest.raises(SpecError, match="shift"):
        drift([1.0, 2.0], [1.0, 2.0], shift=0.5)
    with pytest.raises(DataError, match="batch"):
        drift([1.0, 2.0], [1.0])
