import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from latente.errors import LatenteError, SpecError
from latente.sklearn import Imputer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::latente.errors.LatenteWarning")]
TINY = {"epochs": 2, "hidden": (8,), "latent_dim": 2, "random_state": 0, "samples": 50}


WEIGHTS = "training is stochastic: a row given twice is drawn twice, and other rows are held out"


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [Imputer(latent_dim=1, epochs=1, hidden=(), samples=5, random_state=0)],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": WEIGHTS},
)
def test_scikit_learn_agrees(estimator, check):
    check(estimator)


def table(n=120):
    """Columns of every kind, all of one cause, with holes; and the table without."""
    rng = np.random.default_rng(0)
    cause = rng.normal(size=n)
    whole = pd.DataFrame(
        {
            "height": 170 + 10 * cause + rng.normal(size=n),
            "income": np.exp(8 + cause + 0.2 * rng.normal(size=n)),
            "children": rng.poisson(np.exp(cause / 2)),
            "town": np.where(cause > 0.3, "north", np.where(cause > -0.5, "west", "south")),
            "member": cause + 0.3 * rng.normal(size=n) > 0,
            "size": pd.Categorical(
                np.array(["s", "m", "l"])[np.digitize(cause, [-0.6, 0.6])], ["s", "m", "l"], ordered=True
            ),
        },
        index=pd.Index([f"row {i}" for i in range(n)], name="who"),
    )
    whole["children"] = whole["children"].astype("Int64")
    whole["member"] = whole["member"].astype("boolean")
    holes = whole.copy()
    for column in whole.columns:
        holes.loc[rng.random(n) < 0.2, column] = pd.NA if column in ("children", "member") else np.nan
    return whole, holes


@pytest.fixture(scope="module")
def tables():
    return table()


@pytest.fixture(scope="module")
def fitted(tables):
    return Imputer(**{**TINY, "epochs": 60}, batch_size=16).fit(tables[1])


def test_a_table_comes_back_whole_with_its_data_types(tables, fitted):
    whole, holes = tables
    found = fitted.transform(holes)
    assert list(found.columns) == list(holes.columns) and found.index.equals(holes.index)
    assert not found.isna().any().any()
    assert found.dtypes.equals(holes.dtypes)
    for column in holes:
        seen = holes[column].notna()
        assert (found[column][seen] == holes[column][seen]).all()
    gaps = holes["height"].isna()
    error = np.abs(found["height"] - whole["height"])[gaps].mean()
    assert error < 0.6 * np.abs(holes["height"].mean() - whole["height"])[gaps].mean()
    gaps = holes["town"].isna()
    assert (found["town"] == whole["town"])[gaps].mean() > 0.6


def test_completed_tables_and_intervals_agree_with_the_mean(tables, fitted):
    _, holes = tables
    drawn = fitted.sample(40)
    assert len(drawn) == 40 and all(not one.isna().any().any() for one in drawn)
    assert drawn[0].equals(fitted.sample(2, holes)[0]) and not drawn[0].equals(drawn[1])
    gaps = holes["height"].isna()
    heights = np.stack([one["height"][gaps] for one in drawn])
    mean = fitted.transform(holes)["height"][gaps]
    error = heights.std(axis=0) / np.sqrt(40)
    assert (np.abs(heights.mean(axis=0) - mean) < 4.5 * error + 0.1).mean() > 0.9
    low, high = fitted.intervals(holes, 0.9)
    inside = (heights > low["height"][gaps].to_numpy()) & (heights < high["height"][gaps].to_numpy())
    assert inside.mean() == pytest.approx(0.9, abs=0.08)
    assert (low["height"][~gaps] == high["height"][~gaps]).all()
    assert low["town"].isna().equals(holes["town"].isna()) and low["member"].isna().equals(holes["member"].isna())


def test_rubin_pools_a_regression_and_a_function(tables, fitted):
    whole, _ = tables
    y = whole["height"].to_numpy()

    def mean_income(table):
        values = np.log(table["income"])
        return values.mean(), values.var(ddof=1) / len(values), len(values) - 1

    found = fitted.rubin(mean_income, 10)
    assert found.tables == 10 and found.between[0] > 0 and found.df[0] < 119
    assert found.low[0] < np.log(whole["income"]).mean() < found.high[0]
    with pytest.raises(SpecError, match="m: got 1; allowed: a whole number of at least 2"):
        fitted.rubin(mean_income, 1)
    numbers = fitted.rubin(lambda t, y: _regression(t, y), 5, y=y)
    assert numbers.estimate.shape == (2,) and numbers.estimate[0] > 0


def _regression(table, y):
    from latente.evaluation.rubin import estimates_of

    return estimates_of(LinearRegression(), np.log(table[["income"]]), y)


def test_arrays_keep_their_type_and_what_is_in_them():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 1)) @ rng.normal(size=(1, 3)) + 0.1 * rng.normal(size=(60, 3)) + 1e6
    x[rng.random(x.shape) < 0.2] = np.nan
    found = Imputer(**TINY).fit(x)
    whole = found.transform(x)
    seen = ~np.isnan(x)
    assert whole.dtype == x.dtype and np.isfinite(whole).all() and (whole[seen] == x[seen]).all()
    again = Imputer(**TINY).fit(x).transform(x)
    assert np.array_equal(whole, again)
    empty = np.vstack([x[:5], np.full((1, 3), np.nan)])
    assert np.isfinite(found.transform(empty)).all()


def test_a_row_or_a_column_without_a_value_does_not_stop_it():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3))
    x[3], x[:, 2] = np.nan, np.nan
    whole = Imputer(**TINY).fit_transform(x)
    assert np.isfinite(whole[:, :2]).all() and np.isnan(whole[:, 2]).all()


def test_a_mechanism_that_depends_on_the_value():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 2))
    x[x[:, 1] > 0.5, 1] = np.nan
    found = Imputer(mechanism="self-masked", **TINY).fit(x)
    assert found.spec_.likelihood["name"] == "self-masked" and found.spec_.objective["name"] == "iwae"
    assert np.isfinite(found.transform(x)).all()


def test_refusals(tables, fitted):
    with pytest.raises(SpecError, match='unknown mechanism "selfmasked"; did you mean "self-masked"'):
        Imputer(mechanism="selfmasked", **TINY).fit(tables[1])
    with pytest.raises(SpecError, match="m: got 0; allowed: a whole number of at least 1"):
        fitted.sample(0)
    with pytest.raises(SpecError, match="level: got 95; allowed: a number above 0 and below 1"):
        fitted.intervals(level=95)
    with pytest.raises(LatenteError, match="income"):
        fitted.transform(tables[1].drop(columns="income"))
