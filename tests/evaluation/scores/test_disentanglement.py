"""The score of disentanglement, on data whose factors are known."""

import dataclasses

import numpy as np
import pytest
from madebare import bare, numbers

import latente
from latente.data.factors import draw
from latente.data.split import Split, split_source
from latente.evaluation.scores import scores


@pytest.fixture(scope="module")
def grid():
    """Every combination of five factors ten times, in each part."""
    source = draw(16, counts=(3, 2, 2, 3, 3))
    data = split_source(source)
    every = Split(np.tile(source.x, (10, 1, 1)), np.tile(source.y, 10), np.tile(source.factors, (10, 1)))
    return dataclasses.replace(data, train=every, validation=every, test=every)


def coded(grid, code):
    """A run with codes of five numbers that `code` makes of the factors."""
    values = grid.values(grid.test.x)
    known = {x.tobytes(): f for x, f in zip(values, grid.test.factors, strict=True)}
    return bare(
        grid,
        latente.VAE(5, hidden=(4,)),
        encode=lambda x, **_: code(np.array([known[i.tobytes()] for i in x], float)),
        decode=lambda z, **_: np.repeat(z.sum(axis=1)[:, None, None], 16, axis=1).repeat(16, axis=2),
    )


@pytest.mark.slow
def test_a_code_of_the_factors_is_perfectly_disentangled(grid):
    found = coded(grid, lambda f: f).score("disentanglement")
    value = numbers(found)
    for name in ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "factor_vae", "modularity"):
        assert value[name] == pytest.approx(1, abs=1e-9), name
    # Four ordered factors have a gap of 1 in R²; of three shapes noise is right on one in three.
    assert value["sap"] == pytest.approx((4 + 2 / 3) / 5, abs=0.02)
    assert value["irs"] == pytest.approx(1, abs=1e-9)
    assert found.arrays["information"] == pytest.approx(np.eye(5), abs=1e-9)
    # A score that has no valid error says none.
    assert found.values["mig"].standard_error < 0.02 and found.values["dci_completeness"].standard_error == 0


@pytest.mark.slow
def test_permuted_and_scaled_codes_are_as_good_and_rotated_ones_are_not(grid):
    perfect = numbers(coded(grid, lambda f: f).score("disentanglement"))
    permuted = coded(grid, lambda f: 3 - 2 * f[:, [4, 2, 0, 1, 3]]).score("disentanglement")
    assert numbers(permuted)["mig"] == pytest.approx(perfect["mig"], abs=1e-9)
    assert permuted.arrays["information"].argmax(axis=0).tolist() == [2, 3, 1, 4, 0]
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    turned = numbers(coded(grid, lambda f: (f / f.std(axis=0)) @ turn).score("disentanglement"))
    assert turned["mig"] < 0.2 and turned["dci_disentanglement"] < 0.4 < turned["dci_informativeness"]


@pytest.mark.slow
def test_the_traversal_moves_one_latent_through_its_quantiles(grid):
    scale = np.array([1, 5, 2, 3, 0.5])
    found = coded(grid, lambda f: f * scale).score("disentanglement").arrays
    codes = grid.test.factors * scale
    assert found["traversal_latents"].tolist() == [0, 1, 2, 3, 4]
    levels = np.linspace(0.01, 0.99, 9)
    assert found["traversal_at"] == pytest.approx(np.quantile(codes, levels, axis=0).T, abs=1e-5)
    base = codes[((codes - codes.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    moved = base.sum() - base[1] + found["traversal_at"][1]
    assert found["traversal"][1, :, 0, 0] == pytest.approx(moved, abs=1e-4)
    spread = np.quantile(codes, levels, axis=0).std(axis=0)
    assert found["traversal_change"] == pytest.approx(spread, rel=1e-5)


def test_without_factors_there_is_a_reason(tiny, grid):
    made = scores.make("disentanglement")
    assert bare(tiny).score(made) is None and "factors" in made.unsupported(bare(tiny))
    assert made.unsupported(bare(grid, latente.VAE(1, hidden=(4,)))).startswith("its codes are one number")
    assert "given the label" in made.unsupported(bare(grid, latente.preset("CVAE", 2, hidden=(4,))))
    small = split_source(draw(16, counts=(3, 2, 2, 3, 3)))
    assert made.unsupported(bare(small)) == "the validation part has 18 examples, and at least 100 are needed"
