"""Pairings without meaning and options out of range, each refused before anything is compiled."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import pytest

from latente.errors import SpecError
from latente.model.posteriors import Posterior
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.priors import Prior
from latente.objective.objectives import objectives

ALL = ["beta-tc", "dip-vae", "factor-vae", "info-vae", "mmd-vae", "wae-mmd", "adversarial", "wae-gan", "vae-gan", "m2"]
DENSITY = ["beta-tc", "dip-vae", "factor-vae", "info-vae", "mmd-vae", "vae-gan", "m2"]
FIXED_PRIOR = ["mmd-vae", "wae-mmd", "adversarial", "wae-gan"]


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


class LearntPrior(Prior):
    shift: jnp.ndarray

    def log_prob(self, z):
        return jnp.sum(z * self.shift)

    def sample(self, code_size, *, key):
        return jr.normal(key, (code_size,)) + self.shift


class Correlated(LearntPrior):
    pass


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


@pytest.mark.parametrize("name", FIXED_PRIOR)
def test_a_prior_that_nothing_would_train_is_refused_also_as_shapes(make, name):
    def learning():
        model = make.model()
        return eqx.tree_at(lambda m: m.prior, model, LearntPrior(jnp.zeros(3)), is_leaf=lambda p: isinstance(p, Prior))

    for model in (learning(), eqx.filter_eval_shape(learning)):
        assert f'objective "{name}" does not go with prior LearntPrior: only draws' in refusal(name, model)
    objectives.make(name).check(make.model())


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
