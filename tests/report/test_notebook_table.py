"""The table of the notebook's conclusions: for which studies it is, and which number decides."""

import re

from madereport import NOTEBOOK, runs_of

from latente.analysis.trained_models import trained_models
from latente.language.words import Words
from latente.report.conclusions import WordedClaim, WordedFinding
from latente.report.notebook_table import WIDE, decider, interval, is_notebooks

EN, PT = Words("en"), Words("pt")


def found(verdict, *claims):
    return WordedFinding("a", "A", "they said", verdict, claims)


def change(value, low, high, **more):
    return "shared.loss", {"change": value, "change_low": low, "change_high": high, **more}


def test_the_conclusions_are_for_studies_with_the_notebooks_models(tiny):
    assert is_notebooks(trained_models(runs_of(tiny, NOTEBOOK)))
    for without in ("ae", "latent"):
        models = {name: model for name, model in NOTEBOOK.items() if not name.startswith(without)}
        assert not is_notebooks(trained_models(runs_of(tiny, models)))


def test_the_number_is_of_the_claim_that_decides():
    falls, rises = change(-3.0, -3.5, -2.5), change(0.2, 0.1, 0.3)
    holds = WordedClaim("it falls", "holds", facts=(falls,))
    fails = WordedClaim("with every step", "fails", facts=(falls, rises))
    assert decider(found("fails", holds, fails), EN).text == "Loss, larger − smaller: 0.20 (0.10 to 0.30)"
    assert decider(found("holds", holds), PT).text == "Perda, maior − menor: −3,00 (−3,50 a −2,50)"
    unknown = WordedClaim("not told", "unknown", facts=(falls, change(0.1, -0.1, 0.3), rises))
    assert "0.10 (−0.10 to 0.30)" in decider(found("unknown", unknown), EN).text
    assert decider(found("unknown", WordedClaim("c", "unknown", facts=(("epochs_short", {}),))), EN).text == "–"


def test_shares_are_per_cent_and_counts_are_whole():
    numbers = {"structure": 0.468, "structure_low": 0.441, "structure_high": 0.495, "limit": 0.5}
    said = decider(found("fails", WordedClaim("kept", "fails", facts=(("structure", numbers),))), EN)
    assert said.text == "Variance of coarse images explained: 46.8% (44.1 to 49.5)"
    assert said.alt.endswith("the claim turns at 50.0.")
    assert decider(found("fails", WordedClaim("c", "fails", facts=(("parts", {"own": 0}),))), EN).picture == b""


def test_an_interval_is_drawn_to_scale():
    svg = interval(3.0, 2.0, 4.0, 0.0, "holds").decode()
    line, dot = (float(re.search(p, svg).group(1)) for p in (r'd="M([\d.]+) 1V', r'cx="([\d.]+)"'))
    assert (line, dot) == (6.0, 6 + 0.75 * (WIDE - 12))
