"""Missing values filled in: against the closed form of linear-Gaussian models, and sums over the code of mixed ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from lineargaussian import EVIDENCE, SIGMA, B, W
from scipy import stats
from scipy.special import expit, softmax

from latente.errors import DataError, SpecError
from latente.evaluation.batching import LIVE, code_width
from latente.evaluation.imputation import FEW, impute
from latente.language.message import phrase
from latente.language.words import Words
from latente.model.build import build
from latente.objective.presets import AE, VAE
from latente.spec import ModelSpec

COVARIANCE = W.T @ W + SIGMA**2 * np.eye(4)
NORMAL = {"name": "gaussian", "sigma": SIGMA}


def f32(*arrays):
    return tuple(jnp.asarray(a, jnp.float32) for a in arrays)


def linear(seen=None, *, context=0, classes=0):
    """The linear-Gaussian model for missing values. Its encoder says the true posterior of rows in which exactly the
    columns ``seen`` are; by default N(0, I), whatever there is."""
    spec = ModelSpec(latent_dim=2, hidden=(), likelihood=NORMAL, missing=True)
    model = build(spec, (4,), key=jr.key(0), context=context, classes=classes)
    weight, bias = np.zeros((8 + context, 4)), np.zeros(4)
    if seen is not None:
        variance = 1 / (1 + (W[:, seen] ** 2).sum(axis=1) / SIGMA**2)
        weight[seen, :2] = (W[:, seen] * variance[:, None] / SIGMA**2).T
        bias = np.concatenate([-B[seen] @ weight[seen, :2], 20 * np.arctanh(np.log(variance) / 20)])
    shift = np.linspace(-0.7, 0.7, 4 * context).reshape(context, 4)
    values = f32(np.concatenate([W, shift]), B, weight, bias)
    return eqx.tree_at(lambda m: (*ends(m.decoder), *ends(m.encoder)), model, values), shift


def ends(net):
    """Weight and bias of a net of one layer."""
    return net.layers[0].weight, net.layers[0].bias


def closed_form(x, centre=B):
    """Mean and variance of what is missing in one row given the rest, and the log-density of the rest."""
    gone, seen = np.isnan(x), ~np.isnan(x)
    gain = COVARIANCE[np.ix_(gone, seen)] @ np.linalg.inv(COVARIANCE[np.ix_(seen, seen)])
    mean, variance = np.array(x, float), np.zeros(4)
    mean[gone] = centre[gone] + gain @ (x[seen] - centre[seen])
    variance[gone] = np.diag(COVARIANCE[np.ix_(gone, gone)] - gain @ COVARIANCE[np.ix_(seen, gone)])
    log_p = stats.multivariate_normal(centre[seen], COVARIANCE[np.ix_(seen, seen)]).logpdf(x[seen])
    return mean, variance, log_p


def rows(n, share, seed=0):
    """Rows of the linear-Gaussian model, some of their values missing, in each at least one that is not."""
    rng = np.random.default_rng(seed)
    x = EVIDENCE.rvs(size=n, random_state=seed).astype(np.float32).reshape(n, 4)
    gone = rng.random(x.shape) < share
    gone[gone.all(axis=1), 0] = False
    return np.where(gone, np.nan, x).astype(np.float32)


@pytest.mark.parametrize("seen", [[0, 1], [1, 2, 3], [3]])
def test_mean_and_variance_are_those_of_the_closed_form_to_one_percent(seen):
    x = rows(20, 0.0)
    x[:, [i for i in range(4) if i not in seen]] = np.nan
    found = impute(linear(seen)[0], x, samples=100000)
    means, variances, _ = zip(*map(closed_form, x), strict=True)
    gone, sd = np.isnan(x), np.sqrt(variances)
    assert (np.abs(found.mean - means)[gone] < 0.01 * sd[gone]).all()
    assert found.variance[gone] == pytest.approx(np.array(variances)[gone], rel=0.01)
    assert (found.mean[~gone] == x[~gone]).all() and (found.variance[~gone] == 0).all()
    # The proposal is the posterior itself.
    assert found.effective == pytest.approx(100000, rel=1e-3) and found.warnings() == ()


@pytest.mark.slow
def test_any_pattern_of_holes_from_a_posterior_that_knows_nothing():
    x = rows(20, 0.4)
    found = impute(linear()[0], x, samples=20000, draws=1500, quantiles=(0.025, 0.975))
    means, variances, _ = (np.array(a) for a in zip(*map(closed_form, x), strict=True))
    gone = np.isnan(x)
    sd = np.sqrt(variances[gone])
    # Each row's mean is one of that many effective codes.
    error = sd / np.sqrt(np.broadcast_to(found.effective[:, None], x.shape)[gone])
    assert (np.abs(found.mean - means)[gone] < 4.5 * error).all()
    assert found.variance[gone] == pytest.approx(variances[gone], rel=0.15)
    assert ((found.draws == x) | gone).all()
    drawn = (found.draws.mean(axis=0) - means)[gone] / sd
    assert np.abs(drawn).max() < 0.2 and np.abs(drawn.mean()) < 0.04
    assert found.draws.var(axis=0)[gone] / variances[gone] == pytest.approx(1, abs=0.25)
    for share, at in zip((0.025, 0.975), found.quantiles, strict=True):
        assert (at - means)[gone] / sd == pytest.approx(stats.norm.ppf(share), abs=0.25)
        assert (at[~gone] == x[~gone]).all()


@pytest.mark.slow
def test_neither_memory_nor_what_else_is_asked_changes_the_numbers():
    model, x = linear()[0], rows(9, 0.3)
    whole = impute(model, x, samples=23, draws=5, seed=3)
    few = impute(model, x[:7], samples=23, draws=2, seed=3, memory=LIVE * code_width(model) * 7)
    assert few.mean == pytest.approx(whole.mean[:7], abs=1e-5)
    assert few.variance == pytest.approx(whole.variance[:7], abs=1e-5)
    assert few.draws == pytest.approx(whole.draws[:2, :7], abs=1e-5)
    again, other = (impute(model, x, samples=23, draws=5, seed=seed) for seed in (3, 4))
    assert (again.mean == whole.mean).all() and (again.draws == whole.draws).all()
    assert (other.mean != whole.mean)[np.isnan(x)].all()
    with pytest.raises(SpecError, match="memory: got 10; allowed: bytes, at least"):
        impute(model, x, memory=10)


@pytest.mark.slow
def test_a_conditional_model_is_given_its_context():
    (model, shift), x = linear(context=3), rows(8, 0.4)
    which = np.arange(8) % 3
    found = impute(model, x, np.eye(3, dtype=np.float32)[which], samples=40000)
    means = np.array([closed_form(row, B + shift[c])[0] for row, c in zip(x, which, strict=True)])
    assert found.mean == pytest.approx(means, abs=0.05)
    with pytest.raises(SpecError, match=r"context: got nothing; allowed: shape \(8, 3\)"):
        impute(model, x)
    with pytest.raises(SpecError, match=r"context: got an array of shape \(8, 3\); allowed: nothing"):
        impute(linear()[0], x, np.eye(3, dtype=np.float32)[which])


@pytest.mark.slow
def test_a_model_with_a_classifier_is_summed_over_its_classes():
    (model, shift), x = linear(context=2, classes=2), rows(8, 0.4)
    found = impute(model, x, samples=20000)
    for row, mean, variance in zip(x, found.mean, found.variance, strict=True):
        parts = [closed_form(row, B + shift[c]) for c in range(2)]
        share = np.exp([p[2] for p in parts])
        share /= share.sum()
        expected = sum(s * p[0] for s, p in zip(share, parts, strict=True))
        second = sum(s * (p[1] + (p[0] - expected) ** 2) for s, p in zip(share, parts, strict=True))
        assert mean == pytest.approx(expected, abs=0.06)
        assert variance == pytest.approx(second, rel=0.1)


@pytest.mark.slow
def test_every_kind_of_column_against_a_sum_over_the_code():
    kinds = ["real", "binary", "count", "categorical:3", "categorical:2", "real"]
    spec = VAE(1, hidden=(), likelihood={"name": "mixed", "columns": kinds}, missing=True)
    model = build(spec, (6,), key=jr.key(1))
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(1, 9)), rng.normal(size=9) / 2
    # A column far from zero, whose second moment would cancel in single precision.
    units = np.array([5000.0, 0, 0, 0, 0, 0]), np.array([2.0, 1, 1, 1, 1, 1])
    model = eqx.tree_at(
        lambda m: (*ends(m.decoder), ends(m.encoder)[0], m.likelihood.center, m.likelihood.spread),
        model,
        f32(weight, bias, np.zeros_like(model.encoder.layers[0].weight), *units),
    )
    nan = np.nan
    x = np.array([[nan, nan, nan, nan, nan, 0.7], [5003, 1, nan, 2, nan, nan], [nan, 0, 3, nan, 1, nan]], np.float32)
    found = impute(model, x, samples=20000, draws=4000)

    z = np.linspace(-6, 6, 2001)
    out = z[:, None] * weight + bias
    share = stats.norm.pdf(z)
    three, two = softmax(out[:, 3:6], axis=1), softmax(out[:, 6:8], axis=1)
    rate = np.exp(15 * np.tanh(out[:, 2] / 15))
    means = np.stack([5000 + 2 * out[:, 0], expit(out[:, 1]), rate, 0 * z, 0 * z, out[:, 8]], axis=1)
    own = np.stack([4 + 0 * z, expit(out[:, 1]) * expit(-out[:, 1]), rate, 0 * z, 0 * z, 1 + 0 * z], axis=1)
    for i, row in enumerate(x):
        w = share.copy()
        for j, value in enumerate(row):
            if not np.isnan(value):
                k = int(value)
                w = w * [
                    stats.norm.pdf(value, means[:, 0], 2), means[:, 1] if k else 1 - means[:, 1],
                    stats.poisson.pmf(value, rate), three[:, k % 3], two[:, k % 2],
                    stats.norm.pdf(value, out[:, 8], 1),
                ][j]  # fmt: skip
        w /= w.sum()
        mean, second = w @ means, w @ (own + means**2)
        for j in np.flatnonzero(np.isnan(row)):
            drawn = found.draws[:, i, j]
            if j in (3, 4):
                chance = w @ (three, two)[j - 3]
                assert found.probabilities[: len(chance), i, j] == pytest.approx(chance, abs=0.02)
                assert (found.probabilities[len(chance) :, i, j] == 0).all()
                assert found.mean[i, j] == chance.argmax()
                assert found.variance[i, j] == pytest.approx(1 - chance.max(), abs=0.02)
                assert np.bincount(drawn.astype(int), minlength=3) / 4000 == pytest.approx(
                    np.pad(chance, (0, 3 - len(chance))), abs=0.04
                )
            else:
                sd = np.sqrt(second[j] - mean[j] ** 2)
                assert found.mean[i, j] == pytest.approx(mean[j], abs=0.03 * sd)
                assert found.variance[i, j] == pytest.approx(sd**2, rel=0.1)
                assert drawn.mean() == pytest.approx(mean[j], abs=0.08 * sd)
    assert np.isnan(found.probabilities[:, :, [0, 1, 2, 5]]).all()
    assert (found.probabilities[:, 1, 3] == [0, 0, 1]).all()


@pytest.mark.slow
def test_variances_without_a_closed_form_are_drawn():
    spec = VAE(1, hidden=(), likelihood="continuous-bernoulli", missing=True)
    model = build(spec, (3,), key=jr.key(0))
    model = jax.tree.map(lambda a: 0 * a if eqx.is_inexact_array(a) else a, model)
    found = impute(model, np.array([[np.nan, 0.5, np.nan]], np.float32), samples=20000)
    # λ = ½ is the uniform distribution.
    assert found.mean[0, [0, 2]] == pytest.approx(0.5, abs=1e-6)
    assert found.variance[0, [0, 2]] == pytest.approx(1 / 12, rel=0.03)


@pytest.mark.slow
def test_too_few_effective_codes_are_said_in_both_languages():
    model = linear()[0]
    far = eqx.tree_at(lambda m: m.encoder.layers[0].bias, model, jnp.array([4.0, 4, -3, -3]))
    found = impute(far, rows(20, 0.3), samples=100)
    (said,) = found.warnings()
    assert (found.effective[found.incomplete] < FEW).mean() > 0.5
    assert "fewer than 20 effective codes of 100 carry what is filled in" in said
    assert "códigos efetivos de 100" in phrase(said, Words("pt"))
    assert impute(far, rows(20, 0.0), samples=100).warnings() == ()


def test_refusals():
    model, x = linear()[0], rows(3, 0.3)
    for wrong, message in [
        ({"samples": 0}, "samples: got 0; allowed: a whole number of at least 1"),
        ({"draws": -1}, "draws: got -1; allowed: a whole number of at least 0"),
        ({"quantiles": (0.5, 1.0)}, "quantiles: got 1.0; allowed: shares above 0 and below 1"),
    ]:
        with pytest.raises(SpecError, match=message):
            impute(model, x, **wrong)
    for bad in (x[:0], x[:, :3], np.where(np.isnan(x), np.inf, x)):
        with pytest.raises(DataError, match="examples: got"):
            impute(model, bad)
    whole = build(VAE(2, hidden=(), likelihood=NORMAL), (4,), key=jr.key(0))
    with pytest.raises(SpecError, match="trained without missing values"):
        impute(whole, x)
    point = build(AE(2, hidden=(), likelihood=NORMAL, missing=True), (4,), key=jr.key(0))
    with pytest.raises(SpecError, match="missing values cannot be weighed: "):
        impute(point, x)
