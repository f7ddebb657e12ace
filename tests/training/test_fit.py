"""Training against a hand-written loop, bit-for-bit resumption, early stopping, and clear ends."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import blobs

from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError, StoreError, TrainingError
from latente.objective.presets import VAE
from latente.spec import RunSpec, TrainSpec
from latente.training import fit as fitting
from latente.training.fit import fit

SMALL = RunSpec("small", 0, VAE(2, hidden=(16,)), TrainSpec(epochs=3, batch_size=50))


def arrays(model):
    return jax.tree.leaves(eqx.filter(model, eqx.is_array))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(arrays(a), arrays(b), strict=True))


@pytest.mark.slow
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


def test_equal_seeds_are_equal_and_others_differ(tiny):
    a, b = fit(SMALL, tiny), fit(SMALL, tiny)
    assert same(a.model, b.model)
    assert not same(a.model, fit(dataclasses.replace(SMALL, seed=1), tiny).model)


class Stop(Exception):
    pass


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_fewer_examples_than_a_batch_and_values_outside_the_support():
    x, y = blobs(40)
    with pytest.raises(DataError, match=r"25 training examples are fewer than one batch of 128; .* at most 25"):
        fit(RunSpec(model=VAE()), split_source(make_source("few", x, y)))
    wide = split_source(make_source("wide", np.random.default_rng(0).normal(size=(300, 4))))
    with pytest.raises(DataError, match='outside what likelihood "bernoulli" takes'):
        fit(SMALL, wide)
    gaussian = dataclasses.replace(SMALL, model=VAE(2, hidden=(8,), likelihood="gaussian"))
    assert fit(gaussian, wide).frames is None


@pytest.mark.slow
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
