"""Squared error, PSNR and SSIM against scikit-image and a plain second implementation."""

import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import reconstruction as rec

RNG = np.random.default_rng(0)


def pictures(*shape):
    x = RNG.random(shape)
    return x, np.clip(x + 0.2 * RNG.normal(size=shape), 0, 1)


def plain_ssim(a, b, radius, sigma=1.5, top=1.0):
    """Wang's definition for one grey image, window by window."""
    offsets = np.arange(-radius, radius + 1)
    w = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * sigma**2))
    w /= w.sum()
    found = []
    for i in range(radius, a.shape[0] - radius):
        for j in range(radius, a.shape[1] - radius):
            p, q = (v[i - radius : i + radius + 1, j - radius : j + radius + 1] for v in (a, b))
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq, c = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum(), (w * (p - mp) * (q - mq)).sum()
            c1, c2 = (0.01 * top) ** 2, (0.03 * top) ** 2
            found.append((2 * mp * mq + c1) * (2 * c + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return np.mean(found)


@pytest.mark.parametrize(("shape", "radius"), [((3, 13, 17), 5), ((2, 8, 8), 3), ((2, 6, 5), 2), ((2, 1, 4), 0)])
def test_ssim_agrees_with_its_definition(shape, radius):
    a, b = pictures(*shape)
    assert rec.ssim(a, b) == pytest.approx([plain_ssim(p, q, radius) for p, q in zip(a, b, strict=True)], abs=1e-10)


@pytest.mark.parametrize(
    ("shape", "top"), [((4, 28, 28), 1.0), ((3, 11, 40), 255.0), ((3, 32, 24, 3), 1.0), ((2, 20, 20, 1), 2.0)]
)
def test_ssim_agrees_with_scikit_image(shape, top):
    metrics = pytest.importorskip("skimage.metrics")
    a, b = (top * v for v in pictures(*shape))
    theirs = [
        metrics.structural_similarity(
            p, q, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=top,
            channel_axis=-1 if len(shape) == 4 else None,
        )
        for p, q in zip(a, b, strict=True)
    ]  # fmt: skip
    assert rec.ssim(a, b, data_range=top) == pytest.approx(theirs, abs=1e-6)


def test_psnr_and_mse_agree_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = pictures(5, 9, 7, 3)
    theirs = [metrics.peak_signal_noise_ratio(p, q, data_range=2.0) for p, q in zip(a, b, strict=True)]
    assert rec.psnr(a, b, data_range=2.0) == pytest.approx(theirs, abs=1e-6)
    assert rec.mse(a, b) == pytest.approx([((p - q) ** 2).mean() for p, q in zip(a, b, strict=True)], rel=1e-12)


def test_known_scores():
    x = RNG.random((3, 16, 16))
    assert rec.ssim(x, x) == pytest.approx(1, abs=1e-12)
    assert (rec.psnr(x, x) == np.inf).all() and (rec.mse(x, x) == 0).all()
    assert rec.psnr(x, x + 0.1) == pytest.approx(20)
    flat, other = np.full((1, 16, 16), 0.2), np.full((1, 16, 16), 0.6)
    c1 = 0.01**2
    assert rec.ssim(flat, other) == pytest.approx((2 * 0.12 + c1) / (0.04 + 0.36 + c1))
    assert rec.ssim(x, 1 - x).max() < -0.3  # the opposite structure
    as_bytes = (255 * x).astype(np.uint8)
    assert rec.mse(as_bytes, 255 - as_bytes) == pytest.approx(
        ((255 - 2.0 * as_bytes) ** 2).reshape(3, -1).mean(axis=1)
    )  # and no bytes that wrap around


def test_chunks_change_nothing(monkeypatch):
    a, b = pictures(7, 12, 12)
    whole = rec.mse(a, b), rec.ssim(a, b), rec.per_pixel(a, b)
    monkeypatch.setattr(rec, "CHUNK", 300)
    for x, y in zip(whole, (rec.mse(a, b), rec.ssim(a, b), rec.per_pixel(a, b)), strict=True):
        assert x == pytest.approx(y, rel=1e-12)
    assert whole[2] == pytest.approx(((a - b) ** 2).mean(axis=0))


def test_by_class_with_students_interval():
    v, y = RNG.normal(size=30), np.arange(30) % 3
    y[y == 2] = 3
    found = rec.per_class(v, y, 4)
    assert found[2] is None
    theirs = stats.ttest_1samp(v[y == 3], 0).confidence_interval()
    assert (found[3].low, found[3].high) == pytest.approx((theirs.low, theirs.high))
    assert found[0].value == pytest.approx(v[y == 0].mean())


def test_the_worst_come_first_and_equal_ones_in_order():
    assert rec.worst([1.0, 3.0, 2.0, 3.0], 3).tolist() == [1, 3, 2]
    assert rec.worst([np.inf, 20.0, 25.0, np.inf], 9, highest=False).tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rec.mse([[1.0]], [[1.0, 2]]), DataError, r"x has shape \[1, 1\] but reconstructions \[1, 2\]"),
        (lambda: rec.ssim(np.ones((2, 5)), np.ones((2, 5))), DataError, r"x: got shape \[2, 5\]; allowed: \[n, height"),
        (lambda: rec.psnr([[1.0]], [[1.0]], data_range=0), SpecError, "data_range: got 0; allowed: a finite number"),
        (lambda: rec.mse(np.ones((0, 2)), np.ones((0, 2))), DataError, "x: got 0 examples"),
        (lambda: rec.mse(np.ones((2, 0)), np.ones((2, 0))), DataError, "which hold no values"),
        (lambda: rec.worst([np.nan], 1), DataError, "values: 1 of 1 examples hold NaN"),
        (lambda: rec.worst([1.0], 0), SpecError, "count: got 0"),
        (lambda: rec.per_class([1.0, 2.0], [0], 1), DataError, "y: has 1 examples, but values has 2"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
