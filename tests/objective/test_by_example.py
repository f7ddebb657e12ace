"""An objective that says so scores each example by itself."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.model.build import build
from latente.objective.objectives import objectives
from latente.objective.presets import preset
from latente.objective.terms import Batch

ALONE = ["VAE", "AE", "DenoisingAE", "ContractiveAE", "RAE", "SparseAE", "VQVAE"]
# A KL below the free one would hide that it is a mean over the batch.
TOGETHER = {"CapacityVAE": {}, "FreeBitsVAE": {"minimum": 1e-4}, "MMDVAE": {}}


def losses(name, others, **options):
    spec = preset(name, 3, hidden=(5,), **options)
    model = build(spec, (6,), key=jr.key(0))
    x = jnp.concatenate([jr.uniform(jr.key(1), (1, 6)), jr.uniform(jr.key(others), (7, 6))])
    keys = jnp.concatenate([jr.split(jr.key(2), 1), jr.split(jr.key(others), 7)])
    batch = Batch(x, keys, jnp.ones(8), None, None, jnp.int32(2**30), 8)
    return objectives.make(spec.objective), np.asarray(objectives.make(spec.objective)(model, batch).loss)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_the_loss_of_an_example_is_its_own(name):
    objective, first = losses(name, 5)
    _, second = losses(name, 6)
    assert objective.by_example()
    assert first[0] == pytest.approx(second[0], rel=1e-6) and not np.allclose(first[1:], second[1:])


@pytest.mark.slow
@pytest.mark.parametrize("name", TOGETHER)
def test_others_have_a_term_of_all_examples(name):
    objective, first = losses(name, 5, **TOGETHER[name])
    _, second = losses(name, 6, **TOGETHER[name])
    assert not objective.by_example()
    assert abs(first[0] - second[0]) > 1e-4


@pytest.mark.slow
def test_whether_sparse_codes_are_scored_alone_depends_on_the_kind():
    assert objectives.make({"name": "sparse", "kind": "l1"}).by_example()
    assert not objectives.make({"name": "sparse", "kind": "kl"}).by_example()
