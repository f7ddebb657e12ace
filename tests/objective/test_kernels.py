"""The MMD against double sums, the Gaussian kernel's closed expectation, and its own unbiasedness."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.objective.kernels import Kernel, check_kernel, squared_mmd


def by_double_sum(name, typical, scales, a, b):
    """The U-statistic as it is written, pair by pair in double precision."""

    def k(u, v):
        r2 = float(np.sum((np.float64(u) - np.float64(v)) ** 2))
        return sum(s * typical / (s * typical + r2) if name == "imq" else np.exp(-r2 / (s * typical)) for s in scales)

    def inner(c):
        n = len(c)
        return sum(k(c[i], c[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    return inner(a) + inner(b) - 2 * np.mean([k(u, v) for u in a for v in b])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imq", "rbf"])
def test_it_is_the_double_sum_and_elements_without_weight_count_for_nothing(name):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 3)).astype(np.float32), rng.normal(1, 2, size=(5, 3)).astype(np.float32)
    scales = (0.3, 1.0, 4.0)
    expected = by_double_sum(name, 6.0, scales, a, b)
    kernel = Kernel(name, 6.0, scales)
    assert float(squared_mmd(kernel, a, b, jnp.ones(7), jnp.ones(5))) == pytest.approx(expected, rel=1e-5)
    assert abs(expected) > 0.05
    a2, b2 = np.vstack([a, np.full((2, 3), 9.0)]), np.vstack([b, np.zeros((4, 3))])
    weights = jnp.array([1.0] * 7 + [0] * 2), jnp.array([1.0] * 5 + [0] * 4)
    assert float(squared_mmd(kernel, a2, b2, *weights)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.8, 0.5)])
def test_its_mean_is_the_closed_form_of_the_gaussian_kernel(mean, sd):
    d, n, repeats, kernel = 2, 20, 4000, Kernel("rbf", 4.0, (0.5, 2.0))

    def expected(m, variance, h):
        # E exp(−‖a − b‖² / h) where a − b is normal with this mean and variance in each of d dimensions.
        return (h / (h + 2 * variance)) ** (d / 2) * np.exp(-d * m**2 / (h + 2 * variance))

    closed = sum(expected(0, 2.0, h) + expected(0, 2 * sd**2, h) - 2 * expected(mean, 1 + sd**2, h) for h in (2.0, 8.0))

    def one(key):
        a = jr.normal(jr.fold_in(key, 0), (n, d))
        b = mean + sd * jr.normal(jr.fold_in(key, 1), (n, d))
        return squared_mmd(kernel, a, b, jnp.ones(n), jnp.ones(n))

    values = np.asarray(jax.jit(jax.vmap(one))(jr.split(jr.key(0), repeats)), np.float64)
    error = values.std() / repeats**0.5
    assert abs(values.mean() - closed) < 4 * error
    # Two samples of one distribution: zero on average, and so sometimes below it.
    assert (abs(closed) < 1e-12 and (values < 0).any()) if mean == 0 else closed > 20 * error


def test_a_sample_and_itself_are_near_zero_by_exactly_the_pairs_left_out():
    a = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    kernel = Kernel("imq", 4.0, (1.0,))
    gram = np.asarray(kernel.between(a, a), np.float64)
    mean_off = (gram.sum() - 400) / (400 * 399)
    found = float(squared_mmd(kernel, a, a, jnp.ones(400), jnp.ones(400)))
    assert found == pytest.approx(2 * (mean_off - gram.mean()), abs=2e-6)
    assert abs(found) < 2 / 400


@pytest.mark.slow
def test_one_element_has_no_u_statistic_and_its_gradient_is_finite():
    a, b = jnp.ones((3, 2)), jnp.zeros((3, 2))
    alone = jnp.array([1.0, 0, 0])
    value, slope = jax.value_and_grad(lambda a: squared_mmd(Kernel("rbf", 4.0), a, b, alone, alone))(a)
    assert float(value) == 0
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("name", "scales", "words"),
    [
        ("rbff", (1.0,), 'unknown kernel of objective "wae-mmd" "rbff"; did you mean "rbf"'),
        (3, (1.0,), "Allowed: imq, rbf"),
        ("imq", (), "allowed: a list of at least one number above 0"),
        ("imq", (1.0, 0.0), "got scales = (1.0, 0.0)"),
        ("imq", 2.0, "got scales = 2.0"),
        ("imq", (float("inf"),), "above 0"),
    ],
)
def test_kernels_are_checked(name, scales, words):
    with pytest.raises(SpecError) as error:
        check_kernel('objective "wae-mmd"', name, scales)
    assert words in str(error.value)
