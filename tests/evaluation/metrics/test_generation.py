"""Generation metrics against prdc, plain definitions, closed forms and cases whose answer is known."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm
from scipy.spatial.distance import jensenshannon

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import generation
from latente.evaluation.metrics import generation as balance
from latente.evaluation.metrics.generation import membership, radii

RNG = np.random.default_rng(0)


def expected_coverage(n, m, k):
    """Of n real examples and m samples of one distribution (Naeem et al. 2020)."""
    return 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))


def plain_manifold(real, samples, k):
    """The definitions, one distance after the other."""

    def apart(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))

    def reach(x):
        d = apart(x, x)
        np.fill_diagonal(d, np.inf)
        return np.sort(d, axis=1)[:, k - 1]

    d = apart(real, samples)
    inside = d < reach(real)[:, None]
    return {
        "precision": inside.any(axis=0).mean(),
        "recall": (d < reach(samples)[None]).any(axis=1).mean(),
        "density": inside.sum(axis=0).mean() / k,
        "coverage": inside.any(axis=1).mean(),
    }


def values(found):
    return {name: getattr(found, name).value for name in ("precision", "recall", "density", "coverage")}


@pytest.mark.parametrize(
    ("n", "m", "d", "k", "scale"), [(300, 200, 8, 5, 0.8), (150, 260, 2, 3, 1.3), (200, 200, 30, 1, 1)]
)
def test_manifold_agrees_with_its_definition(n, m, d, k, scale):
    real, samples = RNG.normal(size=(n, d)), scale * RNG.normal(size=(m, d)) + 0.1
    assert values(generation.manifold(real, samples, k)) == pytest.approx(plain_manifold(real, samples, k), abs=1e-12)


@pytest.mark.parametrize("k", [1, 5])
def test_manifold_agrees_with_prdc(k, capsys):
    prdc = pytest.importorskip("prdc")
    real, samples = RNG.normal(size=(700, 16)), 0.9 * RNG.normal(size=(600, 16))
    theirs = prdc.compute_prdc(real_features=real, fake_features=samples, nearest_k=k)
    capsys.readouterr()
    assert values(generation.manifold(real, samples, k)) == pytest.approx(theirs, abs=1e-6)


def test_left_out_groups_are_as_if_computed_without_them():
    real, samples = RNG.normal(size=(90, 3)), 1.2 * RNG.normal(size=(70, 3))
    group, sample_group = np.arange(90) % 3, np.arange(70) % 3
    # A tight clump all of one group: its members' neighbours leave with it.
    real[group == 0] = 0.01 * real[group == 0]
    balls, points = membership(samples, sample_group, real, group, radii(real, 4, group, 3))
    for g in range(3):
        keep, keep_s = group != g, sample_group != g
        expected = plain_manifold(real[keep], samples[keep_s], 4)
        assert (balls[keep_s, 1 + g] > 0).mean() == pytest.approx(expected["precision"], abs=1e-12)
        assert balls[keep_s, 1 + g].mean() / 4 == pytest.approx(expected["density"], abs=1e-12)
        assert (points[keep, 1 + g] > 0).mean() == pytest.approx(expected["coverage"], abs=1e-12)


def test_manifold_does_not_depend_on_the_memory_it_may_take():
    real, samples = RNG.normal(size=(200, 4)), RNG.normal(size=(180, 4))
    assert generation.manifold(real, samples, memory=1) == generation.manifold(real, samples)


def test_manifold_of_known_cases():
    real = RNG.normal(size=(400, 5))
    far = generation.manifold(real, real + 100)
    assert set(values(far).values()) == {0.0}
    assert 0 < far.precision.high < 0.02  # none of 400 seen is not none for sure
    few = generation.manifold(real, np.repeat(real[:4], 100, axis=0) + 1e-3 * RNG.normal(size=(400, 5)))
    assert few.precision.value == 1 and few.coverage.value < 0.2 and few.recall.value < 0.05  # modes dropped
    wide = generation.manifold(real, 20 * RNG.normal(size=(400, 5)))
    assert wide.precision.value < 0.1 and wide.recall.value > 0.9


def test_a_copy_lies_on_the_surface_of_balls_and_not_inside():
    # Exact copies are at the very radius of each ball whose k-th neighbour they copy: outside, whatever rounding does.
    real = RNG.normal(size=(60, 6))
    assert values(generation.manifold(real, real.copy(), 3)) == pytest.approx(plain_manifold(real, real, 3), abs=1e-12)
    assert generation.manifold(real, real.copy(), 3).density.value == 1.0  # itself and k − 1 of its k neighbours


def test_equal_distributions_have_the_density_and_coverage_that_are_expected():
    k, found = 5, []
    for _ in range(30):
        found.append(values(generation.manifold(RNG.normal(size=(200, 3)), RNG.normal(size=(150, 3)), k, groups=2)))
    for name, expected in (("density", 1.0), ("coverage", expected_coverage(200, 150, k))):
        v = np.array([f[name] for f in found])
        assert abs(v.mean() - expected) < 4 * v.std() / math.sqrt(30), name
    assert expected_coverage(10**6, 10**6, 5) == pytest.approx(1 - 2**-5, abs=1e-4)


@pytest.mark.slow
def test_manifold_intervals_are_as_wide_as_the_spread_of_new_draws():
    found = [
        generation.manifold(RNG.normal(size=(300, 4)), 0.8 * RNG.normal(size=(300, 4)), 3, seed=s) for s in range(60)
    ]
    for name in ("precision", "recall", "density", "coverage"):
        estimates = [getattr(f, name) for f in found]
        spread = np.std([e.value for e in estimates])
        half = np.median([(e.high - e.low) / 2 for e in estimates]) / stats.t.ppf(0.975, 19)
        assert 0.75 < half / spread < 2.5, (name, half / spread)


def test_frechet_of_gaussians_with_a_known_distance():
    a, b = np.array([1.0, 4.0, 0.25]), np.array([4.0, 1.0, 0.0])
    mean, other = np.array([0.0, 1.0, 2.0]), np.array([3.0, 1.0, -2.0])
    expected = 25 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()  # commuting, and one of them singular
    assert generation.frechet_of_moments(mean, np.diag(a), other, np.diag(b)) == pytest.approx(expected, rel=1e-12)
    p, q = (m @ m.T for m in RNG.normal(size=(2, 6, 6)))
    general = np.trace(p + q - 2 * np.real(sqrtm(p @ q)))
    assert generation.frechet_of_moments(np.zeros(6), p, np.zeros(6), q) == pytest.approx(general, rel=1e-9)
    assert generation.frechet_of_moments(mean, np.diag(a), mean, np.diag(a)) == pytest.approx(0, abs=1e-12)


def test_frechet_of_samples_is_that_of_their_moments():
    x, y = RNG.normal(size=(60, 4)), 2 * RNG.normal(size=(50, 4)) + 1
    moments = [v for s in (x, y) for v in (s.mean(axis=0), np.cov(s.T))]
    assert generation.frechet_distance(x, y).value == pytest.approx(generation.frechet_of_moments(*moments), rel=1e-10)
    moved = generation.frechet_distance(x, x + np.array([3.0, 0, 0, 4.0]))
    assert moved.value == pytest.approx(25, rel=1e-9)
    one = generation.frechet_distance(x[:, 0], y[:, 0]).value  # a vector is examples of one value
    assert one == pytest.approx(
        (x[:, 0].mean() - y[:, 0].mean()) ** 2 + (x[:, 0].std(ddof=1) - y[:, 0].std(ddof=1)) ** 2
    )


def test_frechet_corrected_is_nearer_to_the_truth_and_its_interval_holds_it():
    truth = 8 * 0.2**2  # means 0.2 apart in each of 8 features
    plain, corrected, hits = [], [], 0
    for s in range(60):
        x, y = RNG.normal(size=(150, 8)), RNG.normal(size=(150, 8)) + 0.2
        plain.append(generation.frechet_distance(x, y, seed=s).value)
        found = generation.frechet_distance(x, y, corrected=True, seed=s)
        corrected.append(found.value)
        hits += found.low < truth < found.high
    assert np.mean(plain) - truth > 0.15  # as large as the distance itself
    assert abs(np.mean(corrected) - truth) < 0.035
    assert hits >= 54


def test_kernel_distance_is_the_double_sum():
    x, y = RNG.normal(size=(13, 3)), RNG.normal(size=(17, 3)) + 0.3

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    xx = np.mean([k(x[i], x[j]) for i in range(13) for j in range(13) if i != j])
    yy = np.mean([k(y[i], y[j]) for i in range(17) for j in range(17) if i != j])
    xy = np.mean([k(a, b) for a in x for b in y])
    found = generation.kernel_distance(x, y)
    assert found.value == pytest.approx(xx + yy - 2 * xy, rel=1e-12)
    assert generation.kernel_distance(x, y, memory=1).value == pytest.approx(found.value, rel=1e-12)
    left = [generation.kernel_distance(np.delete(x, i, 0), y).value for i in range(13)]
    right = [generation.kernel_distance(x, np.delete(y, i, 0)).value for i in range(17)]
    error = math.sqrt(12 / 13 * ((left - np.mean(left)) ** 2).sum() + 16 / 17 * ((right - np.mean(right)) ** 2).sum())
    assert (found.high - found.low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error, rel=1e-10)


def test_kernel_distance_is_zero_in_expectation_for_equal_distributions_and_not_for_others():
    found = [generation.kernel_distance(RNG.normal(size=(60, 3)), RNG.normal(size=(40, 3))) for _ in range(200)]
    v = np.array([f.value for f in found])
    assert abs(v.mean()) < 3.5 * v.std() / math.sqrt(200)
    assert (v < 0).mean() > 0.3
    assert np.mean([f.low < 0 < f.high for f in found]) > 0.93
    assert generation.kernel_distance(RNG.normal(size=(400, 3)), RNG.normal(size=(400, 3)) + 0.5).low > 0


def test_class_balance_of_known_counts():
    real = np.repeat([0, 1, 2], [100, 200, 100])
    same = balance.class_balance(real, np.repeat([0, 1, 2], [50, 100, 50]), 3)
    assert same.divergence.value == 0 and same.p_value == pytest.approx(1)
    assert same.shares[1].value == 0.5 and same.reference == pytest.approx([0.25, 0.5, 0.25])
    apart = balance.class_balance(np.zeros(500, int), np.ones(500, int), 3)
    assert apart.divergence.value == pytest.approx(math.log(2), abs=1e-12)
    assert apart.p_value < 1e-12
    assert balance.class_balance([0, 0], [0, 0, 0], 1).p_value == 1


def test_class_balance_agrees_with_scipys_g_test_and_jensen_shannon():
    counts = np.array([[300, 200, 0, 90], [250, 300, 20, 10]])
    labels = [np.repeat(np.arange(4), c) for c in counts]
    found = balance.class_balance(*labels, 4)
    g = stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood")
    assert found.p_value == pytest.approx(g.pvalue, rel=1e-9)
    plug_in = jensenshannon(*(counts / counts.sum(axis=1, keepdims=True))) ** 2
    # To second order the bias is half the sum of curvature times variance over all shares.
    p, q = counts / counts.sum(axis=1, keepdims=True)
    bias = 0.0
    for a, b, n in ((p, q, 590), (q, p, 580)):
        there = a > 0
        bias += ((1 / a[there] - 1 / (a + b)[there]) / 2 * (a * (1 - a))[there]).sum() / (2 * n)
    assert bias > 5e-4
    assert found.divergence.value == pytest.approx(plug_in - bias, abs=5e-5)


def test_class_balance_is_unbiased_and_its_interval_holds_the_truth():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    truth = np.mean([(v * np.log(v / ((p + q) / 2))).sum() for v in (p, q)])
    found = [balance.class_balance(RNG.choice(3, 300, p=p), RNG.choice(3, 200, p=q), 3).divergence for _ in range(300)]
    v = np.array([f.value for f in found])
    assert abs(v.mean() - truth) < 4 * v.std() / math.sqrt(300)
    assert 0.92 < np.mean([f.low < truth < f.high for f in found]) < 0.98


GOOD = np.ones((30, 2)) * np.arange(30)[:, None]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: generation.manifold(GOOD, GOOD, 28),
            SpecError,
            "k: got 28; allowed: a whole number from 1 to 27, for",
        ),
        (lambda: generation.manifold(GOOD, GOOD, 0), SpecError, "k: got 0"),
        (lambda: generation.manifold(GOOD, GOOD[:, :1]), DataError, "samples: has 1 values an example, but real has 2"),
        (lambda: generation.manifold(GOOD[:0], GOOD), DataError, "real: got 0 examples; allowed: an array of at least"),
        (lambda: generation.frechet_distance(GOOD, GOOD * np.nan), DataError, "samples: 30 of 30 examples hold NaN"),
        (
            lambda: generation.frechet_distance(GOOD[:3], GOOD),
            DataError,
            "real: got 3 examples; allowed: an array of at",
        ),
        (lambda: generation.kernel_distance(GOOD, GOOD, level=2), SpecError, "level: got 2"),
        (lambda: generation.kernel_distance(GOOD.astype(str), GOOD), DataError, "real: got values of type <U"),
        (
            lambda: balance.class_balance([0, 1], [0, 3], 3),
            DataError,
            "samples: got labels from 0 to 3; allowed: 0 to 2",
        ),
        (lambda: balance.class_balance([0.0, 1], [0, 1], 3), DataError, "real: got float64"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
