import json

import numpy as np
import pytest

import latente
from latente.sklearn import Autoencoder
from latente.sklearn.files import ABOUT


@pytest.fixture
def folder(of_people, tmp_path):
    return of_people.save(tmp_path / "saved")


def test_an_estimator_comes_back(people, of_people, folder):
    again = Autoencoder.load(folder)
    assert np.array_equal(again.transform(people), of_people.transform(people))
    assert again.sample(5, random_state=1).equals(of_people.sample(5, random_state=1))
    assert again.get_params() == of_people.get_params()
    assert again.n_features_in_ == 4
    assert again.n_iter_ == 2
    assert again.feature_names_in_.tolist() == list(people.columns)
    assert repr(again.summary()) == repr(of_people.summary())
    codes = np.random.default_rng(0).normal(size=(3, 2))
    assert np.array_equal(latente.load(folder / "run").decode(codes), of_people.run_.decode(codes))


def test_nothing_is_overwritten(of_people, folder):
    with pytest.raises(latente.StoreError, match="exists and is not empty"):
        of_people.save(folder)


def test_a_generator_is_not_saved(of_people, tmp_path):
    import pickle

    model = pickle.loads(pickle.dumps(of_people)).set_params(random_state=np.random.RandomState(0))
    with pytest.raises(latente.StoreError, match="random_state: a generator of random numbers is not saved"):
        model.save(tmp_path / "other")


def test_what_was_changed_is_said(folder):
    path = folder / ABOUT
    path.write_text(path.read_text().replace("height", "weight"))
    with pytest.raises(latente.StoreError, match=r"estimator.json: is not what was written"):
        Autoencoder.load(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.update(estimator="OutlierDetector"), "holds OutlierDetector; allowed here: Autoencoder"),
        (lambda t: t.update(format=2), "of format 2"),
        (lambda t: t.pop("schema"), "there is no 'schema'"),
        (lambda t: t["schema"].update(kind="pickle"), "there is no 'pickle'"),
        (lambda t: t["schema"].update(columns=[{}]), "damaged"),
        (lambda t: t["params"].update(betta=3), "its parameters are damaged"),
        (lambda t: t["params"].update(model={"spec": {"latent_dim": "x"}}), "latent_dim"),
        (lambda t: t.update(names=[1]), "no text"),
    ],
)
def test_a_strangers_folder_is_checked(folder, change, said):
    (folder / "manifest.json").unlink()
    path = folder / ABOUT
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))
    with pytest.raises(latente.StoreError, match=said):
        Autoencoder.load(folder)


def test_a_runs_folder_is_none_of_an_estimators(folder):
    with pytest.raises(latente.StoreError, match=r"it has no estimator.json"):
        Autoencoder.load(folder / "run")
