"""Through a trained model, as many examples at a time as one likes: every number is that of the model itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import built
from scipy.stats import norm

import latente
from latente.errors import SpecError
from latente.evaluation import latent
from latente.spec import RunSpec


def model_of(spec, **sizes):
    return built(RunSpec("r", 0, spec), (6, 5), **sizes)


@pytest.fixture(scope="module")
def model():
    return model_of(latente.VAE(2, hidden=(4,)))


def test_batches_are_the_whole(model, monkeypatch):
    x = np.random.default_rng(0).uniform(size=(7, 6, 5)).astype(np.float32)
    codes = np.asarray(jax.vmap(model.code)(jnp.asarray(x)))
    for size in (3, 7):
        monkeypatch.setattr(latent, "BATCH", size)
        assert latent.encode(model, x) == pytest.approx(codes, rel=1e-5, abs=1e-6)
        means = np.asarray(jax.vmap(model.mean)(jnp.asarray(codes)))
        assert latent.reconstruct(model, x) == pytest.approx(means, rel=1e-5, abs=1e-6)
    with pytest.raises(SpecError, match="got no examples or codes"):
        latent.encode(model, x[:0])


def test_the_map_is_at_the_normals_quantiles_with_the_second_latent_upwards(model):
    grid, at = latent.manifold(model, 3)
    assert at == pytest.approx(norm.ppf([1 / 6, 1 / 2, 5 / 6]), abs=1e-6)
    corner = np.asarray(model.mean(jnp.array([at[0], at[2]])))
    assert grid.shape == (3, 3, 6, 5) and grid[0, 0] == pytest.approx(corner, rel=1e-5, abs=1e-6)
    with pytest.raises(SpecError, match="the manifold grid is for 2 latents; this model has 3"):
        latent.manifold(model_of(latente.VAE(3, hidden=(4,))))


def test_samples_are_decoded_codes_of_the_prior(model):
    codes = latent.sample_codes(model, 500, seed=1)
    assert np.abs(codes.mean(axis=0)).max() < 4.5 / 500**0.5 and codes.std(axis=0) == pytest.approx(1, abs=0.15)
    assert np.array_equal(latent.sample(model, 500, seed=1), latent.decode(model, codes))
    assert not np.array_equal(codes, latent.sample_codes(model, 500, seed=2))


def test_a_model_that_is_given_something_needs_it():
    told = model_of(latente.preset("CVAE", 2, hidden=(4,)), classes=3)
    with pytest.raises(SpecError, match="this model is conditioned on 3 numbers beside each example"):
        latent.decode(told, np.zeros((1, 2), np.float32))
    given = latent.decode(told, np.zeros((3, 2), np.float32), np.eye(3, dtype=np.float32))
    assert not np.allclose(given[0], given[1])


def test_a_classifiers_class_is_its_likeliest():
    classes = model_of(latente.preset("M2", 2, hidden=(4,)), classes=3)
    x = np.random.default_rng(1).uniform(size=(9, 6, 5)).astype(np.float32)
    shares = latent.classify(classes, x)
    assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(latent.predicted_class(classes, x), np.eye(3)[shares.argmax(axis=1)])
    assert latent.encode(classes, x) == pytest.approx(
        latent.encode(classes, x, np.eye(3, dtype=np.float32)[shares.argmax(axis=1)])
    )
