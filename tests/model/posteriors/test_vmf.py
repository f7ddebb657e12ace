"""The von Mises–Fisher posterior against SciPy's Bessel functions and density; its gradients against closed forms."""

import functools
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import integrate, special, stats

from latente.errors import SpecError
from latente.model.posteriors import posteriors
from latente.model.posteriors import vmf_angle as angles
from latente.model.posteriors.vmf import KAPPA_AT_ZERO, LOG_KAPPA_BOUND
from latente.model.priors import priors

VMF = posteriors.make("von-mises-fisher")
KAPPAS = np.logspace(-2, 4, 31)


def log_moment(kappa, dim):
    """log E[e^(κ cos t)] over uniform directions, in float64."""
    nu = dim / 2 - 1
    return special.gammaln(dim / 2) - nu * np.log(kappa / 2) + np.log(special.ive(nu, kappa)) + kappa


def bessel_ratio(kappa, dim):
    return special.ive(dim / 2, kappa) / special.ive(dim / 2 - 1, kappa)


def outputs_for(dim, kappa, seed=0):
    """Encoder outputs with a random direction and this κ."""
    raw = LOG_KAPPA_BOUND * np.arctanh(np.log(kappa / KAPPA_AT_ZERO) / LOG_KAPPA_BOUND)
    return np.append(np.random.default_rng(seed).normal(size=dim), raw).astype(np.float32)


def parameters(outputs):
    """The same parameters, in float64."""
    o = np.asarray(outputs, np.float64)
    direction = o[:-1] / np.linalg.norm(o[:-1])
    return direction, KAPPA_AT_ZERO * np.exp(LOG_KAPPA_BOUND * np.tanh(o[-1] / LOG_KAPPA_BOUND))


@functools.cache
def drawn(dim, kappa, n=40_000):
    """Codes, their log q, and the gradients of e^(a·z) and of log q; one compiled program for each dimension."""
    outputs = jnp.asarray(outputs_for(dim, kappa))
    a = jnp.linspace(-1, 1.5, dim)
    z, log_q, of_value, of_log_q = _draws(outputs, a, jr.split(jr.key(dim), n))
    return outputs, a, *(np.asarray(v, np.float64) for v in (z, log_q, of_value, of_log_q))


_log_probs = jax.jit(jax.vmap(VMF.log_prob, (None, 0)))


@jax.jit
def _draws(outputs, a, keys):
    def one(key):
        def both(o):
            z, log_q = VMF.draw(o, key=key)
            return jnp.stack([jnp.exp(a @ z), log_q]), (z, log_q)

        slopes, (z, log_q) = jax.jacrev(both, has_aux=True)(outputs)
        return z, log_q, slopes[0], slopes[1]

    return jax.lax.map(one, keys, batch_size=10_000)


@pytest.mark.parametrize("dim", [2, 3, 9, 64])
def test_normaliser_and_bessel_ratio_hold_in_float32(dim):
    k = jnp.asarray(KAPPAS, jnp.float32)
    exact = np.asarray(k, np.float64)

    @jax.jit
    @jax.vmap
    def everything(k):
        ratios = angles.resultant(k, dim), angles.shortfall(k, dim)
        return *jax.value_and_grad(angles.log_moment)(k, dim), *ratios

    value, slope, resultant, shortfall = everything(k)
    want = log_moment(exact, dim) - exact
    np.testing.assert_allclose(value, want, rtol=3e-6, atol=3e-6)
    ratio = bessel_ratio(exact, dim)
    np.testing.assert_allclose(resultant, ratio, rtol=3e-6)
    # 1 − ratio loses digits in float64 too where κ is large, about κ·1e-16 of them.
    np.testing.assert_allclose(shortfall, 1 - ratio, rtol=3e-6)
    # The derivative of the log-moment is the ratio, and automatic.
    np.testing.assert_allclose(slope, ratio - 1, rtol=3e-6)


@pytest.mark.parametrize("dim", [2, 3, 16])
@pytest.mark.parametrize("kappa", [0.5, 30.0, 2000.0])
def test_log_prob_is_scipys(dim, kappa):
    outputs = outputs_for(dim, kappa)
    direction, kappa = parameters(outputs)
    law = stats.vonmises_fisher(direction, kappa)
    z = np.atleast_2d(law.rvs(20, random_state=0)).reshape(20, dim)
    z[0] = -direction  # and the least probable point
    ours = _log_probs(outputs, z.astype(np.float32))
    np.testing.assert_allclose(ours, law.logpdf(z), rtol=1e-5, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "kappa"), [(2, 3.0), (3, 40.0), (16, 9000.0), (16, 0.05)])
def test_draws_are_unit_vectors_with_the_exact_moments_and_their_own_log_prob(dim, kappa):
    outputs, _, z, log_q, *_ = drawn(dim, kappa)
    direction, kappa = parameters(outputs)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-6)
    again = np.concatenate([_log_probs(outputs, part.astype(np.float32)) for part in z[:200].reshape(10, 20, dim)])
    np.testing.assert_allclose(log_q[:200], again, rtol=1e-5, atol=1e-3)
    ratio, n = bessel_ratio(kappa, dim), len(z)
    along = z @ direction
    others = np.linalg.svd(direction[None])[2][1:]
    sideways = (z @ others.T) ** 2
    for values, want in ((along, ratio), (along**2, 1 - (dim - 1) * ratio / kappa), (sideways, ratio / kappa)):
        error = values.std(0, ddof=1) / math.sqrt(n)
        assert np.all(np.abs(values.mean(0) - want) < 4.5 * error + 1e-6)
    # Nothing favours a side: means of what is orthogonal to the direction are zero.
    across = z @ others.T
    assert np.all(np.abs(across.mean(0)) < 4.5 * across.std(0) / math.sqrt(n))


@pytest.mark.parametrize(("dim", "kappa"), [(2, 3.0), (3, 40.0), (16, 9000.0), (16, 0.05)])
def test_gradient_of_an_expectation_is_its_finite_difference(dim, kappa):
    # E e^(a·z) = M(‖κμ + a‖) / M(κ) with M the moment above: every moment of z is in it.
    outputs, a, _, _, slopes, _ = drawn(dim, kappa)
    a, outputs = np.asarray(a, np.float64), np.asarray(outputs, np.float64)

    def expectation(o):
        direction, kappa = parameters(o)
        return math.exp(log_moment(np.linalg.norm(kappa * direction + a), dim) - log_moment(kappa, dim))

    steps = 1e-4 * np.eye(dim + 1)
    want = np.array([(expectation(outputs + s) - expectation(outputs - s)) / 2e-4 for s in steps])
    error = slopes.std(0, ddof=1) / math.sqrt(len(slopes))
    assert np.all(np.abs(slopes.mean(0) - want) < 4.5 * error + 1e-6)
    assert abs(want[-1]) > 4.5 * error[-1]  # κ's gradient would be missed were it zero


@pytest.mark.parametrize(("dim", "kappa"), [(2, 3.0), (3, 40.0), (16, 9000.0)])
def test_gradient_of_log_q_is_that_of_the_entropy(dim, kappa):
    outputs, *_, slopes = drawn(dim, kappa)
    outputs = np.asarray(outputs, np.float64)

    def minus_entropy(raw):
        kappa = parameters(np.append(outputs[:-1], raw))[1]
        return kappa * bessel_ratio(kappa, dim) - log_moment(kappa, dim)

    want = (minus_entropy(outputs[-1] + 1e-4) - minus_entropy(outputs[-1] - 1e-4)) / 2e-4
    error = slopes[:, -1].std(ddof=1) / math.sqrt(len(slopes))
    assert abs(slopes[:, -1].mean() - want) < 4.5 * error + 1e-5
    np.testing.assert_allclose(slopes[:, :-1], 0, atol=1e-4)  # turning the mean changes no log q


@functools.partial(jax.jit, static_argnums=2)
def _angles(kappa, keys, dim):
    t = jax.vmap(lambda key: angles.draw_angle(kappa, dim, key=key))(keys)
    return t, jax.vmap(lambda t: angles.angle_slope(t, kappa, dim))(t)


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "kappa"), [(2, 0.01), (2, 1e4), (3, 1.0), (3, 300.0), (64, 0.01), (64, 1e4)])
def test_an_angle_moves_with_kappa_as_its_quantile(dim, kappa):
    """∂t/∂κ = −(∂F/∂κ) / f, by adaptive quadrature in float64 of the side where the integrand has one sign."""
    ratio = bessel_ratio(kappa, dim)
    t, found = (np.asarray(v, np.float64) for v in _angles(jnp.float32(kappa), jr.split(jr.key(3), 40), dim))
    for angle, slope in zip(t, found, strict=True):

        def integrand(s, angle=angle):
            sines = (dim - 2) * (math.log(math.sin(s)) - math.log(math.sin(angle))) if dim > 2 else 0
            return (math.cos(s) - ratio) * math.exp(kappa * (math.cos(s) - math.cos(angle)) + sines)

        spread = 30 / math.sqrt(kappa + dim)
        if math.cos(angle) > ratio:
            want = -integrate.quad(integrand, max(angle - spread, 1e-12), angle, epsabs=0, epsrel=1e-8, limit=200)[0]
        else:
            want = integrate.quad(integrand, angle, min(angle + spread, math.pi), epsabs=0, epsrel=1e-8, limit=200)[0]
        assert slope == pytest.approx(want, rel=2e-4)


def test_the_sampler_seldom_rejects():
    # The share of accepted proposals, by its definition: M(κ) is the mean of e^(κ cos t) / (proposal's density).
    for dim in (2, 3, 8, 64):
        kappa = KAPPAS
        b = (dim - 1) / (2 * kappa + np.sqrt(4 * kappa**2 + (dim - 1) ** 2))
        x0 = (1 - b) / (1 + b)
        at_best = kappa * x0 + (dim - 1) * np.log(1 - x0**2)
        # The proposal's density of cos t is b^((d−1)/2) (2 / (1 + b))^(d−1) / (1 − x₀ cos t)^(d−1), against uniform.
        scale = (dim - 1) * (0.5 * np.log(b) + np.log(2 / (1 + b)))
        accepted = np.exp(log_moment(kappa, dim) + scale - at_best)
        assert np.all(accepted > 0.65) and np.all(accepted < 1 + 1e-9)


@pytest.mark.slow
def test_concentration_is_bounded_and_a_direction_without_length_is_no_trouble():
    for raw, want in ((-1e6, 1e-2), (0, 10), (1e6, 1e4)):
        assert float(VMF.parameters(jnp.asarray([1.0, 0, 0, raw]))[1]) == pytest.approx(want, rel=1e-5)
    z, log_q, slopes, _ = _draws(jnp.zeros(3 + 1), jnp.ones(3), jr.split(jr.key(0), 5))
    assert np.isfinite(log_q).all() and np.isfinite(slopes).all()
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(VMF.mean(jnp.zeros(4)), [1, 0, 0])


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_the_uniform_prior_has_the_spheres_area_and_no_favourites(dim):
    prior = priors.make("uniform-sphere")
    z = np.asarray(jax.vmap(lambda key: prior.sample(dim, key=key))(jr.split(jr.key(0), 20_000)))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-6)
    # The first coordinate's law: (1 + z₀)/2 ~ Beta((d − 1)/2, (d − 1)/2).
    assert stats.kstest((1 + z[:, 0]) / 2, stats.beta((dim - 1) / 2, (dim - 1) / 2).cdf).pvalue > 1e-4
    areas = {2: 2 * math.pi, 3: 4 * math.pi, 7: 16 * math.pi**3 / 15}
    assert float(prior.log_prob(z[0])) == pytest.approx(-math.log(areas[dim]), rel=1e-6)


@pytest.mark.parametrize("part", [VMF, priors.make("uniform-sphere")])
def test_a_line_is_refused(part):
    with pytest.raises(SpecError, match="latent_dim = 1; allowed: at least 2"):
        part.init(1, key=jr.key(0)) if part is VMF else part.init(1, (3,), key=jr.key(0))
