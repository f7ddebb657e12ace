"""What holds of every likelihood: mean and samples agree, gradients, missing values, and training."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError
from latente.model.likelihoods import likelihoods

MIXED = ["real", "count", "binary", "categorical:4", "count:negative-binomial", "real"]
CASES = {
    "bernoulli": ("bernoulli", (6,)),
    "continuous-bernoulli": ("continuous-bernoulli", (6,)),
    "gaussian": ({"name": "gaussian", "sigma": "per-value"}, (6,)),
    "laplace": ({"name": "laplace", "scale": "per-value"}, (6,)),
    "discretised-logistic": ({"name": "discretised-logistic", "scale": "per-value"}, (6,)),
    "mixture-grey": ({"name": "discretised-logistic-mixture", "components": 2}, (2, 3)),
    "mixture-colour": ({"name": "discretised-logistic-mixture", "components": 2}, (1, 2, 3)),
    "mixture-independent": (
        {"name": "discretised-logistic-mixture", "components": 2, "channels": "independent"},
        (1, 2, 3),
    ),
    "categorical-grey": ({"name": "categorical", "categories": 4, "values": "grey"}, (6,)),
    "categorical": ({"name": "categorical", "categories": 4}, (6,)),
    "poisson": ("poisson", (6,)),
    "negative-binomial": ("negative-binomial", (6,)),
    "zero-inflated": ({"name": "zero-inflated-negative-binomial", "dispersion": "per-example"}, (6,)),
    "mixed": ({"name": "mixed", "columns": MIXED}, (6,)),
    "self-masked": ({"name": "self-masked", "of": {"name": "gaussian", "sigma": "per-value"}}, (6,)),
}
LEVELS = np.array([0, 255, 17, 130, 254, 1]) / 255
COUNTS = [0.0, 1, 3, 40, 2, 0]
VALUES = {
    "gaussian": [-2.0, 0, 0.5, 30, 1, -1],
    "laplace": [-2.0, 0, 0.5, 30, 1, -1],
    "bernoulli": [0.0, 1, 1, 0, 0.25, 1],
    "categorical-grey": np.array([0, 1, 3, 2, 3, 0]) / 3,
    "categorical": [0.0, 1, 3, 2, 3, 0],
    "mixed": [0.7, 4, 1, 3, 0, -20],
    **dict.fromkeys(("poisson", "negative-binomial", "zero-inflated"), COUNTS),
}
SAMPLED_ELSEWHERE = {"poisson", "negative-binomial", "mixed"}
"""In their own tests, by whole distributions: compiling their samplers takes seconds."""
NOMINAL = {"categorical": np.ones(6, bool)}


def case(name):
    """A likelihood, some outputs, and an example with values at the ends of the support."""
    part, shape = CASES[name]
    likelihood = likelihoods.make(part).init(shape, key=jr.key(0))
    outputs = np.random.default_rng(1).normal(size=likelihood.outputs(shape)).astype(np.float32)
    return likelihood, jnp.array(outputs), jnp.array(VALUES.get(name, LEVELS), jnp.float32).reshape(shape)


@eqx.filter_jit
def draws_of(likelihood, outputs, keys):
    return jax.vmap(lambda key: likelihood.sample(outputs, key=key))(keys)


@eqx.filter_jit
def scores_of(likelihood, outputs, x):
    """log p of x for a batch of outputs."""
    return jax.vmap(lambda o: likelihood.log_prob(o, x))(outputs)


@eqx.filter_jit
def slopes_of(likelihood, outputs, x):
    """log p of x for a batch of outputs, and the gradients of each in what is learnt and in the outputs."""

    def one(outputs):
        return eqx.filter_value_and_grad(lambda both: both[0].log_prob(both[1], x))((likelihood, outputs))

    return jax.vmap(one)(outputs)


def test_every_registered_likelihood_is_tested_here_and_names_its_source():
    parts = {part if isinstance(part, str) else part["name"] for part, _ in CASES.values()}
    assert parts == set(likelihoods)
    assert all(likelihoods.source(name) and likelihoods.summary(name) for name in likelihoods)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in SAMPLED_ELSEWHERE])
def test_samples_are_in_the_support_and_have_the_mean_and_the_variance(name):
    (likelihood, outputs, _), shape = case(name), CASES[name][1]
    draws = np.asarray(draws_of(likelihood, outputs, jr.split(jr.key(7), 6000)), np.float64)
    mean = np.asarray(eqx.filter_jit(lambda part, o: part.mean(o))(likelihood, outputs), np.float64)
    assert draws.shape == (6000, *shape) and mean.shape == shape
    likelihood.check(draws.astype(np.float32), shape)
    error = draws.std(axis=0) / np.sqrt(len(draws)) + 1e-6
    compared = ~NOMINAL.get(name, np.zeros(6, bool)).reshape(shape)
    assert (np.abs(draws.mean(axis=0) - mean) < 4.5 * error)[compared].all()
    variance = eqx.filter_jit(lambda part, o: part.variance(o))(likelihood, outputs)
    if name == "categorical":
        assert variance == pytest.approx((draws != mean).mean(axis=0), abs=4.5 * 0.5 / np.sqrt(6000))
    elif variance is not None:
        fourth = ((draws - mean) ** 2).std(axis=0) / np.sqrt(len(draws))
        assert (np.abs(draws.var(axis=0) - variance) < 5 * fourth + 1e-6).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_the_slopes_and_finite_however_extreme_the_outputs(name):
    likelihood, outputs, x = case(name)
    likelihood.check(np.asarray(x)[None], x.shape)
    signs = jnp.sign(outputs)
    extreme = jnp.stack([outputs, *(s * b for b in (30.0, 50.0) for s in (signs, -signs, jnp.ones_like(signs)))])
    value, (learnt, slope) = slopes_of(likelihood, extreme, x)
    assert np.isfinite(value).all() and np.isfinite(slope).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(learnt))
    with jax.enable_x64(True):
        double = jax.tree.map(lambda a: a.astype(jnp.float64) if eqx.is_inexact_array(a) else a, (likelihood, x))
        at, step = outputs.astype(jnp.float64), 1e-6
        flat = np.eye(at.size).reshape(-1, *at.shape) * step
        up, down = (scores_of(double[0], at + s * flat, double[1]) for s in (1, -1))
    numeric = (np.asarray(up) - np.asarray(down)) / (2 * step)
    np.testing.assert_allclose(np.ravel(slope[0]), numeric, rtol=2e-3, atol=2e-3)
    assert np.abs(numeric).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("mixture-colour", "self-masked")])
def test_exactly_the_missing_values_are_left_out(name):
    likelihood, outputs, x = case(name)
    assert likelihood.missing_unsupported(x.shape) == ""
    gaps = np.array(x)
    gaps.flat[[1, 4]] = np.nan
    seen = eqx.filter_jit(lambda part, x: jax.value_and_grad(lambda o: part.log_prob_observed(o, x))(outputs))
    terms = np.ravel(eqx.filter_jit(lambda part, x: part.log_probs(outputs, x))(likelihood, x))
    assert terms.shape == (6,)
    assert float(seen(likelihood, x)[0]) == pytest.approx(terms.sum(), rel=1e-4, abs=1e-4)
    assert float(seen(likelihood, jnp.full_like(x, jnp.nan))[0]) == pytest.approx(0, abs=1e-5)
    value, slope = seen(likelihood, jnp.array(gaps))
    assert np.isfinite(slope).all()
    if name != "mixture-independent":  # there the values of a pixel depend on one another: see its own test
        assert float(value) == pytest.approx(np.delete(terms, [1, 4]).sum(), rel=1e-4, abs=1e-4)


def tables():
    """400 rows in which everything follows from one number, unscaled."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=400)
    kind = np.clip(np.round(1.5 + z), 0, 3)
    noise = 0.1 * rng.normal(size=(2, 400))
    counts = rng.poisson(np.exp(1 + 0.5 * z), (2, 400))
    return np.stack([2 * z + noise[0], counts[0], z > 0, kind, counts[1], -z + noise[1]], 1).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixed", "discretised-logistic"])
def test_training_lowers_the_loss_and_a_saved_run_scores_alike(name, tmp_path):
    parts = {
        "mixed": (CASES["mixed"][0], lambda: split_source(make_source("table", tables()))),
        "discretised-logistic": ({"name": name, "levels": 17}, lambda: latente.load_data("digits")),
    }
    part, read = parts[name]
    data = read()
    spec = latente.VAE(2, hidden=(16,), likelihood=part, output_bias=True)
    run = latente.fit(spec, data, epochs=3, batch_size=64, learning_rate=1e-2)
    assert run.history["val_loss"][-1] < run.history["val_loss"][0] - 0.1
    loss = run.evaluate("validation")["loss"]
    run.save(tmp_path / "run")
    assert latente.load(tmp_path / "run", data=data).evaluate("validation")["loss"] == loss


@pytest.mark.slow
def test_data_outside_the_support_is_refused_before_anything_compiles():
    data = split_source(make_source("table", tables()))
    for part, message in (
        ("poisson", r'values from -.* outside what likelihood "poisson" takes, 0 to inf'),
        ({"name": "mixed", "columns": ["count", *MIXED[1:]]}, r'"mixed": column 0 is "count"'),
    ):
        with pytest.raises(DataError, match=message):
            latente.fit(latente.VAE(2, hidden=(16,), likelihood=part), data, epochs=1)
