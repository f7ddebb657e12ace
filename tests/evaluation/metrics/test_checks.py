"""What metrics refuse, and what they make of what they take."""

import numpy as np
import pytest

from latente.errors import LatenteError
from latente.evaluation.metrics.checks import array, labels, pair, rows, vector, whole


def test_examples_become_rows_of_doubles():
    a = rows("codes", np.arange(12, dtype=np.uint8).reshape(2, 3, 2))
    assert a.dtype == np.float64 and a.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert rows("codes", [1, 2, 3]).shape == (3, 1)
    assert vector("loss", [1, 2]).dtype == np.float64 and labels("y", [1, 0]).dtype == np.int64
    assert whole("k", np.int32(3), 1, 3) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: array("x", ["a"]), "x: got values of type <U1; allowed: real numbers"),
        (lambda: array("x", 3.0), "x: got a single number; allowed: an array of at least 1"),
        (lambda: array("x", [1.0], least=2), "x: got 1 examples; allowed: an array of at least 2"),
        (lambda: array("x", np.zeros((2, 0))), "x: got examples of shape [0], which hold no values"),
        (lambda: array("x", [[1, np.nan], [0, 0], [np.inf, 0]]), "x: 2 of 3 examples hold NaN or infinity"),
        (lambda: rows("x", np.zeros((2, 3)), width=("y", 4)), "x: has 3 values an example, but y has 4"),
        (lambda: vector("x", np.zeros((2, 2))), "x: got shape [2, 2]; allowed: one number an example"),
        (lambda: vector("x", [1, 2], length=("y", 3)), "x: has 2 examples, but y has 3"),
        (lambda: labels("y", [0.5]), "y: got float64[1]; allowed: whole numbers of shape [n]"),
        (lambda: labels("y", [0, 3], classes=3), "y: got labels from 0 to 3; allowed: 0 to 2"),
        (lambda: labels("y", [-1, 0]), "y: got labels from -1 to 0; allowed: 0 up"),
        (lambda: pair("a", [1, 2], "b", [1]), "a has shape [2] but b [1]"),
        (lambda: whole("k", True, 1), "k: got True; allowed: a whole number of at least 1"),
        (lambda: whole("k", 9, 1, 8, "the examples"), "k: got 9; allowed: a whole number from 1 to 8, the examples"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(LatenteError) as error:
        call()
    assert message in str(error.value)
