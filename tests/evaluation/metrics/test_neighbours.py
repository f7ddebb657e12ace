"""Nearest neighbours against the plain definition; the memorisation test where the answer is known."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import neighbours
from latente.evaluation.metrics.neighbours import memorisation, nearest, nearest_to, ratio

RNG = np.random.default_rng(0)


def compared(samples, train, held_out):
    return memorisation(*(nearest(x, train, 2).distance for x in (samples, held_out)))


def plain(q, to):
    return np.sqrt(((q.astype(float)[:, None] - to.astype(float)[None]) ** 2).reshape(len(q), len(to), -1).sum(axis=2))


@pytest.mark.parametrize("memory", [2**20, 2**26])
@pytest.mark.parametrize("small", [0, 2**19])  # by scikit-learn's threads, and without
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_nearest_agrees_with_all_distances(kind, small, memory, monkeypatch):
    monkeypatch.setattr(neighbours, "SMALL", small)
    q, to = ((255 * RNG.random((n, 20, 30))).astype(kind) for n in (40, 300))
    found = nearest(q, to, 7, memory=memory)  # a block of 2²⁰ bytes holds 218 references
    d = plain(q, to)
    assert (found.index == np.argsort(d, axis=1)[:, :7]).all()
    assert found.distance == pytest.approx(np.sort(d, axis=1)[:, :7], rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [2**20, 2**26])
def test_nearest_among_themselves_leaves_each_out(memory):
    x = RNG.normal(size=(200, 900))
    x[50] = x[7]
    found = nearest(x, x, 4, same=True, memory=memory)
    d = plain(x, x)
    np.fill_diagonal(d, np.inf)
    assert found.distance == pytest.approx(np.sort(d, axis=1)[:, :4], rel=1e-9)
    assert (found.index != np.arange(200)[:, None]).all()
    assert found.index[7, 0] == 50 and found.distance[7, 0] == 0


def test_nearest_among_many_that_are_alike():
    x = np.concatenate([np.ones((9, 3)), np.zeros((1, 3))])
    found = nearest(x, x, 3, same=True)
    assert (found.distance[:9] == 0).all() and found.distance[9] == pytest.approx([3**0.5] * 3)
    assert (found.index != np.arange(10)[:, None]).all()


def test_distances_to_copies_are_exactly_zero_far_from_the_origin():
    x = 1e4 + RNG.normal(size=(3000, 30))
    assert (nearest(x[:1000], x, 1).distance == 0).all()
    assert (nearest(x[:1000], x, 1).index[:, 0] == np.arange(1000)).all()


@pytest.mark.slow
def test_memory_is_bounded():
    q, to = RNG.random((3000, 100)).astype(np.float32), RNG.random((6000, 100)).astype(np.float32)
    nearest(q, to, 2)
    tracemalloc.start()
    nearest(q, to, 2, memory=2**21)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20  # all distances at once would be 144 MB


def test_nearest_to_one_takes_parts_and_puts_missing_values_last():
    to, x = RNG.random((50, 4, 3)).astype(np.float32), RNG.random((4, 3)).astype(np.float32)
    to[7, 0, 0] = np.nan
    index, distance = nearest_to(x, (to[at : at + 20] for at in (0, 20, 40)), 60)
    d = plain(x[None], to)[0]
    assert index.tolist() == np.argsort(d).tolist() and index[-1] == 7
    assert distance[:-1] == pytest.approx(np.sort(d)[:-1], rel=1e-5)
    assert nearest_to(x, [to], 3)[0].tolist() == index[:3].tolist()


def test_mann_whitneys_statistic_and_p_value():
    train, samples, held = RNG.normal(size=(200, 5)), 0.8 * RNG.normal(size=(60, 5)), RNG.normal(size=(50, 5))
    found = compared(samples, train, held)
    a, b = (plain(v, train).min(axis=1) for v in (samples, held))
    assert found.nearer.value == pytest.approx((a[:, None] < b[None]).mean(), rel=1e-12)
    assert found.p_value == pytest.approx(stats.mannwhitneyu(a, b, alternative="less").pvalue, rel=1e-9)


@pytest.mark.slow
def test_copies_are_found_and_new_samples_are_not_accused():
    rng = np.random.default_rng(1)
    train, held = rng.normal(size=(400, 10)), rng.normal(size=(200, 10))
    copied = compared(train[:200] + 0.01 * rng.normal(size=(200, 10)), train, held)
    assert copied.nearer.value > 0.99 and copied.nearer.low > 0.9 and copied.p_value < 1e-12
    assert copied.copies.value == 1 and copied.held_out_copies.value == 0
    exact = compared(train, train, held)
    assert exact.nearer.value == 1 and exact.copies.value == 1
    p = [compared(rng.normal(size=(50, 10)), train, rng.normal(size=(60, 10))) for _ in range(200)]
    assert 0.015 < np.mean([f.p_value < 0.05 for f in p]) < 0.1
    assert 0.9 < np.mean([f.nearer.low < 0.5 < f.nearer.high for f in p]) < 0.99


def test_samples_without_detail_are_near_to_all_and_copies_of_none():
    train, held = RNG.normal(size=(400, 20)), RNG.normal(size=(200, 20))
    dull = 0.1 * RNG.normal(size=(200, 20))
    found = compared(dull, train, held)
    assert found.nearer.value > 0.95 and found.copies.value == 0


def test_training_examples_that_stand_twice_are_still_copied():
    train = np.repeat(RNG.normal(size=(50, 4)), 2, axis=0)
    assert compared(train[:20], train, RNG.normal(size=(30, 4))).copies.value == 1
    assert ratio(nearest(train[:20], train, 2).distance).tolist() == [0] * 20
    same = compared(np.zeros((5, 2)), np.ones((5, 2)), np.zeros((5, 2)))
    assert (same.nearer.value, same.p_value) == (0.5, 1.0)


X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nearest(X, X, 7), SpecError, "k: got 7; allowed: a whole number from 1 to 6, for there are 6 ref"),
        (
            lambda: nearest(X, X, 6, same=True),
            SpecError,
            "from 1 to 5, for there are 6 references with the query itself",
        ),
        (lambda: nearest(X, X, memory=5), SpecError, "memory: got 5; allowed: a whole number of at least 1048576"),
        (lambda: nearest(X, X[:, :1]), DataError, "queries: has 2 values an example, but references has 1"),
        (lambda: nearest(X * np.inf, X), DataError, "queries: 6 of 6 examples hold NaN or infinity"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
