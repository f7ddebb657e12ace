"""What is usual is read from the validation part, and a missing value is not held against an example."""

import numpy as np
import pytest

from latente.evaluation.held_out import above_usual, held_out


def test_scores_of_held_out_examples_are_about_zero(vae, tiny):
    found = held_out(vae)
    assert found.usual.shape == (6, 5) and found.scores.shape == (len(tiny.validation),)
    again = vae.explain(tiny.validation.x, usual=found.usual)
    assert again.excess.sum(axis=(1, 2)) == pytest.approx(found.scores, abs=1e-3)
    assert abs(np.median(found.scores)) < 2 and found.usual.sum() == pytest.approx(np.median(again.score), rel=0.2)
    assert len(held_out(vae, part="test").scores) == len(tiny.test)


def test_missing_values_are_left_out():
    usual = np.array([1.0, 10.0])
    assert above_usual(np.array([13.0, 3.0]), np.array([[0.0, 0.0], [0.0, np.nan]]), usual).tolist() == [2.0, 2.0]
