"""Numbers of scores in tables."""

from madebetas import sweep

from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import Metric
from latente.evaluation.scores import Measured, scores
from latente.language.words import Words
from latente.report.tables import scores as scoretables

EN, PT = Words("en"), Words("pt")


def test_unranked_numbers_are_in_a_table_with_their_names(tiny):
    swept = sweep(tiny)
    for at, found in enumerate(swept):
        values = {"nll_50": Metric(84.0 + at, 0.5), "nll_50_ess": Metric(20.0, 1.0), "nll_50_gain": Metric(0.2, 0.01)}
        found.measured = {"test": {"nll_50": Measured(values, {}, (), {"name": "nll", "samples": 50})}}
        found.metrics["test"] |= values
    trained = trained_models(swept)
    (table,) = scoretables.numbers(trained, scoretables.every(trained, []), EN)
    assert [row[0].text for row in table.rows] == [
        "Bound on −log p(x), K = 50, nats ↓",
        "Effective sample size, of 50",
        "Fall of the bound from K/2 to K, nats",
    ]
    assert [c.value for c in table.rows[0][1:]] == [84.0, 85.0, 86.0] and "BCE score" in table.caption
    (table,) = scoretables.numbers(trained, scoretables.every(trained, []), PT)
    assert table.rows[1][0].text == "Tamanho efetivo da amostra, de 50" and "tons de cinza" in table.caption
    for name in ("nll", "exact-nll", "ais", "elbo-split", "collapse", "active-units"):
        made = scores.make(name)
        for words in (EN, PT):
            assert all(scoretables.label(c, made, words) != c for c in made.columns())
            assert f"report.section.{name}" in words.templates
