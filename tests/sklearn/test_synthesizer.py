"""Synthetic rows: data types, bounds and missing cells of the table, conditions met, and their effective number."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from latente.errors import DataError, LatenteWarning, SpecError
from latente.sklearn import TableSynthesizer


def people(n=400, seed=0):
    """Incomes that are missing for the old alone, and higher for one sex."""
    r = np.random.default_rng(seed)
    age, sex = r.integers(18, 91, n), r.choice(["f", "m"], n, p=[0.7, 0.3])
    table = pd.DataFrame(
        {
            "id": [f"u{i}" for i in range(n)],
            "age": age,
            "sex": sex,
            "income": np.round(np.exp(7 + 1.5 * (sex == "m") + 0.3 * r.normal(size=n)), 2),
            "city": pd.Categorical(r.choice(["a", "b", "c"], n), categories=["c", "b", "a", "z"]),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(age * 20 + r.integers(0, 100, n), unit="D"),
            "agrees": pd.array(r.random(n) < 0.4, dtype="boolean"),
            "country": "BR",
        }
    )
    table.loc[(age > 60) & (r.random(n) < 0.6), "income"] = np.nan
    return table


@pytest.fixture(scope="module")
def table():
    return people()


@pytest.fixture(scope="module")
def fitted(table):
    return TableSynthesizer(latent_dim=3, hidden=(64,), epochs=150, random_state=0).fit(table)


@pytest.fixture(scope="module")
def rows(fitted):
    return fitted.sample(1000)


def test_rows_have_the_types_categories_and_bounds_of_the_table(table, rows):
    known = table.drop(columns="id")
    assert list(rows) == list(known) and rows.dtypes.equals(known.dtypes) and len(rows) == 1000
    for name in ("age", "income", "since"):
        assert known[name].min() <= rows[name].min() and rows[name].max() <= known[name].max()
    assert (rows["income"].round(2).dropna() == rows["income"].dropna()).all()
    assert (rows["since"].dt.normalize() == rows["since"]).all() and set(rows["country"]) == {"BR"}
    assert rows["agrees"].notna().all() and set(rows["city"]) <= {"a", "b", "c"}


def test_rows_are_like_those_of_the_table(table, rows):
    assert abs((rows["sex"] == "f").mean() - (table["sex"] == "f").mean()) < 0.08
    ratio = rows.groupby("sex")["income"].median()
    assert 2 < ratio["m"] / ratio["f"] < 8, "4.5 in the table"
    assert rows["age"].corr(rows["since"].astype("int64")) > 0.6
    # Cells are missing where they are in the table: of the old.
    old = rows["age"] > 60
    assert 0.4 < rows["income"][old].isna().mean() < 0.8 and rows["income"][~old].isna().mean() < 0.15


def test_equal_seeds_give_equal_rows(fitted, rows):
    assert fitted.sample(1000).equals(rows)
    assert not fitted.sample(1000, random_state=1).equals(rows)


@pytest.mark.parametrize(
    ("where", "met"),
    [
        ({"sex": "m"}, lambda t: t["sex"] == "m"),
        ({"city": ["a", "c"], "agrees": True}, lambda t: t["city"].isin(["a", "c"]) & t["agrees"]),
        ({"age": (30, 40)}, lambda t: t["age"].between(30, 40)),
        ({"since": ("2022-01-01", None)}, lambda t: t["since"] >= "2022-01-01"),
        ({"income": None}, lambda t: t["income"].isna()),
        ({"income": (1000, None)}, lambda t: t["income"] >= 1000),
    ],
)
def test_conditions_are_met_by_rejection(fitted, where, met):
    found = fitted.draw(50, where=where)
    assert len(found.rows) == 50 and met(found.rows).all()
    assert found.method == "rejection" and found.effective == 50 <= found.drawn


def test_rare_conditions_are_met_by_importance_with_their_effective_number(fitted):
    found = fitted.draw(200, where={"income": 5000.0, "age": (20, 50)})
    assert (found.rows["income"] == 5000).all() and found.rows["age"].between(20, 50).all()
    assert found.method == "importance" and 0 < found.effective <= 200
    assert "rows by importance, worth " in repr(found)
    # By Bayes: such incomes are those of men.
    assert (found.rows["sex"] == "m").mean() > 0.8


def test_weights_and_rejection_agree(fitted):
    """The same conditional distribution by two ways."""
    from latente.sklearn.synthesizer import _condition

    conditions = [_condition(fitted.schema_, "sex", "m")]
    rejected = fitted.draw(1000, where={"sex": "m"}).rows
    weighed = fitted._weighed(1000, conditions, np.random.default_rng(0))
    assert weighed.effective > 400 and (weighed.rows["sex"] == "m").all()
    a, b = (np.log(t["income"].dropna()) for t in (rejected, weighed.rows))
    assert a.mean() == pytest.approx(b.mean(), abs=0.1) and a.std() == pytest.approx(b.std(), rel=0.15)
    assert rejected["age"].mean() == pytest.approx(weighed.rows["age"].mean(), abs=3)


def test_few_codes_are_told(fitted):
    with pytest.warns(LatenteWarning, match="are worth [0-9]+ independent ones"):
        fitted.draw(800, where={"income": 200000 / 4, "sex": "f"})


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"sexx": "f"}, 'unknown column of where "sexx"; did you mean "sex"'),
        ({"id": "u1"}, 'unknown column of where "id"'),
        ({"sex": "x"}, 'unknown value of sex "x"'),
        ({"sex": ("a", "f")}, "allowed: a value, or a list of values"),
        ({"age": (1, 2, 3)}, r"allowed: \(lowest, highest\)"),
        ({"sex": []}, "got no values"),
        ({"sex": None}, "for no cell of it was missing"),
        ({"income": [None, 3.0]}, "along with other values"),
    ],
)
def test_conditions_that_cannot_be_are_refused(fitted, where, words):
    with pytest.raises(DataError, match=words):
        fitted.sample(3, where=where)
    with pytest.raises(SpecError, match="n_samples: got 0; allowed: a whole number of at least 1"):
        fitted.sample(0)


def test_quality_is_of_rows_beside_those_of_fit(fitted, rows):
    card = fitted.quality(people(200, seed=1), rows, target="sex")
    assert card.reference == "training" and card.rows == (200, 1000) and len(card.columns) == 6
    assert card.overall > 0.8 and [u.name for u in card.usefulness] == ["sex"]
    assert card.usefulness[0].synthetic > 0.7 and card.copies.nearer.value < 0.7


def test_saved_and_loaded_it_draws_the_same(fitted, rows, tmp_path):
    fitted.save(tmp_path / "kept")
    assert TableSynthesizer.load(tmp_path / "kept").sample(1000).equals(rows)


WEIGHTS = "training is stochastic: a row given twice is drawn twice, in other batches and with other random numbers"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [TableSynthesizer(epochs=1, hidden=(), latent_dim=1, prior=None)],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": WEIGHTS},
)
def test_scikit_learn_agrees(estimator, check):
    check(estimator)
