import numpy as np
import pytest

from latente.errors import DataError
from latente.sklearn.pixels import PixelSchema, learn_pixels


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (np.array([[0, 255, 3, 4]] * 3, np.uint8), PixelSchema((2, 2), 255, "uint8")),
        (np.array([[0, 7, 3, 4]] * 3, np.uint8), PixelSchema((2, 2), 255, "uint8")),
        (np.array([[0, 1, 1]] * 3, np.uint8), PixelSchema((3,), 1, "uint8")),
        (np.linspace(0, 1, 128).reshape(2, 64), PixelSchema((8, 8), 1, "float64")),
        (np.arange(128).reshape(2, 64) % 17, PixelSchema((8, 8), 16, "int64")),
        (np.arange(128, dtype=np.float32).reshape(2, 64), PixelSchema((8, 8), 255, "float32")),
        # Too few columns, fractions beyond 1, values below 0 and above 255.
        (np.linspace(0, 1, 126).reshape(2, 63), None),
        (np.linspace(0, 2, 128).reshape(2, 64), None),
        (np.linspace(-1, 1, 128).reshape(2, 64), None),
        (np.arange(300).reshape(3, 100), None),
    ],
)
def test_images_are_known_by_their_values(x, expected):
    assert learn_pixels(x) == expected
    assert learn_pixels(x, False) is None


def test_a_shape_may_be_given_and_must_fit():
    x = np.arange(24).reshape(2, 12) / 24
    assert learn_pixels(x) is None
    assert learn_pixels(x, (2, 2, 3)) == PixelSchema((2, 2, 3), 1, "float64")
    assert learn_pixels(x, True) == PixelSchema((12,), 1, "float64")
    with pytest.raises(DataError, match=r"got \(3, 3\) for 12 columns"):
        learn_pixels(x, (3, 3))
    with pytest.raises(DataError, match="fractions from 0 to 1.9"):
        learn_pixels(2 * x, (3, 4))


def test_pixels_come_back_as_they_were():
    x = np.arange(256, dtype=np.uint8).reshape(4, 64)
    schema = learn_pixels(x)
    values = schema.encode(x)
    assert values.shape == (4, 8, 8)
    assert values.dtype == np.float32
    assert values.max() == 1
    back = schema.decode(values)
    assert back.dtype == np.uint8
    assert np.array_equal(back, x)
    # Rounded to the nearest, and held to what there is.
    assert schema.decode(np.full((1, 8, 8), 0.5019)).tolist() == [[128] * 64]
    assert schema.decode(np.full((1, 8, 8), 1.2)).tolist() == [[255] * 64]


def test_pixels_beyond_those_of_fit_are_refused():
    schema = learn_pixels(np.linspace(0, 1, 128).reshape(2, 64))
    with pytest.raises(DataError, match="got pixels from 0 to 255; allowed: 0 to 1"):
        schema.encode(np.arange(256).reshape(4, 64))


def test_a_table_comes_back_and_a_strangers_is_checked():
    schema = PixelSchema((8, 8), 16, "float64")
    assert PixelSchema.from_table(schema.table()) == schema
    for change in ({"top": 3}, {"shape": []}, {"shape": [0, 1]}, {"shape": [True]}, {"dtype": "object"}, {"more": 1}):
        with pytest.raises(ValueError, match="describes no images"):
            PixelSchema.from_table({**schema.table(), **change})
