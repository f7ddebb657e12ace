"""The classifier that judges samples is trained once and kept."""

import dataclasses

import numpy as np
import pytest

from latente.errors import LatenteWarning, StoreError
from latente.evaluation.metrics import classifier_cache
from latente.evaluation.metrics.classifier import ClassifierRecipe, train_classifier
from latente.evaluation.metrics.classifier_cache import frozen_classifier, read_classifier, write_classifier
from latente.training import store

SHORT = ClassifierRecipe(hidden=(16, 8), steps=60, passes=2, batch_size=32, learning_rate=1e-2)


@pytest.fixture(scope="module")
def trained(tiny):
    return train_classifier(tiny, SHORT)


def test_it_is_trained_once_and_read_to_the_bit(tiny, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path))
    first = frozen_classifier(tiny, SHORT, on_epoch=lambda *e: calls.append(e))
    assert [c[:2] for c in calls] == [(i + 1, SHORT.epochs(len(tiny.train))) for i in range(len(calls))]
    assert calls[-1][2] < calls[0][2]
    assert len(list((tmp_path / "classifiers").glob("*.safetensors"))) == 1
    monkeypatch.setattr(classifier_cache, "train_classifier", lambda *a, **k: pytest.fail("trained again"))
    second = frozen_classifier(tiny, SHORT)
    x = tiny.values(tiny.test.x)
    assert (second.features(x).values == first.features(x).values).all()
    assert (second.fingerprint, second.accuracy, second.data) == (first.fingerprint, first.accuracy, "tiny")


def test_a_damaged_file_is_replaced_and_a_changed_one_is_seen(tiny, trained, tmp_path):
    frozen_classifier(tiny, SHORT, folder=tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert frozen_classifier(tiny, SHORT, folder=tmp_path).fingerprint == trained.fingerprint
    assert path.read_bytes() == whole
    arrays, about = store.load_arrays(path)
    arrays["net.layers.0.weight"] = arrays["net.layers.0.weight"] + np.float32(1e-3)
    store.save_arrays(path, arrays, about)
    with pytest.raises(StoreError, match="was changed after it was written"):
        read_classifier(path, tiny, SHORT)
    assert frozen_classifier(tiny, SHORT, folder=tmp_path).fingerprint == trained.fingerprint
    write_classifier(path, trained)
    with pytest.raises(StoreError, match="is another classifier \\(recipe.seed is 0 there and 3 here"):
        read_classifier(path, tiny, dataclasses.replace(SHORT, seed=3))
    store.save_arrays(path, {"centre": arrays["centre"]}, about)
    with pytest.raises(StoreError, match='has no array "net'):
        read_classifier(path, tiny, SHORT)


def test_a_place_that_cannot_be_written_is_a_warning(tiny, trained, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(LatenteWarning, match="the classifier of tiny is not kept"):
        found = frozen_classifier(tiny, SHORT, folder=tmp_path / "file")
    assert found.fingerprint == trained.fingerprint
