"""Conformal p-values hold what they promise: by counting, by simulation, with ties and few examples."""

import math

import numpy as np
import pytest

from latente.errors import DataError, SpecError
from latente.evaluation.outliers.conformal import conformal_p_values, smallest_p, threshold, threshold_by_fdr


def test_p_values_count_what_is_as_high():
    assert conformal_p_values([1, 2, 2, 3], [0, 1, 2, 2.5, 3, 4]) * 5 == pytest.approx([5, 5, 4, 2, 2, 1])
    assert conformal_p_values([0.0, math.inf], [math.inf, 1]).tolist() == [2 / 3, 2 / 3]
    assert smallest_p(4) == conformal_p_values([1, 2, 2, 3], [9])[0] == 0.2


@pytest.mark.parametrize(("n", "level", "tied"), [(99, 0.05, False), (30, 0.1, False), (99, 0.05, True)])
def test_inliers_are_flagged_as_often_as_is_said(n, level, tied):
    rng, flagged = np.random.default_rng(0), []
    for _ in range(400):
        scores = rng.normal(size=n + 50)
        if tied:
            scores = np.round(scores)
        p = conformal_p_values(scores[:n], scores[n:])
        assert np.array_equal(p <= level, scores[n:] > threshold(scores[:n], level))
        flagged.append((p <= level).mean())
    exact, error = math.floor(level * (n + 1) + 1e-9) / (n + 1), np.std(flagged) / 20
    # Without ties exactly the share that is reachable; with ties no more.
    assert np.mean(flagged) < exact + 3 * error
    assert tied or np.mean(flagged) > exact - 3 * error


def test_too_few_examples_flag_nothing():
    assert threshold(np.arange(18), 0.05) == math.inf
    assert threshold(np.arange(19), 0.05) == 18
    assert threshold(np.arange(29), 0.1) == 26  # 0.1 · 30 is a little less than 3 in binary


def test_false_discoveries_are_as_rare_as_asked():
    rng, share, found = np.random.default_rng(1), [], []
    for _ in range(300):
        p = conformal_p_values(rng.normal(size=200), np.r_[rng.normal(size=90), rng.normal(5, 1, size=10)])
        flagged = p <= threshold_by_fdr(p, 0.2)
        share.append(flagged[:90].sum() / max(flagged.sum(), 1))
        found.append(flagged[90:].mean())
    assert 0.1 < np.mean(share) < 0.2 + 3 * np.std(share) / np.sqrt(300) and np.mean(found) > 0.8


def test_benjamini_and_hochberg_by_hand():
    p = [0.01, 0.04, 0.03, 0.5, 0.9]
    assert threshold_by_fdr(p, 0.1) == 0.04  # 0.03 ≤ 0.04 and 0.04 ≤ 0.06
    assert threshold_by_fdr(p, 0.04) == 0.0 == threshold_by_fdr([], 0.1)


def test_mistakes_are_said():
    for calibration, scores in (([], [1.0]), ([math.nan], [1.0]), ([[1.0]], [1.0])):
        with pytest.raises(DataError):
            conformal_p_values(calibration, scores)
    with pytest.raises(DataError, match="allowed: 0 to 1"):
        threshold_by_fdr([1.5], 0.1)
    for level in (0, 1, True, "x"):
        with pytest.raises(SpecError, match="level"):
            threshold([1.0, 2.0], level)
