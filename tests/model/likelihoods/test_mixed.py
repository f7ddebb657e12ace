"""The likelihood of mixed tables, column by column against scipy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import special, stats

from latente.errors import DataError, SpecError
from latente.model.likelihoods import likelihoods

COLUMNS = ["categorical:3", "real", "count", "binary", "count:negative-binomial", "real", "categorical:5", "binary"]
OUTPUTS = jnp.array([0.3, -1.0, 2.0, 0.7, 1.1, -0.4, 0.9, -2.0, 0.1, 0.2, 0.3, 1.4, -0.5, 0.8], jnp.float32)
X = np.array([2.0, 0.1, 4.0, 0.0, 2.0, -3.0, 3.0, 1.0], np.float32)
RAW_SIGMA, RAW_THETA = np.array([0.5, -0.2]), 0.6


def make(columns=COLUMNS):
    return likelihoods.make({"name": "mixed", "columns": columns})


UNITS = {1: (170.0, 9.0), 5: (-4e6, 2e-3)}
"""Mean and deviation of the real columns in the training part of `units`."""


def units():
    """Rows of other units than `X`, and X in them."""
    rows = np.abs(np.round(np.random.default_rng(0).normal(size=(50, 8))))
    x = X.astype(np.float64)
    for i, (mean, sd) in UNITS.items():
        rows[:, i] = mean + sd * stats.zscore(np.arange(50.0) ** 2)
        x[i] = mean + sd * x[i]
    rows[:3, 5] = np.nan
    rows[:, 2], rows[:, 4] = 3, 4000
    return rows, x


def table():
    """With learnt arrays that have moved."""
    made = make().init((8,), key=jr.key(0))
    moved = (jnp.array(RAW_SIGMA, jnp.float32), jnp.array([RAW_THETA], jnp.float32))
    return eqx.tree_at(lambda s: (s.log_sigma, s.log_dispersion), made, moved)


log_probs = eqx.filter_jit(lambda part, outputs, x: part.log_probs(outputs, x))
mean_of = eqx.filter_jit(lambda part, outputs: part.mean(outputs))
sample = eqx.filter_jit(lambda part, outputs, key: part.sample(outputs, key=key))
slope_of = eqx.filter_jit(lambda part, outputs, x: jax.grad(part.log_prob)(outputs, x))


def expected():
    """Each column's log-probability of X by scipy."""
    o, sigma = np.asarray(OUTPUTS, np.float64), np.exp(6 * np.tanh(RAW_SIGMA / 6))
    theta = np.exp(10 * np.tanh(RAW_THETA / 10))
    rate, mean = (np.exp(15 * np.tanh(o[i] / 15)) for i in (4, 6))
    return [
        special.log_softmax(o[:3])[2],
        stats.norm.logpdf(0.1, o[3], sigma[0]),
        stats.poisson.logpmf(4, rate),
        stats.bernoulli.logpmf(0, special.expit(o[5])),
        stats.nbinom.logpmf(2, theta, theta / (theta + mean)),
        stats.norm.logpdf(-3, o[7], sigma[1]),
        special.log_softmax(o[8:13])[3],
        stats.bernoulli.logpmf(1, special.expit(o[13])),
    ]


def test_every_column_has_its_own_density():
    np.testing.assert_allclose(log_probs(table(), OUTPUTS, jnp.array(X)), expected(), rtol=1e-5)
    assert table().outputs((8,)) == (14,)


@pytest.mark.slow
def test_real_columns_are_standardised_by_the_training_part_and_undone_on_the_way_out():
    rows, x = units()
    moved = table().start(lambda: rows)
    known = rows[3:, 5]
    mean, sd = np.array([170, known.mean()]), np.array([9, known.std()])
    center, spread = (np.asarray(v) for v in moved.fixed_arrays())
    np.testing.assert_allclose(center[[1, 5]], mean, rtol=1e-6)
    np.testing.assert_allclose(spread, [1, sd[0], 1, 1, 1, sd[1], 1, 1], rtol=1e-6)
    o, sigma = np.asarray(OUTPUTS, np.float64), np.exp(6 * np.tanh(RAW_SIGMA / 6))
    # In single precision a number about four million has steps of a quarter: the density is of the rounded one.
    single = np.float32(x)
    np.testing.assert_allclose(
        log_probs(moved, OUTPUTS, jnp.array(single))[jnp.array([1])],
        stats.norm.logpdf(single[1], mean[0] + sd[0] * o[3], sd[0] * sigma[0]),
        rtol=1e-5,
    )
    out = np.asarray(mean_of(moved, OUTPUTS))
    np.testing.assert_allclose(out[[1, 5]], mean + sd * o[[3, 7]], rtol=1e-6)
    # Of counts an output of zero is the mean.
    np.testing.assert_allclose(np.asarray(mean_of(moved, jnp.zeros(14)))[[2, 4]], [3, 4000], rtol=1e-4)
    draws = np.asarray(jax.jit(jax.vmap(lambda k: moved.sample(OUTPUTS, key=k)))(jr.split(jr.key(1), 4000)))[:, 1]
    assert draws.mean() == pytest.approx(out[1], abs=5 * draws.std() / np.sqrt(4000))
    assert draws.std() == pytest.approx(9 * sigma[0], rel=0.05)
    bias = moved.bias(jnp.array([0, 179.0, 3, 0.5, 4000, center[5], 0, 0.5]))
    np.testing.assert_allclose(np.asarray(bias)[[3, 4, 6, 7]], [1, 0, 0, 0], atol=1e-4)
    features = np.asarray(moved.features(jnp.array(single)))
    np.testing.assert_allclose(features[[3, 4, 6]], [X[1], np.log(5), np.log(3)], rtol=1e-4)
    assert float(moved.features(jnp.broadcast_to(moved.fill_value(), (8,)))[7]) == 0
    # Neither the mean nor the deviation is learnt.
    slopes = eqx.filter_grad(lambda part: part.log_prob(OUTPUTS, jnp.array(single)))(moved)
    assert (np.abs(slopes.center).max(), np.abs(slopes.spread).max()) == (0, 0)


def test_a_column_that_never_varies_keeps_its_unit():
    rows = np.full((9, 8), 7.0)
    center, spread = table().start(lambda: rows).fixed_arrays()
    assert (float(center[1]), float(spread[1])) == (7, 1)


def test_missing_entries_are_left_out_and_get_no_gradient():
    likelihood, x = table(), X.copy()
    x[[0, 2, 5]] = np.nan
    value, slope = jax.jit(jax.value_and_grad(likelihood.log_prob_observed))(OUTPUTS, jnp.array(x))
    assert float(value) == pytest.approx(sum(v for i, v in enumerate(expected()) if i not in (0, 2, 5)), rel=1e-5)
    owner = np.repeat(np.arange(8), [3, 1, 1, 1, 1, 1, 5, 1])
    np.testing.assert_array_equal(np.asarray(slope) != 0, ~np.isin(owner, [0, 2, 5]))


def test_features_are_by_kind():
    o = table().features(jnp.array(X))
    ones = np.concatenate([[0, 0, 1], [0.1], [np.log(5)], [0], [np.log(3)], [-3], [0, 0, 0, 1, 0], [1]])
    np.testing.assert_allclose(o, ones, rtol=1e-6)
    assert o.shape == table().features_shape((8,))


@pytest.mark.slow
def test_mean_and_samples_are_by_kind():
    likelihood, o = table(), np.asarray(OUTPUTS, np.float64)
    mean = np.asarray(mean_of(likelihood, OUTPUTS))
    rate, other = (np.exp(15 * np.tanh(o[i] / 15)) for i in (4, 6))
    np.testing.assert_allclose(
        mean, [2, o[3], rate, special.expit(o[5]), other, o[7], 3, special.expit(o[13])], rtol=1e-5
    )
    draw = jax.jit(jax.vmap(lambda k: likelihood.sample(OUTPUTS, key=k)))
    draws = np.asarray(draw(jr.split(jr.key(1), 8000)), np.float64)
    ordered = [1, 2, 3, 4, 5, 7]
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - mean) < 4.5 * error)[ordered].all()
    for column, logits in ((0, o[:3]), (6, o[8:13])):
        counts = np.bincount(draws[:, column].astype(int), minlength=len(logits))
        assert stats.chisquare(counts, len(draws) * special.softmax(logits)).pvalue > 1e-3
    assert np.isclose(draws[:, 1].std(), np.exp(6 * np.tanh(RAW_SIGMA[0] / 6)), rtol=0.05)
    likelihood.check(draws, (8,))


@pytest.mark.slow
def test_bias_has_the_training_mean():
    mean = jnp.array([1.0, -4.0, 3.0, 0.2, 8.0, 0.5, 2.0, 1.0])
    bias = table().bias(mean)
    np.testing.assert_allclose(
        mean_of(table(), bias)[jnp.array([1, 2, 3, 4, 5])], mean[jnp.array([1, 2, 3, 4, 5])], rtol=1e-5
    )
    assert float(mean_of(table(), bias)[7]) == pytest.approx(0.999)
    np.testing.assert_array_equal(bias[:3], 0)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [["real"], ["binary", "binary"], ["categorical:4", "count"]])
def test_kinds_may_be_absent(columns):
    likelihood = make(columns).init((len(columns),), key=jr.key(0))
    outputs = jnp.linspace(-1, 1, likelihood.outputs((len(columns),))[0])
    x = sample(likelihood, outputs, jr.key(1))
    assert mean_of(likelihood, outputs).shape == x.shape == (len(columns),)
    assert np.isfinite(slope_of(likelihood, outputs, x)).all()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (0, 3.0, "the whole numbers 0 to 2"),
        (0, 1.5, "the whole numbers 0 to 2"),
        (1, np.inf, "numbers"),
        (2, -1.0, "whole numbers of at least 0"),
        (3, 2.0, "0 and 1"),
        (4, 0.5, "whole numbers of at least 0"),
    ],
)
def test_a_value_that_its_column_does_not_take_is_refused(column, value, words):
    rows = np.stack([X, X, X])
    rows[0] = np.nan
    make().check(rows, (8,))
    rows[1, column] = value
    message = (
        f'likelihood "mixed": column {column} is "{COLUMNS[column]}" and takes {words}, and the data has {value:g};'
    )
    with pytest.raises(DataError, match=message):
        make().check(rows, (8,))


def test_counts_that_no_mean_reaches_are_refused():
    rows = np.stack([X, X])
    rows[1, 2] = 4e6
    with pytest.raises(
        DataError, match=r'column 2 is "count" and takes counts up to 3,000,000, and the data has 4,000,0'
    ):
        make().check(rows, (8,))
    for name in ("poisson", "negative-binomial", "zero-inflated-negative-binomial"):
        with pytest.raises(
            DataError, match=f'likelihood "{name}" takes counts up to 3,000,000, and the data has 4,000'
        ):
            likelihoods.make(name).check(np.array([[1.0, np.nan, 4e6]]), (3,))
        likelihoods.make(name).check(np.array([[1.0, np.nan, 3e6]]), (3,))


def test_wrong_columns_are_refused():
    for wrong in ((), "real", 3):
        with pytest.raises(SpecError, match=r'likelihood "mixed": got columns = .*; allowed: a list with, for each'):
            make(wrong)
    with pytest.raises(SpecError, match=r'unknown likelihood "mixed": columns\[1\] "binery"; did you mean "binary"'):
        make(["real", "binery"])
    for wrong in ("categorical:1", "categorical:x", "categorical:"):
        with pytest.raises(
            SpecError, match=r"columns\[0\]: got 'categorical:.*'; allowed: categorical:K with K from 2"
        ):
            make([wrong])
    with pytest.raises(SpecError, match=r"got 8 columns for examples of shape \(4,\); allowed: a table"):
        make().init((4,), key=jr.key(0))
    with pytest.raises(SpecError, match=r"got 8 columns for examples of shape \(2, 4\)"):
        make().init((2, 4), key=jr.key(0))


def test_residuals_are_of_columns_in_units_of_their_own():
    rows, x = units()
    part = table().start(lambda: rows.astype(np.float32))
    x, mean = x.astype(np.float32), np.float32([1, x[1] + 18, 9, 0.25, 2, x[5] + 1e-3, 3, 1])
    found = np.array(part.residual(x, mean))
    assert found[[0, 3, 4, 6, 7]] == pytest.approx([1, 0.25, 0, 0, 0])
    assert found[1] == pytest.approx(2, rel=1e-3) and found[2] == pytest.approx(np.log(10 / 5), rel=1e-5)
    gone = np.array(part.residual(np.full(8, np.nan, np.float32), mean))
    assert np.isnan(gone).all()


ORDERED = ["ordinal:4", "real", "ordinal:2", "ordinal:6"]
AT = np.array([0.4, 0.0, -1.3, 2.1], np.float32)
"""Outputs of `ordered`, one for each column."""


def ordered():
    """After a start from rows whose levels have known frequencies, and the rows."""
    r = np.random.default_rng(0)
    weights = [[0.1, 0.5, 0.15, 0.25], [0.3, 0.7], [0.02, 0.2, 0.3, 0.08, 0.3, 0.1]]
    codes = [r.choice(len(w), 400, p=w) for w in weights]
    rows = np.stack([codes[0], r.normal(size=400), codes[1], codes[2]], axis=1).astype(np.float32)
    rows[:7, 3] = np.nan
    return make(ORDERED).init((4,), key=jr.key(0)).start(lambda: rows), rows


def every_level(part, outputs):
    """The probability of each level of each ordinal column."""
    found = []
    for i, levels in ((0, 4), (2, 2), (3, 6)):
        x = np.zeros((levels, 4), np.float32)
        x[:, i] = np.arange(levels)
        found.append(
            np.exp(np.asarray(jax.vmap(lambda v: log_probs(part, outputs, v))(jnp.array(x))[:, i], np.float64))
        )
    return found


def cuts_of(part):
    raw = np.asarray(part.thresholds, np.float64)
    return np.cumsum(np.concatenate([raw[:, :1], 1e-4 + np.logaddexp(0, raw[:, 1:])], axis=1), axis=1)


def test_ordinal_probabilities_are_differences_of_the_logistic_and_add_up_to_one():
    part, rows = ordered()
    assert part.outputs((4,)) == part.features_shape((4,)) == (4,)
    for outputs in (AT, np.zeros(4, np.float32), np.array([9, 0, -9, 7], np.float32)):
        for i, (found, cuts) in enumerate(zip(every_level(part, outputs), cuts_of(part), strict=True)):
            cuts = cuts[: len(found) - 1]
            below = special.expit(np.concatenate([[-np.inf], cuts, [np.inf]]) - outputs[[0, 2, 3][i]])
            np.testing.assert_allclose(found, np.diff(below), rtol=2e-4, atol=1e-9)
            assert found.sum() == pytest.approx(1, abs=1e-5)
    # An output of 0 has the frequencies of the training part, half a count added to each.
    for i, found in zip((0, 2, 3), every_level(part, np.zeros(4, np.float32)), strict=True):
        counts = np.bincount(rows[~np.isnan(rows[:, i]), i].astype(int)) + 0.5
        np.testing.assert_allclose(found, counts / counts.sum(), rtol=1e-3)


@pytest.mark.slow
def test_ordinal_gradients_are_finite_differences_and_never_nan():
    part, _ = ordered()
    x, step = jnp.array([2.0, 0.3, 1.0, 5.0]), 1e-2
    slope = np.asarray(slope_of(part, AT, x))
    for i in (0, 2, 3):
        moved = [
            float(jnp.sum(log_probs(part, AT + sign * step * np.eye(4, dtype=np.float32)[i], x))) for sign in (1, -1)
        ]
        assert slope[i] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=2e-3)
    by_cut = eqx.filter_jit(eqx.filter_grad(lambda p: p.log_prob(jnp.array(AT), x)))(part).thresholds
    raw = np.asarray(part.thresholds)
    for place in ((0, 0), (0, 2), (2, 1), (2, 4)):
        ends = []
        for sign in (1, -1):
            other = raw.copy()
            other[place] += sign * step
            ends.append(float(jnp.sum(log_probs(eqx.tree_at(lambda p: p.thresholds, part, jnp.array(other)), AT, x))))
        assert float(by_cut[place]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=5e-3, abs=2e-4)
    for output in (-80.0, 0.0, 80.0):
        for level in range(4):
            at = jnp.full(4, output)
            assert np.isfinite(slope_of(part, at, jnp.array([level, 0.0, 0.0, level]))).all()


@pytest.mark.slow
def test_ordinal_mean_samples_features_and_missing_values():
    part, rows = ordered()
    probabilities = every_level(part, AT)
    mean = np.asarray(mean_of(part, AT))
    for i, p in zip((0, 2, 3), probabilities, strict=True):
        assert mean[i] == pytest.approx((np.arange(len(p)) * p).sum(), rel=1e-4)
    draw = jax.jit(jax.vmap(lambda k: part.sample(jnp.array(AT), key=k)))
    draws = np.asarray(draw(jr.split(jr.key(2), 6000)))
    for i, p in zip((0, 2, 3), probabilities, strict=True):
        counts = np.bincount(draws[:, i].astype(int), minlength=len(p))
        assert stats.chisquare(counts, 6000 * p / p.sum()).pvalue > 1e-3
    part.check(draws, (4,))
    features = np.asarray(jax.vmap(part.features)(jnp.array(rows[7:])))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(features[:, [0, 2, 3]].std(axis=0), 1, rtol=0.01)
    x = np.array([2, np.nan, np.nan, 1], np.float32)
    whole = np.asarray(log_probs(part, AT, jnp.array([2.0, 0, 0, 1])))
    assert float(part.log_prob_observed(jnp.array(AT), jnp.array(x))) == pytest.approx(whole[0] + whole[3], rel=1e-5)
    np.testing.assert_array_equal(np.asarray(part.bias(jnp.array([1.0, 0, 1, 2])))[[0, 2, 3]], 0)
    with pytest.raises(
        DataError, match='column 2 is "ordinal:2" and takes the whole numbers 0 to 1, and the data has 2'
    ):
        part.check(np.array([[0, 0, 2, 0.0]]), (4,))


def test_tables_without_ordinal_columns_have_no_thresholds():
    assert table().thresholds is None
    with pytest.raises(SpecError, match=r"columns\[0\]: got 'ordinal:1'; allowed: ordinal:K with K from 2"):
        make(["ordinal:1"])


def test_variances_are_sums_over_the_values_that_a_column_takes():
    columns = ["binary", "ordinal:4", "count", "count:negative-binomial", "categorical:3"]
    part = likelihoods.make({"name": "mixed", "columns": columns})
    likelihood = part.init((5,), key=jr.key(0)).start(
        lambda: np.array([[0, 0, 1, 2, 0], [1, 1, 3, 0, 1], [1, 3, 2, 5, 2], [0, 2, 0, 1, 0]], np.float32)
    )
    outputs = jnp.array([0.4, 0.9, 0.2, -0.3, 0.1, 1.0, -0.5])
    chance = np.exp([likelihood.log_probs(outputs, jnp.full(5, float(v))) for v in range(80)])
    value = np.arange(80)
    for column, levels in enumerate([2, 4, 80, 80]):
        p = chance[:levels, column]
        mean = p @ value[:levels]
        assert p.sum() == pytest.approx(1, abs=1e-4)
        assert float(likelihood.mean(outputs)[column]) == pytest.approx(mean, rel=1e-3)
        variance = p @ (value[:levels] - mean) ** 2
        assert float(likelihood.variance(outputs)[column]) == pytest.approx(variance, rel=5e-3)
    assert float(likelihood.variance(outputs)[4]) == pytest.approx(1 - chance[:3, 4].max(), rel=1e-4)
