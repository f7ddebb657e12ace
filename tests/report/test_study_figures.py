"""The figures of a study, and what their captions say."""

from figures import history
from maderuns import made_run

import latente
from latente.language.words import Words
from latente.report.study_figures import figure_files

EN, PT = Words("en"), Words("pt")


def test_figures_stand_in_the_pages_order_and_say_their_seed(tiny):
    runs = [made_run(tiny, "vae", seed, latente.VAE(2, hidden=(4,)), split="validation") for seed in (3, 5)]
    for run in runs:
        run.history = history(seed=run.spec.seed)
    found = figure_files(runs, tiny, EN)
    assert [f.file for f in found] == [
        "curves-vae.svg", "classes.svg", "reconstructions.png", "samples-vae.png", "manifold-vae.png", "codes-vae.png",
    ]  # fmt: skip
    assert "means over 2 seeds" in found[0].caption
    assert all(f.caption.count("Seed\N{NO-BREAK SPACE}3.") == 1 for f in found[1:])
    alone = figure_files(runs[:1], tiny, PT)
    assert [f.file for f in alone] == [f.file for f in found]
    assert not any("Semente" in f.caption for f in alone)
    assert all("{" not in f.caption + f.alt for f in found + alone)
