"""Objectives that hold the KL somewhere: a capacity, and free bits."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.model.build import build
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.objective.objectives import objectives
from latente.objective.objectives.capacity import Capacity
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.freebits import FreeBits
from latente.objective.presets import AE, VAE
from latente.objective.terms import Batch

N = 6
LINEAR = {"name": "linear", "steps": 100, "start": 0.0, "end": 8.0}
OBJECTIVES = {
    "elbo": ELBO(),
    "constant": Capacity(3.0, 1.25),
    "double": Capacity(6.0, 1.25),
    "linear": Capacity(3.0, LINEAR),
    "none free": FreeBits(0.0),
    "some free": FreeBits(0.4),
    "all free": FreeBits(50.0),
}


@eqx.filter_jit
def _terms(model, x, weight, step):
    batch = Batch(x, jr.split(jr.key(1), N), weight, None, None, step, N)
    loss = {name: objective(model, batch) for name, objective in OBJECTIVES.items()}

    def slope(name):
        def mean(m):
            return jnp.sum(OBJECTIVES[name](m, batch).loss * weight) / jnp.sum(weight)

        return eqx.filter_grad(mean)(model).encoder.layers[-1].bias

    return loss, {name: slope(name) for name in ("constant", "double", "some free", "all free")}


@pytest.fixture(scope="module")
def model():
    """Three latents, whose mean KLs are far apart: the last two are close to the prior."""
    model = eqx.filter_jit(build)(VAE(3, hidden=(5,), activation="tanh"), (4, 2), key=jr.key(0))
    last = model.encoder.layers[-1]
    bias = jnp.array([1.5, 0.0, 0.1, -1.0, 0.1, 0.0])
    return eqx.tree_at(lambda m: (m.encoder.layers[-1].weight, m.encoder.layers[-1].bias), model,
                       (0.1 * last.weight, bias))  # fmt: skip


X = jr.uniform(jr.key(7), (N, 4, 2))
WEIGHT = jnp.array([1.0, 1, 1, 1, 0, 0])


def by_hand(model, x):
    """The closed KL of each latent in NumPy, shape (n, 3)."""
    outputs = np.array([model.encode(v) for v in x], np.float64)
    mean, log_var = outputs[:, :3], 20 * np.tanh(outputs[:, 3:] / 20)
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)


@pytest.mark.slow
def test_capacity_is_the_distance_of_the_mean_kl_from_where_the_schedule_stands(model):
    for step, capacity in ((0, 0.0), (50, 4.0), (100, 8.0), (2**30, 8.0)):
        terms = _terms(model, X, WEIGHT, jnp.int32(step))[0]
        mean = by_hand(model, X)[:4].sum(axis=1).mean()
        for name, at, gamma in (("constant", 1.25, 3), ("double", 1.25, 6), ("linear", capacity, 3)):
            found = terms[name]
            assert np.asarray(found.penalties["capacity"]) == pytest.approx(np.full(N, abs(mean - at)), rel=1e-4)
            expected = np.asarray(found.reconstruction) + gamma * abs(mean - at)
            assert np.asarray(found.loss) == pytest.approx(expected, rel=1e-5)
            assert np.asarray(found.kl) == pytest.approx(by_hand(model, X).sum(axis=1), rel=1e-4)
    assert mean > 1.25  # the constant capacity is below the KL, the schedule's end above it
    assert [bool(Capacity(3.0, LINEAR).settled(jnp.int32(s))) for s in (99, 100)] == [False, True]
    assert Capacity(3.0, LINEAR).length() == 100 and Capacity().length() == 0


def test_gamma_weighs_the_gradient_of_the_kl(model):
    slopes = {k: np.asarray(v) for k, v in _terms(model, X, WEIGHT, jnp.int32(0))[1].items()}
    outputs = np.array([model.encode(v) for v in X[:4]], np.float64)
    raw = outputs[:, 3:]
    log_var = 20 * np.tanh(raw / 20)
    kl = np.concatenate([outputs[:, :3], 0.5 * (np.exp(log_var) - 1) / np.cosh(raw / 20) ** 2], axis=1).mean(axis=0)
    assert slopes["double"] - slopes["constant"] == pytest.approx(3 * kl, abs=2e-5)
    assert np.abs(kl).max() > 0.5


def test_free_bits_pay_the_larger_of_the_minimum_and_the_batchs_mean_for_each_latent(model):
    terms, slopes = _terms(model, X, WEIGHT, jnp.int32(0))
    kls = by_hand(model, X)
    means = kls[:4].mean(axis=0)
    assert (means > 0.4).any() and (means < 0.4).any()
    paid = np.maximum(means, 0.4).sum()
    some = terms["some free"]
    assert np.asarray(some.penalties["free_bits"]) == pytest.approx(np.full(N, paid), rel=1e-5)
    assert np.asarray(some.loss) == pytest.approx(np.asarray(some.reconstruction) + paid, rel=1e-5)
    assert np.asarray(some.kl) == pytest.approx(kls.sum(axis=1), rel=1e-4)
    # Nothing free: the ELBO's mean, with the same codes. All free: a constant above the reconstruction.
    elbo, none = (float((terms[k].loss * WEIGHT).sum()) for k in ("elbo", "none free"))
    assert none == pytest.approx(elbo, rel=1e-6)
    assert np.asarray(terms["all free"].loss - terms["all free"].reconstruction) == pytest.approx(np.full(N, 150.0))
    # A latent below the minimum has the gradient of the reconstruction alone, the other one also its KL's.
    gained = np.asarray(slopes["some free"]) - np.asarray(slopes["all free"])
    over = np.flatnonzero(means > 0.4)
    outputs = np.array([model.encode(v) for v in X[:4]])
    assert gained[over] == pytest.approx(outputs[:, over].mean(axis=0), abs=1e-5)
    assert np.abs(gained[np.flatnonzero(means < 0.4)]).max() < 1e-6


def test_filling_changes_nothing(model):
    other = X.at[4:].set(0.9)
    a, b = (_terms(model, x, WEIGHT, jnp.int32(0)) for x in (X, other))
    for name in OBJECTIVES:
        assert (np.asarray(a[0][name].loss[:4]) == np.asarray(b[0][name].loss[:4])).all(), name
    all_count = _terms(model, X, jnp.ones(N), jnp.int32(0))[0]
    assert float(all_count["constant"].loss[0]) != float(a[0]["constant"].loss[0])


def shapes(spec):
    return eqx.filter_eval_shape(build, spec, (4, 2), key=jr.key(0))


@pytest.mark.parametrize("name", ["capacity", "free-bits"])
def test_models_without_a_kl_are_refused(name):
    objective = objectives.make(name)
    for spec, side in ((AE(), 'posterior "dirac"'), (VAE(prior="none"), 'prior "none"')):
        with pytest.raises(SpecError, match=f'objective "{name}" does not go with {side}: '):
            objective.check(shapes(spec))
    objective.check(shapes(VAE(3)))
    objective.check(shapes(VAE(1)))


def test_free_bits_need_the_kl_of_each_latent():
    class Other(DiagonalGaussian):
        """No closed KL is known for it."""

    unknown = eqx.tree_at(lambda m: m.posterior, shapes(VAE(3)), Other())
    message = 'objective "free-bits" does not go with posterior Other: with prior "standard-normal" its KL is not known'
    with pytest.raises(SpecError, match=message):
        FreeBits().check(unknown)
    Capacity().check(unknown)


def test_wrong_options_are_refused():
    for value in (0, -1.0, float("inf"), True, "1"):
        with pytest.raises(SpecError, match=r'objective "capacity": got gamma = .*; allowed: a number above 0'):
            Capacity(gamma=value)
    for value in (-1, float("nan"), {"name": "linear", "steps": 0}, {"name": "linear", "end": -2}):
        with pytest.raises(SpecError, match=r'capacity of objective "capacity": got .*allowed: a'):
            Capacity(capacity=value)
    with pytest.raises(SpecError, match='did you mean "linear"'):
        Capacity(capacity={"name": "linaer"})
    for value in (-0.1, float("nan"), True, "1"):
        with pytest.raises(SpecError, match=r'objective "free-bits": got minimum = .*allowed: a number of at least 0'):
            FreeBits(minimum=value)
