"""What is said of latents and factors, and the figures: by made-up information."""

import dataclasses

import numpy as np
import pytest
from madescores import made_of, scored_run, verdict_of

import latente
from latente.analysis.conclusions.registry import rules
from latente.analysis.trained_models import trained_models
from latente.data.source import Factor
from latente.evaluation.evaluate import Metric
from latente.evaluation.scores import Measured
from latente.language.words import Words
from latente.report.figures.images import ImageRows, image_grid
from latente.report.scores import figure_files

EN, PT = Words("en"), Words("pt")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("gaps", "owners", "verdict"),
    [
        ((1, 1, 0.99, 0.9, 0.8), (0, 1, 2, 3, 4), "holds"),
        ((1, 1, 0.99, 0.001, 0.001), (0, 1, 2, 3, 4), "fails"),  # their mean is 0.6
        ((1, 1, 0.99, 0.9, 0.51), (0, 1, 2, 3, 4), "unknown"),
        ((1, 1, 0.99, 0.9, 0.8), (0, 1, 2, 3, 3), "fails"),
    ],
)
def test_each_factor_is_asked_for_its_own_latent(gaps, owners, verdict):
    information = np.zeros((5, 5))
    information[owners, range(5)] = 1
    arrays = {"gaps": np.array(gaps), "gap_errors": np.full(5, 0.02), "information": information}
    assert verdict_of("apart", {"a": made_of("mig", [(np.mean(gaps), 0.01)], "disentanglement", arrays)}) == verdict


def test_factors_are_named_beside_the_latents_that_tell_of_them(tiny):
    known = dataclasses.replace(tiny, known=(Factor("shape", ("a", "b")), Factor("x", (1.0, 2.0))))
    information = np.array([[0.02, 0.9], [0.3, 0.01], [0.0, 0.04]])
    arrays = {
        "information": information,
        "traversal": RNG.uniform(size=(3, 9, 6, 5)),
        "traversal_latents": np.arange(3),
        "traversal_change": np.array([0.5, 0.2, 0.1]),
    }
    measured = {
        "disentanglement": Measured({"mig": Metric(0.57, 0.01)}, arrays, name="disentanglement", key="disentanglement")
    }
    first = scored_run(known, latente.VAE(3, hidden=(8,)), "vae", 0, measured)
    traversal, told = figure_files(trained_models([first]), known, EN)
    assert (
        traversal.file == "traversal-vae.png"
        and "changes the image most is 1, the least of those shown 3" in traversal.alt
    )
    assert told.file == "information-vae.svg" and "MIG 0.57" in told.caption
    assert "shape: most in latent 2 (30%). x: most in latent 1 (90%)." in told.alt
    # Of the third latent nothing is said: it tells less than a twentieth of any factor.
    rows = ["Latent 1: x 90%", "Latent 2: shape 30%", "Latent 3"]
    shown = image_grid([ImageRows(rows, list(arrays["traversal"]), ["1%"] * 9)])
    assert [t.get_text() for t in shown.axes[0].get_yticklabels()][2] == "Latent 3"


def test_the_factor_least_apart_and_shared_latents_are_read_off_the_information():
    information = np.array([[0.9, 0.8, 0.1], [0.1, 0.1, 0.7], [0.0, 0.0, 0.0]])
    arrays = {"gaps": np.array([0.8, 0.7, 0.6]), "gap_errors": np.array([0.01, 0.01, 0.02]), "information": information}
    found = rules["apart"].read(Measured({"mig": Metric(0.7, 0.01)}, arrays))
    # The first latent tells most of two of the three factors.
    assert (found["factors"], found["shared"], found["mean"], found["limit"]) == (3, 2, 0.7, 0.5)
    # Not below its own end; above, not beyond those of three that hold together.
    gap = found["gap"]
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.6, 0.6 - 1.959964 * 0.02, 0.6 + 2.393980 * 0.02))
    assert rules["apart"].read(Measured({"mig": Metric(0.7, 0.01)})) is None


def test_the_map_says_what_each_factor_is_told_by(tiny):
    known = dataclasses.replace(tiny, known=(Factor("shape", ("a", "b")), Factor("x", (1.0, 2.0))))
    arrays = {"information": np.array([[0.125, 0.5], [0.75, 0.25]])}
    measured = {
        "disentanglement": Measured(
            {"mig": Metric(0.4375, 0.01)}, arrays, name="disentanglement", key="disentanglement"
        )
    }
    run = scored_run(known, latente.VAE(2, hidden=(8,)), "vae", 0, measured)
    (english,) = figure_files(trained_models([run]), known, EN)
    (portuguese,) = figure_files(trained_models([run]), known, PT)
    assert english.alt == "Map of 2 latents by 2 factors. shape: most in latent 2 (75%). x: most in latent 1 (50%)."
    assert portuguese.alt == (
        "Mapa de 2 latentes por 2 fatores. shape: sobretudo no latente 2 (75%). x: sobretudo no latente 1 (50%)."
    )
    assert portuguese.caption == (
        "vae: o que cada latente diz de cada fator, como fração da entropia do fator. MIG 0,44: a diferença média "
        "entre os dois maiores de cada coluna."
    )
