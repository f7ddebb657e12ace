"""The regret against closed forms of a linear-Gaussian model."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.evaluation.outliers.regret import JUDGED, regret
from latente.model.build import build
from latente.objective.presets import VAE
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)
SIGMA = 0.7
# Orthogonal rows, so that the true posterior is one that the diagonal Gaussian family has.
W = np.array([[1.0, 0.0, 0.5, 0.0], [0.0, -2.0, 0.0, 0.3]])
B = np.array([0.1, -0.2, 0.3, 0.0])


def linear_gaussian(weight=None, bias=None):
    """The encoder says N(0, I) whatever x, unless it is given weights."""
    model = build(VAE(2, hidden=(), likelihood={"name": "gaussian", "sigma": SIGMA}), (4,), key=jr.key(0))
    where = lambda m: (  # noqa: E731
        m.decoder.layers[0].weight, m.decoder.layers[0].bias, m.encoder.layers[0].weight, m.encoder.layers[0].bias
    )  # fmt: skip
    new = (W, B, np.zeros((4, 4)) if weight is None else weight, np.zeros(4) if bias is None else bias)
    return eqx.tree_at(where, model, tuple(jnp.asarray(a, jnp.float32) for a in new))


EVIDENCE = stats.multivariate_normal(B, W.T @ W + SIGMA**2 * np.eye(4))


@pytest.mark.slow
def test_it_is_the_evidence_less_the_encoders_elbo_where_the_family_holds_the_posterior():
    x = EVIDENCE.rvs(size=60, random_state=0).astype(np.float32)
    # E over N(0, I) of log N(x; Wz + b, σ²), and no KL.
    own = stats.norm.logpdf(x, B, SIGMA).sum(axis=1) - 0.5 * (W**2).sum() / SIGMA**2
    exact = EVIDENCE.logpdf(x) - own
    found = regret(linear_gaussian(), ONE, Examples(jnp.asarray(x)))
    assert exact.mean() > 5 and exact.std() > 1
    # What is left is the noise of the encoder's ELBO over its draws; the best posterior's has none, as all its weights
    # agree. The weight is a quadratic form in normals, of known variance.
    variance = (((x - B) @ W.T) ** 2).sum(axis=1) / SIGMA**4 + 0.5 * ((W**2).sum(axis=1) ** 2).sum() / SIGMA**4
    z = (found - exact) / np.sqrt(variance / JUDGED)
    assert abs(z.mean()) < 3 / np.sqrt(60) and 0.7 < z.std() < 1.3
    assert np.corrcoef(found, exact)[0, 1] > 0.95


@pytest.mark.slow
def test_a_perfect_encoder_has_nothing_to_regret():
    variance = 1 / (1 + (W**2).sum(axis=1) / SIGMA**2)
    gain = variance[:, None] * W / SIGMA**2
    bias = np.concatenate([-gain @ B, 20 * np.arctanh(np.log(variance) / 20)])
    model = linear_gaussian(np.concatenate([gain.T, np.zeros((4, 2))], axis=1), bias)
    x = EVIDENCE.rvs(size=30, random_state=1).astype(np.float32)
    found = regret(model, ONE, Examples(jnp.asarray(x)))
    assert np.abs(found).max() < 0.1
    # Far away too: the encoder is right everywhere, however unlikely the example.
    assert np.abs(regret(model, ONE, Examples(jnp.asarray(x + 20)))).max() < 0.1


@pytest.mark.slow
def test_the_same_again_to_the_bit_and_every_example_by_itself():
    x = EVIDENCE.rvs(size=7, random_state=2).astype(np.float32)
    seen = []
    one, two = (
        regret(linear_gaussian(), ONE, Examples(jnp.asarray(x)), on_batch=lambda *done: seen.append(done))
        for _ in range(2)
    )
    assert np.array_equal(one, two) and seen == [(7, 7), (7, 7)]
    other = x.copy()
    other[3:] += 5
    assert regret(linear_gaussian(), ONE, Examples(jnp.asarray(other)))[:3] == pytest.approx(one[:3], abs=1e-4)
    assert not np.array_equal(one, regret(linear_gaussian(), ONE, Examples(jnp.asarray(x)), seed=1))
