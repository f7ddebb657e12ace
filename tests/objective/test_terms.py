"""A batch's own key and its count without padding, and the names of terms."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from latente.objective.terms import Batch, Terms


def batch(keys, weight):
    return Batch(jnp.zeros((len(keys), 2)), keys, jnp.asarray(weight), None, None, jnp.int32(0), 9)


def test_padding_does_not_count_and_the_batchs_key_is_no_examples():
    keys = jr.split(jr.key(0), 4)
    made = batch(keys, [1.0, 1, 1, 0])
    assert float(made.count()) == 3
    data = np.asarray(jr.key_data(keys))
    own = np.asarray(jr.key_data(made.key))
    assert not (data == own).all(axis=1).any()
    # It depends on the first example's key alone, which is never padding.
    assert np.array_equal(jr.key_data(batch(keys[:2], [1.0, 0]).key), own)
    assert not np.array_equal(jr.key_data(batch(keys[1:], [1.0, 1, 1]).key), own)


def test_terms_are_named_the_loss_first_and_penalties_last():
    values = [jnp.full(2, float(i)) for i in range(5)]
    named = Terms(values[0], values[1], values[2], {"mmd": values[3], "adversarial": values[4]}).named()
    assert {name: value.tolist() for name, value in named.items()} == {
        "loss": [0, 0], "reconstruction": [1, 1], "kl": [2, 2], "mmd": [3, 3], "adversarial": [4, 4]
    }  # fmt: skip
    assert list(named) == ["loss", "reconstruction", "kl", "mmd", "adversarial"]
    assert list(Terms(*values[:3]).named()) == ["loss", "reconstruction", "kl"]
