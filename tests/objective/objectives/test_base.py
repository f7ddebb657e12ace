"""What every objective says and refuses: the weights of its terms, whether examples are scored alone, and models and
options without meaning, before anything is compiled."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.model.build import build
from latente.model.posteriors import Posterior
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.priors import Prior
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
NO_SUMS = {"iwae", "dreg-iwae", "miwae", "ciwae", "piwae", "masked-iwae"}


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


ALONE = ["VAE", "AE", "DenoisingAE", "ContractiveAE", "RAE", "SparseAE", "VQVAE"]
# A KL below the free one would hide that it is a mean over the batch.
OF_THE_BATCH = {"CapacityVAE": {}, "FreeBitsVAE": {"minimum": 1e-4}, "MMDVAE": {}}


def losses_among(name, others, **options):
    spec = preset(name, 3, hidden=(5,), **options)
    model = build(spec, (6,), key=jr.key(0))
    x = jnp.concatenate([jr.uniform(jr.key(1), (1, 6)), jr.uniform(jr.key(others), (7, 6))])
    keys = jnp.concatenate([jr.split(jr.key(2), 1), jr.split(jr.key(others), 7)])
    batch = Batch(x, keys, jnp.ones(8), None, None, jnp.int32(LAST_STEP), 8)
    return objectives.make(spec.objective), np.asarray(objectives.make(spec.objective)(model, batch).loss)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_the_loss_of_an_example_is_its_own(name):
    objective, first = losses_among(name, 5)
    _, second = losses_among(name, 6)
    assert objective.by_example()
    assert first[0] == pytest.approx(second[0], rel=1e-6) and not np.allclose(first[1:], second[1:])


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_THE_BATCH)
def test_others_have_a_term_of_all_examples(name):
    objective, first = losses_among(name, 5, **OF_THE_BATCH[name])
    _, second = losses_among(name, 6, **OF_THE_BATCH[name])
    assert not objective.by_example()
    assert abs(first[0] - second[0]) > 1e-4


@pytest.mark.slow
def test_whether_sparse_codes_are_scored_alone_depends_on_the_kind():
    assert objectives.make({"name": "sparse", "kind": "l1"}).by_example()
    assert not objectives.make({"name": "sparse", "kind": "kl"}).by_example()


ALL = ["beta-tc", "dip-vae", "factor-vae", "info-vae", "mmd-vae", "wae-mmd", "adversarial", "wae-gan", "vae-gan", "m2"]
DENSITY = ["beta-tc", "dip-vae", "factor-vae", "info-vae", "mmd-vae", "vae-gan", "m2"]


class Other(Posterior):
    """Of any kind and space, with nothing known of its density."""

    kind: ClassVar[str] = "density"

    def size(self, latent_dim):
        return 2 * latent_dim

    def mean(self, outputs):
        return outputs[:3]

    def draw(self, outputs, *, key):
        return outputs[:3], jnp.zeros(())


class Quantised(Other):
    kind: ClassVar[str] = "quantised"


class Round(Other):
    space: ClassVar[str] = "sphere"


class Correlated(Prior):
    shift: jnp.ndarray

    def log_prob(self, z):
        return jnp.sum(z * self.shift)

    def sample(self, code_size, *, key):
        return jr.normal(key, (code_size,)) + self.shift


def refusal(name, model, **options):
    objective = objectives.make({"name": name, **options})
    with pytest.raises(SpecError) as error:
        objective.check(model)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", DENSITY)
def test_a_point_is_refused_where_a_density_is_needed(make, name):
    said = refusal(name, make.model(posterior="dirac"))
    assert f'objective "{name}" does not go with posterior "dirac": a point has no density' in said


@pytest.mark.parametrize("name", ALL)
def test_no_prior_and_a_codebook_are_refused(make, name):
    assert f'objective "{name}" does not go with prior "none"' in refusal(name, make.model(prior="none"))
    model = eqx.tree_at(lambda m: m.posterior, make.model(), Quantised(), is_leaf=lambda p: isinstance(p, Posterior))
    assert f'objective "{name}" does not go with posterior Quantised' in refusal(name, model)


@pytest.mark.parametrize(
    ("name", "posterior", "reason"),
    [
        ("beta-tc", Other(), "at other examples' codes"),
        ("dip-vae", Other(), "covariance is not known"),
        ("factor-vae", Round(), "sphere space"),
    ],
)
def test_posteriors_that_cannot_give_what_is_needed_are_refused(make, name, posterior, reason):
    swap = lambda p: eqx.tree_at(lambda m: m.posterior, make.model(), p, is_leaf=lambda x: isinstance(x, Posterior))  # noqa: E731
    said = refusal(name, swap(posterior))
    assert f'objective "{name}" does not go with posterior {type(posterior).__name__}' in said
    assert reason in said
    objectives.make(name).check(swap(DiagonalGaussian()))


@pytest.mark.parametrize("name", ["beta-tc", "dip-vae"])
def test_priors_of_dependent_latents_are_refused(make, name):
    prior = Correlated(jnp.zeros(3))
    model = eqx.tree_at(lambda m: m.prior, make.model(), prior, is_leaf=lambda p: isinstance(p, Prior))
    assert f'objective "{name}" does not go with prior Correlated' in refusal(name, model)


def test_one_latent_has_no_total_correlation(make):
    assert "latent_dim = 1" in refusal("factor-vae", make.model(latent_dim=1))


@pytest.mark.parametrize(
    ("likelihood", "words"),
    [
        ({"name": "gaussian", "sigma": "learned"}, 'likelihood "gaussian": it compares decoded means only'),
        ({"name": "gaussian", "sigma": "per-value"}, 'likelihood "gaussian": it compares decoded means only'),
        ({"name": "bernoulli", "binarise": "dynamic"}, 'likelihood "bernoulli": the opponent would tell'),
    ],
)
def test_vae_gan_refuses_likelihoods_that_are_more_than_a_mean(make, likelihood, words):
    said = refusal("vae-gan", make.model(likelihood=likelihood))
    assert f'objective "vae-gan" does not go with {words}' in said
    assert "missing = true" in refusal("vae-gan", make.model(missing=True))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"name": "beta-tc", "beta": -1}, 'objective "beta-tc": got beta = -1; allowed: a number of at least 0'),
        ({"name": "beta-tc", "gamma": float("nan")}, "got gamma = nan"),
        ({"name": "beta-tc", "alpha": True}, "got alpha = True"),
        ({"name": "dip-vae", "kind": "I"}, 'unknown kind of objective "dip-vae" "I"'),
        ({"name": "dip-vae", "off_diagonal": "1"}, "got off_diagonal = '1'"),
        ({"name": "factor-vae", "gamma": float("inf")}, "got gamma = inf"),
        ({"name": "factor-vae", "hidden": []}, "got hidden = ()"),
        ({"name": "adversarial", "hidden": [16, 0]}, 'objective "adversarial": got hidden = (16, 0)'),
        ({"name": "wae-gan", "learning_rate": 0}, "got learning_rate = 0; allowed: a number above 0"),
        ({"name": "wae-gan", "activation": "rellu"}, 'unknown activation "rellu"'),
        ({"name": "vae-gan", "gamma": -0.1}, "got gamma = -0.1"),
        ({"name": "m2", "alpha": -2}, 'objective "m2": got alpha = -2'),
    ],
)
def test_options_are_checked(part, words):
    with pytest.raises(SpecError) as error:
        objectives.make(part)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["factor-vae", "adversarial", "wae-gan", "vae-gan"])
def test_a_missing_opponent_is_named_and_widths_from_a_file_are_hashable(make, name):
    model = make.model()
    objective = objectives.make({"name": name, "hidden": [8, 4], "learning_rate": 0.5})
    assert objective.hidden == (8, 4)
    with pytest.raises(SpecError, match=f'objective "{name}" needs its opponent'):
        objective(model, make.batch(model))
    opponent = objective.opponent(model, key=jr.key(0))
    assert opponent.learning_rate == 0.5
    assert [layer.bias.shape[0] for layer in opponent.net.layers] == [8, 4, 1]
