"""The data's own numbers and the model's: one rule for what is handed in, and the way back."""

import numpy as np
import pytest

from latente.data.units import Units
from latente.errors import DataError

ONE = np.ones((), np.float32)
PIXELS = Units((2, 2), True, ONE / 255, 0 * ONE)
COLUMNS = Units((2,), False, np.float32([0.01, 2.0]), np.float32([-1.0, 0.0]), clip=True)
X = np.array([[[0, 51], [102, 255]]], np.uint8)
VALUES = np.float32([[[0, 0.2], [0.4, 1]]])


@pytest.mark.parametrize(
    "x",
    [X, X.astype(int), X.astype(float), X.tolist(), X[..., None], VALUES, VALUES.astype(float)],
    ids=["uint8", "int64", "whole floats", "lists", "(n, 2, 2, 1)", "model values", "model values in double"],
)
def test_bytes_are_read_alike_however_they_come(x):
    assert PIXELS.read(x) == pytest.approx(VALUES, abs=1e-7) and PIXELS.read(x).dtype == np.float32


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X / 2, r"got fractions from 0 to 127.5; allowed: bytes of 0 to 255 as they were read, or floats of 0 to 1"),
        (X.astype(int) + 1, "got from 1 to 256"),
        (X.astype(int) - 1, "got from -1 to 254"),
        (VALUES * 1.1, "got fractions from 0 to 1.1"),
        (X > 60, "got true and false"),
        (X.astype(str), "allowed: numbers"),
        (X[0], r"got shape \(2, 2\); allowed: \(n, 2, 2\); one example alone is x\[None\]"),
        ([[[1, 2], [3]]], "are not an array"),
    ],
)
def test_what_is_neither_is_refused(x, message):
    with pytest.raises(DataError, match=message):
        PIXELS.read(x)


def test_model_values_are_said_to_be():
    assert PIXELS.read(VALUES * 1.1, scaled=True) == pytest.approx(VALUES * 1.1)
    assert COLUMNS.read([[150, 0.25]]) == pytest.approx(np.float32([[0.5, 0.5]]))
    assert COLUMNS.read([[0.5, 0.25]], scaled=True) == pytest.approx(np.float32([[0.5, 0.25]]))
    same = Units((2,), False, ONE, 0 * ONE)
    assert same.identity and same.read([[3, -4]]).tolist() == [[3, -4]]


def test_what_is_held_or_looks_like_model_values_is_said():
    assert COLUMNS.warning(np.array([[150, 0.25], [100, 0.5]])) == ""
    assert COLUMNS.warning(np.array([[90, 0.25], [100, 0.6]])).startswith("2 of 4 values lie beyond the range")
    wide = Units((2,), False, np.float32([0.01, 2.0]), np.float32([0.0, 0.0]), clip=True)
    assert "say scaled=True" in wide.warning(np.array([[0.3, 0.25]]))
    # Columns that are mostly zeros and ones are no model values.
    assert wide.warning(np.array([[1.0, 0.25]])) == ""


def test_and_back():
    every = np.arange(256, dtype=np.uint8).reshape(64, 2, 2)
    for top in (255, 16, 1):
        units = Units((2, 2), True, ONE / top, 0 * ONE)
        x = (every.astype(int) % (top + 1)).astype(np.uint8)
        assert (units.restored(units.values(x)) == x).all() and units.restored(units.values(x)).dtype == np.uint8
        # Decoded means of a Gaussian may lie beyond.
        assert units.restored(np.float32([[[-0.2, 1.3], [0, 1]]])).tolist() == [[[0, top], [0, top]]] or top == 1
    x = np.float32([[100, 0], [200, 0.5], [125, 0.125]])
    assert COLUMNS.restored(COLUMNS.values(x)) == pytest.approx(x, rel=1e-6)
