"""The use of latents, from the numbers, and what is said of it in both languages."""

import numpy as np
from madebetas import rated, weighted

from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import Metric
from latente.evaluation.scores import Measured
from latente.language.words import Words
from latente.report import scores as scored
from latente.report.figures import latents

EN, PT = Words("en"), Words("pt")


def test_latents_stand_in_the_order_of_their_kl_and_those_unused_are_hatched(tiny):
    arrays = {
        "variance_of_means": np.array([0.002, 0.8, 0.3]),
        "kl_per_dimension": np.array([0.01, 1.5, 2.5]),
        "kl_per_dimension_error": np.array([0.001, 0.1, 0.1]),
        "information_per_dimension": np.array([0.0, 1.1, 0.9]),
    }
    found = rated(tiny, weighted(1.0), "vae", 4.01, 80.0)
    measured = Measured({"active-units": Metric(2.0, 0.0)}, arrays, (), "collapse", name="collapse", key="collapse")
    found.measured = {"test": {"collapse": measured}}
    trained = trained_models([found])
    (picture,) = scored.figure_files(trained, tiny, EN)
    assert picture.file == "latents-vae.svg" and "1 of 3 latents are unused" in picture.caption
    assert "Their KL adds up to 4.01 nats; latent 3 has the most, 2.50." in picture.alt
    (picture,) = scored.figure_files(trained, tiny, PT)
    assert "1 de 3 latentes não são usados" in picture.caption
    figure = latents.usage(
        arrays["variance_of_means"], EN, kl=arrays["kl_per_dimension"], information=arrays["information_per_dimension"],
        threshold=0.01,
    )  # fmt: skip
    top, low = figure.axes
    bars = sorted((p.get_x() + p.get_width() / 2, p.get_height(), p.get_hatch()) for p in top.patches)
    assert [b[1:] for b in bars] == [(2.5, None), (1.5, None), (0.01, "////")]
    assert [t.get_text() for t in low.get_xticklabels()] == ["3", "2", "1"]
    alone = latents.usage(arrays["variance_of_means"], EN, threshold=0.01)
    assert len(alone.axes) == 1 and [t.get_text() for t in alone.axes[0].get_xticklabels()] == ["2", "3", "1"]
