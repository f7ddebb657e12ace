"""Adam against optax's, which keeps the textbook's order."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from latente.training.adam import adam


@pytest.mark.slow
@pytest.mark.parametrize(("beta1", "epsilon"), [(0.9, 1e-7), (0.99, 1e-4)])
def test_equals_optax_step_by_step(beta1: float, epsilon: float) -> None:
    rate = optax.warmup_cosine_decay_schedule(0.0, 1e-2, 5, 60)
    ours, theirs = adam(rate, beta1, 0.999, epsilon), optax.adam(rate, beta1, 0.999, epsilon)
    weights = {"a": jr.normal(jr.key(0), (7, 3)), "b": jnp.zeros(4)}
    mine, other = (weights, ours.init(weights)), (weights, theirs.init(weights))
    for step in range(60):
        # Gradients over eight orders of magnitude, and one that is always zero.
        grads = {"a": jr.normal(jr.key(step + 1), (7, 3)) * 10.0 ** (step % 9 - 6), "b": jnp.zeros(4)}
        stepped = []
        for made, (w, state) in ((ours, mine), (theirs, other)):
            updates, state = made.update(grads, state, w)
            stepped.append((optax.apply_updates(w, updates), state))
        mine, other = stepped
        np.testing.assert_allclose(mine[0]["a"], other[0]["a"], rtol=2e-5, atol=1e-6)
        np.testing.assert_array_equal(mine[0]["b"], 0)
    assert float(jnp.abs(mine[0]["a"] - weights["a"]).max()) > 0.05


def test_second_moments_begin_where_asked() -> None:
    """One step by hand: v = β₂ · 1 + (1 − β₂) g², and the corrections of the first step."""
    g, made = jnp.array([0.5, -2.0]), adam(lambda step: 0.1, 0.9, 0.999, 1e-4, second_moment=1.0)
    updates, state = made.update(g, made.init(jnp.zeros(2)))
    v = 0.999 + 0.001 * np.asarray(g) ** 2
    np.testing.assert_allclose(state.nu, v, rtol=1e-6)
    expected = -0.1 * np.asarray(g) / (np.sqrt(v / 0.001) + 1e-4)
    np.testing.assert_allclose(updates, expected, rtol=1e-3)  # 1 − 0.999 in single precision


def test_moments_stay_in_the_weights_precision() -> None:
    made = adam(lambda step: 0.1, 0.9, 0.999, 1e-7)
    weights = jnp.ones(3, jnp.float32)
    updates, state = jax.jit(made.update)(weights, made.init(weights))
    assert updates.dtype == state.mu.dtype == state.nu.dtype == jnp.float32
