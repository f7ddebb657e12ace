"""The figure of tail indices and the sentence on them, by made-up indices."""

import numpy as np
import pytest
from made import untrained

import latente
from latente.analysis.conclusions.score_rules import claims_of_scores
from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.measured import EACH, Measured
from latente.language.words import Words
from latente.report.scores import figure_files, psis


@pytest.fixture
def run(tiny):
    """60 examples, 45 of them below the limit of 2/3 for 1,000 draws."""
    run = untrained(tiny, latente.VAE(2, hidden=(4,)), "vae")
    index = np.r_[np.linspace(-0.2, 0.6, 45), np.linspace(0.8, 2.0, 15)]
    found = {"psis_1000": 100 + index, "psis_1000_index": index, "psis_1000_heavy": (index > 2 / 3).astype(float)}
    run.measured["test"] = {
        "psis_1000": Measured(
            {name: mean_and_error(x) for name, x in found.items()},
            {EACH + name: x for name, x in found.items()},
            name="psis",
            key="psis_1000",
        )
    }
    return run


def test_a_figure_says_where_the_limit_is_and_how_many_are_beyond(run, tiny):
    (figure,) = figure_files(trained_models([run]), tiny, Words("en"))
    assert figure.file == "psis-vae.svg" and "1,000 draws each" in figure.caption
    assert "half of the examples lie below 0.34; 25.0% lie above the limit of 0.67" in figure.alt
    (figure,) = figure_files(trained_models([run]), tiny, Words("pt"))
    assert "abaixo de 0,34; 25,0% ficam acima do limite de 0,67" in figure.alt


def test_shares_of_the_histogram_add_up(run):
    index = run.measured["test"]["psis_1000"].array(EACH + "psis_1000_index")
    ax = psis.histogram(index, 2 / 3, Words("en")).axes[0]
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(100)
    assert ax.lines[0].get_xdata()[0] == 2 / 3


def test_a_quarter_of_heavy_tails_is_not_to_be_trusted(run):
    (finding,) = claims_of_scores([("vae", 0, run.measured["test"]["psis_1000"])])
    (claim,) = finding.claims
    assert (claim.key, claim.verdict) == ("trusted-weights", "fails")
    assert claim.values["heavy"].value == 0.25
