"""Training against a hand-written loop, bit-for-bit resumption, early stopping, and clear ends."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import batch_of, blobs

from latente import compiling
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError, StoreError, TrainingError
from latente.model.build import build
from latente.objective.objectives import objectives
from latente.objective.presets import AE, VAE
from latente.spec import RunSpec, TrainSpec
from latente.training import fit as fitting
from latente.training import step as stepping
from latente.training.check import model_for
from latente.training.examples import Examples, Scale
from latente.training.fit import fit
from latente.training.order import random_order
from latente.training.step import Recipe, mean_terms

SMALL = RunSpec("small", 0, VAE(2, hidden=(16,)), TrainSpec(epochs=3, batch_size=50))


def arrays(model):
    return jax.tree.leaves(eqx.filter(model, eqx.is_array))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(arrays(a), arrays(b), strict=True))


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


@pytest.mark.parametrize("model", [VAE(2, hidden=(16,)), AE(3, hidden=(8,))])
def test_training_is_the_hand_written_loop_with_its_uneven_last_batch(tiny, model):
    assert len(tiny.train) % 50 != 0
    spec = dataclasses.replace(SMALL, model=model)
    expected, losses = by_hand(spec, tiny)
    found = fit(spec, tiny)
    assert found.history["loss"] == pytest.approx(losses, rel=1e-5)
    for a, b in zip(arrays(found.model), arrays(expected), strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=2e-5)


def test_history_adds_up_and_training_helps(tiny):
    h = fit(dataclasses.replace(SMALL, train=TrainSpec(epochs=30, batch_size=50)), tiny).history
    assert set(h) == {
        "loss",
        "reconstruction",
        "kl",
        "val_loss",
        "val_reconstruction",
        "val_kl",
        "learning_rate",
    }
    assert h["loss"] == pytest.approx(h["reconstruction"] + h["kl"], rel=1e-5)
    assert h["val_loss"] == pytest.approx(h["val_reconstruction"] + h["val_kl"], rel=1e-5)
    assert h["val_loss"][-1] < h["val_loss"][0] - 0.5
    assert (h["learning_rate"] == np.float32(1e-3)).all()


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


def test_equal_seeds_are_equal_and_others_differ(tiny):
    a, b = fit(SMALL, tiny), fit(SMALL, tiny)
    assert same(a.model, b.model)
    assert not same(a.model, fit(dataclasses.replace(SMALL, seed=1), tiny).model)


def test_one_program_per_fit_and_shape(tiny):
    programs = compiling.compiled(stepping.run_epoch, model_for(SMALL, tiny))._cached._cache_size
    before = programs()
    spec = dataclasses.replace(SMALL, train=TrainSpec(epochs=4, batch_size=37), name="traced")
    fit(spec, tiny)
    assert programs() == before + 1
    fit(dataclasses.replace(spec, seed=9), tiny)
    assert programs() == before + 1


class Stop(Exception):
    pass


@pytest.mark.parametrize("extra", [{}, {"patience": 2}, {"schedule": "warmup-cosine"}])
@pytest.mark.parametrize("at", [1, 3])
def test_stopped_and_resumed_is_never_stopped_bit_for_bit(tiny, tmp_path, monkeypatch, extra, at):
    spec = dataclasses.replace(SMALL, train=TrainSpec(epochs=6, batch_size=50, **extra))
    whole = fit(spec, tiny)

    def stop(epoch):
        if epoch.number == at:
            raise Stop

    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Stop):
        fit(spec, tiny, checkpoint=path, on_epoch=stop)
    seen = []
    resumed = fit(spec, tiny, checkpoint=path, on_epoch=lambda e: seen.append(e.number))
    assert seen[0] == at + 1
    assert same(whole.model, resumed.model)
    assert whole.history.keys() == resumed.history.keys()
    assert all(np.array_equal(whole.history[k], resumed.history[k]) for k in whole.history)
    assert np.array_equal(whole.frames, resumed.frames)
    # A finished checkpoint gives the same without training again.
    assert same(fit(spec, tiny, checkpoint=path, on_epoch=stop).model, whole.model)


def test_a_checkpoint_of_another_spec_data_or_damaged_is_refused(tiny, tmp_path):
    path = tmp_path / "c.safetensors"
    fit(SMALL, tiny, checkpoint=path)
    with pytest.raises(StoreError, match="spec.train.learning_rate is 0.001 there and 0.01 here"):
        fit(
            dataclasses.replace(SMALL, train=TrainSpec(epochs=3, batch_size=50, learning_rate=0.01)),
            tiny,
            checkpoint=path,
        )
    other = split_source(make_source("tiny", *blobs(seed=1)))
    with pytest.raises(StoreError, match="data is '"):
        fit(SMALL, other, checkpoint=path)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"nonsense", b"\x80\x04pickle"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="truncated or not a safetensors file"):
            fit(SMALL, tiny, checkpoint=path)


def test_early_stopping_goes_back_to_the_best_weights(tiny):
    # A learning rate this high makes the validation loss rise again soon.
    train = TrainSpec(epochs=200, batch_size=16, learning_rate=0.03, patience=3)
    spec = dataclasses.replace(SMALL, model=VAE(4, hidden=(64,)), train=train)
    found = fit(spec, tiny)
    val = found.history["val_loss"]
    best = int(np.argmin(val))
    assert len(val) == best + 1 + 3 < 200
    upto = dataclasses.replace(spec, train=dataclasses.replace(train, epochs=best + 1, patience=0))
    for a, b in zip(arrays(found.model), arrays(fit(upto, tiny).model), strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=1e-4)


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


def test_a_loss_that_is_not_finite_names_epoch_and_step(tiny):
    spec = dataclasses.replace(SMALL, train=TrainSpec(epochs=50, batch_size=50, learning_rate=1e30))
    with pytest.raises(
        TrainingError,
        match=r'"small": .* in epoch 1, at step 2 of 4; try a lower learning_rate \(now 1e\+30\)',
    ):
        fit(spec, tiny)


def test_the_epochs_before_a_bad_one_are_kept(tiny, tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    real = fitting.compiled

    def compiled(*given):
        def poisoned(*args):
            state, row, bad, frame = real(*given)(*args)
            return state, row, (jnp.int32(1) if int(args[-1]) == 2 else bad), frame

        return poisoned

    monkeypatch.setattr(fitting, "compiled", compiled)
    with pytest.raises(TrainingError, match="epoch 3, at step 2 of 4"):
        fit(SMALL, tiny, checkpoint=path)
    monkeypatch.setattr(fitting, "compiled", real)
    assert same(fit(SMALL, tiny, checkpoint=path).model, fit(SMALL, tiny).model)


def test_fewer_examples_than_a_batch_and_values_outside_the_support():
    x, y = blobs(40)
    with pytest.raises(DataError, match=r"25 training examples are fewer than one batch of 128; .* at most 25"):
        fit(RunSpec(model=VAE()), split_source(make_source("few", x, y)))
    wide = split_source(make_source("wide", np.random.default_rng(0).normal(size=(300, 4))))
    with pytest.raises(DataError, match='outside what likelihood "bernoulli" takes'):
        fit(SMALL, wide)
    gaussian = dataclasses.replace(SMALL, model=VAE(2, hidden=(8,), likelihood="gaussian"))
    assert fit(gaussian, wide).frames is None


def test_minmax_brings_any_numbers_to_what_a_bernoulli_takes():
    x = np.random.default_rng(0).normal(size=(300, 4)) * [1, 10, 100, 0] + 5
    data = split_source(make_source("table", x), scale="minmax")
    values = data.values(data.train.x)
    assert values.min(axis=0) == pytest.approx([0] * 4, abs=1e-6)
    assert values.max(axis=0)[:3] == pytest.approx([1] * 3, abs=1e-5)
    assert data.values(data.test.x).min() >= 0
    assert np.isfinite(fit(SMALL, data).history["loss"]).all()


def test_wrong_training_settings_are_named():
    for key, value, message in [
        ("epochs", 0, "epochs: got 0; allowed: a whole number of 1 to 10,000,000"),
        ("epochs", {"at_least": 5}, "epochs: got {'at_least': 5}"),
        ("epochs", {"at_least": 5, "step": 3}, 'epochs: unknown key "step"; did you mean "steps"?'),
        ("batch_size", 2.5, "batch_size: got 2.5"),
        ("learning_rate", 0, "learning_rate: got 0; allowed: a number above 0"),
        ("learning_rate", float("nan"), "learning_rate: got nan"),
        ("schedule", "cosine", 'unknown schedule "cosine"; did you mean "warmup-cosine"?'),
        ("warmup", 2, "allowed: a number at least 0 and at most 1"),
        ("patience", -1, "patience: got -1"),
    ]:
        with pytest.raises(SpecError) as error:
            TrainSpec(**{key: value})
        assert message in str(error.value)


def test_epochs_for_takes_the_longer_of_passes_and_steps():
    spec = TrainSpec(epochs={"at_least": 5, "steps": 1000}, batch_size=128)
    assert spec.epochs_for(48_000) == 5
    assert spec.epochs_for(3200) == 40
