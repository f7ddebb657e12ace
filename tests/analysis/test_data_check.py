"""Measurements of data against planted faults, and on real sets in which there are none."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets

from latente.analysis import data_check
from latente.analysis.conclusions.registry import DATA, claims_about
from latente.analysis.data_check import DataCheck, Oddity, checked
from latente.data.load import load_data
from latente.data.source import make_source
from latente.data.split import split_source
from latente.report.conclusions import every_rule


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def changed(data, part, **arrays):
    return dataclasses.replace(data, **{part: dataclasses.replace(data.part(part), **arrays)})


def found(data):
    """The rules that are found."""
    rules = {r.name: r for r in every_rule().values()}
    return {c.key for c in claims_about(DATA, data) if rules[c.key].matters(c.verdict)}


def test_copies_are_found_where_they_are(digits):
    x = digits.test.x.copy()
    x[:5] = digits.train.x[10:15]
    x[5:8] = digits.train.x[20:23]
    for i in range(5, 8):
        x[i, 3, 3] = x[i, 3, 3] + 1 if x[i, 3, 3] < 16 else 15
    train = digits.train.x.copy()
    train[100], train[101] = train[0], train[0]
    copies = DataCheck(changed(changed(digits, "test", x=x), "train", x=train)).copies
    assert (copies.exact_across, copies.near_across, copies.exact, copies.near) == (5, 3, 2, 0)
    assert (copies.train, copies.held_out) == (1149, 648)
    assert {(p.first, p.second) for p in copies.pairs[:8]} == {
        *((("test", i), ("train", 10 + i)) for i in range(5)),
        *((("test", i), ("train", 15 + i)) for i in range(5, 8)),
    }
    assert [p.distance for p in copies.pairs[:5]] == [0] * 5 and 0.02 < copies.pairs[5].distance < 0.05
    assert [(p.first, p.second) for p in copies.pairs[8:]] == [
        (("train", 100), ("train", 0)),
        (("train", 101), ("train", 0)),
    ]


def test_alike_examples_are_no_copies():
    """Flat patches of sky lie close together: none is nearer to another than to ten more."""
    sky = np.random.default_rng(0).normal(200, 0.5, size=(300, 64)) + np.zeros((300, 64))
    bright = np.random.default_rng(1).normal(100, 60, size=(300, 64))
    data = split_source(make_source("patches", np.concatenate([sky, bright]).astype(np.float32)), scale="none")
    copies = DataCheck(data).copies
    assert (copies.near_across, copies.near, copies.exact, copies.exact_across) == (0, 0, 0, 0)


def test_labels_that_were_changed_are_found(digits):
    """Of 5% changed labels of the digits 81% are found, and 94% of what is found was changed."""
    rng = np.random.default_rng(0)
    y = digits.train.y.copy()
    wrong = rng.choice(len(y), len(y) // 20, replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    doubts = DataCheck(changed(digits, "train", y=y)).doubts.doubts
    told = {d.at for d in doubts}
    planted = {("train", int(i)) for i in wrong}
    right = len(told & planted)
    assert (right, len(planted), len(told)) == (46, 57, 49)
    d = next(d for d in doubts if d.at in planted)
    assert d.label == str(y[d.at[1]]) and d.other == str(digits.train.y[d.at[1]]) and d.votes >= 8
    assert len(d.neighbours) == 5 and d.at not in d.neighbours


def test_copies_do_not_vote_for_their_own_label(digits):
    x, y = digits.train.x.copy(), digits.train.y.copy()
    other = (y[0] + 1) % 10
    x[1:4], y[0:4] = x[0], other
    told = {d.at for d in DataCheck(changed(digits, "train", x=x, y=y)).doubts.doubts}
    assert {("train", i) for i in range(4)} <= told


def faults(n=400):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=n), rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "id": rng.permutation(n) + 1000,
            "x": x,
            "feet": 3.28 * x + 1,
            "unit": 1.0,
            "age": np.where(rng.random(n) < 0.05, -999, rng.integers(18, 90, n)),
            "price": np.minimum(rng.gamma(3, 10, n), 50),
            "outcome": y + 0.1 * rng.random(n),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "label": np.where(y, "yes", "no"),
        }
    )


def test_columns_of_a_table_that_has_every_fault():
    frame = faults()
    check = DataCheck(load_data(frame, missing="keep", scale="none"))
    assert check.constant == ["unit"] and check.numbered == ["id"]
    assert [(c.name, round(c.value, 6)) for c in check.twins] == [("x, feet", 1.0)]
    assert check.telling[0] == Oddity("outcome", 1.0, 144)
    assert check.edges == [Oddity("price", 50.0, int((frame["price"] == 50).sum()))]
    assert check.placeholders == [Oddity("age", -999.0, int((frame["age"] == -999).sum()))]
    assert check.missing == [Oddity("gap", pytest.approx(frame["gap"].isna().mean()), int(frame["gap"].isna().sum()))]
    assert check.copies.exact == check.copies.exact_across == 0
    assert found(check.data) == {
        "constant-columns", "label-leak", "twin-columns", "row-numbers", "piled-up", "placeholders", "missing-values",
    }  # fmt: skip
    # Rows that are there twice have their number twice.
    twice = load_data(pd.concat([frame, frame.iloc[:40]]), missing="keep", scale="none")
    assert {"row-numbers", "copies-across", "copies-within"} <= found(twice)


@pytest.mark.parametrize(
    ("name", "expected"),
    # What is found in real sets is there: the area of a round cell follows from its radius.
    [("iris", set()), ("wine", set()), ("breast_cancer", {"twin-columns"})],
)
def test_real_tables_give_no_false_alarm(name, expected):
    frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
    assert found(load_data(frame, labels="target", missing="keep", scale="none")) == expected


def test_real_images_give_no_false_alarm(digits):
    assert found(digits) == {"constant-values"}
    assert DataCheck(digits).constant_share == pytest.approx(3 / 64)


def test_out_of_balance_and_clipped_images():
    rng = np.random.default_rng(0)
    x = np.minimum(rng.normal(200, 60, size=(300, 6, 6)), 255).clip(0).astype(np.uint8)
    y = np.array([0] * 280 + [1] * 20)
    data = split_source(make_source("bright", x, y))
    assert {"unbalanced", "piled-up"} <= found(data)
    (top,) = DataCheck(data).edges
    assert (top.name, top.value, top.count) == ("bright", 255.0, int((x == 255).sum()))


def test_categories_that_go_one_to_one():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 200)
    frame = pd.DataFrame(
        {"code": np.array(["a", "b", "c"])[kind], "name": np.array(["ant", "bee", "cat"])[kind],
         "size": rng.normal(size=200), "other": np.array(["u", "v"])[rng.integers(0, 2, 200)]}
    )  # fmt: skip
    assert DataCheck(load_data(frame, scale="none")).twins == [Oddity("code, name", 1.0, 200)]


def test_a_sample_of_each_part_is_looked_at_where_there_are_too_many(digits):
    check = DataCheck(digits, most=1000)
    assert check.sampled and check.counts == {"train": 640, "validation": 161, "test": 201}
    assert not DataCheck(digits).sampled
    part, row = check.at(650)
    assert part == "validation" and np.array_equal(check.stored[650], digits.validation.x[row])


def test_large_images_are_averaged_down_and_blocks_change_nothing(digits, monkeypatch):
    large = np.repeat(np.repeat(digits.train.x[:60], 10, axis=1), 10, axis=2)
    check = DataCheck(split_source(make_source("large", large)))
    assert check.rows.shape == (60, 26 * 26)
    whole = DataCheck(digits).copies
    monkeypatch.setattr(data_check, "COMPONENTS", 64)
    assert DataCheck(digits).copies == whole


def test_what_was_measured_is_kept_for_the_same_data(digits):
    assert checked(digits) is checked(dataclasses.replace(digits))
    other = load_data("digits", seed=1)
    assert checked(other) is not checked(digits)


@pytest.mark.parametrize("columns", [2, 4, 8])
def test_rows_of_few_columns_are_near_each_other_by_chance(columns):
    x = np.random.default_rng(columns).normal(size=(1500, columns)).astype(np.float32)
    copies = DataCheck(load_data(x, scale="none")).copies
    assert (copies.exact, copies.exact_across) == (0, 0)
    # By chance a thousandth at most; without regard to dimensions, 419 of these rows of two columns would be copies.
    assert copies.near + copies.near_across <= 6
