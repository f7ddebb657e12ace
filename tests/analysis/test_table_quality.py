"""The quality card: sdmetrics' own numbers, what is known of equal, shuffled and copied rows, and what it says."""

import itertools

import numpy as np
import pandas as pd
import pytest
from winetables import tables

from latente.analysis.table_quality import (
    contingency_similarity,
    correlation_similarity,
    ks_complement,
    missing_similarity,
    table_quality,
    tv_complement,
)
from latente.data.table_schema import learn
from latente.errors import DataError

COLUMNS = {
    "alcohol": (0.9137134052388289, 0.797752808988764),
    "proline": (0.9213483146067416, 1.0),
    "day": (0.9213483146067416, 1.0),
    "class": (0.9887640449438202, 1.0),
    "tint": (0.9013919168203924, 0.752808988764045),
    "strong": (0.9325842696629213, 1.0),
}
PAIRS = {
    "alcohol × proline": 0.9636788094817907,
    "alcohol × day": 0.8955074109104555,
    "alcohol × class": 0.7415730337078652,
    "alcohol × tint": 0.5842696629213483,
    "alcohol × strong": 0.7415730337078652,
    "proline × day": 0.9179966416147893,
    "proline × class": 0.8202247191011236,
    "proline × tint": 0.651685393258427,
    "proline × strong": 0.8089887640449438,
    "day × class": 0.8202247191011236,
    "day × tint": 0.6067415730337078,
    "day × strong": 0.797752808988764,
    "class × tint": 0.7303370786516854,
    "class × strong": 0.9325842696629214,
    "tint × strong": 0.7303370786516854,
}
"""What sdmetrics 0.32.0 gives to `winetables.tables`, as benchmarks/sdmetrics_scores.py prints them: scores of
columns, and of their missing cells; scores of pairs."""


@pytest.fixture(scope="module")
def card():
    return table_quality(*tables(), target=["class", "alcohol"])


def test_columns_and_pairs_are_those_of_sdmetrics(card):
    assert {c.name for c in card.columns} == COLUMNS.keys()
    for c in card.columns:
        assert (c.score, c.missing) == pytest.approx(COLUMNS[c.name], abs=1e-6)
    assert {f"{p.first} × {p.second}": p.score for p in card.pairs} == pytest.approx(PAIRS, abs=1e-6)
    assert card.shapes == pytest.approx(np.mean([v for v, _ in COLUMNS.values()]), abs=1e-6)
    assert card.trends == pytest.approx(np.mean([*PAIRS.values()]), abs=1e-6)
    assert card.overall == pytest.approx((card.shapes + card.trends) / 2)


def test_scores_in_closed_form():
    assert ks_complement(np.array([1.0, 2, 3, np.nan]), np.array([1.0, 2, 3])) == 1
    assert ks_complement(np.array([0.0, 1]), np.array([5.0, 6])) == 0
    assert ks_complement(np.array([0.0, 1, 2, 3]), np.array([1.0, 2, 3, 4])) == pytest.approx(0.75)
    assert tv_complement(np.array([0.0, 0, 1, np.nan]), np.array([1.0, 1, 1])) == pytest.approx(1 / 3)
    assert np.isnan(ks_complement(np.array([np.nan]), np.array([1.0])))
    assert np.isnan(tv_complement(np.array([np.nan]), np.array([1.0])))
    assert missing_similarity(np.array([np.nan, 1]), np.array([1.0, 1, 1, np.nan])) == pytest.approx(0.75)
    x = np.arange(5.0)
    assert correlation_similarity(np.stack([x, x], 1), np.stack([x, -x], 1)) == pytest.approx(0)
    assert np.isnan(correlation_similarity(np.stack([x, x * 0], 1), np.stack([x, x], 1)))
    two = np.array([[0.0, 0], [1, np.nan]])
    assert contingency_similarity(two, two) == 1
    assert contingency_similarity(two, np.array([[0.0, 0], [1, 0]])) == pytest.approx(0.5)
    assert contingency_similarity(np.stack([x, x], 1), np.stack([x + 100, x], 1), (True, False)) == pytest.approx(0.2)


def rows_of(n, seed):
    r = np.random.default_rng(seed)
    x = r.normal(size=n)
    label = np.where(x + 0.5 * r.normal(size=n) > 0, "a", "b")
    table = pd.DataFrame({"x": x, "y": x + r.normal(size=n), "label": label, "size": r.choice(["S", "M", "L"], n)})
    return table.mask(r.random(table.shape) < 0.05)


def test_rows_of_the_same_distribution_copies_and_shuffled_columns():
    real, train, same = (rows_of(400, seed) for seed in range(3))
    schema = learn(train)
    fair = table_quality(real, same, train=train, schema=schema, target="label")
    assert fair.discriminator.low < 0.5 < fair.discriminator.high
    assert fair.copies.nearer.low < 0.5 < fair.copies.nearer.high and fair.reference == "training"
    assert abs(fair.usefulness[0].synthetic - fair.usefulness[0].real) < 0.06 and fair.usefulness[0].real > 0.75
    copied = table_quality(real, train, train=train, schema=schema, target="label")
    assert copied.copies.copies.value == 1 and copied.copies.nearer.low > 0.9 and copied.copies.p_value < 1e-6
    r = np.random.default_rng(0)
    mixed = pd.DataFrame({name: r.permutation(same[name].to_numpy()) for name in same})
    shuffled = table_quality(real, mixed, train=train, schema=schema, target="label")
    assert [c.score for c in shuffled.columns] == pytest.approx([c.score for c in fair.columns])
    assert shuffled.discriminator.low > 0.6 and shuffled.trends < fair.trends - 0.05
    assert shuffled.usefulness[0].synthetic < 0.65


def test_what_it_says(card):
    assert repr(card).startswith("QualityCard(overall 0.8") and len(repr(card)) < 100
    text, portuguese = card.text(), card.text("pt")
    assert text.startswith("Quality of 89 synthetic rows beside 89 real ones")
    assert "predicting class" in text and "no guarantee" in text and "R² " in text and str(card) == text
    assert portuguese.startswith("Qualidade de 89 linhas") and "0,5 é o acaso" in portuguese
    assert f"{card.discriminator.value:.3f}".replace(".", ",") in portuguese
    assert "<table>" in card._repr_html_() and "×" in card._repr_html_()
    assert card.rows == (89, 89) and len(card.pairs) == len([*itertools.combinations(range(6), 2)])


def test_what_is_refused():
    real, made = tables()
    with pytest.raises(DataError, match="synthetic: got 5 rows; allowed: at least 20"):
        table_quality(real, made.head(5))
    with pytest.raises(DataError, match='unknown target "clas"; did you mean "class"'):
        table_quality(real, made, target="clas")
