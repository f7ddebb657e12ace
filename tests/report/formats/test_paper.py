"""The table of a paper: numbers are the runs' own, bold and letters follow the rule, and names cannot break it."""

import csv
import dataclasses
import io

import pytest
from madereport import runs_of, value

from latente.analysis.ranking import PairedDifference, RankedModel, Ranking
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics.differences import Difference
from latente.evaluation.metrics.intervals import Estimate
from latente.language.words import Words
from latente.objective.presets import AE, VAE
from latente.report.formats import paper

EN, PT = Words("en"), Words("pt")
NAME = "ae_2"


@pytest.fixture(scope="module")
def table(tiny):
    return paper.paper_table(runs_of(tiny, {"vae": VAE(2, hidden=(4,)), NAME: AE(2, hidden=(4,))}), EN)


def difference(first, second, low, high, better, covers="examples"):
    found = Difference(Estimate((low + high) / 2, low, high), 0.5, 1)
    return PairedDifference(first, second, found, 1, 100, covers, better)


def ranking(*gaps):
    entries = tuple(RankedModel(name, Metric(i, 0.1), 1) for i, name in enumerate("abc"))
    return Ranking("loss", "loss", True, "elbo", entries, gaps)


def test_bold_are_the_best_and_those_not_shown_to_be_worse_than_the_best():
    near, far = difference("a", "b", -1, 3, None), difference("a", "c", 1, 3, "a")
    assert paper.unbeaten(ranking(near, far)) == ["a", "b"]
    # That b beats c says nothing of c beside a.
    assert paper.unbeaten(ranking(near, difference("a", "c", -1, 3, None), difference("b", "c", 1, 2, "b"))) == [*"abc"]
    assert paper.unbeaten(ranking(near, difference("a", "c", 0, 0, None, "nothing"))) == []


def test_every_number_is_the_runs_own(table):
    rows = list(csv.DictReader(io.StringIO(paper.csv(table))))
    found = {(r["model"], r["number"]): (float(r["value"]), float(r["standard_error"])) for r in rows}
    for key in ("loss", "reconstruction", "kl", "mse"):
        expected = value("vae", 0, "test", key)
        assert found["vae", key] == pytest.approx((expected.value, expected.standard_error), rel=1e-6)
    assert (NAME, "kl") not in found


def test_losses_on_two_scales_have_letters_and_are_not_bold_against_each_other(table):
    loss = [cells[table.keys.index("loss")] for cells in table.cells]
    assert [c.scale for c in loss] == ["a", "b"] and not any(c.bold for c in loss)
    assert EN("paper.letters") in table.notes


def test_names_are_shown_as_they_are(table):
    odd = dataclasses.replace(table, caption="50% of a_b|c*\n<b>")
    assert r"50\% of a\_b\textbar{}c* \textless{}b\textgreater{} Values in" in paper.latex(odd)
    assert paper.markdown(odd).startswith("50% of a\\_b\\|c\\* \\<b\\>\n")
    assert r"ae\_2 & $" in paper.latex(table) and "| ae\\_2 | " in paper.markdown(table)


def test_errors_have_two_figures_and_the_language_its_mark(tiny):
    runs = runs_of(tiny, {"vae": VAE(2, hidden=(4,))})
    metric = value("vae", 0, "test", "reconstruction")
    dot = f"{metric.value:.2f} ± {metric.standard_error:.2f}"
    assert dot in paper.markdown(paper.paper_table(runs, EN))
    comma = dot.replace(".", ",")
    assert comma in paper.markdown(paper.paper_table(runs, PT))
    assert comma.replace(",", "{,}").replace("±", r"\pm") in paper.latex(paper.paper_table(runs, PT))


def test_a_paper_has_one_table_with_three_rules(table):
    text = paper.latex(table)
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert text.count(r"\\") == 1 + len(table.models)
    assert all(
        line.count("&") == len(table.keys) for line in text.splitlines() if line.endswith(r"\\") and "50" not in line
    )


def test_a_score_with_options_is_a_column_of_its_own(tiny):
    runs = runs_of(tiny, {"vae": VAE(2, hidden=(4,)), "other": VAE(3, hidden=(4,))})
    for run in runs:
        run.score({"name": "nll", "samples": 7}, "test")
    found = paper.paper_table(runs, EN)
    assert found.keys[-1] == "nll_7" and found.columns[-1] == "NLL bound (K = 7)"
    for run, cells in zip(runs, found.cells, strict=True):
        assert cells[-1].value == run.measured["test"]["nll_7"].values["nll_7"].value
