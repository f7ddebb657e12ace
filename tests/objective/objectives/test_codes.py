"""Codes of a batch by NumPy, draws of the prior, weighted means, and what of a model may be compared at all."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.model.priors import Prior, priors
from latente.objective.objectives import objectives
from latente.objective.objectives.codes import coded, frozen, has_arrays, posterior_draws, prior_draws, weighted_mean


@pytest.mark.slow
def test_a_coded_batch_is_what_scipy_says_of_its_codes(make):
    model = make.model()
    batch = make.batch(model)
    found = eqx.filter_jit(coded)(model, model.prior, batch)
    mean, log_var = (np.asarray(a, float) for a in jax.vmap(model.posterior.moments)(found.outputs))
    z = np.asarray(found.z, float)
    noise = np.asarray(jax.vmap(lambda key: jr.normal(key, (3,)))(batch.keys))
    assert z == pytest.approx(mean + np.exp(log_var / 2) * noise, abs=1e-5)
    assert np.asarray(found.log_q) == pytest.approx(
        stats.norm.logpdf(z, mean, np.exp(log_var / 2)).sum(axis=1), abs=1e-4
    )
    made = z @ np.asarray(model.decoder.layers[0].weight) + np.asarray(model.decoder.layers[0].bias)
    log_p = stats.norm.logpdf(np.asarray(batch.x), made, 0.7).sum(axis=1)
    assert np.asarray(found.reconstruction) == pytest.approx(-log_p, rel=1e-4)
    rate = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    assert np.asarray(found.kl) == pytest.approx(rate, rel=1e-4)
    assert np.asarray(posterior_draws(model, batch)) == pytest.approx(z, abs=1e-6)


def test_a_point_has_no_rate_and_its_code_is_the_encoders(make):
    model = make.model(posterior="dirac")
    batch = make.batch(model)
    found = eqx.filter_jit(coded)(model, model.prior, batch)
    assert np.asarray(found.kl).tolist() == [0] * 8 and np.isinf(found.log_q).all()
    assert np.asarray(found.z) == pytest.approx(np.asarray(jax.vmap(model.encode)(batch.x)), abs=1e-6)


def test_draws_of_the_prior_are_independent_of_the_posteriors_noise():
    keys = jr.split(jr.key(0), 4000)
    drawn = np.asarray(prior_draws(priors.make("standard-normal"), 2, keys))
    noise = np.asarray(jax.vmap(lambda key: jr.normal(key, (2,)))(keys))
    # Of 4000 independent pairs a correlation has an error of 1 / √4000.
    assert np.abs(np.corrcoef(drawn.T, noise.T) - np.eye(4)).max() < 4 / 4000**0.5
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3


def test_a_weighted_mean_leaves_padding_out():
    values = jnp.array([[1.0, 10], [3, 30], [99, 99]])
    assert weighted_mean(values, jnp.array([1.0, 1, 0])).tolist() == [2, 20]
    assert weighted_mean(values, jnp.zeros(3)).tolist() == [0, 0]


def test_gradients_flow_through_what_is_frozen_and_not_to_it():
    layer = eqx.nn.Linear(2, 1, use_bias=False, key=jr.key(0))
    layer = eqx.tree_at(lambda m: m.weight, layer, jnp.array([[2.0, -3.0]]))
    to_layer, to_x = jax.grad(lambda both: frozen(both[0])(both[1])[0])((layer, jnp.array([5.0, 7.0])))
    assert to_layer.weight.tolist() == [[0, 0]] and to_x.tolist() == [2, -3]
    assert has_arrays(layer) and has_arrays(eqx.filter_eval_shape(lambda: layer))
    assert not has_arrays(priors.make("standard-normal"))


class LearntPrior(Prior):
    shift: jnp.ndarray

    def log_prob(self, z):
        return jnp.sum(z * self.shift)

    def sample(self, code_size, *, key):
        return jr.normal(key, (code_size,)) + self.shift


@pytest.mark.parametrize("name", ["mmd-vae", "wae-mmd", "adversarial", "wae-gan"])
def test_a_prior_that_nothing_would_train_is_refused_also_as_shapes(make, name):
    def learning():
        model = make.model()
        return eqx.tree_at(lambda m: m.prior, model, LearntPrior(jnp.zeros(3)), is_leaf=lambda p: isinstance(p, Prior))

    for model in (learning(), eqx.filter_eval_shape(learning)):
        with pytest.raises(SpecError, match=f'objective "{name}" does not go with prior LearntPrior: only draws'):
            objectives.make(name).check(model)
    objectives.make(name).check(make.model())
