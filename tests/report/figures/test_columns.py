"""Columns beside what a model makes of them: the numbers are their definitions', and nothing is cut off."""

import numpy as np
import pytest
from figures import assert_fits, texts

import latente
from latente.language.words import Words
from latente.report.figures.columns import ColumnPair, marginals, rebuilt
from latente.report.study_figures import figure_files

EN, PT = Words("en"), Words("pt")
RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=400)


def numbers(made, data=NORMAL, name="x"):
    return ColumnPair(name, (), np.asarray(data, float), np.asarray(made, float))


def categories(data, made):
    return ColumnPair(
        "kind", ("oak", "elm <b>", "a long name of a tree"), np.asarray(data, float), np.asarray(made, float)
    )


def test_distances_are_those_of_their_definitions():
    assert numbers(NORMAL).distance == 0 and numbers(NORMAL + 100).distance == 1
    # Between 0, 1, 2, 3 and 1, 2, 3, 4 the distribution functions differ by a quarter at most.
    assert numbers([1, 2, 3, 4], [0, 1, 2, 3]).distance == pytest.approx(0.25)
    # Shares (1/2, 1/2, 0) and (1/4, 1/4, 1/2): half of 1/4 + 1/4 + 1/2.
    assert categories([0, 1, 0, 1], [0, 1, 2, 2]).distance == pytest.approx(0.5)


def test_agreement_is_the_correlation_or_the_share_that_is_right():
    noisy = 2 * NORMAL + RNG.normal(size=400)
    assert numbers(noisy).agreement == pytest.approx(np.corrcoef(NORMAL, noisy)[0, 1])
    assert numbers(3 * NORMAL - 1).agreement == pytest.approx(1)
    assert numbers(np.ones(400)).agreement == 0
    assert categories([0, 1, 2, 2], [0, 1, 2, 0.4]).agreement == pytest.approx(0.75)


def test_figures_name_their_columns_and_nothing_is_cut_off():
    several = [
        numbers(NORMAL + 0.1, name="od280/od315_of_diluted_wines $x$"), numbers(np.ones(400), np.ones(400)),
        categories(RNG.integers(0, 3, 300), RNG.integers(0, 3, 300)),
        numbers(RNG.poisson(2, 400), RNG.poisson(2, 400), "count"),
    ]  # fmt: skip
    figure = marginals(several, ("Dados", "Sorteado por vae"), PT)
    assert {"od280/od315_of_dilu…", "count", "kind", "Sorteado por vae"} <= set(texts(figure))
    assert_fits(figure)
    figure = rebuilt(several, PT)
    share = (several[2].data == several[2].made).mean()
    assert f"{100 * share:.0f}% certas" in texts(figure) and "Reconstrução" in texts(figure)
    assert_fits(figure)


@pytest.mark.slow
def test_a_table_study_has_both_in_the_datas_own_units():
    x = np.stack([1000 + 50 * NORMAL, 3 + 0.1 * NORMAL, RNG.normal(size=400)], axis=1)
    data = latente.load_data(x, scale="minmax")
    kind = {"name": "gaussian", "sigma": 0.05}
    run = latente.fit(
        latente.VAE(1, hidden=(8,), likelihood=kind), data, epochs=30, batch_size=32, learning_rate=1e-2, name="vae",
        progress=False,
    )  # fmt: skip
    for part in ("train", "validation", "test"):
        run.evaluate(part)
    found = {f.file: f for f in figure_files([run], data, EN)}
    both = found["columns-vae.png"], found["marginals-vae.svg"]
    assert [f.group for f in both] == ["reconstructions", "samples"]
    assert "and 2 worst" in both[0].finding and both[0].finding.startswith("vae rebuilds ")
    assert "Of 3 columns the 3 that are rebuilt worst" in both[0].caption
    low, high = (float(v) for v in both[1].finding.rstrip(").").split(": ")[1].split(" and ")[::-1])
    assert 0 <= low <= high < 0.5
