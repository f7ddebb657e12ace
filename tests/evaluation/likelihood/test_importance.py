"""The importance-weighted bound against the exact evidence of the linear-Gaussian model."""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from lineargaussian import EVIDENCE, linear_gaussian, with_encoder
from scipy import stats
from scipy.special import logsumexp

from latente.errors import SpecError
from latente.evaluation.batching import LIVE, code_width, codes_at_once
from latente.evaluation.likelihood.exact import exact_nll
from latente.evaluation.likelihood.importance import _bound, nll
from latente.model.build import build
from latente.objective.presets import AE, VAE
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)


def silent(model):
    """With an encoder whose posterior is the same whatever it sees, and as wide as the prior."""
    return eqx.tree_at(lambda m: m.encoder.layers[0].weight, model, replace_fn=jnp.zeros_like)


def mute():
    """The linear-Gaussian model, whose encoder says N(0, I) whatever x, so that the draws reach everywhere the true
    posterior does."""
    return with_encoder(linear_gaussian(), np.zeros((4, 4)), np.zeros(4))


@pytest.mark.slow
def test_the_bound_falls_to_the_exact_nll_with_k_and_its_effective_size_is_sane():
    model = mute()
    x = EVIDENCE.rvs(size=150, random_state=0).astype(np.float32)
    exact = -EVIDENCE.logpdf(x)
    means = []
    for k in (1, 10, 5000):
        bound = nll(model, ONE, Examples(jnp.asarray(x)), samples=k)
        assert bound.values.shape == (150,) and (bound.effective >= 0.999).all() and (bound.effective <= k + 0.5).all()
        means.append(bound.values.mean())
    assert means[0] > means[1] > means[2] > exact.mean() - 0.02
    assert means[2] == pytest.approx(exact.mean(), abs=0.03)
    assert means[0] > means[2] + 0.5
    assert bound.values == pytest.approx(exact, abs=0.5) and not bound.loose


@pytest.mark.slow
def test_neither_memory_nor_what_follows_changes_the_numbers():
    model = mute()
    x = jnp.asarray(EVIDENCE.rvs(size=150, random_state=0).astype(np.float32))
    whole = nll(model, ONE, Examples(x), samples=23)
    # 7 codes at once, so that an image takes several steps and a batch holds few images.
    few = nll(model, ONE, Examples(x[:100]), samples=23, memory=LIVE * code_width(model) * 7)
    assert few.values == pytest.approx(whole.values[:100], abs=2e-5)
    assert few.effective == pytest.approx(whole.effective[:100], rel=1e-4)
    assert few.halves == pytest.approx(whole.halves[:100], abs=2e-5)
    with pytest.raises(SpecError, match=f"memory: got 10; allowed: bytes, at least {LIVE * code_width(model)}"):
        nll(model, ONE, Examples(x), memory=10)


@pytest.mark.slow
def test_what_the_last_doubling_brought():
    model = mute()
    x = Examples(jnp.asarray(EVIDENCE.rvs(size=400, random_state=3).astype(np.float32)))
    small, large = nll(model, ONE, x, samples=4, seed=1), nll(model, ONE, x, samples=8)
    # Jensen's inequality, for every example; and on average what two independent runs differ by.
    assert (large.gain > -1e-5).all()
    assert large.gain.mean() == pytest.approx((small.values - large.values).mean(), abs=0.2) and large.gain.mean() > 0.9
    assert large.loose and "K = 8 is too small" in large.warnings()[0] and "lowered it by 1." in large.warnings()[0]
    assert nll(model, ONE, x, samples=1).loose


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"likelihood": "continuous-bernoulli"},
        {"network": "conv", "hidden": (4, 8)},
        {"hidden": (400, 400)},
        {"prior": {"name": "vamp", "pseudo_inputs": 50}},
    ],
)
def test_a_step_takes_no_more_memory_than_it_may(parts):
    model = build(VAE(4, **({"hidden": (32,)} | parts)), (12, 12), key=jr.key(0))
    memory, n = 2**24, 20
    codes = codes_at_once(model, memory, block=memory)
    x = Examples(jnp.zeros((n, 12, 12)))
    step = _bound.lower(model, ONE, x, jr.split(jr.key(0), n), jnp.int32(10**6), codes // n).compile()
    used = step.compiled.memory_analysis().temp_size_in_bytes
    assert codes // n > 5 and 0 < used < memory


@pytest.mark.slow
def test_one_program_serves_every_k_and_every_number_of_images():
    model = mute()
    x = jnp.asarray(EVIDENCE.rvs(size=300, random_state=4).astype(np.float32))
    memory = LIVE * code_width(model) * 500
    nll(model, ONE, Examples(x[:100]), samples=20, memory=memory)
    before = _bound._cached._cache_size()
    nll(model, ONE, Examples(x), samples=2000, memory=memory)
    assert _bound._cached._cache_size() == before


@pytest.mark.slow
def test_categories_are_weighed_by_their_probabilities():
    hard = {"name": "gumbel-softmax", "classes": 3}
    spec = VAE(1, hidden=(), posterior=hard, prior={"name": "uniform-categorical", "classes": 3}, likelihood="gaussian")
    model = silent(build(spec, (4,), key=jr.key(1)))
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    means = np.asarray(model.decoder.layers[0].weight) + np.asarray(model.decoder.layers[0].bias)
    each = stats.norm(means[None], 1).logpdf(x[:, None]).sum(axis=2)
    exact = np.log(3) - logsumexp(each, axis=1)
    bound = nll(model, ONE, Examples(jnp.asarray(x)), samples=4000)
    assert bound.values == pytest.approx(exact, abs=0.08)
    assert bound.values.mean() == pytest.approx(exact.mean(), abs=0.01)
    soft = build(replace(spec, posterior={**hard, "hard": False}), (4,), key=jr.key(1))
    with pytest.raises(SpecError, match="take hard = true"):
        nll(soft, ONE, Examples(jnp.asarray(x)))


@pytest.mark.slow
def test_a_model_that_sums_over_labels_is_a_mixture():
    spec = replace(VAE(2, hidden=(), likelihood="gaussian"), condition="labels")
    model = silent(build(spec, (4,), key=jr.key(2), context=3, classes=3))
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    w, b = (np.asarray(a) for a in (model.decoder.layers[0].weight, model.decoder.layers[0].bias))
    each = [stats.multivariate_normal(b + w[2 + y], w[:2].T @ w[:2] + np.eye(4)).logpdf(x) for y in range(3)]
    exact = np.log(3) - logsumexp(each, axis=0)
    assert exact_nll(model, ONE, Examples(jnp.asarray(x))) == pytest.approx(exact, abs=1e-5)
    bound = nll(model, ONE, Examples(jnp.asarray(x)), samples=3000)
    assert bound.values == pytest.approx(exact, abs=0.2)
    assert bound.values.mean() == pytest.approx(exact.mean(), abs=0.01)


@pytest.mark.slow
def test_the_same_again_to_the_bit_and_the_uneven_end_is_no_filling():
    model = mute()
    x = jnp.asarray(EVIDENCE.rvs(size=130, random_state=1).astype(np.float32))
    one, two = (nll(model, ONE, Examples(x), samples=7) for _ in range(2))
    assert np.array_equal(one.values, two.values)
    shifted = nll(model, ONE, Examples(jnp.concatenate([x, x + 5])), samples=7)
    assert np.array_equal(shifted.values[:130], one.values)


@pytest.mark.slow
def test_a_perfect_posterior_has_a_full_effective_size():
    model = mute()
    w = np.asarray(model.decoder.layers[0].weight)
    variance = 1 / (1 + (w**2).sum(axis=1) / 0.49)
    gain = (w * variance[:, None] / 0.49).T
    weight = jnp.concatenate([jnp.asarray(gain), jnp.zeros((4, 2))], axis=1)
    bias = jnp.concatenate(
        [-model.decoder.layers[0].bias @ gain, 20 * jnp.arctanh(jnp.log(jnp.asarray(variance)) / 20)]
    )
    model = eqx.tree_at(lambda m: (m.encoder.layers[0].weight, m.encoder.layers[0].bias), model, (weight, bias))
    x = EVIDENCE.rvs(size=20, random_state=2).astype(np.float32)
    bound = nll(model, ONE, Examples(jnp.asarray(x)), samples=50)
    assert bound.values == pytest.approx(-EVIDENCE.logpdf(x), abs=1e-4)
    assert bound.effective == pytest.approx(np.full(20, 50.0), rel=1e-3)
    assert not bound.loose


def test_what_has_no_bound_is_refused():
    x = Examples(jnp.zeros((3, 4)))
    with pytest.raises(SpecError, match=r'no bound .* posterior "dirac" with prior "none" has none'):
        nll(build(AE(2, hidden=()), (4,), key=jr.key(0)), ONE, x)
    with pytest.raises(SpecError, match="samples: got 0"):
        nll(mute(), ONE, x, samples=0)


@pytest.mark.slow
def test_halves_whose_weights_are_far_apart_are_bounds_still():
    """With two draws each half is one: −log (e^−a + e^−b)/2 from a, the bound of the first, and b."""
    x = jnp.asarray(40 * EVIDENCE.rvs(size=30, random_state=0).astype(np.float32))
    one, two = (nll(mute(), ONE, Examples(x), samples=k) for k in (1, 2))
    a, b = one.values, 2 * two.halves - one.values
    # Far more than the 104 nats below which a weight against the greater one is zero in single precision.
    assert np.abs(a - b).max() > 500
    assert two.values == pytest.approx(-logsumexp([-a, -b], axis=0) + np.log(2), rel=1e-4)
    assert np.isfinite(two.gain).all()
