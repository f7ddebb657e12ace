"""What an objective says of its own loss: the weights of its terms, by which losses are named and compared."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.model.build import build
from latente.objective.objectives import objectives
from latente.objective.presets import preset
from latente.objective.terms import LAST_STEP, Batch

WARM = {"name": "linear", "steps": 10, "end": 0.5}
# A preset for each objective, with weights that are not its defaults, and the loss as a sum of its terms.
SUMS = {
    "elbo": ("VAE", {"beta": 4.0}), "reconstruction": ("AE", {}), "denoising": ("DenoisingAE", {}),
    "free-bits": ("FreeBitsVAE", {}), "capacity": ("CapacityVAE", {"gamma": 7.0}),
    "contractive": ("ContractiveAE", {"weight": 0.3}), "dip-vae": ("DIPVAE", {"off_diagonal": 3.0}),
    "factor-vae": ("FactorVAE", {"gamma": 3.0}), "m2": ("M2", {}), "info-vae": ("InfoVAE", {"alpha": 0.5}),
    "mmd-vae": ("MMDVAE", {"weight": 5.0}), "wae-mmd": ("WAE", {}), "vq": ("VQVAE", {"commitment": 0.5}),
    "beta-tc": ("BetaTCVAE", {}), "regularised": ("RAE", {"beta": 0.3}), "sparse": ("SparseAE", {"weight": 0.3}),
    "vae-gan": ("VAEGAN", {"beta": 0.5, "gamma": 2.0}), "adversarial": ("AAE", {"weight": 0.5}),
    "wae-gan": ("WAEGAN", {}),
}  # fmt: skip
NO_SUMS = {"iwae", "dreg-iwae", "miwae", "ciwae", "piwae"}


def test_every_objective_says_what_its_loss_is():
    assert set(SUMS) | NO_SUMS == set(objectives)
    assert {name for name in objectives if objectives.make(name).weights() is None} == NO_SUMS


@pytest.mark.slow
@pytest.mark.parametrize("name", SUMS)
def test_the_loss_is_the_sum_that_is_said(name):
    spec = preset(SUMS[name][0], 3, hidden=(5,))
    options = spec.objective if isinstance(spec.objective, dict) else {"name": spec.objective}
    objective = objectives.make({**options, **SUMS[name][1]})
    assert options["name"] == name
    classes = 2 if objective.classifies else 0
    model = build(spec, (6,), context=classes, classes=classes, key=jr.key(0))
    label = jnp.arange(8) % 3 - 1 if classes else None
    batch = Batch(
        jr.uniform(jr.key(1), (8, 6)), jr.split(jr.key(2), 8), jnp.ones(8), None, label, jnp.int32(LAST_STEP), 8
    )
    terms = objective(model, batch, objective.opponent(model, key=jr.key(3))).named()
    total = sum(weight * terms[term] for term, weight in objective.weights().items())
    assert np.asarray(terms["loss"]) == pytest.approx(np.asarray(total), rel=1e-5, abs=1e-5)


@pytest.mark.slow
def test_a_bound_counts_the_kl_once_when_schedules_have_ended():
    bounds = {
        "elbo": True, "reconstruction": False, "mmd-vae": False, "vq": False, "iwae": True, "m2": True, "ciwae": True
    }  # fmt: skip
    assert {name: objectives.make(name).is_bound() for name in bounds} == bounds
    assert objectives.make({"name": "elbo", "beta": {**WARM, "end": 1.0}}).is_bound()
    halved = objectives.make({"name": "elbo", "beta": WARM})
    assert halved.weights() == {"reconstruction": 1.0, "kl": 0.5} and not halved.is_bound()
    with pytest.raises(SpecError):
        objectives.make({"name": "elbo", "beta": -1.0})
