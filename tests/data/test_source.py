"""Raw arrays become a source: checked, uint8 or float32, labels counted from 0."""

import numpy as np
import pytest

from latente.data.files import from_arrays
from latente.data.source import make_source
from latente.errors import DataError

X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


def test_bytes_stay_and_other_numbers_become_float32():
    assert make_source("a", X).x.dtype == np.uint8
    for kind in (np.int64, np.float64, np.float16, np.uint16):
        s = make_source("a", X.reshape(4, 6).astype(kind))
        assert s.x.dtype == np.float32
        assert np.array_equal(s.x, X.reshape(4, 6))


def test_not_contiguous_and_big_endian_arrays_keep_their_numbers():
    turned = X.transpose(0, 2, 1)
    assert np.array_equal(make_source("a", turned).x, turned)
    assert make_source("a", turned).x.flags["C_CONTIGUOUS"]
    assert np.array_equal(make_source("a", X.astype(">f4")).x, X)


@pytest.mark.parametrize(
    ("y", "codes", "classes"),
    [
        ([7, 3, 3, 7], [1, 0, 0, 1], ("3", "7")),
        ([2.0, 10.0, 2.0, 2.0], [0, 1, 0, 0], ("2", "10")),
        ([0.5, 1.0, 0.5, 1.0], [0, 1, 0, 1], ("0.5", "1.0")),
        (["b", "a", "b", "ç"], [1, 0, 1, 2], ("a", "b", "ç")),
        (np.array(["b", "a", "b", "b"], object), [1, 0, 1, 1], ("a", "b")),
        (np.array([b"x", b"y", b"x", b"x"]), [0, 1, 0, 0], ("x", "y")),
        ([True, False, True, True], [1, 0, 1, 1], ("False", "True")),
        ([[1], [2], [1], [1]], [0, 1, 0, 0], ("1", "2")),
    ],
)
def test_labels_of_any_kind_count_from_zero(y, codes, classes):
    s = make_source("a", X, y)
    assert s.y.tolist() == codes
    assert s.y.dtype == np.int64
    assert s.classes == classes


def test_labels_keep_what_they_are():
    big = 2**60
    s = make_source("a", X, np.array([big, big + 1, big, big + 1]), X[:1], np.array([big + 1], np.uint64))
    assert s.classes == (str(big), str(big + 1)) and s.y_test.tolist() == [1]
    for broken in (np.array([b"a\xff", b"a\xfe", b"a", b"a"]), ["a\udcff", "a", "a", "a"]):
        with pytest.raises(DataError, match=r'mine: the label "a\\udcf[ef]" is not UTF-8; rename it'):
            make_source("mine", X, broken)
    for minus in (["-1", "0", "0", "-1"], [-1, 0, 0, -1], [-1.0, 0.0, 0.0, -1.0]):
        s = make_source("a", X, minus)
        assert s.classes == ("-1", "0")
        assert [(n.key, n.values, n.option) for n in s.notes] == [("minus-one", {"count": 2}, 'without = ["-1"]')]


def test_test_labels_share_the_codes_of_the_training_labels():
    s = make_source("a", X, [5, 5, 9, 9], X[:2], [9, 1])
    assert s.classes == ("1", "5", "9")
    assert s.y.tolist() == [1, 1, 2, 2]
    assert s.y_test.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.zeros((0, 3)),), r"x is empty \(shape \(0, 3\)\)"),
        ((np.zeros((3, 0)),), r"x is empty"),
        ((np.zeros(3),), r"x has shape \(3,\); allowed: \(examples, ...\)"),
        ((np.array([["a", "b"]]),), r"x holds <U1 values; allowed: numbers"),
        ((np.array([[1, "b"]], object),), r"x holds object values; allowed: numbers"),
        ((np.ones((2, 2), complex),), r"x holds complex128 values"),
        (([[1, 2], [3]],), r"x is not an array"),
        ((None,), r"x holds object values"),
        (([[1.0, 2.0], [3.0, np.nan]],), r"x has 1 NaN or infinite values, the first at \(1, 1\)"),
        (([[1.0, np.inf], [3.0, np.nan]],), r"x has 2 NaN or infinite values, the first at \(0, 1\)"),
        (([[1e300, 1.0]],), r"x has 1 NaN or infinite values"),
        ((X, [1, 2, 3]), r"4 examples but 3 labels in y; they must agree"),
        ((X, np.eye(4)), r"labels have shape \(4, 4\).*allowed: one number or text each"),
        ((X, [1, 2, None, 3]), r"labels have shape \(4,\) and type object"),
        ((X, [1, 2, np.nan, 3]), r"labels hold NaN"),
        ((X, None, X[:, :2]), r"x has examples of shape \(3, 2\) and x_test of \(2, 2\)"),
        ((X.astype(float), None, X), r"x is float32 and x_test is uint8"),
        ((X, [1, 2, 1, 2], X), r"only one of the train and test parts has labels"),
        ((X, None, X, [1, 2, 1, 2]), r"only one of the train and test parts has labels"),
        ((X, [1, 2, 1, 2], None, [1]), r"y_test without x_test"),
        ((X, [1, 2, 1, 2], X, [1]), r"4 examples but 1 labels in y_test"),
    ],
)
def test_what_is_refused(arrays, message):
    for make in (make_source, from_arrays):
        with pytest.raises(DataError, match=message) as error:
            make("mine", *arrays)
        assert "\n" not in str(error.value)
        assert str(error.value).startswith("mine: ")


def test_an_array_that_cannot_even_be_made():
    class Bad:
        def __array__(self, *_, **__):
            raise RuntimeError("two\nlines")

    with pytest.raises(DataError, match="mine: x is not an array \\(two lines\\)"):
        from_arrays("mine", Bad())


def test_whole_numbers_of_images_become_bytes():
    for kind in (np.int64, np.uint16, ">i4"):
        s = from_arrays("a", X.astype(kind), None, X[:1].astype(np.uint8))
        assert s.x.dtype == s.x_test.dtype == np.uint8
        assert np.array_equal(s.x, X)
        assert s.maximum == 255


def test_whole_numbers_beyond_bytes_and_tables_stay_numbers():
    assert from_arrays("a", X.astype(int) + 300).x.max() == 323
    assert from_arrays("a", X.astype(int) - 1).x.min() == -1
    table = from_arrays("a", X.reshape(4, 6).astype(int))
    assert table.x.dtype == np.float32
    # Both parts or none: the test part alone would not fit.
    s = from_arrays("a", X.astype(int), None, X.astype(int) * 100)
    assert s.x.dtype == s.x_test.dtype == np.float32


def test_booleans_and_bytes_of_zero_and_one_have_the_maximum_one():
    for a in (X > 3, (X > 3).astype(np.uint8), (X > 3).astype(int), (X > 3).reshape(4, 6)):
        s = from_arrays("a", a)
        assert (s.x.dtype, s.maximum) == (np.uint8, 1)
        assert s.x.sum() == 20
    assert from_arrays("a", (X > 3).astype(np.uint8), None, X).maximum == 255


def test_a_last_axis_of_one_is_dropped_from_images():
    assert from_arrays("a", X[..., None], None, X[..., None]).x.shape == (4, 3, 2)
    assert from_arrays("a", X[..., None], None, X).x_test.shape == (4, 3, 2)
    assert from_arrays("a", X.reshape(4, 6)[:, :1]).x.shape == (4, 1)
    assert from_arrays("a", np.zeros((2, 4, 4, 3))).x.shape == (2, 4, 4, 3)
