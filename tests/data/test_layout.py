"""Arrays whose channels come first, rows that are images, and what a person says of them."""

import numpy as np
import pytest

from latente import load_data
from latente.data.files import from_arrays
from latente.errors import DataError, SpecError
from latente.spec import DataSpec

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (20, 3, 8, 10), np.uint8)


def read(x, **options):
    return from_arrays("a", x, spec=DataSpec(**options))


def test_channels_that_come_first_are_moved_last_and_it_is_said():
    s = read(X)
    assert np.array_equal(s.x, X.transpose(0, 2, 3, 1)) and s.x.flags["C_CONTIGUOUS"]
    assert [str(n) for n in s.notes] == [
        "the examples' first axis (3×8×10) holds their channels: they are read as 8×10×3 "
        '(to decide otherwise: layout = "channels-last")'
    ]
    one = read(X[:, :1].astype(np.int64))
    assert np.array_equal(one.x, X[:, 0]) and one.x.dtype == np.uint8
    assert one.notes[0].values == {"shape": "1×8×10", "read": "8×10"}
    four = RNG.integers(0, 256, (9, 4, 8, 8), np.uint8)
    assert np.array_equal(read(four).x, four.transpose(0, 2, 3, 1))
    both = from_arrays("a", X, None, X[:4])
    assert np.array_equal(both.x_test, both.x[:4])


def test_what_is_said_of_the_layout_counts():
    assert np.array_equal(read(X, layout="channels-last").x, X) and not read(X, layout="channels-last").notes
    last = X.transpose(0, 2, 3, 1)
    assert np.array_equal(read(last).x, last) and not read(last).notes
    # Nothing but a person can know this one.
    thin = X[..., :3]
    assert np.array_equal(read(thin).x, thin)
    assert [str(n) for n in read(thin).notes] == [
        "both the examples' first and their last axis (3×8×3) could hold their channels: the last is taken "
        '(to decide otherwise: layout = "channels-first")'
    ]
    assert not read(thin, layout="channels-last").notes and not read(thin, layout="channels-first").notes
    assert np.array_equal(read(thin, layout="channels-first").x, thin.transpose(0, 2, 3, 1))
    with pytest.raises(DataError, match=r"layout: got 'channels-first' and examples of shape .*; allowed: .*three"):
        read(X[:, 0], layout="channels-first")
    assert read(X[..., None][:, 0]).x.shape == (20, 8, 10) and not read(X[..., None][:, 0]).notes


def test_four_channels_are_said_to_stay_four():
    rgba = RNG.integers(0, 256, (9, 8, 10, 4), np.uint8)
    s = read(rgba)
    assert np.array_equal(s.x, rgba) and [n.key for n in s.notes] == ["four-channels"]
    assert "(8×10×4), which are read as four values a pixel" in str(s.notes[0])
    assert not read(rgba, layout="channels-last").notes
    first = read(rgba[:, :8, :8].transpose(0, 3, 1, 2))
    assert [n.key for n in first.notes] == ["channels-first", "four-channels"]


def test_rows_take_the_shape_that_is_asked_for():
    rows = X.reshape(20, -1)
    assert np.array_equal(read(rows, shape=[3, 8, 10], layout="channels-first").x, X.transpose(0, 2, 3, 1))
    assert np.array_equal(read(rows, shape=(3, 8, 10)).x, X.transpose(0, 2, 3, 1))
    s = read(rows.astype(float), shape=[8, 30])
    assert s.x.dtype == np.uint8 and s.maximum == 255 and np.array_equal(s.x, rows.reshape(20, 8, 30))
    assert read((rows > 99).astype(int), shape=[8, 30]).maximum == 1
    assert read(rows / 255, shape=[8, 30]).x.dtype == np.float32
    assert read(X, shape=[240]).x.dtype == np.uint8
    assert load_data("digits", shape=[64]).shape == (64,)
    with pytest.raises(DataError, match=r"shape: got \[28, 28\], of 784 values; allowed: of 240"):
        read(rows, shape=[28, 28])
    for wrong in ([0, 3], [2.5], "28x28", 28):
        with pytest.raises(SpecError, match="shape"):
            DataSpec(shape=wrong)


def test_a_table_of_pixels_becomes_images(tmp_path):
    x = RNG.integers(0, 256, (60, 16))
    lines = ["label," + ",".join(f"pixel{i}" for i in range(16))]
    lines += [f"{i % 3}," + ",".join(map(str, row)) for i, row in enumerate(x)]
    (tmp_path / "k.csv").write_text("\n".join(lines))
    data = load_data(tmp_path / "k.csv", shape=[4, 4])
    assert (data.shape, data.features, data.is_image) == ((4, 4), (), True)
    assert {r.tobytes() for r in data.train.x} < {r.astype(np.uint8).tobytes() for r in x}
    assert data.extent(data.train)[1] == pytest.approx(data.train.x.max() / 255)
    table = load_data(tmp_path / "k.csv", scale=255)
    assert table.values(table.train.x) == pytest.approx(table.train.x / 255)
    assert table.shape == (16,) and table.features[2].name == "pixel2"


def test_a_number_divides_every_value():
    x = RNG.uniform(0, 16, (40, 3))
    data = load_data(x, scale=16)
    assert data.values(data.train.x) == pytest.approx(data.train.x / 16) and not data.clip
    bytes_ = load_data(X, scale=51)
    assert bytes_.values(bytes_.train.x).max() == pytest.approx(5)
    for wrong in (0, -1, float("nan"), True, "255"):
        with pytest.raises(SpecError, match="scale"):
            load_data(x, scale=wrong)
