"""Packed arrays come back as they were."""

import numpy as np
from packed import unpack

from latente.explorer import packing


def test_packed_arrays_come_back_bit_for_bit():
    rng = np.random.default_rng(3)
    arrays = {
        "odd": rng.integers(0, 255, 7).astype(np.uint8),
        "half": rng.normal(size=(3, 5)).astype(np.float16),
        "turned": rng.normal(size=(4, 6)).astype(np.float32).T,
        "labels": rng.integers(0, 60000, 9).astype(np.uint16),
        "empty": np.zeros((0, 2), np.float32),
    }
    meta, found = unpack(packing.pack({"é": [1, None, "<"]}, arrays))
    assert meta == {"é": [1, None, "<"]}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
