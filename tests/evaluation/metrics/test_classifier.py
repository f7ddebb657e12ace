"""The frozen classifier: it learns, is the same each time, is kept, and is not mixed with another."""

import dataclasses

import numpy as np
import pytest

from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError
from latente.evaluation.metrics.classifier import (
    RECIPE,
    ClassifierRecipe,
    fingerprint_of,
    of_one_classifier,
    train_classifier,
)
from latente.evaluation.metrics.generation import frechet_distance, kernel_distance

SHORT = ClassifierRecipe(hidden=(16, 8), steps=60, passes=2, batch_size=32, learning_rate=1e-2)


@pytest.fixture(scope="module")
def trained(tiny):
    return train_classifier(tiny, SHORT)


@pytest.mark.slow
def test_it_learns_and_its_accuracy_is_that_of_the_validation_part(tiny, trained):
    assert trained.accuracy.value > 0.95
    right = trained.predict(tiny.values(tiny.validation.x)) == tiny.validation.y
    assert trained.accuracy.value == pytest.approx(right.mean())
    assert trained.accuracy.low < trained.accuracy.value <= trained.accuracy.high
    # Every class gets all labels equally often: a permutation would leave each pattern a label that it has most.
    mixed = np.empty_like(tiny.train.y)
    for label in np.unique(tiny.train.y):
        here = np.flatnonzero(tiny.train.y == label)
        mixed[here] = np.arange(len(here)) % 3
    mixed = dataclasses.replace(tiny.train, y=mixed)
    other = train_classifier(dataclasses.replace(tiny, train=mixed), SHORT)
    assert other.accuracy.low < 0.5  # nothing to learn


def test_features_are_the_last_hidden_layer_and_give_the_class(tiny, trained):
    x = tiny.values(tiny.test.x)
    a = ((x - trained.centre) / trained.spread).reshape(len(x), -1)
    for layer in trained.net.layers[:-1]:
        a = np.maximum(a @ np.asarray(layer.weight) + np.asarray(layer.bias), 0)
    assert trained.features(x).values == pytest.approx(a, abs=1e-4)
    scores = a @ np.asarray(trained.net.layers[-1].weight) + np.asarray(trained.net.layers[-1].bias)
    assert (trained.predict(x) == scores.argmax(axis=1)).all()
    assert (trained.features(x[:3]).values == trained.features(x).values[:3]).all()  # to the bit, however many come


def test_equal_recipes_and_data_give_the_same_bits_and_others_do_not(tiny, trained):
    assert train_classifier(tiny, SHORT).fingerprint == trained.fingerprint
    assert train_classifier(tiny, dataclasses.replace(SHORT, seed=1)).fingerprint != trained.fingerprint
    parts = trained.net, trained.centre, trained.spread
    assert fingerprint_of(*parts, tiny.fingerprint, SHORT) == trained.fingerprint
    assert fingerprint_of(*parts, "other data", SHORT) != trained.fingerprint
    assert fingerprint_of(*parts, tiny.fingerprint, dataclasses.replace(SHORT, version=2)) != trained.fingerprint


def test_it_never_looks_at_the_test_part(tiny, trained):
    blind = dataclasses.replace(tiny, test=dataclasses.replace(tiny.test, x=0 * tiny.test.x, y=None))
    assert train_classifier(blind, SHORT).fingerprint == trained.fingerprint


def test_distances_stay_within_one_classifier(tiny, trained):
    x = tiny.values(tiny.train.x)
    real, same = trained.features(x[:90]), trained.features(x[90:])
    near = of_one_classifier(real, same)
    assert near[0] is real.values and near[1] is same.values
    far = of_one_classifier(real, trained.features(np.random.default_rng(0).random((90, 6, 5))))
    assert frechet_distance(*far).low > frechet_distance(*near).high
    assert kernel_distance(*far).low > kernel_distance(*near).high
    other = train_classifier(tiny, dataclasses.replace(SHORT, seed=1)).features(x)
    names = f"{real.fingerprint[:12]} and {other.fingerprint[:12]}"
    with pytest.raises(SpecError, match=rf"got features of 2 classifiers \({names}\); .* on another scale"):
        of_one_classifier(real, other)


@pytest.mark.slow
def test_tables_and_colours():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    table = (np.stack([y + 0.1 * rng.normal(size=200), 1e4 * rng.normal(size=200), np.ones(200)], 1)).astype(np.float32)
    # Columns of very different spread are standardised each on its own; a constant one does no harm.
    assert train_classifier(split_source(make_source("t", table, y)), SHORT).accuracy.value > 0.95
    images = (255 * rng.random((200, 14, 16, 3))).astype(np.uint8)
    images[y == 1, :, :, 0] //= 2
    assert train_classifier(split_source(make_source("c", images, y)), SHORT).accuracy.value > 0.95


def test_the_shipped_recipe_has_enough_steps_for_any_size():
    assert RECIPE.epochs(3200) * RECIPE.steps_an_epoch(3200) >= RECIPE.steps
    assert RECIPE.epochs(48_000) == RECIPE.passes
    assert RECIPE.steps_an_epoch(10) == 1


def test_refusals(tiny, trained):
    bare = split_source(make_source("bare", tiny.train.x, None))
    with pytest.raises(DataError, match="bare: a classifier needs labels of at least two classes, and it has 0"):
        train_classifier(bare, SHORT)
    with pytest.raises(DataError, match="values: got uint8; allowed: model values"):
        trained.features(tiny.test.x)
    with pytest.raises(DataError, match="values: have 9 numbers an example, but tiny has 30"):
        trained.features(np.ones((2, 3, 3)))
    with pytest.raises(DataError, match="values: got 0 examples"):
        trained.predict(np.ones((0, 6, 5)))
