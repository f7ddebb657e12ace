"""Numbers that single precision cannot tell apart keep their differences where they are scaled by their range."""

import numpy as np
import pytest

import latente
from latente import load_data
from latente.data.precision import loses_precision
from latente.data.source import make_source
from latente.training.examples import scale_of, stored

RNG = np.random.default_rng(0)
TIME = 1_600_000_000 + np.arange(400.0)
TABLE = np.stack([TIME, RNG.random(400), np.full(400, 3e9 + 1)], axis=1)


def keys(data):
    return [(n.key, dict(n.values), n.option) for n in data.notes]


def test_what_loses_in_single_precision_is_told_apart():
    assert loses_precision(TABLE).tolist() == [True, False, False]
    assert loses_precision(np.array([[0.0], [2**24 + 1.0]])).tolist() == [True]
    assert loses_precision(np.array([[0.0], [2**24 + 2.0], [np.nan]])).tolist() == [False]
    assert loses_precision(np.array([[1e10 + 0.5], [0.3]])).tolist() == [False]
    assert (
        loses_precision(RNG.random((9, 4, 4))).tolist() is False
        and loses_precision(1e6 + RNG.random((9, 4, 4))).tolist() is True
    )
    for x in (TABLE[:, 1:2], TABLE[:, 1:2].astype(np.float32), RNG.integers(0, 2**24, (9, 2))):
        assert make_source("a", x).x.dtype == np.float32
    s = make_source("a", TABLE, None, TABLE[:2, ::-1])
    assert s.x.dtype == s.x_test.dtype == np.float64


def test_seconds_of_a_clock_are_scaled_before_they_are_rounded():
    data = load_data(TABLE, scale="minmax")
    x = data.values(data.train.x)
    low, high = (end(data.train.x[:, 0]) for end in (np.min, np.max))
    assert x.dtype == np.float32 and len(np.unique(x[:, 0])) == len(data.train) == 256
    assert x[:, 0] == pytest.approx((data.train.x[:, 0] - low) / (high - low), abs=1e-7)
    # As training sees it.
    assert np.array_equal(scale_of(data)(stored(data, data.train.x)), x)
    same = load_data(TABLE - [1_600_000_000, 0, 0], scale="minmax")
    assert same.values(same.train.x) == pytest.approx(x, abs=1e-6)
    assert same.train.x.dtype == np.float32


def test_what_is_not_scaled_so_says_what_is_lost():
    for scale in ("unit", "none", 1e9):
        data = load_data(TABLE, scale=scale)
        assert data.train.x.dtype == np.float32
        assert keys(data) == [("rounded", {"names": "0", "before": 400, "after": 4}, 'scale = "minmax"')]
    images = 1e6 + RNG.random((50, 4, 4))
    assert keys(load_data(images, scale="unit"))[0][:2] == (
        "rounded", {"names": "x", "before": 800, "after": len(np.unique(images.astype(np.float32)))},
    )  # fmt: skip


@pytest.mark.slow
def test_a_model_trains_on_them_as_on_what_they_are_from_zero():
    model = latente.VAE(2, hidden=[8], output_bias=True)
    losses = []
    for x in (TABLE, TABLE - [1_600_000_000, 0, 0]):
        run = latente.fit(model, load_data(x, scale="minmax"), epochs=1, batch_size=64)
        losses.append(float(run.history["loss"][-1]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_values_beyond_the_training_range_are_counted():
    x = RNG.random((100, 3))
    data = load_data(x, scale="minmax")
    low, high = data.train.x.min(0), data.train.x.max(0)
    count = sum(int(((p.x < low) | (p.x > high)).sum()) for p in (data.validation, data.test))
    assert count > 0 and keys(data) == [("clipped", {"count": count, "size": 108}, 'scale = "none"')]
    assert not load_data(x).notes


def test_bytes_far_below_their_maximum_are_told():
    x = RNG.integers(0, 17, (60, 4, 4)).astype(np.uint8)
    assert keys(load_data(x)) == [("faint", {"most": 16}, "scale = 16")]
    seen = load_data(x, scale=16)
    assert seen.extent(seen.train)[1] == 1 and not seen.notes
    assert not load_data(x, scale="none").notes and not load_data("digits").notes and not load_data(x * 8).notes
    assert keys(load_data(np.zeros((60, 4, 4), np.uint8))) == [("constant", {"value": 0.0}, "")]
    assert str(load_data(np.full((60, 4), 2.5)).notes[0]) == "every value is 2.5"
