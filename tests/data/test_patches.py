"""Patches of photographs: no pixel in two parts, whatever the seed; what they are, and what is refused."""

import dataclasses

import numpy as np
import pytest

import latente
from latente.data import patches as module
from latente.data.load import load_data
from latente.data.patches import CREDIT, patches
from latente.data.split import PARTS, split_source
from latente.errors import DataError, SpecError


@pytest.fixture
def numbered(monkeypatch):
    """Photographs each of whose pixels is its own number, in three bytes."""
    number = np.arange(2 * module.HEIGHT * module.WIDTH).reshape(2, module.HEIGHT, module.WIDTH)
    photographs = np.stack([number >> 16, number >> 8 & 255, number & 255], axis=-1).astype(np.uint8)
    monkeypatch.setattr(module, "_photographs", lambda: list(photographs))


def pixels(x):
    """The numbers of a part's pixels."""
    return np.unique(x.reshape(-1, 3).astype(np.int64) @ [65536, 256, 1])


@pytest.mark.parametrize("seed", [42, 0, 1])
@pytest.mark.parametrize("options", [{}, {"side": 16, "stride": 5, "tile": 40}])
def test_no_pixel_is_in_two_parts(numbered, seed, options):
    data = split_source(patches(**options), seed=seed)
    found = [pixels(data.part(p).x) for p in PARTS]
    together = np.concatenate(found)
    assert len(np.unique(together)) == len(together) and all(len(f) > 10_000 for f in found)
    # Without its groups the same source leaks, so that this test can fail.

    alone = split_source(dataclasses.replace(patches(**options), group=None), seed=seed)
    assert len(np.intersect1d(pixels(alone.train.x), pixels(alone.test.x))) > 10_000


def test_what_they_are():
    s = patches()
    assert (s.x.shape, s.x.dtype, s.maximum, s.classes) == ((3000, 32, 32, 3), np.uint8, 255, ("china", "flower"))
    assert np.bincount(s.y).tolist() == [1500, 1500] and np.bincount(s.group).tolist() == [25] * 120
    # The second patch lies eight pixels to the right of the first, the sixth eight below, in the same tile.
    assert np.array_equal(s.x[1][:, :24], s.x[0][:, 8:]) and np.array_equal(s.x[5][:24], s.x[0][8:])
    assert s.x.mean() == pytest.approx(108.02, abs=0.3)  # decoders of JPEG differ a little
    again = patches()
    assert np.array_equal(s.x, again.x) and np.array_equal(s.group, again.group)
    assert patches(side=64).x.shape == (120, 64, 64, 3)


def test_the_data_card_says_where_they_come_from():
    data = load_data("patches")
    assert data.card()["counts"] == {"train": 1900, "validation": 500, "test": 600}
    assert data.card()["credit"] == CREDIT and "CC BY 2.0" in CREDIT
    assert "credit" not in load_data("digits").card()
    assert latente.load_data(patches()).fingerprint == data.fingerprint
    left = load_data("patches", without="china")
    assert left.card()["counts"] == {"train": 950, "validation": 250, "test": 300}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 65}, "side: got 65; allowed: a whole number of 4 to 64"),
        ({"stride": 0}, "stride: got 0; allowed: a whole number of 1 to 64"),
        ({"tile": 2.5}, r"tile: got 2.5; allowed: a whole number of 4 to 128"),
    ],
)
def test_sizes_out_of_range(options, message):
    with pytest.raises(SpecError, match=message):
        patches(**options)


def test_photographs_that_are_gone_or_others(monkeypatch):
    import sklearn.datasets

    def gone():
        raise FileNotFoundError("no china.jpg")

    monkeypatch.setattr(sklearn.datasets, "load_sample_images", gone)
    with pytest.raises(DataError, match=r"cannot be read \(no china.jpg\); reinstall scikit-learn and Pillow"):
        patches()
    other = type("Bunch", (), {"images": [np.zeros((3, 3, 3), np.uint8)]})
    monkeypatch.setattr(sklearn.datasets, "load_sample_images", lambda: other)
    with pytest.raises(DataError, match=r"other photographs than china and flower \(\(3, 3, 3\)\)"):
        patches()
