"""The linear-Gaussian model with a wrong encoder and with the exact one, and what objectives of several codes give."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from lineargaussian import EVIDENCE, VARIANCE, linear_gaussian
from made import batch_of

SHIFT, WIDER = np.array([0.15, -0.1]), 1.8
"""How the wrong encoder's means and variances are off."""
X = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
LOG_P = EVIDENCE.logpdf(X)
WRONG, EXACT = linear_gaussian(SHIFT, WIDER), linear_gaussian()
GAP = 0.5 * (2 * WIDER + (SHIFT**2 / VARIANCE).sum() - 2 - 2 * np.log(WIDER))
"""KL(q ‖ true posterior) of the wrong encoder, the same for every example."""


@eqx.filter_jit
def _drawn(objectives, model, keys):
    def one(key):
        batch = batch_of(jnp.asarray(X), jr.split(key, len(X)))
        found = {}
        for name, objective in objectives.items():

            def loss(m, objective=objective):
                loss = objective(m, batch).loss
                return loss.mean(), loss

            grads, each = eqx.filter_grad(loss, has_aux=True)(model)
            flat = [jnp.concatenate([jnp.ravel(a) for a in jax.tree.leaves(g)]) for g in (grads.encoder, grads.decoder)]
            found[name] = (each, *flat)
        return found

    return jax.vmap(one)(keys)


def drawn(objectives, model=WRONG):
    """For each objective and 1,000 draws: losses, encoder gradients, decoder gradients; (1000, numbers) each.

    Given the same keys, objectives of as many codes draw the same ones, so that one program compares them.
    """
    found = _drawn(objectives, model, jr.split(jr.key(0), 1000))
    return {name: tuple(np.asarray(a, np.float64) for a in arrays) for name, arrays in found.items()}
