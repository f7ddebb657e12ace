"""What is said of samples, and the figures: by made-up neighbours, distances and classes."""

import dataclasses

import numpy as np
import pytest
from madescores import facts, four_scores, kept, made_of, scored, scored_run, tell, verdict_of

import latente
from latente.analysis.conclusions.registry import rules
from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics.intervals import wilson
from latente.evaluation.scores import Measured
from latente.language.words import Words
from latente.report.scores import figure_files
from latente.report.scores.base import Scored

EN, PT = Words("en"), Words("pt")
RNG = np.random.default_rng(0)


def test_nearer_than_every_other_counts_all_seeds_and_all_models():
    column = "frechet_classifier_distance_samples500"
    one = {m: made_of(column, [(v, 1.0)]) for m, v in (("a", 20.0), ("b", 30.0))}
    assert verdict_of("nearest", one) == "holds"
    # The first seeds say so, all of them do not.
    seeds = {"a": made_of(column, [(20.0, 1.0), (40.0, 1.0), (31.0, 1.0)]), "b": made_of(column, [(30.0, 1.0)] * 3)}
    assert verdict_of("nearest", seeds) == "unknown"
    # The next by its mean is clear, a third is so unsure that it may be nearer still.
    assert verdict_of("nearest", one | {"c": made_of(column, [(35.0, 12.0)])}) == "unknown"
    assert verdict_of("nearest", dict(reversed(one.items()))) == "holds"
    turned = {m: s[::-1] for m, s in seeds.items()}
    assert verdict_of("nearest", turned) == verdict_of("nearest", seeds)


def test_shares_of_copies_have_an_interval_at_zero_too():
    arrays = kept()["generation_samples500"].arrays
    made = made_of("copies_held_out_samples500", [(0.0, 0.0)])[0]["generation_samples500"]
    values = made.values | {"copies_samples500": Metric(0.0, 0.0)}
    found = tell(scored("a", 0, {"generation_samples500": Measured(values, arrays)}))
    (told,) = [c for _, c in found if c.key == "memorised"]
    more = facts(told)["more"]
    assert more.low < 0 < more.high and more.low >= -1 and told.verdict == "fails"
    assert wilson(0.0, 500).high == pytest.approx(more.high)


def test_a_score_with_options_is_found_by_its_name(tiny):
    measured = {"generation_k3": four_scores(tiny)["generation"]}
    values = {f"{c}_k3": m for c, m in measured["generation_k3"].values.items()}
    measured = {
        "generation_k3": Measured(values, measured["generation_k3"].arrays, name="generation", key="generation_k3")
    }
    trained = trained_models([scored_run(tiny, latente.VAE(2, hidden=(8,)), "vae", 0, measured)])
    ((_, found),) = Scored(trained, tiny, EN, "generation", "test").kept
    assert found.value("copies") == 0.25 and found.value("nothing") is None
    captions = [p.caption for p in figure_files(trained, tiny, EN)]
    assert "Of 60 samples, 15 are copies." in captions[0]


def test_the_figures_say_the_ratio_of_distances_the_copies_and_the_classes(tiny):
    measured = four_scores(tiny)["generation"]
    distances = {
        "sample_distances": np.tile([1.0, 2.0, 3.0], (12, 1)), "suspect_distances": np.tile([1.0, 4.0, 5.0], (12, 1)),
    }  # fmt: skip
    # A distance of zero to two examples is a copy of both.
    distances["suspect_distances"][3] = 0
    shares = np.array([[0.5, 0.4, 0.6], [0.3, 0.2, 0.4], [0.2, 0.1, 0.3]])
    arrays = {**measured.arrays, **distances, "class_shares": shares, "class_reference": np.array([0.375, 0.375, 0.25])}
    arrays["counts"] = np.array([60, 1200, 5])
    run = scored_run(
        tiny, latente.VAE(2, hidden=(8,)), "vae", 0, {"generation": dataclasses.replace(measured, arrays=arrays)}
    )
    said = {w.language: list(figure_files(trained_models([run]), tiny, w)) for w in (EN, PT)}
    assert [f.file for f in said["en"]] == ["neighbours-vae.png", "class-balance.svg"]
    near, balance = said["en"]
    assert near.caption.endswith("below 0.33 it counts as a copy. Of 1,200 samples, 300 are copies.")
    assert near.alt.endswith("The smallest ratio of distances is 0.00, the median of the first ones 0.50.")
    assert balance.caption == (
        "Classes of 1,200 samples, told by the classifier, with 95% intervals; lines: as many examples of the test "
        "part, told by it too."
    )
    assert balance.alt == (
        "Dot plot of the share of each class among the samples. vae: most below the data in class 1 (−7.5 percentage "
        "points), most above it in class 0 (+12.5)."
    )
    near, balance = said["pt"]
    assert near.alt.endswith("A menor razão de distâncias é 0,00, a mediana das primeiras é 0,50.")
    assert balance.alt.endswith(
        "vae: mais abaixo dos dados na classe 1 (−7,5 pontos percentuais), mais acima na classe 0 (+12,5)."
    )


def test_the_distance_is_held_against_that_of_training_examples():
    column = "frechet_classifier_distance"
    found = rules["told-apart"].read(Measured({column: Metric(5.0, 0.3), f"{column}_train": Metric(2.0, 0.4)}))
    # The errors add up as 3, 4 and 5 do.
    assert (found["own"], found["least"], found["more"].value) == (5.0, 2.0, 3.0)
    assert found["more"].low == pytest.approx(3 - 1.959964 * 0.5) and found["more"].high == pytest.approx(3.979982)
    assert rules["told-apart"].read(Measured({column: Metric(5.0, 0.3)})) is None
