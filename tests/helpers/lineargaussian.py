"""The linear-Gaussian VAE: x = zW + b + σε, whose evidence and posterior are known exactly."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy import stats

from latente.model.build import build
from latente.objective.presets import VAE

SIGMA = 0.7
W = np.array([[1.0, 0.0, 0.5, 0.0], [0.0, -2.0, 0.0, 0.3]])
B = np.array([0.1, -0.2, 0.3, 0.0])
VARIANCE = 1 / (1 + (W**2).sum(axis=1) / SIGMA**2)
"""Of the true posterior: W's rows are orthogonal, so that it is a diagonal Gaussian."""
EVIDENCE = stats.multivariate_normal(B, W.T @ W + SIGMA**2 * np.eye(4))
"""p(x)."""


def linear_gaussian(shift=0.0, wider=1.0):
    """With an encoder off the true posterior by a shift of its means and a factor of its variances."""
    likelihood = {"name": "gaussian", "sigma": SIGMA}
    model = eqx.filter_eval_shape(build, VAE(2, hidden=(), likelihood=likelihood), (4,), key=jr.key(0))
    gain = (W * VARIANCE[:, None] / SIGMA**2).T
    raw = 20 * np.arctanh(np.log(VARIANCE * wider) / 20)
    weight = np.concatenate([gain, np.zeros((4, 2))], axis=1)
    bias = np.concatenate([-B @ gain + shift, raw])
    return with_encoder(
        eqx.tree_at(lambda m: (m.decoder.layers[0].weight, m.decoder.layers[0].bias), model, _arrays(W, B)),
        weight,
        bias,
    )


def with_encoder(model, weight, bias):
    """The model with another linear encoder."""
    return eqx.tree_at(lambda m: (m.encoder.layers[0].weight, m.encoder.layers[0].bias), model, _arrays(weight, bias))


def _arrays(*values):
    return tuple(jnp.asarray(a, jnp.float32) for a in values)
