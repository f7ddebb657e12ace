"""Programs are compiled right, and then quickly."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente import compiling
from latente.cli.compiling import prepare
from latente.model.nets import MLP
from latente.objective.presets import VAE
from latente.spec import RunSpec, TrainSpec
from latente.training.fit import fit

SPEC = RunSpec("small", 0, VAE(2, hidden=(16,)), TrainSpec(epochs=3, batch_size=50))
SMALL, LARGE = MLP((784, 256, 128), "relu", key=jr.key(0)), MLP((1, 300_000), "relu", key=jr.key(0))


def squares(x):
    """Of a product, summed: what jaxlib 0.10.2 gets wrong by two thousandths for the last of 32,769 rows."""
    return jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2))(x)


def weighed(matrices, by):
    """Of products with a matrix of one number, summed: O(1) wrong or not a number in jaxlib 0.10.2 and 0.12.0.1."""
    return jnp.sum(matrices @ jnp.broadcast_to(by, matrices.shape) * matrices, axis=(1, 2))


OF = {"jit": compiling.jit} | {
    name: lambda f, model=model: compiling.compiled(f, model) for name, model in (("few", SMALL), ("many", LARGE))
}
EACH = pytest.mark.parametrize("of", OF.values(), ids=OF)


@EACH
@pytest.mark.parametrize("rows", [500, 16_385, 32_769])
def test_a_sum_over_a_product_is_right(of, rows):
    x = np.zeros((rows, 3), np.float32)
    x[:, 0] = np.arange(rows)
    np.testing.assert_allclose(of(squares)(jnp.asarray(x)), x[:, 0].astype(np.float64) ** 2, rtol=1e-6)


@EACH
def test_a_sum_over_a_product_with_one_number_is_right(of):
    a = np.random.default_rng(0).normal(size=(5, 60, 60)).astype(np.float32)
    expected = 2 * (a.astype(np.float64).sum(2) ** 2).sum(1)
    np.testing.assert_allclose(of(weighed)(jnp.asarray(a), 2.0), expected, rtol=1e-4)


def test_this_jaxlib_is_one_that_is_known():
    assert compiling.installed() in compiling.SOUND_ON


@pytest.mark.parametrize(("model", "library"), [(SMALL, compiling.EIGEN), (LARGE, compiling.SOUND)])
def test_only_a_model_of_small_matrices_has_its_products_by_eigen(model, library, monkeypatch):
    monkeypatch.setattr(compiling, "version", lambda name: "0.10.2")
    assert library.items() <= compiling.options_for(model).items()


def test_a_later_jaxlib_is_told_what_makes_it_right_and_an_unknown_one_nothing(monkeypatch):
    monkeypatch.setattr(compiling, "version", lambda name: "0.11.2")
    assert compiling.options_for(SMALL) == compiling.options_for(LARGE) == compiling.SOUND
    assert compiling.flags() == "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
    monkeypatch.setattr(compiling, "version", lambda name: "0.13.0.dev1")
    assert compiling.options_for(SMALL) == compiling.sound() == {}
    assert compiling.flags() == ""


def trained(data, monkeypatch, **options):
    monkeypatch.setattr(compiling, "options_for", lambda model: options)
    return fit(SPEC, data)


def weights(fitted):
    return [np.asarray(w) for w in jax.tree.leaves(eqx.filter(fitted.model, eqx.is_array))]


def test_weights_that_change_in_place_are_those_of_weights_that_are_copied(tiny, monkeypatch):
    in_place = trained(tiny, monkeypatch, **compiling.EIGEN, **compiling.IN_PLACE)
    copied = trained(tiny, monkeypatch, **compiling.EIGEN)
    assert all(map(np.array_equal, weights(in_place), weights(copied)))


def test_products_by_either_library_give_the_same_training(tiny, monkeypatch):
    eigen, ynnpack = (trained(tiny, monkeypatch, **options) for options in (compiling.EIGEN, compiling.SOUND))
    assert not all(map(np.array_equal, weights(eigen), weights(ynnpack)))
    np.testing.assert_allclose(eigen.history["val_loss"], ynnpack.history["val_loss"], rtol=1e-4)


@pytest.mark.parametrize("own", ["", "--xla_cpu_multi_thread_eigen=false"])
def test_the_command_adds_its_flags_before_a_users_own(own, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", own)
    prepare()
    assert os.environ["XLA_FLAGS"].split() == compiling.flags().split() + own.split()
