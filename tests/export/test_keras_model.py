"""What is exported for Keras computes what the models do, whatever its backend."""

import os

import numpy as np
import pytest
from exported import MODELS, case, compare, made, opened, through_model

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason="keras is not installed (pip install keras)")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", MODELS)
def test_codes_and_means_are_those_of_the_model(name, tmp_path):
    run, x, context = case(name)
    compare(run, x, through_model(run.export("keras", tmp_path / name), x, context), context)


def test_samples_are_decoded_codes_of_the_prior(tmp_path):
    run, *_ = case("mlp")
    model = opened(run.export("keras", tmp_path / "samples"))
    codes = np.asarray(model.sample_codes(20_000, seed=1))
    assert abs(codes.mean(axis=0)).max() < 0.04 and abs(np.cov(codes.T) - np.eye(3)).max() < 0.04
    assert np.array_equal(model.sample(4, seed=2), model.decode(model.sample_codes(4, seed=2)))
    kde = run.with_prior("kde")
    model = opened(kde.export("keras", tmp_path / "mixture"))
    codes = np.asarray(model.sample_codes(20_000, seed=1))
    centres = np.asarray(kde.fitted.codes)
    spread = np.sqrt(centres.var(axis=0) + float(kde.fitted.bandwidth) ** 2)
    assert (abs(codes.mean(axis=0) - centres.mean(axis=0)) < 0.05 * spread).all()
    assert np.allclose(codes.std(axis=0), spread, rtol=0.05)


def test_it_trains_on(tmp_path):
    run, x, _ = case("conv")
    model = opened(run.export("keras", tmp_path / "training"))
    assert len(model.trainable_weights) == len(model.weights)
    values = run.units.values(x).reshape(len(x), -1)
    model.compile("adam", "mse")
    before = model.evaluate(values, values, verbose=0)
    model.fit(values, values, epochs=20, verbose=0)
    assert model.evaluate(values, values, verbose=0) < before


def test_mistakes_say_what_is_allowed(tmp_path):
    run, x = made(MODELS["dirac"])
    model = opened(run.export("keras", tmp_path / "mistakes"))
    with pytest.raises(ValueError, match=r"x: got shape \(7, 5\); allowed: \(n, 7, 5\)"):
        model.encode(x[0])
    with pytest.raises(ValueError, match="no prior to sample from"):
        model.sample(3)
    with pytest.raises(ValueError, match="context: this model takes none"):
        model.encode(x, context=np.eye(11))
