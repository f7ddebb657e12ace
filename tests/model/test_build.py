"""Models from their specs."""

import jax
import jax.random as jr
import numpy as np

from latente.model.build import build
from latente.objective.presets import VAE


def test_encoder_and_decoder_do_not_share_weights_and_keys_decide():
    a, b, c = (build(VAE(2, hidden=(8,)), (4, 4), key=jr.key(s)) for s in (0, 0, 1))
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), a.encoder, b.encoder))
    assert not np.array_equal(a.encoder.layers[0].weight, c.encoder.layers[0].weight)
    assert not np.array_equal(a.encoder.layers[0].weight, a.decoder.layers[1].weight.T)
