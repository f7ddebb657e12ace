"""The split is scikit-learn's, index for index; scaling, the card and the fingerprint follow from it."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError


def numbered(n, labelled=True, tests=0):
    """Examples whose value is their index, so that a split can be read off its values."""
    x = np.arange(n + tests, dtype=np.float32).reshape(-1, 1)
    y = np.random.default_rng(n).integers(0, 4, n + tests) if labelled else None
    if not tests:
        return make_source("numbered", x, y)
    return make_source("numbered", x[:n], y[:n] if labelled else None, x[n:], y[n:] if labelled else None)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(("n", "validation", "test", "seed"), [(100, 0.2, 0.2, 42), (1003, 0.1, 0.37, 7)])
def test_the_split_is_that_of_scikit_learn(n, validation, test, seed, labelled):
    source = numbered(n, labelled)
    data = split_source(source, validation=validation, test=test, seed=seed)
    y = source.y
    rest, last = train_test_split(np.arange(n), test_size=test, stratify=y, random_state=seed)
    first, second = train_test_split(
        rest, test_size=validation, stratify=None if y is None else y[rest], random_state=seed
    )
    for part, index in ((data.train, first), (data.validation, second), (data.test, last)):
        assert part.x[:, 0].tolist() == index.tolist()
        assert part.y is None if y is None else part.y.tolist() == y[index].tolist()
    assert len(data.train) + len(data.validation) + len(data.test) == n


@pytest.mark.parametrize("labelled", [True, False])
def test_a_test_part_of_its_own_is_kept(labelled):
    source = numbered(90, labelled, tests=10)
    data = split_source(source, validation=0.3, test=0.9, seed=3)
    first, second = train_test_split(np.arange(90), test_size=0.3, stratify=source.y, random_state=3)
    assert data.train.x[:, 0].tolist() == first.tolist()
    assert data.validation.x[:, 0].tolist() == second.tolist()
    assert data.test.x[:, 0].tolist() == list(range(90, 100))


def test_each_part_has_the_balance_of_the_whole():
    y = np.repeat([0, 1, 2], [500, 300, 200])
    data = split_source(make_source("a", np.zeros((1000, 2)), y))
    assert np.bincount(data.train.y).tolist() == [320, 192, 128]
    assert np.bincount(data.validation.y).tolist() == [80, 48, 32]
    assert np.bincount(data.test.y).tolist() == [100, 60, 40]


def test_bytes_stay_bytes_and_are_divided_by_their_maximum():
    x = np.full((20, 2, 2), 51, np.uint8)
    data = split_source(make_source("a", x))
    assert data.train.x.dtype == data.validation.x.dtype == data.test.x.dtype == np.uint8
    assert data.values(data.test.x).dtype == np.float32
    assert data.values(data.test.x) == pytest.approx(np.full((4, 2, 2), 0.2))
    digits = split_source(make_source("a", np.full((20, 2, 2), 8, np.uint8), maximum=16.0))
    assert (digits.values(digits.train.x) == 0.5).all()
    floats = split_source(make_source("a", np.full((20, 3), 7.5)))
    assert (floats.values(floats.train.x) == 7.5).all()


def test_minmax_takes_the_range_of_the_train_part_only():
    x = np.random.default_rng(0).normal(size=(200, 3)) * [1, 10, 0] + 5
    data = split_source(make_source("a", x), scale="minmax")
    train = data.values(data.train.x)
    assert train.min(axis=0) == pytest.approx([0, 0, 0], abs=1e-6)
    assert train.max(axis=0) == pytest.approx([1, 1, 0], abs=1e-6)
    # Beyond the range of the train part: held to its ends.
    assert data.values(np.float32([[100, -100, 5]]))[0] == pytest.approx([1, 0, 0], abs=1e-6)
    pixels = split_source(make_source("a", np.arange(80, dtype=np.uint8).reshape(20, 2, 2) + 100), scale="minmax")
    assert pixels.multiplier.shape == ()
    assert 1 / pixels.multiplier == pytest.approx(float(pixels.train.x.max()) - float(pixels.train.x.min()))


def test_the_card_holds_counts_balance_and_range():
    y = np.repeat(["cat", "dog"], [60, 40])
    x = np.zeros((100, 4, 3), np.uint8)
    x[:, 0, 0] = 255
    data = split_source(make_source("pets", x, y))
    card = data.card()
    assert card.pop("fingerprint") == data.fingerprint
    assert card == {
        "name": "pets",
        "shape": [4, 3],
        "dtype": "uint8",
        "counts": {"train": 64, "validation": 16, "test": 20},
        "range": [0.0, 1.0],
        "mean": pytest.approx(1 / 12),
        "classes": ["cat", "dog"],
        "grey": False,
        "labels": {"train": [38, 26], "validation": [10, 6], "test": [12, 8]},
    }
    json.dumps(data.card())


def test_the_card_does_not_look_at_the_values_of_the_test_part():
    source = make_source("a", np.zeros((10, 2)), None, np.full((5, 2), 9.0))
    card = split_source(source).card()
    assert card["range"] == [0.0, 0.0]
    assert card["counts"]["test"] == 5
    assert "labels" not in card


def test_the_fingerprint_is_known_and_changes_with_one_pixel():
    x = np.arange(400, dtype=np.int64).reshape(100, 2, 2).astype(np.uint8)
    y = np.arange(100) % 4

    def mark(x=x, y=y, x_test=None, **options):
        source = make_source("a", x, y, x_test, None if x_test is None else y[:1])
        return split_source(source, **options).fingerprint

    # A value that must not change between versions: runs on disk are compared by it.
    assert mark() == "63f86af5dda0769ff52f07b24cd7123d86d3de677e0e131008cb0637080bb5fd"
    assert mark() == mark(x.copy(), y.copy())
    other, label = x.copy(), y.copy()
    other[57, 1, 0] ^= 1
    label[[3, 4]] = label[[4, 3]]
    marks = [mark(), mark(other), mark(y=label), mark(seed=43), mark(test=0.3), mark(validation=0.3)]
    marks += [mark(scale="minmax"), mark(x.astype(np.float32)), mark(x.reshape(100, 4)), mark(x_test=x[:1])]
    assert len(set(marks)) == len(marks)


def test_the_fingerprint_tells_where_one_part_ends():
    x = np.zeros((12, 2), np.uint8)
    source = make_source("a", x[:10], None, x[:2])
    longer = dataclasses.replace(source, x=x[:11], x_test=x[:1])
    assert split_source(source).train.x.shape == split_source(longer).train.x.shape
    assert split_source(source).fingerprint != split_source(longer).fingerprint


@pytest.mark.parametrize(
    ("option", "share"),
    [
        ("validation", 0),
        *((o, s) for o in ("validation", "test") for s in (-0.1, 1.5, float("nan"), "0.2", None, True)),
    ],
)
def test_shares_out_of_range(option, share):
    with pytest.raises(SpecError, match=f"{option}: got .*allowed: a number (above|at least) 0"):
        split_source(numbered(50), **{option: share})


def test_a_test_share_of_nought_keeps_no_test_part():
    data = split_source(numbered(50), validation=0.1, test=0)
    assert [len(data.part(p)) for p in ("train", "validation", "test")] == [45, 5, 0]
    assert data.test.x.shape == (0, *data.shape)
    assert data.card()["counts"]["test"] == 0
    assert not data.missing


def test_weights_go_with_their_examples():
    source = numbered(50)
    weight = source.x.reshape(50, -1)[:, 0].astype(np.float32) + 1
    data = split_source(dataclasses.replace(source, weight=weight), test=0)
    for part in (data.train, data.validation):
        assert np.array_equal(part.weight, part.x.reshape(len(part), -1)[:, 0] + 1)
    assert data.fingerprint != split_source(source, test=0).fingerprint


@pytest.mark.parametrize("seed", [-1, 1.5, "a", 2**32])
def test_seeds_out_of_range(seed):
    with pytest.raises(SpecError, match="seed: got .*allowed: a whole number"):
        split_source(numbered(50), seed=seed)


def test_an_unknown_scale_and_an_unknown_part():
    with pytest.raises(SpecError, match='unknown scale "min-max"; did you mean "minmax"'):
        split_source(numbered(50), scale="min-max")
    with pytest.raises(DataError, match='unknown split "tests"; did you mean "test"'):
        split_source(numbered(50)).part("tests")


def test_a_lonely_class_is_named():
    y = np.array(["cat"] * 19 + ["dog"])
    with pytest.raises(DataError, match='class "dog" has a single example, and .* needs two'):
        split_source(make_source("pets", np.zeros((20, 2)), y))


def test_a_class_that_is_lonely_once_the_test_part_is_cut():
    y = np.array([0] * 18 + [1] * 2)
    with pytest.raises(DataError, match='class "1" has a single example left beside the test part'):
        split_source(make_source("a", np.zeros((20, 2)), y), test=0.5)


def test_too_few_examples():
    with pytest.raises(DataError, match="1 examples are too few to keep 20% for test"):
        split_source(make_source("a", np.zeros((1, 2))))
    with pytest.raises(DataError, match="a test share of 0.1 keeps 1 of 10 examples for 5 classes"):
        split_source(make_source("a", np.zeros((10, 2)), np.arange(10) % 5), test=0.1)
    with pytest.raises(DataError, match="1 examples are too few to keep 20% for validation"):
        split_source(make_source("a", np.zeros((2, 2))))


def test_what_can_be_drawn():
    def is_image(*shape):
        return split_source(make_source("a", np.zeros((10, *shape)))).is_image

    assert [is_image(4, 3), is_image(4, 3, 3), is_image(4, 3, 1)] == [True] * 3
    assert [is_image(5), is_image(4, 3, 2), is_image(2, 2, 2, 3)] == [False] * 3
