"""The score of reconstructions against NumPy and scikit-image."""

import numpy as np
import pytest
from madebare import bare, numbers
from skimage.metrics import structural_similarity

import latente
from latente.data.source import make_source
from latente.data.split import split_source


@pytest.fixture(scope="module")
def noisy(tiny):
    """A run that adds known noise, and its reconstructions of the test part."""
    rebuilt = tiny.values(tiny.test.x) + np.float32(0.1 * np.random.default_rng(0).normal(size=tiny.test.x.shape))
    rebuilt[17] = 1 - tiny.values(tiny.test.x[17])
    return bare(tiny, reconstruct=lambda x, **_: rebuilt), rebuilt


def test_reconstructions_have_numpys_error_and_scikit_images_similarity(noisy, tiny):
    run, rebuilt = noisy
    found, x = run.score("reconstruction"), tiny.values(tiny.test.x).astype(float)
    error = ((rebuilt - x) ** 2).mean(axis=(1, 2))
    assert numbers(found)["reconstruction_mse"] == pytest.approx(error.mean(), rel=1e-6)
    assert found.values["reconstruction_mse"].standard_error == pytest.approx(error.std(ddof=1) / 60**0.5, rel=1e-6)
    assert numbers(found)["reconstruction_psnr"] == pytest.approx((-10 * np.log10(error)).mean(), rel=1e-6)
    theirs = [
        structural_similarity(a, b, win_size=5, data_range=1, gaussian_weights=False, use_sample_covariance=False)
        for a, b in zip(x, rebuilt, strict=True)
    ]
    # Theirs with a flat window, ours with a Gaussian one as wide: the same to a few hundredths.
    assert numbers(found)["reconstruction_ssim"] == pytest.approx(np.mean(theirs), abs=0.05)
    assert found.arrays["per_pixel"] == pytest.approx(((rebuilt - x) ** 2).mean(axis=0), rel=1e-6)
    assert found.arrays["worst"][0] == 17 and np.array_equal(found.arrays["worst_rebuilt"][0], rebuilt[17])
    assert np.array_equal(found.arrays["worst"], np.argsort(-error)[:8])
    means = [error[tiny.test.y == c].mean() for c in range(3)]
    assert found.arrays["class_mse"][:, 0] == pytest.approx(means, rel=1e-6)
    assert (found.arrays["class_mse"][:, 1] < means).all() and (found.arrays["class_mse"][:, 2] > means).all()


def test_what_is_rebuilt_exactly_is_told_and_left_out_of_the_psnr(tiny, noisy):
    x = tiny.values(tiny.test.x)
    half = noisy[1].copy()
    half[:20] = x[:20]
    found = bare(tiny, reconstruct=lambda v, **_: half).score("reconstruction")
    error = ((half[20:] - x[20:]).astype(float) ** 2).mean(axis=(1, 2))
    assert numbers(found)["reconstruction_psnr"] == pytest.approx((-10 * np.log10(error)).mean(), rel=1e-6)
    assert found.warnings == ("20 of 60 examples are rebuilt exactly: their PSNR is infinite and not in the mean",)
    whole = bare(tiny, reconstruct=lambda v, **_: x).score("reconstruction")
    assert numbers(whole) == {"reconstruction_mse": 0, "reconstruction_ssim": 1}


def test_tables_have_an_error_and_no_images_numbers():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    table = split_source(make_source("table", x))
    run = bare(table, latente.VAE(2, hidden=(4,), likelihood="gaussian"), reconstruct=lambda v, **_: 0 * v)
    found = run.score("reconstruction")
    assert set(found.values) == {"reconstruction_mse"} and "psnr" not in found.arrays
    assert numbers(found)["reconstruction_mse"] == pytest.approx((table.test.x.astype(float) ** 2).mean(), rel=1e-6)
