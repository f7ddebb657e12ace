"""A study's models side by side: the numbers of the comparison, of loss curves, and of latents that do nothing."""

import dataclasses

import numpy as np
import pytest
from madereport import NOTEBOOK, runs_of

from latente.analysis.baselines import Baselines, key_of
from latente.analysis.compare import compared, default_scores
from latente.analysis.conclusions.standing import idle_latents, losses_of, standing
from latente.analysis.conclusions.summary import summarise
from latente.analysis.trained_models import trained_models
from latente.evaluation.metrics.differences import mean_difference


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


def test_baselines_are_paired_by_example_with_every_seed(tiny):
    runs = runs_of(tiny, {"vae": NOTEBOOK["vae"], "ae": NOTEBOOK["ae"]}, seeds=(0, 1))
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.1, 0.3, len(tiny.test))
    for r in runs:
        each = {"mse": mean - 0.05 + 0.001 * rng.normal(size=len(mean)), "loss": 50 + rng.normal(size=len(mean))}
        r._per_example["test"] = {k: v.astype(np.float32) for k, v in each.items()}
    trained = trained_models(runs)
    key = key_of(trained[0])
    latents = {m.latents for m in trained}
    beside = Baselines({0: mean, **dict.fromkeys(latents, mean - 0.08)}, {key: np.full(len(mean), 40.0)}, 10)
    found = standing(runs, codes=False, beside=beside)
    told = {(c.key, c.values["name"]): c for c in summarise(found) if c.key.startswith("beats")}
    # The AE's loss bounds nothing.
    assert set(told) == {("beats-mean", "vae"), ("beats-mean", "ae"), ("beats-pca", "vae"), ("beats-pca", "ae"),
                         ("beats-marginal", "vae")}  # fmt: skip
    assert {k: c.verdict for k, c in told.items()} == {k: "holds" if k[0] == "beats-mean" else "fails" for k in told}
    less = told["beats-mean", "vae"].values["less"]
    d = np.stack([r.known_examples("test")["mse"] - mean for r in runs[:2]])
    expected = mean_difference(d, level=0.975).estimate
    assert (less.value, less.low, less.high) == pytest.approx((expected.value, expected.low, expected.high), rel=1e-6)
    assert told["beats-marginal", "vae"].values["less"].value == pytest.approx(10, abs=0.3)
    assert not [c for c in summarise(standing(runs, codes=False)) if c.key.startswith("beats")]
