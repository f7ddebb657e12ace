"""The rate–distortion plane, from the numbers."""

import numpy as np
import pytest
from madebetas import NUMBERS, rated, sweep, weighted

import latente
from latente.analysis.trained_models import trained_models
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report import study_figures
from latente.report.figures import rate_distortion
from latente.report.figures.figure_file import FigureContext
from latente.studies.study_file import read_study

EN, PT = Words("en"), Words("pt")


def lines(figure):
    """The curves' points, without the lines of equal bounds."""
    drawn = [line for line in figure.axes[0].get_lines() if line.get_linestyle() != ":" and line.get_marker() in "os^"]
    return [np.column_stack(line.get_data()).tolist() for line in drawn]


def test_models_that_differ_in_beta_are_a_curve(tiny):
    swept = sweep(tiny)
    other = rated(tiny, latente.VAE(5, hidden=(4,)), "other", 7.0, 81.0)
    figure = rate_distortion.rate_distortion([swept[2], other, *swept[:2]], lang="en")
    assert lines(figure) == [[[9.0, 80.0], [6.0, 82.0], [2.0, 95.0]], [[7.0, 81.0]]]
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert {"β = 0.5", "β = 1", "β = 4", "other"} <= set(texts)
    # The lines of equal rate + distortion are that.
    dotted = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]
    levels = [np.sum(line.get_data(), axis=0) for line in dotted]
    assert len(levels) > 3 and all(np.ptp(level) < 1e-9 for level in levels)
    assert {f"{level[0]:g}" for level in levels} <= set(texts)


@pytest.mark.slow
def test_the_report_has_the_curve_from_three_values_on(tiny):
    swept = sweep(tiny)
    (picture,) = study_figures.rates_and_distortions(FigureContext(trained_models(swept), tiny, EN))
    assert "The least rate + distortion is 88.00, at β = 1." in picture.alt
    assert "rate 2.00 and distortion 95.00 at β = 4" in picture.alt and picture.group == "comparison"
    assert picture.finding == "The least rate + distortion, 88.00 nats, is that of β = 1."
    (picture,) = study_figures.rates_and_distortions(FigureContext(trained_models(swept), tiny, PT))
    assert "A menor soma de taxa e distorção é 88,00, em β = 1." in picture.alt
    assert not list(study_figures.rates_and_distortions(FigureContext(trained_models(swept[:2]), tiny, EN)))
    apart = [*swept[:2], rated(tiny, weighted(4.0, latent_dim=2), "apart", 2.0, 95.0)]
    assert not list(study_figures.rates_and_distortions(FigureContext(trained_models(apart), tiny, EN)))
    # A schedule is no β to stand at, and several seeds are one point.
    warm = rated(tiny, latente.preset("WarmupVAE", 3, hidden=(4,)), "warm", 3.0, 90.0)
    assert trained_models([warm])[0].kind == "VAE"
    again = [rated(tiny, weighted(b), f"vae-{b:g}", r + 1, d, seed=1) for b, (r, d) in NUMBERS.items()]
    (family,) = rate_distortion.families(trained_models([*swept, *again, warm])).values()
    point = rate_distortion.points(family, "test", EN)[0]
    bars = rate_distortion.plane({"a": [point]}, EN).axes[0].containers[0].lines[2][0].get_segments()[0]
    assert point.seeds == 2 and np.ptp(bars[:, 0]) == pytest.approx(2 * 12.706 * 0.5, rel=1e-4)
    assert len(family) == 3 and point.rate == Metric(9.5, pytest.approx(0.5)) and point.total == 89.5


def test_what_does_not_compare_is_refused(tiny):
    swept = sweep(tiny)
    grey = rated(tiny, weighted(1.0, likelihood={"name": "bernoulli", "binarise": "static"}), "bits", 1.0, 1.0)
    with pytest.raises(SpecError, match="one scale only, and these are of more .*bits: bits, drawn once"):
        rate_distortion.rate_distortion([*swept, grey])
    with pytest.raises(SpecError, match="ae: has no rate"):
        rate_distortion.rate_distortion([*swept, rated(tiny, latente.AE(2, hidden=(4,)), "ae", 0.0, 1.0)])
    with pytest.raises(SpecError, match="no runs"):
        rate_distortion.rate_distortion([])


def test_the_shipped_study_sweeps_beta():
    study = read_study("rate-distortion")
    assert [r.model.objective["beta"] for r in study.runs] == [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert len({r.model.latent_dim for r in study.runs}) == 1 and "collapse" in study.scores
