"""Examples on the device: scaled as the data says, with keys for what is observed, and conditions that the data has."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import blobs, built

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import SpecError
from latente.objective.terms import LAST_STEP
from latente.spec import RunSpec
from latente.training.examples import Examples, check_condition, examples_of, observed_keys, scale_of


def test_a_batch_is_scaled_and_binarised_with_keys_of_its_own(tiny):
    scale = scale_of(tiny)
    assert np.asarray(scale(jnp.asarray(tiny.test.x))) == pytest.approx(tiny.values(tiny.test.x), abs=1e-7)
    keys, weight = jr.split(jr.key(0), 60), jnp.ones(60)
    examples = Examples(jnp.asarray(tiny.test.x), label=jnp.asarray(tiny.test.y))
    for binarise, values in (("none", None), ("dynamic", {0.0, 1.0})):
        spec = latente.VAE(2, hidden=(4,), likelihood={"name": "bernoulli", "binarise": binarise})
        batch = examples.batch(built(RunSpec("r", 0, spec), (6, 5)), scale, keys, weight)
        assert (batch.examples, int(batch.step)) == (60, LAST_STEP)
        if values is None:
            assert np.asarray(batch.x) == pytest.approx(tiny.values(tiny.test.x), abs=1e-7)
        else:
            assert set(np.unique(batch.x)) == values
            assert float(batch.x.mean()) == pytest.approx(tiny.values(tiny.test.x).mean(), abs=0.05)
    assert not np.array_equal(jr.key_data(observed_keys(keys)), jr.key_data(keys))


def test_some_of_them_keep_their_labels_and_contexts():
    examples = Examples(jnp.arange(4.0)[:, None], jnp.arange(8.0).reshape(4, 2), jnp.arange(4))
    some = examples.take(jnp.array([2, 0]))
    assert len(some) == 2 and some.x.ravel().tolist() == [2, 0]
    assert some.context.tolist() == [[4, 5], [0, 1]] and some.label.tolist() == [2, 0]


def test_a_condition_is_what_the_data_has(tiny):
    conditional = latente.VAE(2, condition="labels")
    found = examples_of(tiny, tiny.test, conditional)
    assert np.array_equal(found.context, np.eye(3)[tiny.test.y])
    assert examples_of(tiny, tiny.test, latente.VAE(2)).context is None
    x, y = blobs(100)
    with pytest.raises(SpecError, match='condition = "labels": bare has no labels'):
        check_condition(conditional, split_source(make_source("bare", x)))
    with pytest.raises(SpecError, match="all of same have one label, which says nothing"):
        check_condition(conditional, split_source(make_source("same", x, 0 * y)))
    with pytest.raises(SpecError, match="was read without condition columns"):
        check_condition(latente.VAE(2, condition="columns"), tiny)
