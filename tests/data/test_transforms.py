"""Transforms increase, go back, and are chosen by kurtosis: against scipy, closed forms and what their values are."""

import numpy as np
import pytest
from scipy import stats

from latente.data.transforms import HEAVY, Transform, choose_transform, fit_transform, kurtosis
from latente.errors import SpecError


def columns():
    r = np.random.default_rng(0)
    return {
        "normal": r.normal(size=1500),
        "lognormal": r.lognormal(3, 2, 1500),
        "student": r.standard_t(2, 1500),
        "cauchy": r.standard_cauchy(1500),
        "exponential": r.exponential(size=1500),
        "negative": -r.lognormal(0, 0.7, 1500),
        "zeros": np.where(r.random(1500) < 0.8, 0, r.lognormal(5, 2, 1500)),
    }


CHOSEN = {
    "normal": "identity", "lognormal": "log", "student": "quantile", "cauchy": "quantile", "exponential": "power",
    "negative": "power", "zeros": "quantile",
}  # fmt: skip


def test_kurtosis_is_that_of_scipy():
    for values in columns().values():
        assert kurtosis(values) == pytest.approx(stats.kurtosis(values, fisher=False), rel=1e-9)
    assert kurtosis(np.full(5, 3.0)) == 0


@pytest.mark.parametrize("name", CHOSEN)
def test_the_choice_and_its_inverse_in_single_precision(name):
    values = columns()[name]
    found = choose_transform(values)
    assert found.kind == CHOSEN[name]
    assert (kurtosis(values) <= HEAVY) == (found.kind == "identity")
    if name != "zeros":
        assert kurtosis(found.forward(values)) <= HEAVY
    back = found.backward(found.forward(values).astype(np.float32).astype(np.float64))
    assert np.abs(back - values).max() <= 1e-5 * (np.abs(values).max())
    assert np.allclose(back, values, rtol=1e-5, atol=1e-5 * values.std())


@pytest.mark.parametrize("name", CHOSEN)
def test_each_increases_everywhere_and_beyond_its_ends(name):
    values = columns()[name]
    low, high = values.min(), values.max()
    x = np.sort(np.random.default_rng(1).uniform(low - (high - low) / 50, high + (high - low) / 50, 400))
    found = choose_transform(values)
    assert (np.diff(found.forward(x)) > 0).all()
    inside = x[(x >= low) & (x <= high)]
    assert np.allclose(found.backward(found.forward(inside)), inside, rtol=1e-7, atol=1e-7 * values.std())
    assert np.isnan(found.forward(np.array([np.nan]))).all()


def test_power_is_yeo_and_johnsons_by_scipy():
    values = columns()["exponential"]
    found = fit_transform("power", values)
    standard = (values - found.center) / found.scale
    assert np.allclose(found.forward(values), stats.yeojohnson(standard, found.parameter), atol=1e-12)
    for power in (0.0, 2.0, -0.7, 2.6):
        made = Transform("power", parameter=power)
        x = np.linspace(-1, 1, 9)
        assert np.allclose(made.forward(x), stats.yeojohnson(x, power)) and np.allclose(
            made.backward(made.forward(x)), x
        )


def test_quantiles_become_normal_scores():
    values = np.arange(1.0, 102.0)
    found = fit_transform("quantile", values)
    assert np.allclose(found.forward(values), stats.norm.ppf((values - 0.5) / 101), atol=1e-9)
    assert found.forward(np.array([51.0]))[0] == pytest.approx(0, abs=1e-12)


def test_a_value_that_repeats_keeps_its_share():
    """Normal scores decoded: as many zeros as there were, by the size of the interval that stands for zero."""
    values = columns()["zeros"]
    found = fit_transform("quantile", values)
    drawn = found.backward(np.random.default_rng(0).normal(size=20_000))
    assert (drawn == 0).mean() == pytest.approx((values == 0).mean(), abs=0.01)
    assert (drawn[drawn < 0] > -values.std()).all()


def test_log_goes_on_as_a_tangent():
    found = fit_transform("log", np.array([2.0, 8.0]))
    assert found.forward(np.array([2.0, 8.0, 1.0, -2.0])) == pytest.approx(
        [np.log(2), np.log(8), np.log(2) - 0.5, np.log(2) - 2]
    )


def test_what_is_refused():
    with pytest.raises(SpecError, match="numbers above 0"):
        fit_transform("log", np.array([0.0, 1.0]))
    with pytest.raises(SpecError, match='did you mean "log"'):
        Transform("lg")
    with pytest.raises(SpecError, match="unknown transform"):
        fit_transform("cube", np.array([0.0, 1.0]))
