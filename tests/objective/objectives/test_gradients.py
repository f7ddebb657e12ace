"""Gradients against finite differences in double precision, with the same noise on both sides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from latente.model.build import build
from latente.objective.objectives.capacity import Capacity
from latente.objective.objectives.contractive import Contractive
from latente.objective.objectives.denoising import Denoising
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.freebits import FreeBits
from latente.objective.objectives.iwae import IWAE
from latente.objective.objectives.multi import CIWAE, MIWAE
from latente.objective.objectives.reconstruction import Reconstruction
from latente.objective.objectives.regularised import Regularised
from latente.objective.objectives.sparse import Sparse
from latente.objective.presets import AE, VAE
from latente.objective.terms import Batch

SHAPE, N = (3, 2), 5
GROUPS = {
    "bounds": (
        VAE(2, hidden=(5,), activation="tanh"),
        [ELBO(), IWAE(3), MIWAE(2, 2), CIWAE(3, beta=0.3), Capacity(2.0, 5.0), FreeBits(0.05)],
    ),
    "points": (
        AE(2, hidden=(5,), activation="tanh", code_activation="sigmoid"),
        [
            Reconstruction(),
            Contractive(0.7),
            Sparse("l1", 0.4),
            Sparse("kl", 0.4),
            Regularised(0.3, 0.2, "l2"),
            Regularised(0.3, 0.2, "gradient"),
            Denoising("gaussian", 0.3),
        ],
    ),
    "top-k": (
        AE(4, hidden=(5,), activation="tanh", posterior={"name": "dirac", "top_k": 2}),
        [Sparse("top-k")],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_gradients_are_finite_differences(group):
    spec, objectives = GROUPS[group]
    with jax.enable_x64(True):
        model = eqx.filter_jit(lambda: build(spec, SHAPE, key=jr.key(0)))()
        model = jax.tree.map(lambda a: a.astype(jnp.float64) if eqx.is_inexact_array(a) else a, model)
        learnt, fixed = eqx.partition(model, eqx.is_inexact_array)
        flat, back = ravel_pytree(learnt)
        x, keys = jr.uniform(jr.key(1), (N, *SHAPE), jnp.float64), jr.split(jr.key(3), N)
        weight = jnp.array([1.0, 1, 1, 1, 0])

        @jax.jit
        def losses(v):
            batch = Batch(x, keys, weight, None, None, jnp.int32(0), N)
            terms = [o(eqx.combine(back(v), fixed), batch) for o in objectives]
            return jnp.stack([jnp.sum(t.loss * weight) / jnp.sum(weight) for t in terms])

        gradients = np.asarray(jax.jit(jax.jacrev(losses))(flat))
        direction = np.random.default_rng(0).normal(size=len(flat))
        h = 1e-6
        numeric = (np.asarray(losses(flat + h * direction)) - np.asarray(losses(flat - h * direction))) / (2 * h)
    assert gradients @ direction == pytest.approx(numeric, rel=1e-6)
    assert np.abs(numeric).min() > 1e-3
