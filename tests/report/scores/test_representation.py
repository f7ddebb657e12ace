"""What is said of codes, and the confusion of a probe: by made-up answers."""

import numpy as np
import pytest
from madescores import scored_run

import latente
from latente.analysis.conclusions.registry import rules
from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import EACH
from latente.evaluation.scores import Measured
from latente.language.words import Words
from latente.report.scores import figure_files

EN, PT = Words("en"), Words("pt")
RNG = np.random.default_rng(0)


def test_probes_of_the_same_examples_are_paired():
    values = {"probe": Metric(0.9, 0.03), "probe_pca": Metric(0.8, 0.04)}
    read = rules["better-than-pca"].read
    # Ten examples in a hundred that only one of both is right on (Bonett and Price's 11 and 1 of 102).
    found = read(Measured(values, {EACH + "probe": np.arange(100) < 90, EACH + "probe_pca": np.arange(100) < 80}))
    half = 1.96 * np.sqrt((12 / 102 - (10 / 102) ** 2) / 102)
    more = found["more"]
    assert more.value == pytest.approx(10) and more.high - more.low == pytest.approx(200 * half, rel=1e-3)
    # Of which nothing is kept, the errors add up: 3 and 4 are 5 percentage points.
    more = read(Measured(values))["more"]
    assert (more.value, more.low, more.high) == pytest.approx((10, 10 - 1.959964 * 5, 10 + 1.959964 * 5))


def test_neighbourhoods_are_held_against_those_of_components():
    found = rules["neighbourhoods"].read(
        Measured({"trustworthiness": Metric(0.9, 0.003), "trustworthiness_pca": Metric(0.875, 0.004)})
    )
    assert (found["own"], found["other"], found["more"].value) == (0.9, 0.875, pytest.approx(0.025))
    assert found["more"].low == pytest.approx(0.025 - 1.959964 * 0.005)


def test_the_confusion_says_which_class_is_told_best_worst_and_mistaken(tiny):
    def figure(counts, words, **more):
        values = {"probe": Metric(0.625, 0.01), **more}
        measured = Measured(values, {"confusion": np.array(counts)}, name="representation", key="representation")
        run = scored_run(tiny, latente.VAE(2, hidden=(8,)), "vae", 0, {"representation": measured})
        (found,) = figure_files(trained_models([run]), tiny, words)
        return found

    counts = [[9, 1, 0], [0, 1000, 0], [3, 1, 6]]
    assert figure(counts, EN).alt == (
        "Confusion matrix of 3 classes. Best told: 1 (100.0%); worst told: 2 (60.0%); most often mistaken: 2 for 0 "
        "(30.0%)."
    )
    assert figure(counts, EN).caption == (
        "vae: what a linear probe of the mean codes says of each class of the test part (1,020 examples). "
        "It is right on 62.5% of them."
    )
    assert figure(counts, PT, probe_pca=Metric(0.5, 0.01)).caption.endswith(
        "da parte de teste (1.020 exemplos). Ela acerta 62,5% deles, e 50,0% a partir do mesmo número de componentes "
        "principais."
    )
    assert figure(np.diag([2, 0, 3]), PT).alt == "Matriz de confusão de 3 classes; nada é confundido."
