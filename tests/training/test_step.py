"""One epoch against a loop written by hand; its schedule and its one program."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import batch_of

from latente import compiling
from latente.model.build import build
from latente.objective.objectives import objectives
from latente.objective.presets import AE, VAE
from latente.spec import RunSpec, TrainSpec
from latente.training import step as stepping
from latente.training.check import model_for
from latente.training.examples import Examples, Scale
from latente.training.fit import fit
from latente.training.order import random_order
from latente.training.step import Recipe, mean_terms

SMALL = RunSpec("small", 0, VAE(2, hidden=(16,)), TrainSpec(epochs=3, batch_size=50))


def arrays(model):
    return jax.tree.leaves(eqx.filter(model, eqx.is_array))


def by_hand(spec, data):
    """The same training in plain Python: unpadded batches, Adam written out, one example's mean at a time."""
    model = build(spec.model, data.shape, key=jr.fold_in(jr.key(spec.seed), 0))
    objective = objectives.make(spec.model.objective)
    x = jnp.asarray(data.values(data.train.x))
    learnt, fixed = eqx.partition(model, eqx.is_inexact_array)
    zeros = jax.tree.map(jnp.zeros_like, learnt)
    m, v, t, losses = zeros, zeros, 0, []
    size = spec.train.batch_size
    for epoch in range(spec.train.epochs):
        order_key, noise_key = jr.split(jr.fold_in(jr.fold_in(jr.key(spec.seed), 1), epoch))
        order = random_order(order_key, len(x))
        assert sorted(order.tolist()) == list(range(len(x)))
        keys = jr.split(noise_key, (-(-len(x) // size), size))
        total = 0.0
        for number, at in enumerate(range(0, len(x), size)):
            batch, n = x[order[at : at + size]], len(x[order[at : at + size]])

            def loss(learnt, batch=batch, drawn=keys[number, :n]):
                return objective(eqx.combine(learnt, fixed), batch_of(batch, drawn)).loss.mean()

            value, g = jax.value_and_grad(loss)(learnt)
            total += float(value) * n
            t += 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            rate = spec.train.learning_rate
            learnt = jax.tree.map(
                lambda p, m, v, t=t, rate=rate: p - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-7),
                learnt, m, v,
            )  # fmt: skip
        losses.append(total / len(x))
    return eqx.combine(learnt, fixed), losses


@pytest.mark.slow
@pytest.mark.parametrize("model", [VAE(2, hidden=(16,)), AE(3, hidden=(8,))])
def test_training_is_the_hand_written_loop_with_its_uneven_last_batch(tiny, model):
    assert len(tiny.train) % 50 != 0
    spec = dataclasses.replace(SMALL, model=model)
    expected, losses = by_hand(spec, tiny)
    found = fit(spec, tiny)
    assert found.history["loss"] == pytest.approx(losses, rel=1e-5)
    for a, b in zip(arrays(found.model), arrays(expected), strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=2e-5)


@pytest.mark.slow
def test_validation_is_the_mean_over_examples_with_fixed_keys(tiny):
    model = build(VAE(2, hidden=(4,)), tiny.shape, key=jr.key(0))
    objective, scale = objectives.make("elbo"), Scale(jnp.float32(1 / 255), jnp.float32(0), False)
    x = np.concatenate([tiny.train.x, tiny.validation.x, tiny.test.x] * 4)
    assert len(x) % stepping.VALIDATION_BATCH != 0
    first = mean_terms(objective, model, scale, Examples(jnp.asarray(x)), jr.key(5))
    again = mean_terms(objective, model, scale, Examples(jnp.asarray(x)), jr.key(5))
    assert {k: float(v) for k, v in first.items()} == {k: float(v) for k, v in again.items()}
    # The KL needs no sampling, so it is the plain mean over all examples, the uneven last batch included.
    terms = objective(model, batch_of(scale(jnp.asarray(x)), jr.split(jr.key(0), len(x))))
    assert float(first["kl"]) == pytest.approx(float(terms.kl.mean()), rel=1e-5)


@pytest.mark.slow
def test_one_program_per_fit_and_shape(tiny):
    programs = compiling.compiled(stepping.run_epoch, model_for(SMALL, tiny))._cached._cache_size
    before = programs()
    spec = dataclasses.replace(SMALL, train=TrainSpec(epochs=4, batch_size=37), name="traced")
    fit(spec, tiny)
    assert programs() == before + 1
    fit(dataclasses.replace(spec, seed=9), tiny)
    assert programs() == before + 1


@pytest.mark.slow
def test_warmup_cosine_rises_to_the_peak_and_falls_to_zero(tiny):
    recipe = Recipe(50, 0.01, "warmup-cosine", 10, 100)
    assert float(recipe.rate(0)) == 0
    assert float(recipe.rate(5)) == pytest.approx(0.005)
    assert float(recipe.rate(10)) == pytest.approx(0.01)
    assert float(recipe.rate(55)) == pytest.approx(0.01 * 0.5 * (1 + math.cos(math.pi / 2)))
    assert float(recipe.rate(100)) == pytest.approx(0, abs=1e-9)
    spec = dataclasses.replace(SMALL, train=TrainSpec(epochs=10, batch_size=50, schedule="warmup-cosine", warmup=0.2))
    rates = fit(spec, tiny).history["learning_rate"]
    steps = spec.train.steps(len(tiny.train))
    assert int(np.argmax(rates)) == 2 and rates.max() == pytest.approx(1e-3)
    again = Recipe(50, 1e-3, "warmup-cosine", round(0.2 * steps * 10), steps * 10)
    assert rates == pytest.approx([float(again.rate(e * steps)) for e in range(10)], abs=1e-8)


def test_a_weight_of_two_is_an_example_given_twice():
    """The mean loss of a model without noise, and its gradient, to the precision of a sum."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(40, 3)).astype(np.float32)
    weight = rng.integers(1, 4, 40)
    model = build(AE(1, hidden=(), code_activation="linear"), (3,), key=jr.key(0))
    objective, scale = objectives.make("reconstruction"), Scale(jnp.ones(()), jnp.zeros(()), False)
    weighted = Examples(jnp.asarray(x), weight=jnp.asarray(weight, jnp.float32))
    repeated = Examples(jnp.asarray(x.repeat(weight, axis=0)))

    def loss(model, examples):
        return mean_terms(objective, model, scale, examples, jr.key(1))["loss"]

    (a, da), (b, db) = (eqx.filter_value_and_grad(loss)(model, examples) for examples in (weighted, repeated))
    assert float(a) == pytest.approx(float(b), rel=1e-6)
    for one, other in zip(arrays(da), arrays(db), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert float(a) != pytest.approx(float(loss(model, Examples(jnp.asarray(x)))), rel=1e-4)
