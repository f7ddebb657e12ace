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
        "hero-map.png", "hero-reconstructions.png", "hero-samples.png", "data.png", "layers-vae.svg",
        "curves-vae.svg", "reconstructions.png", "classes.svg", "samples-vae.png", "manifold-vae.png", "codes-vae.png",
    ]  # fmt: skip
    assert "means over 2 seeds" in found[5].caption
    shown = [f for f in found if f.group not in ("data", "model", "training")]
    assert all(f.caption.count("Seed\N{NO-BREAK SPACE}3.") == 1 for f in shown)
    assert (
        found[3].finding
        == "tiny: 300 examples of 3 classes; of the training part, 57 are of class 0 and 74 of class 2."
    )
    assert found[4].finding.startswith("vae has 306 parameters: its encoder turns 30 numbers into a code of 2")
    alone = figure_files(runs[:1], tiny, PT)
    assert [f.file for f in alone] == [f.file for f in found]
    assert not any("Semente" in f.caption for f in alone)
    assert all("{" not in f.caption + f.alt for f in found + alone)


def test_models_on_two_scales_have_a_figure_each(tiny):
    models = {"vae": latente.VAE(2, hidden=(4,)), "other": latente.VAE(2, hidden=(4,), likelihood="gaussian")}
    runs = [made_run(tiny, name, 0, model, split="validation") for name, model in models.items()]
    for run in runs:
        run.history = history()
    found = {f.file: f for f in figure_files(runs, tiny, EN)}
    assert "vae" in found["classes.svg"].alt and "other" not in found["classes.svg"].alt
    assert "other" in found["classes-2.svg"].alt and "vae" not in found["classes-2.svg"].alt
