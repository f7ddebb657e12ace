"""A study's models side by side: the numbers of the comparison, of loss curves, and of latents that do nothing."""

import dataclasses

import numpy as np
import pytest
from madereport import NOTEBOOK, runs_of

from latente.analysis.compare import compared, default_scores
from latente.analysis.conclusions.standing import idle_latents, losses_of, standing
from latente.analysis.conclusions.summary import summarise
from latente.analysis.trained_models import trained_models


@pytest.fixture(scope="module")
def runs(tiny):
    return runs_of(tiny, {n: NOTEBOOK[n] for n in ("latent-2", "latent-8", "ae")})


def test_the_summary_has_the_intervals_of_the_table(runs):
    """One question has one interval: that of the best model's loss is that of the table of differences."""
    found = standing(runs, codes=False)
    table = compared(trained_models(runs), default_scores(runs, "test"), whole=False)
    claim = next(c for c in summarise(found) if c.key == "best-loss")
    board = next(b for b in table.boards if b.column == "loss" and len(b.entries) == 2)
    assert board.entries[0].model == claim.values["name"]
    told, shown = claim.values["behind"], board.gaps[0].difference.estimate
    assert (told.value, told.low, told.high) == pytest.approx((shown.value, shown.low, shown.high), rel=1e-12)
    assert claim.values["among"] == table.comparisons == found.comparisons
    assert (claim.verdict == "holds") == (board.gaps[0].better is not None)
    assert found.closest == board.gaps[0] and found.seeds == 1 and len(found.trained) == 3


def test_the_course_is_in_percent_of_the_whole_fall(runs):
    curve = 100.0 * np.exp(-np.arange(40) / 5)
    risen = np.concatenate([curve, curve[-1] + np.linspace(0, 20, 20)])

    def of(values):
        run = dataclasses.replace(runs[0], history={**runs[0].history, "val_loss": values, "loss": values})
        return losses_of(trained_models([run])[0], codes=False)

    flat = np.concatenate([curve, np.full(40, curve[-1])])
    assert of(flat).rise.value == pytest.approx(0, abs=1e-9) and of(flat).fall.value == pytest.approx(0, abs=1e-9)
    assert of(risen).rise.value == pytest.approx(100 * (20 * 18 / 20) / 100, rel=0.06)
    # Neither a constant nor a unit moves it.
    assert of(3 * risen + 700).rise.value == pytest.approx(of(risen).rise.value, rel=1e-9)
    assert of(curve[:10]).fall.value > 5 and of(curve[:6]).rise is None


def test_latents_that_do_nothing_are_counted():
    rng = np.random.default_rng(0)
    spread = np.array([1.0, 0.5, 0.1, 0.001, 0.0])
    assert idle_latents(rng.normal(size=(1000, 5)) * spread) == (2, 1, 5)
