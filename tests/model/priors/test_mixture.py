"""The mixture prior against scikit-learn's, its own integral and draws, and trained with a VAE."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from sklearn.mixture import GaussianMixture as Reference

import latente
from latente.errors import SpecError
from latente.model.priors import priors
from latente.model.priors.mixture import mixture_of


@pytest.mark.slow
@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_log_prob_is_scikit_learns_and_the_draws_follow_it(covariance, hold_to_its_density):
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(3, 2, 2))
    x = np.concatenate([rng.normal(size=(200, 2)) @ shapes[k] + [3 * k - 3, k] for k in range(3)])
    reference = Reference(3, covariance_type=covariance, random_state=0).fit(x)
    ours = mixture_of(reference.weights_, reference.means_, reference.precisions_cholesky_)
    found = jax.jit(jax.vmap(ours.log_prob))(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(found, reference.score_samples(x), atol=2e-4)
    hold_to_its_density(ours, 12.0)


@pytest.mark.slow
def test_gradients_are_finite_differences():
    prior = priors.make({"name": "gaussian-mixture", "components": 3, "covariance": "full"})
    prior = prior.init(2, (), key=jr.key(0))
    flat, back = ravel_pytree(prior)
    flat = flat + 0.3 * jr.normal(jr.key(1), flat.shape)
    z = jr.normal(jr.key(2), (50, 2))
    along = jr.normal(jr.key(3), (20, flat.size))

    @jax.jit
    def both(flat):
        def mean(flat):
            return jnp.mean(jax.vmap(back(flat).log_prob)(z))

        step = 3e-3
        differences = [(mean(flat + step * a) - mean(flat - step * a)) / (2 * step) for a in along]
        return along @ jax.grad(mean)(flat), jnp.stack(differences)

    ours, wanted = both(flat)
    np.testing.assert_allclose(ours, wanted, rtol=2e-2, atol=2e-3)


@pytest.mark.slow
def test_no_component_starts_equal_to_another_and_extreme_variances_stay_finite():
    prior = priors.make({"name": "gaussian-mixture", "components": 5}).init(4, (), key=jr.key(0))
    assert len(np.unique(np.asarray(prior.means), axis=0)) == 5
    narrow = mixture_of(np.array([0.5, 0.5]), np.zeros((2, 4)), np.full((2, 4), 1e9))
    assert np.isfinite(narrow.log_prob(jnp.full(4, 1e-4)))


def test_wrong_options_are_refused():
    with pytest.raises(SpecError, match='prior "gaussian-mixture": got components = 0; allowed: a whole number of at'):
        priors.make({"name": "gaussian-mixture", "components": 0})
    with pytest.raises(SpecError, match='unknown covariance of prior "gaussian-mixture" "ful"; did you mean "full"'):
        priors.make({"name": "gaussian-mixture", "covariance": "ful"})


@pytest.mark.slow
def test_it_learns_with_a_vae(tmp_path):
    data = latente.load_data("digits")
    spec = latente.VAE(2, hidden=(16,), prior={"name": "gaussian-mixture", "components": 4, "covariance": "full"})
    run = latente.fit(spec, data, epochs=3)
    assert run.history["loss"][-1] < run.history["loss"][0]
    # The prior itself has moved: its means are no longer the ones it began with.
    begun = priors.make(spec.prior).init(2, (), key=jr.key(0))
    assert run.model.prior.means.shape == begun.means.shape and np.abs(run.model.prior.above).max() > 1e-3
    again = latente.load(run.save(tmp_path / "run"), data=data)
    assert again.evaluate("test") == run.evaluate("test")
    assert np.array_equal(again.sample(5), run.sample(5))
