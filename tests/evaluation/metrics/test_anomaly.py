"""Ranking metrics against scikit-learn, plain definitions and how often intervals hold the truth."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from latente.errors import DataError
from latente.evaluation.metrics import anomaly

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_and_average_precision_agree_with_scikit_learn(ties):
    low, high = RNG.normal(size=300), 0.7 + RNG.normal(size=90)
    if ties:
        low, high = np.round(2 * low), np.round(2 * high)
    y, s = np.repeat([0, 1], [300, 90]), np.concatenate([low, high])
    found = anomaly.detect(low, high, draws=50)
    assert found.auroc.value == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    assert found.average_precision.value == pytest.approx(average_precision_score(y, s), abs=1e-12)
    assert found.prevalence == pytest.approx(90 / 390)


def test_placements_and_delongs_variance_are_their_definitions():
    low, high = np.round(RNG.normal(size=40), 1), np.round(0.5 + RNG.normal(size=25), 1)
    psi = (high[:, None] > low[None]) + 0.5 * (high[:, None] == low[None])
    by_high, by_low = anomaly.placements(low, high)
    assert by_high == pytest.approx(psi.mean(axis=1), abs=1e-12)
    assert by_low == pytest.approx(psi.mean(axis=0), abs=1e-12)
    variance = psi.mean(axis=1).var(ddof=1) / 25 + psi.mean(axis=0).var(ddof=1) / 40
    found = anomaly.auroc(low, high)
    assert found.high - found.low == pytest.approx(2 * norm.ppf(0.975) * math.sqrt(variance), rel=1e-12)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    truth, hits, trials = norm.cdf(1 / math.sqrt(2)), 0, 500
    for _ in range(trials):
        found = anomaly.auroc(RNG.normal(size=80), 1 + RNG.normal(size=60))
        hits += found.low < truth < found.high
    assert 0.92 < hits / trials < 0.98
    large = anomaly.average_precision(RNG.normal(size=200_000), 1 + RNG.normal(size=50_000), draws=2).value
    hits = 0
    for seed in range(120):
        found = anomaly.average_precision(RNG.normal(size=400), 1 + RNG.normal(size=100), draws=200, seed=seed)
        hits += found.low < large < found.high
    assert hits / 120 > 0.87


def test_the_bootstrap_by_weights_is_that_of_drawn_scores():
    low, high = np.round(RNG.normal(size=60), 1), np.round(1 + RNG.normal(size=40), 1)
    rng, found = np.random.default_rng(3), []
    for _ in range(200):
        i, j = rng.integers(60, size=60), rng.integers(40, size=40)
        found.append(average_precision_score(np.repeat([0, 1], [60, 40]), np.concatenate([low[i], high[j]])))
    ours = anomaly.average_precision(low, high, draws=200, seed=3)
    assert (ours.low, ours.high) == pytest.approx(np.quantile(found, [0.025, 0.975]), abs=1e-12)


def test_paired_differences_are_delongs():
    base = RNG.normal(size=200)
    low, high = base[:120], base[120:] + 0.5
    same = anomaly.auroc_difference((low, high), (low, high))
    assert (same.estimate.value, same.estimate.low, same.p_value) == (0, 0, 1)
    second = low + 0.3 * RNG.normal(size=120), high + 0.3 * RNG.normal(size=80)
    found = anomaly.auroc_difference((low, high), second)
    expected = anomaly.auroc(*second).value - anomaly.auroc(low, high).value
    assert found.estimate.value == pytest.approx(expected, rel=1e-12)
    unpaired = [e.high - e.low for e in (anomaly.auroc(low, high), anomaly.auroc(*second))]
    assert found.estimate.high - found.estimate.low < 0.6 * math.hypot(*unpaired)  # pairing pays
    rejected = 0
    for _ in range(400):
        x = RNG.normal(size=(3, 100)) + np.repeat([0, 1], [60, 40])
        a, b = x[0] + x[1], x[0] + x[2]
        rejected += anomaly.auroc_difference((a[:60], a[60:]), (b[:60], b[60:])).p_value < 0.05
    assert 0.02 < rejected / 400 < 0.09


def test_known_scores():
    perfect = anomaly.detect(np.arange(50.0), np.arange(50.0, 80))
    assert perfect.auroc.value == 1 and perfect.average_precision.value == 1
    assert 0.8 < perfect.auroc.low < 1 and perfect.auroc.high == 1  # thirty seen are not all
    assert 0.8 < perfect.average_precision.low < 1
    wrong = anomaly.detect(np.arange(50.0, 80), np.arange(50.0))
    assert wrong.auroc.value == 0 and wrong.reversed
    constant = anomaly.detect(np.zeros(30), np.zeros(10), draws=20)
    assert constant.auroc.value == 0.5 and constant.average_precision.value == pytest.approx(0.25)
    chance = anomaly.detect(RNG.normal(size=3000), RNG.normal(size=1000), draws=20)
    assert chance.auroc.low < 0.5 < chance.auroc.high and not chance.reversed
    assert chance.average_precision.value == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: anomaly.detect([], [1.0, 2]), "inliers' scores: got 0 examples; allowed: an array of at least 2"),
        (lambda: anomaly.auroc([1.0, 2], [1.0, np.nan]), "outliers' scores: 1 of 2 examples hold NaN"),
        (lambda: anomaly.auroc([[1.0], [2]], [1.0, 2]), r"got shape \[2, 1\]; allowed: one number an example"),
        (
            lambda: anomaly.auroc_difference(([1, 2], [3, 4]), ([1, 2, 3], [3, 4])),
            r"the first are of \(2, 2\) examples",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(DataError, match=message):
        call()
