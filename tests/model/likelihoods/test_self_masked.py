"""Values that are missing because of what they are: against quadrature, and data whose bias is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit

import latente
from latente.errors import SpecError
from latente.evaluation.imputation import impute
from latente.model.build import build
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.self_masked import BOUND
from latente.objective.presets import VAE
from latente.spec import ModelSpec

GAUSSIAN = {"name": "gaussian", "sigma": 0.5}
WEIGHT, SIGMA, MECHANISM = np.array([[1.0, 0.9]]), 0.5, (0.5, -3.0)
"""Of data x = zW + σε in two columns, the second of which is seen with probability sigmoid(½ − 3 x)."""


def raw(bounded):
    """The learnt number that stands for a bounded one."""
    return BOUND * np.arctanh(np.asarray(bounded) / BOUND)


def with_mechanism(likelihood, intercept, slope, of_category=()):
    given = [intercept, slope, *([of_category] if len(of_category) else [])]
    return eqx.tree_at(
        lambda s: (s.intercept, s.slope, *([s.of_category] if len(of_category) else [])),
        likelihood,
        tuple(jnp.asarray(raw(a), jnp.float32) for a in given),
    )


def tilted(mean, sd, intercept, slope):
    """The chance that a normal value is missing, and its mean and variance then, by quadrature."""
    v = np.linspace(mean - 9 * sd, mean + 9 * sd, 2001)
    weight = stats.norm.pdf(v, mean, sd) * expit(-(intercept + slope * v))
    zero, one, two = (integrate.simpson(v**k * weight, x=v) for k in range(3))
    return zero, one / zero, two / zero - (one / zero) ** 2


def test_a_missing_number_is_integrated_out():
    part = likelihoods.make({"name": "self-masked", "of": {"name": "gaussian", "sigma": 0.7}})
    part = with_mechanism(part.init((3,), key=jr.key(0)), [0.3, -0.5, 1.0], [2.0, -3.0, 5.0])
    outputs, x = jnp.array([[0.4, -0.2, 1.5]]), jnp.array([jnp.nan, 0.5, jnp.nan])
    first, third = tilted(0.4, 0.7, 0.3, 2.0), tilted(1.5, 0.7, 1.0, 5.0)
    expected = np.log([first[0], third[0], expit(-0.5 - 3 * 0.5)]).sum() + stats.norm.logpdf(0.5, -0.2, 0.7)
    assert float(part.log_prob_observed(outputs, x)) == pytest.approx(expected, rel=1e-5)
    assert float(part.log_prob(outputs, jnp.zeros(3))) == pytest.approx(
        stats.norm.logpdf([0.4, -0.2, 1.5], 0, 0.7).sum(), rel=1e-5
    )
    hidden = part.when_missing()
    mean, variance = hidden.mean(outputs), hidden.variance(outputs)
    assert [mean[0], mean[2]] == pytest.approx([first[1], third[1]], rel=1e-4)
    assert [variance[0], variance[2]] == pytest.approx([first[2], third[2]], rel=1e-3)
    draws = np.asarray(jax.jit(jax.vmap(lambda key: hidden.sample(outputs, key=key)))(jr.split(jr.key(1), 40000)))
    assert draws.mean(axis=0) == pytest.approx(np.asarray(mean), abs=4.5 * 0.7 / 200)
    assert draws.var(axis=0) == pytest.approx(np.asarray(variance), rel=0.03)


def test_a_missing_category_is_summed_over():
    part = likelihoods.make({"name": "self-masked", "of": {"name": "mixed", "columns": ["binary", "categorical:3"]}})
    each = np.array([[0, 1.0], [0, -1], [0, 0.5]])
    part = with_mechanism(part.init((2,), key=jr.key(0)), [-0.5, 0.2], [-3.0, 7.0], each)
    outputs, missing = jnp.array([0.3, 0.1, 0.2, 0.7]), jnp.full(2, jnp.nan)
    one, three = expit(0.3), np.exp([0.1, 0.2, 0.7]) / np.exp([0.1, 0.2, 0.7]).sum()
    of_bit = np.array([(1 - one) * expit(0.5), one * expit(0.5 + 3)])
    of_three = three * expit(-(0.2 + each[:, 1]))
    total = np.log(of_bit.sum()) + np.log(of_three.sum())
    assert float(part.log_prob_observed(outputs, missing)) == pytest.approx(total, rel=1e-5)
    hidden = part.when_missing()
    share = of_three / of_three.sum()
    assert hidden.mean(outputs) == pytest.approx([of_bit[1] / of_bit.sum(), share.argmax()], rel=1e-5)
    assert hidden.variance(outputs)[1] == pytest.approx(1 - share.max(), rel=1e-5)
    for c in range(3):
        found = jnp.exp(hidden.log_probs(outputs, jnp.array([min(c, 1), c], jnp.float32)))
        assert float(found[1]) == pytest.approx(share[c], rel=1e-5)
        assert float(found[0]) == pytest.approx((of_bit / of_bit.sum())[min(c, 1)], rel=1e-5)


def test_a_missing_level_is_summed_over():
    inner = {"name": "mixed", "columns": ["ordinal:4", "real"]}
    part = likelihoods.make({"name": "self-masked", "of": inner}).init((2,), key=jr.key(0))
    part = part.start(lambda: np.array([[0, 1], [1, 2], [3, 0.5], [2, np.nan]], np.float32))
    part = with_mechanism(part, [0.3, 1.0], [-2.0, 0.0])
    outputs = jnp.array([0.4, 0.1])
    level = np.arange(4)
    chance = np.exp([float(part.inner.log_probs(outputs, jnp.array([v, 0.0]))[0]) for v in level])
    hidden = chance * expit(-(0.3 - 2 * (level - 1.5) / np.std(level)))
    found = float(part.log_prob_observed(outputs, jnp.full(2, jnp.nan)))
    assert found == pytest.approx(np.log(hidden.sum()) + np.log(expit(-1)), rel=1e-4)
    share = hidden / hidden.sum()
    assert float(part.when_missing().mean(outputs)[0]) == pytest.approx(share @ level, rel=1e-4)
    assert float(part.when_missing().variance(outputs)[0]) == pytest.approx(
        share @ level**2 - (share @ level) ** 2, rel=1e-3
    )


def rows(n, seed=0):
    """Complete rows, and the same with holes where values are high."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, 1)) @ WEIGHT + SIGMA * rng.normal(size=(n, 2))).astype(np.float32)
    holes = x.copy()
    holes[rng.random(n) > expit(MECHANISM[0] + MECHANISM[1] * x[:, 1]), 1] = np.nan
    return x, holes


def known(likelihood):
    """The model of the data, with an encoder that says the posterior given the first column."""
    model = build(VAE(1, hidden=(), likelihood=likelihood, missing=True), (2,), key=jr.key(0))
    variance = 1 / (1 + WEIGHT[0, 0] ** 2 / SIGMA**2)
    encoder = np.zeros((4, 2))
    encoder[0, 0] = WEIGHT[0, 0] * variance / SIGMA**2
    bias = [0, 20 * np.arctanh(np.log(variance) / 20)]
    values = tuple(jnp.asarray(a, jnp.float32) for a in (WEIGHT, encoder, bias))
    return eqx.tree_at(lambda m: (m.decoder.layers[0].weight, *vars(m.encoder.layers[0]).values()), model, values)


@pytest.mark.slow
def test_what_plain_imputation_gets_wrong_by_a_known_amount_it_gets_right():
    x, holes = rows(300)
    missing = np.isnan(holes[:, 1])
    plain = known(GAUSSIAN)
    aware = known({"name": "self-masked", "of": GAUSSIAN})
    aware = eqx.tree_at(
        lambda m: m.likelihood, aware, with_mechanism(aware.likelihood, [9.0, MECHANISM[0]], [0.0, MECHANISM[1]])
    )
    gain = WEIGHT[0, 0] * WEIGHT[0, 1] / (WEIGHT[0, 0] ** 2 + SIGMA**2)
    sd = np.sqrt(WEIGHT[0, 1] ** 2 + SIGMA**2 - gain**2 * (WEIGHT[0, 0] ** 2 + SIGMA**2))
    truth = np.array([tilted(gain * a, sd, *MECHANISM)[1:] for a in x[missing, 0]])
    found = {name: impute(model, holes, samples=600) for name, model in (("plain", plain), ("aware", aware))}
    assert found["plain"].mean[missing, 1] == pytest.approx(gain * x[missing, 0], abs=0.15 * sd)
    assert found["aware"].mean[missing, 1] == pytest.approx(truth[:, 0], abs=0.15 * sd)
    assert found["aware"].variance[missing, 1] == pytest.approx(truth[:, 1], rel=0.3)
    # By what the values that are missing are higher than the others with the same first column.
    bias = (gain * x[missing, 0] - truth[:, 0]).mean()
    off = {name: (f.mean - x)[missing, 1] for name, f in found.items()}
    error = off["aware"].std() / np.sqrt(missing.sum())
    assert bias < -5 * error
    assert off["plain"].mean() == pytest.approx(bias, abs=4 * error)
    assert abs(off["aware"].mean()) < 4 * error


@pytest.mark.slow
def test_training_finds_the_mechanism():
    x, holes = rows(2000, seed=1)
    data = latente.load_data(holes, missing="keep", scale="none", validation=0.1, test=0.05)
    missing, off = np.isnan(holes[:600, 1]), {}
    for likelihood in (GAUSSIAN, {"name": "self-masked", "of": GAUSSIAN}):
        spec = ModelSpec(
            latent_dim=1, hidden=(), likelihood=likelihood, objective={"name": "iwae", "samples": 4}, missing=True
        )
        run = latente.fit(spec, data, epochs=20, batch_size=100, learning_rate=0.04, progress=False)
        off[likelihood["name"]] = (impute(run.model, holes[:600], samples=100).mean - x[:600])[missing, 1].mean()
    assert off["gaussian"] < -0.3
    assert abs(off["self-masked"]) < 0.1
    learnt = run.model.likelihood
    assert float(learnt.slope[1] / learnt.spread[1]) == pytest.approx(MECHANISM[1], abs=0.8)
    assert abs(float(learnt.slope[0])) < 2 and float(learnt.intercept[0]) > 4


def test_refusals():
    with pytest.raises(SpecError, match='"self-masked": got of = \'laplace\'; allowed: "gaussian", "bernoulli" or "mi'):
        likelihoods.make({"name": "self-masked", "of": "laplace"})
    with pytest.raises(SpecError, match='a missing count is not summed over; give the column the kind "real"'):
        likelihoods.make({"name": "self-masked", "of": {"name": "mixed", "columns": ["real", "count"]}})
    spec = VAE(2, hidden=(), likelihood="self-masked", objective="masked-iwae", missing=True)
    data = latente.load_data(np.random.default_rng(0).normal(size=(40, 2)), scale="none")
    with pytest.raises(
        SpecError, match='"masked-iwae" does not go with likelihood "self-masked": values hidden at rand'
    ):
        latente.fit(spec, data, epochs=1, batch_size=8, progress=False)
