"""The table of baselines: as findings.json has them, in both languages."""

import numpy as np

from latente.analysis.baselines import Baselines
from latente.language.words import Words
from latente.report.conclusions import baseline_rows
from latente.report.tables.baselines import baselines

EACH = np.array([0.05, 0.07])


def test_every_baseline_is_a_row_with_its_number():
    rows = baseline_rows(Baselines({0: EACH, 16: EACH / 2}, {'"bernoulli"': 100 * EACH + 200}, 10))
    assert [(r["baseline"], r.get("latents"), r.get("likelihood")) for r in rows] == [
        ("mean", 0, None), ("pca", 16, None), ("marginal", None, "bernoulli"),
    ]  # fmt: skip
    table = baselines(rows, Words("pt"))
    shown = [[c.text for c in row] for row in table.rows]
    assert shown == [
        ["Média de treino", "–", "0,06000", "–"],
        ["Componentes principais", "16", "0,03000", "–"],
        ["Cada valor por si, Bernoulli", "–", "–", "206,00"],
    ]
    assert table.rows[0][2].error == "0,01000" and "LT305" in table.notes[0]
    assert baselines([], Words("en")) is None and baseline_rows(None) == []
