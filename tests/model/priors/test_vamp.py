"""The VampPrior against its definition written out, gradients against finite differences, and trained with a VAE."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import batch_of
from scipy import special, stats

import latente
from latente.errors import SpecError
from latente.model.build import build, start
from latente.model.priors import priors
from latente.model.priors.vamp import EDGE, PosteriorMixture
from latente.objective.divergences import rate
from latente.objective.objectives.elbo import ELBO

SHAPE = (2, 3)


def model_with(count, key=0, **parts):
    spec = latente.VAE(2, hidden=(5,), prior={"name": "vamp", "pseudo_inputs": count}, **parts)
    return spec, build(spec, SHAPE, key=jr.key(key))


@pytest.mark.slow
def test_the_density_is_the_mean_over_pseudo_inputs_and_draws_follow_it(hold_to_its_density):
    _, model = model_with(4)
    z = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    ours = jax.vmap(model.prior.given(model).log_prob)(z)
    # By hand, in NumPy: sigmoid, one relu layer, then scipy's normal densities.
    u = special.expit(np.asarray(model.prior.inputs, np.float64)).reshape(4, -1)
    first, last = model.encoder.layers
    hidden = np.maximum(u @ np.asarray(first.weight) + np.asarray(first.bias), 0)
    outputs = hidden @ np.asarray(last.weight) + np.asarray(last.bias)
    mean, deviation = outputs[:, :2], np.exp(10 * np.tanh(outputs[:, 2:] / 20))
    log_q = stats.norm.logpdf(z[:, None], mean, deviation).sum(axis=-1)
    np.testing.assert_allclose(ours, special.logsumexp(log_q, axis=1) - np.log(4), rtol=1e-5)
    spread = jnp.array([[1.5, 1, -0.5, 0], [-2, 0, 0.5, -1], [0, -2, 0, 0.4]])
    hold_to_its_density(PosteriorMixture(model.posterior, spread), 7.0)


@pytest.mark.slow
def test_with_one_pseudo_input_the_prior_is_its_posterior_and_the_rate_there_zero():
    _, model = model_with(1)
    x = jax.nn.sigmoid(model.prior.inputs[0])
    outputs = model.encode(x)
    z, log_q = model.posterior.draw(outputs, key=jr.key(1))
    assert float(rate(model.posterior, model.prior.given(model), outputs, z, log_q)) == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_gradients_reach_encoder_and_pseudo_inputs_and_are_finite_differences():
    _, model = model_with(3)
    x = jr.uniform(jr.key(1), (16, *SHAPE))
    batch = batch_of(x, jr.split(jr.key(2), 16))
    learns, fixed = eqx.partition(model, eqx.is_inexact_array)

    @jax.jit
    def both(learns):
        def kl(learns):
            return jnp.mean(ELBO()(eqx.combine(learns, fixed), batch).kl)

        def moved(where, by):
            old = where(learns)
            return kl(eqx.tree_at(where, learns, old + by * jr.normal(jr.key(3), old.shape)))

        slopes, found, step = jax.grad(kl)(learns), [], 1e-2
        for where in (lambda m: m.encoder.layers[0].weight, lambda m: m.prior.inputs):
            along = jr.normal(jr.key(3), where(learns).shape)
            found.append((jnp.sum(where(slopes) * along), (moved(where, step) - moved(where, -step)) / (2 * step)))
        return found

    for ours, wanted in both(learns):
        assert abs(float(wanted)) > 1e-3
        assert float(ours) == pytest.approx(float(wanted), rel=2e-2, abs=1e-4)


@pytest.mark.slow
def test_it_starts_as_training_examples_each_of_them_once_first():
    spec, model = model_with(12)
    x = jr.uniform(jr.key(1), (8, *SHAPE))
    prior = start(spec, model, lambda: np.asarray(x), lambda: jnp.zeros(SHAPE), lambda: x, key=jr.key(2)).prior
    seen = np.asarray(prior.encoder_inputs(model)).reshape(12, -1)
    apart = np.abs(seen[:, None] - np.clip(x, EDGE, 1 - EDGE).reshape(1, 8, -1)).max(axis=-1)
    assert sorted(apart[:8].argmin(axis=1)) == list(range(8)) and apart[:8].min(axis=1).max() < 1e-5
    # Those used again have noise, so that they can part.
    assert (apart[8:].min(axis=1) > 1e-3).all() and (apart[8:].min(axis=1) < 0.15).all()


@pytest.mark.slow
def test_masks_of_missing_values_are_kept_as_they_were():
    spec, model = model_with(3, missing=True)
    x = jnp.full((3, *SHAPE), 0.3).at[0, 0, 1].set(jnp.nan)
    prior = start(spec, model, lambda: np.asarray(x), lambda: jnp.zeros(SHAPE), lambda: x, key=jr.key(0)).prior
    masks = np.asarray(prior.encoder_inputs(model))[:, 6:]
    assert sorted(masks.sum(axis=1)) == [5, 6, 6] and set(np.unique(masks)) == {0.0, 1.0}
    slope = jax.grad(lambda u: eqx.tree_at(lambda p: p.inputs, prior, u).given(model).log_prob(jnp.zeros(2)))
    slope = np.asarray(slope(prior.inputs))
    assert (slope[:, 6:] == 0).all() and np.abs(slope[:, :6]).max() > 0


@pytest.mark.slow
def test_pairings_without_meaning_are_refused():
    with pytest.raises(SpecError, match=r'prior "vamp" does not go with posterior "flow": it needs q\(z \| u\) at any'):
        model_with(2, posterior={"name": "flow", "family": "planar"})
    _, model = model_with(2, posterior="full-gaussian")
    with pytest.raises(SpecError, match='prior "vamp" does not go with a model conditioned on labels'):
        build(latente.VAE(2, prior="vamp"), SHAPE, key=jr.key(0), context=3)
    with pytest.raises(SpecError, match="only beside its encoder"):
        model.prior.log_prob(jnp.zeros(2))
    with pytest.raises(SpecError, match='prior "vamp": got pseudo_inputs = 0; allowed'):
        priors.make({"name": "vamp", "pseudo_inputs": 0})
    with pytest.raises(SpecError, match='unknown start_from of prior "vamp" "date"; did you mean "data"'):
        priors.make({"name": "vamp", "start_from": "date"})


@pytest.mark.slow
def test_it_learns_with_a_vae(tmp_path):
    data = latente.load_data("digits")
    spec = latente.VAE(2, hidden=(16,), prior={"name": "vamp", "pseudo_inputs": 20})
    run = latente.fit(spec, data, epochs=3)
    assert run.history["loss"][-1] < run.history["loss"][0]
    again = latente.load(run.save(tmp_path / "run"), data=data)
    assert again.evaluate("test") == run.evaluate("test")
    assert np.array_equal(again.sample(5), run.sample(5))
