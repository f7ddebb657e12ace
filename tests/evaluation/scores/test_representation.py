"""Scores of codes and reconstructions: a principal component code equals its baseline, a factor code is perfect, and
every number is that of the metric it stands for."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from made import blobs
from madebare import bare, numbers
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import SpecError
from latente.evaluation.scores import scores


@pytest.fixture(scope="module")
def hard():
    """Classes that overlap, so that no probe is always right: 384 to train, 96 to validate, 120 to test."""
    x, y = blobs(600, classes=4)
    noise = np.random.default_rng(1).integers(0, 200, x.shape)
    return split_source(make_source("hard", (x // 8 + noise).astype(np.uint8), y))


@pytest.fixture(scope="module")
def component(hard):
    """A run whose codes are the two first principal components of the training part."""
    fitted = PCA(2, random_state=0).fit(hard.values(hard.train.x).reshape(384, -1))

    def encode(x, **_):
        return fitted.transform((x if x.dtype != np.uint8 else hard.values(x)).reshape(len(x), -1))

    return bare(hard, encode=encode)


@pytest.mark.slow
def test_principal_components_equal_their_baseline_in_every_number(component):
    found = component.score("representation").values
    pairs = [(name, f"{name}_pca") for name in found if not name.endswith("_pca")]
    assert len(pairs) == 8 and 0.3 < found["probe"].value < 0.95
    for own, other in pairs:
        assert found[own] == found[other], own
    assert not component.score("representation").warnings


def test_the_probe_is_tuned_on_validation_codes_and_judged_on_test_codes(component, hard):
    found = component.score("representation")
    a, b, c = (component.encode(part.x) for part in (hard.train, hard.validation, hard.test))
    mean, spread = a.mean(axis=0), a.std(axis=0)
    fits = [LogisticRegression(C=v, max_iter=1000).fit((a - mean) / spread, hard.train.y) for v in (0.01, 0.1, 1, 10)]
    held = [f.score((b - mean) / spread, hard.validation.y) for f in fits]
    chosen = fits[int(np.argmax(held))].predict((c - mean) / spread)
    assert numbers(found)["probe"] == pytest.approx((chosen == hard.test.y).mean(), abs=0.01)
    assert np.abs(found.arrays["confusion"] - confusion_matrix(hard.test.y, chosen)).sum() <= 2
    assert found.arrays["confusion"].sum(axis=1).tolist() == np.bincount(hard.test.y).tolist()
    for name in ("probe", "probe_knn"):
        assert len(found.each(name)) == 120 and found.each(name).mean() == numbers(found)[name]


@pytest.mark.slow
def test_no_label_of_the_test_part_tunes_anything(component, hard):
    mixed = dataclasses.replace(hard.test, y=np.random.default_rng(0).permutation(hard.test.y))
    other = bare(dataclasses.replace(hard, test=mixed), encode=component.encode).score("representation")
    first = component.score("representation")
    said = first.arrays["confusion"].sum(axis=0)
    assert np.array_equal(other.arrays["confusion"].sum(axis=0), said)  # the same predictions, and chance to be right
    assert numbers(other)["probe"] < 0.45
    # Where the validation part is judged, a fifth of the training part tunes.
    mixed = dataclasses.replace(hard.validation, y=np.random.default_rng(0).permutation(hard.validation.y))
    runs = [bare(d, encode=component.encode) for d in (hard, dataclasses.replace(hard, validation=mixed))]
    judged = [r.score("representation", "validation").arrays["confusion"].sum(axis=0) for r in runs]
    assert np.array_equal(*judged)
    told = component.score("representation", "train").warnings
    assert told == ("the probes learnt from the examples that they are judged on; take the test part",)


@pytest.mark.slow
def test_fewer_examples_are_drawn_by_the_seed_and_named(component):
    table = {"name": "representation", "examples": 60, "neighbours": 40}
    made = scores.make(table)
    found = component.score(made)
    assert made.key() == "representation_examples60_neighbours40" and set(found.values) <= set(made.columns())
    assert len(found.arrays["judged"]) == 60 == found.arrays["confusion"].sum()
    assert found.arrays["judged"].tolist() == sorted(np.random.default_rng(0).choice(120, 60, replace=False).tolist())


def test_without_labels_neighbourhoods_are_left_and_conditional_models_are_refused(component, hard):
    plain = split_source(make_source("plain", np.concatenate([p.x for p in (hard.train, hard.validation, hard.test)])))
    found = bare(plain, encode=component.encode).score("representation")
    assert set(found.values) == {"trustworthiness", "trustworthiness_pca", "overlap", "overlap_pca"}
    assert found.warnings == ("the data has no labels of two classes or more: no probes and no clusters",)
    told = bare(hard, latente.preset("CVAE", 2, hidden=(8,)))
    assert told.score("representation") is None and "given the label" in scores.make("representation").unsupported(told)


@pytest.mark.slow
def test_other_baselines_are_optional_and_refused_in_one_line(component, hard):
    found = component.score({"name": "representation", "against": ["tsne"], "examples": 100})
    assert {n for n in found.values if n.endswith("_tsne_examples100")} and not any("pca" in n for n in found.values)
    wide = bare(hard, latente.VAE(5, hidden=(8,)), encode=lambda x, **_: np.tile(component.encode(x), (1, 3))[:, :5])
    found = wide.score({"name": "representation", "against": ["pca", "tsne"], "examples": 100})
    assert found.warnings[0].startswith("tsne has no codes of this size: size: got 5")
    with pytest.raises(SpecError, match='unknown baseline of representation "pcaa"; did you mean "pca"'):
        component.score({"name": "representation", "against": ["pcaa"]})
    if importlib.util.find_spec("umap") is None:
        found = component.score({"name": "representation", "against": ["umap"]})
        assert found.warnings == ("umap is not installed: there are no numbers of it",)
        assert found.values["probe"] == component.score("representation").values["probe"]
    with pytest.raises(SpecError, match="against: got 'pca'; allowed: a list"):
        scores.make({"name": "representation", "against": "pca"})
    few = split_source(make_source("few", *blobs(60)))
    made = scores.make("representation")
    assert made.unsupported(bare(few)) == "the validation part has 10 examples, and at least 30 are needed"
    broken = bare(hard, encode=lambda x, **_: np.full((len(x), 2), np.nan)).score(made)
    assert not broken.values and "codes hold NaN or infinity" in broken.warnings[0]
