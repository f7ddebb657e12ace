"""What the score "outliers" keeps, as figures and tables of a report, in both languages."""

import numpy as np
import pytest
from figures import history
from made import untrained
from sklearn.metrics import roc_auc_score

import latente
from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import METRICS, Metric
from latente.evaluation.scores import Measured, scores
from latente.evaluation.scores.outliers import tried
from latente.language.words import Words
from latente.report import scores as scored
from latente.report.conclusions import as_rows, findings_of_scores, lines
from latente.report.page import write_report
from latente.report.tables import scores as scoretables
from latente.spec import StudySpec

EN, PT = Words("en"), Words("pt")
RNG = np.random.default_rng(0)


def measured(kinds=("nll", "reconstruction", "regret")):
    arrays = {"against": np.frombuffer("moda é".encode(), np.uint8)}
    for kind in kinds:
        low, high = RNG.normal(100, 5, 60), RNG.normal(90 if kind == "nll" else 120, 5, 50)
        arrays |= {f"{kind}.inliers": low, f"{kind}.outliers": high}
    columns = [c for c in scores.make("outliers").columns() if any(c.endswith(k) for k in kinds)]
    return Measured({c: Metric(0.5, 0.01) for c in columns}, arrays, score="outliers", name="outliers", key="outliers")


@pytest.fixture(scope="module")
def trained(tiny):
    runs = []
    for name, model, kinds in (("vae", latente.VAE(2, hidden=(8,)), None), ("ae", latente.AE(2, hidden=(8,)), True)):
        run = untrained(tiny, model, name)
        found = measured(("reconstruction",)) if kinds else measured()
        run.measured, run.metrics = {"test": {"outliers": found}}, {"test": dict(found.values)}
        runs.append(run)
    return trained_models(runs)


@pytest.mark.slow
@pytest.mark.parametrize("words", [EN, PT], ids=["en", "pt"])
def test_a_figure_a_model_says_what_was_told_from_what_and_how_well(tiny, trained, words):
    first, second = scored.figure_files(trained, tiny, words)
    assert (first.file, first.group, second.file) == ("outliers-vae.svg", "outliers", "outliers-ae.svg")
    for picture in (first, second):
        assert "moda é" in picture.caption and "tiny" in picture.alt and "{" not in picture.alt + picture.caption
    assert "60" in first.caption and "50" in first.caption
    comma = "." if words is EN else ","
    arrays = trained[0].first.measured["test"]["outliers"].arrays
    low, high = arrays["nll.inliers"], arrays["nll.outliers"]
    known = roc_auc_score(np.repeat([0, 1], [60, 50]), np.concatenate([low, high]))
    assert known < 0.2 and f"AUROC {known:.3f}".replace(".", comma) in first.alt
    assert f"{np.median(high):.3g}".replace(".", comma) in first.alt


@pytest.mark.parametrize("words", [EN, PT], ids=["en", "pt"])
def test_the_table_names_every_number(trained, words):
    (table,) = scoretables.numbers(trained, [scores.make("outliers")], words)
    names = [row[0].text for row in table.rows]
    assert len(names) == 6 and all("AUROC" in n or "recis" in n for n in names) and not any("_" in n for n in names)
    # The autoencoder has the reconstruction error alone.
    assert [row[2].text for row in table.rows].count("–") == 4


def test_what_was_tried_is_kept_as_text():
    assert tried(measured().arrays) == "moda é"


@pytest.mark.parametrize("words", [EN, PT], ids=["en", "pt"])
def test_the_report_says_what_the_numbers_say_with_verdicts(tiny, trained, words, tmp_path):
    runs = [m.first for m in trained]
    study = StudySpec("Outliers", tiny.spec, (0,), tuple(r.spec for r in runs))
    for run in runs:
        values = {s: {m: Metric(1.0, 0.1) for m in METRICS} for s in ("train", "validation", "test")}
        values["test"] |= run.measured["test"]["outliers"].values
        run.metrics = values
        run.history = history(seed=0)
    page = write_report(tmp_path, study, runs, tiny, [], words, "", {}, drawn=[]).read_text()
    told = page[page.index('id="scores"') : page.index('id="conclusion"')]
    assert words("report.section.scores") in told and told.count('<li><p class="claim">') == 4
    said = {"en": "vae: the model finds moda é likelier than", "pt": "vae: o modelo acha moda é mais provável"}
    assert said[words.language] in told and words("findings.verdict.holds") in told
    assert [row["rule"] for row in as_rows(findings_of_scores(runs)) if row["model"] == "ae"] == ["detects"]
    said = list(lines(scored.claims_of_scores([("here", 0, runs[0].measured["test"]["outliers"])]), words))
    assert len(said) == 3 and "here: " in said[0]
