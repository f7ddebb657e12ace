"""Flow posteriors: log q against the Jacobian, on a grid and by its own integral; gradients by finite differences."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.model.posteriors import posteriors
from latente.model.posteriors.gaussian import DiagonalGaussian

SPECS = {
    "iaf": {"name": "iaf", "hidden": [8], "context": 3},
    "planar": {"name": "flow", "layers": 3},
    "realnvp": {"name": "flow", "family": "realnvp", "hidden": [8], "context": 3},
}


def shaken(name, dim):
    """A posterior with its learnt arrays far from where they start, and outputs for it."""
    made = posteriors.make(SPECS[name]).init(dim, key=jr.key(0))
    rng, size = np.random.default_rng(3), 0.3 if name == "realnvp" else 0.5
    made = jax.tree.map(lambda a: jnp.asarray(size * rng.normal(size=a.shape), a.dtype), made)
    return made, jnp.asarray(0.8 * rng.normal(size=made.size(dim)), jnp.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_log_q_of_a_draw_is_the_gaussians_through_the_jacobian(name):
    dim = 3
    q, outputs = shaken(name, dim)

    @jax.jit
    @jax.vmap
    def draws(key):
        # z depends on the Gaussian's mean as the flow's image does on its point.
        z, log_q = q.draw(outputs, key=key)
        return z, log_q, jax.jacfwd(lambda o: q.draw(o, key=key)[0])(outputs)[:, :dim]

    keys = jr.split(jr.key(1), 50)
    z, log_q, jacobian = draws(keys)
    base = jax.vmap(lambda key: DiagonalGaussian().draw(outputs[: 2 * dim], key=key)[1])(keys)
    log_det = np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]
    assert np.std(log_det) > 0.05  # the map is no affine one
    np.testing.assert_allclose(log_q, base - log_det, atol=2e-5)
    if q.evaluates:
        again = jax.jit(jax.vmap(q.log_prob, (None, 0)))(outputs, z)
        np.testing.assert_allclose(log_q, again, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iaf", "realnvp"])
def test_the_density_integrates_to_one_and_is_that_of_the_draws(name):
    q, outputs = shaken(name, 2)
    n = 100_000
    z = np.asarray(jax.jit(jax.vmap(lambda key: q.sample(outputs, key=key)))(jr.split(jr.key(2), n)), np.float64)
    low, high = z.min(0) - 2, z.max(0) + 2
    axes = [np.linspace(low[i], high[i], 501) for i in range(2)]
    cell = np.prod([a[1] - a[0] for a in axes])
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(np.asarray(jax.jit(jax.vmap(q.log_prob, (None, 0)))(outputs, grid.astype(np.float32)), np.float64))
    assert density.sum() * cell == pytest.approx(1, abs=2e-3)
    for f in (lambda v: v[:, 0], lambda v: v[:, 1] ** 2, lambda v: v[:, 0] * v[:, 1], lambda v: np.cos(v[:, 0])):
        drawn = f(z)
        assert abs(drawn.mean() - np.sum(f(grid) * density) * cell) < 4 * drawn.std() / math.sqrt(n) + 3e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_log_q_is_normalised_over_its_draws_and_its_kls_gradient_is_the_finite_difference(name):
    q, outputs = shaken(name, 2)
    keys = jr.split(jr.key(4), 100_000)

    middle = q.mean(outputs)

    def log_ratios(o, keys):
        def one(key):
            z, log_q = q.draw(o, key=key)
            return log_q + 0.5 * jnp.sum(((z - middle) / 0.3) ** 2 + math.log(2 * math.pi * 0.3**2))

        return jax.vmap(one)(keys)

    # ∫ p dz over all of the space is E_q p / q = 1; p is a narrow normal where q has much of its mass.
    weights = np.exp(-np.asarray(jax.jit(log_ratios)(outputs, keys), np.float64))
    assert weights.std() < 5  # else its error would not be known
    assert abs(weights.mean() - 1) < 4 * weights.std() / math.sqrt(len(weights))

    kl = jax.jit(jax.value_and_grad(lambda o: jnp.mean(log_ratios(o, keys[:200]))))
    slope = np.asarray(kl(outputs)[1])
    steps = 1e-2 * np.eye(len(outputs), dtype=np.float32)
    want = np.array([(float(kl(outputs + s)[0]) - float(kl(outputs - s)[0])) / 2e-2 for s in steps])
    np.testing.assert_allclose(slope, want, rtol=1e-2, atol=1e-2 * np.abs(want).max())


@pytest.mark.parametrize("name", SPECS)
def test_the_mean_code_is_the_image_of_the_gaussians_mean(name):
    q, outputs = shaken(name, 3)
    # With its variance at the least there is, a draw is its mean's image.
    narrow = outputs.at[3:6].set(-1e3)

    @jax.jit
    def both(o):
        return q.mean(o), q.draw(o, key=jr.key(0))[0]

    mean, drawn = both(narrow)
    np.testing.assert_allclose(mean, drawn, atol=2e-3)
    assert np.abs(mean - narrow[:3]).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("dim", [1, 5])
def test_sizes_fit_and_it_starts_near_the_gaussian(name, dim):
    q = posteriors.make(SPECS[name]).init(dim, key=jr.key(0))
    outputs = jnp.zeros(q.size(dim))
    z, log_q = jax.jit(lambda o: q.draw(o, key=jr.key(1)))(outputs)
    shrunk = 0.8808**2 if name == "iaf" else 1.0  # two gates at σ(2)
    noise, base = DiagonalGaussian().draw(jnp.zeros(2 * dim), key=jr.key(1))
    order = slice(None, None, -1) if name == "iaf" else slice(None)
    np.testing.assert_allclose(z, (shrunk * noise)[order], atol=0.15)
    assert float(log_q) == pytest.approx(float(base) - dim * math.log(shrunk), abs=0.2)


def test_planar_maps_give_no_density_at_a_given_code():
    q = posteriors.make("flow")
    assert not q.evaluates and posteriors.make({"name": "flow", "family": "realnvp"}).evaluates
    with pytest.raises(SpecError, match='family = "planar" has no density.*realnvp'):
        q.log_prob(jnp.zeros(q.size(2)), jnp.zeros(2))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "flow", "family": "planer"}, 'unknown family of posterior "flow" "planer"; did you mean "planar"'),
        ({"name": "flow", "layers": 0}, r'posterior "flow": got layers = 0; allowed: a whole number of at least 1'),
        ({"name": "flow", "hidden": [8]}, r'got hidden = \[8\] with family = "planar"'),
        ({"name": "flow", "family": "realnvp", "hidden": [0]}, r"hidden\[0\] = 0"),
        ({"name": "iaf", "hidden": 64}, r'posterior "iaf": got hidden = 64; allowed: a list'),
        ({"name": "iaf", "layers": True}, "layers = True"),
        ({"name": "iaf", "context": -1}, "context = -1; allowed: a whole number of at least 0"),
    ],
)
def test_options_are_checked(spec, message):
    with pytest.raises(SpecError, match=message):
        posteriors.make(spec)
