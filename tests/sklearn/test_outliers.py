"""Outliers: scikit-learn's own checks, p-values that hold, and the column that was tampered with."""

import pickle

import numpy as np
import pandas
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from latente.errors import LatenteWarning
from latente.evaluation.outliers.conformal import conformal_p_values
from latente.evaluation.outliers.explain import explain
from latente.sklearn import OutlierDetector

WEIGHTS = "which rows are held out, by which a score is calibrated, is drawn from the rows as they are given"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [OutlierDetector(latent_dim=1, epochs=1, random_state=0)],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": WEIGHTS},
)
def test_scikit_learn_agrees(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def frame():
    """300 rows of 4 numbers that two causes explain."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 4)) + 0.2 * rng.normal(size=(300, 4))
    return pandas.DataFrame(100 + 30 * x, columns=["a", "b", "c", "d"], index=[f"r{i}" for i in range(300)])


@pytest.fixture(scope="module")
def fitted(frame):
    settings = {"hidden": (), "latent_dim": 2, "epochs": 200, "batch_size": 64, "learning_rate": 0.05}
    return OutlierDetector(validation=0.4, random_state=0, **settings).fit(frame.iloc[:200])


def test_the_column_at_fault_is_first_and_shares_sum_to_the_score(frame, fitted):
    rows = frame.iloc[200:].copy()
    where = np.arange(100) % 4
    for i, c in enumerate(where):
        rows.iloc[i, c] += 5 * frame.iloc[:, c].std()
    found = fitted.explain(rows)
    assert found.columns.tolist() == ["a", "b", "c", "d"] and found.index.equals(rows.index)
    assert found.sum(axis="columns").to_numpy() == pytest.approx(-fitted.score_samples(rows), rel=1e-5, abs=1e-3)
    assert (found.to_numpy().argmax(axis=1) == where).mean() >= 0.95
    assert (fitted.predict(rows) == -1).all()
    # The last decimals are those of the split itself.
    split = explain(fitted.run_.model, rows.to_numpy(np.float32), usual=fitted.usual_)
    assert np.array_equal(found.to_numpy(), split.excess)


def test_p_values_decisions_and_probabilities_agree(frame, fitted, tmp_path):
    rows = frame.iloc[200:]
    p, scores = fitted.p_values(rows), fitted.score_samples(rows)
    assert p == pytest.approx(conformal_p_values(fitted.calibration_, -scores))
    assert len(fitted.calibration_) == 80 and np.array_equal(fitted.predict(rows) == -1, p <= 0.05)
    assert fitted.predict_proba(rows) == pytest.approx(np.stack([p, 1 - p], axis=1))
    assert np.array_equal(fitted.decision_function(rows), scores - fitted.offset_)
    assert (p <= 0.05).mean() < 0.15 and abs(np.median(p) - 0.5) < 0.2
    for again in (pickle.loads(pickle.dumps(fitted)), OutlierDetector.load(fitted.save(tmp_path / "detector"))):
        assert np.array_equal(again.score_samples(rows), scores)
        assert np.array_equal(again.predict(rows), fitted.predict(rows)) and again.drift(rows) == fitted.drift(rows)


def test_a_batch_that_moved_is_told(frame, fitted):
    assert fitted.drift(frame.iloc[200:]).p > 0.01
    moved = fitted.drift(frame.iloc[200:] + np.array([0, 20, 0, 0]))
    assert moved.p < 1e-4 and moved.above.low > 0.5 and moved.rows > 10


def test_a_share_of_the_rows_of_fit_is_flagged(frame):
    detector = OutlierDetector(contamination=0.1, latent_dim=1, epochs=1, random_state=0)
    assert (detector.fit_predict(frame) == -1).sum() == 30
    for wrong in (0, 0.6, "some", True, None):
        with pytest.raises(ValueError, match="contamination"):
            OutlierDetector(contamination=wrong).fit(frame)


def test_texts_and_missing_cells_are_explained_by_their_names():
    rng = np.random.default_rng(0)
    size = rng.normal(size=200)
    rows = pandas.DataFrame(
        {"size": size, "kind": np.where(size > 0, "oak", "elm"), "age": 3 * size + rng.normal(size=200)}
    )
    rows.loc[rng.integers(200, size=20), "age"] = np.nan
    settings = {"hidden": (8,), "latent_dim": 1, "epochs": 100, "batch_size": 64, "learning_rate": 0.02}
    detector = OutlierDetector(random_state=0, **settings).fit(rows)
    odd = rows[rows["age"].isna()].copy()
    odd["kind"] = np.where(odd["size"] > 0, "elm", "oak")
    found = detector.explain(odd)
    assert found.columns.tolist() == ["size", "kind", "age"] and (found["age"] == 0).all()
    far = odd["size"].abs() > 0.7
    assert (found.loc[far, "kind"] > 1).all() and far.sum() > 5
    assert found.sum(axis="columns").to_numpy() == pytest.approx(-detector.score_samples(odd), abs=1e-3)


def test_too_few_rows_held_out_are_warned_of(frame):
    with pytest.warns(LatenteWarning, match=r"12 rows are held out, with which no p-value is below 0\.077"):
        detector = OutlierDetector(latent_dim=1, epochs=1, random_state=0).fit(frame.iloc[:60])
    assert detector.offset_ == -np.inf and (detector.predict(frame) == 1).all()
