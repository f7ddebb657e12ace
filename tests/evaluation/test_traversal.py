"""Traversals of decoders whose images are known."""

import numpy as np
import pytest
from scipy.stats import norm

from latente.errors import SpecError
from latente.evaluation.traversal import posterior_steps, traverse

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(3, 2, 4)).astype(np.float32)
WEIGHTS[1] = 0
BASE = RNG.normal(size=(5, 3)).astype(np.float32)
STEPS = np.tile(np.linspace(-3, 3, 9), (3, 1))


def linear(z):
    return np.tensordot(z, WEIGHTS, axes=1)


def test_one_latent_moves_and_the_others_stay():
    at = RNG.normal(size=(3, 7)).astype(np.float32)
    found = traverse(linear, BASE, at, latents=[2, 0])
    assert found.latents.tolist() == [2, 0]
    assert np.array_equal(found.at, at[[2, 0]])
    assert found.images.shape == (5, 2, 7, 2, 4)
    for b in range(5):
        for row, i in enumerate((2, 0)):
            for s in range(7):
                z = BASE[b].copy()
                z[i] = at[i, s]
                assert np.allclose(found.images[b, row, s], linear(z), atol=1e-5)


def test_the_decoder_is_called_once_and_the_base_is_left_alone():
    calls = []
    before = BASE.copy()
    traverse(lambda z: calls.append(z) or linear(z), BASE, STEPS)
    assert [c.shape for c in calls] == [(5 * 3 * 9, 3)] and calls[0].dtype == np.float32
    assert np.array_equal(BASE, before)


def test_change_is_the_spread_that_a_latent_makes():
    at = STEPS[:, ::2]
    found = traverse(linear, BASE, at)
    wanted = [np.sqrt(at[i].var() * (WEIGHTS[i].astype(float) ** 2).mean()) for i in range(3)]
    assert found.change == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    assert found.change[1] == pytest.approx(0, abs=1e-6) and found.change[0] > 0.1


def test_steps_of_the_posterior_are_quantiles():
    codes = np.stack([norm(2, 3).ppf((np.arange(20_000) + 0.5) / 20_000), np.linspace(0, 1, 20_000)], axis=1)
    found = posterior_steps(RNG.permutation(codes), 5, low=0.1)
    levels = [0.1, 0.3, 0.5, 0.7, 0.9]
    assert found[1] == pytest.approx(levels, abs=1e-4)
    assert posterior_steps(codes, 5, low=0.1)[0] == pytest.approx(norm(2, 3).ppf(levels), abs=1e-3)


@pytest.mark.parametrize(
    ("base", "at", "latents", "message"),
    [
        (BASE[0], STEPS, None, r"base: got shape \(3,\)"),
        (BASE[:0], STEPS, None, r"base: got shape \(0, 3\)"),
        (BASE * np.nan, STEPS, None, "finite numbers"),
        (BASE, STEPS[:2], None, r"at: got shape \(2, 9\); allowed: \(3, steps\)"),
        (BASE, np.full((3, 9), np.inf), None, "finite"),
        (BASE, STEPS, [3], r"latents: got \[3\]; allowed: one or more of 0 to 2"),
        (BASE, STEPS, [-1], r"latents: got \[-1\]"),
        (BASE, STEPS, [], r"latents: got \[\]"),
    ],
)
def test_what_is_refused(base, at, latents, message):
    with pytest.raises(SpecError, match=message):
        traverse(linear, base, at, latents=latents)


def test_steps_that_are_refused():
    for options in ({"steps": 1}, {"low": 0.5}, {"low": -0.1}):
        with pytest.raises(SpecError, match="got steps"):
            posterior_steps(BASE, **options)
    with pytest.raises(SpecError, match="codes: got shape"):
        posterior_steps(BASE[0])
