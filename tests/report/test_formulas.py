"""The lines of mathematics: what stands in them for each kind of model, and that they are well formed."""

from xml.dom.minidom import parseString

from madereport import NOTEBOOK, runs_of

import latente
from latente.analysis.trained_models import trained_models
from latente.language.words import Words
from latente.report.formulas import formulas

EN, PT = Words("en"), Words("pt")
SMALL = {"hidden": (4,)}


def test_each_kind_of_model_has_its_lines(tiny):
    models = {"vae": NOTEBOOK["vae"], "ae": NOTEBOOK["ae"], "vae-8": NOTEBOOK["latent-8"]}
    models |= {
        "iwae": latente.preset("IWAE", 2, samples=5, **SMALL),
        "beta": latente.preset("BetaVAE", 2, beta=2.5, **SMALL),
    }
    found = formulas(trained_models(runs_of(tiny, models)), EN)
    assert [f.models for f in found] == ["vae and vae-8", "ae", "iwae", "beta"]
    lines = [[line.plain for line in f.lines] for f in found]
    drawn = "z = μ(x) + σ(x) ⊙ ε, ε ~ N(0, I)"
    assert lines[0] == ["log p(x) ≥ E over q(z | x) of log p(x | z) − KL(q(z | x) ‖ p(z))", drawn]
    assert lines[1] == ["log p(x | f(x))", "z = f(x)"]
    # A KL of another weight is no bound, and is not said to be one.
    assert lines[3][0] == "E over q(z | x) of log p(x | z) − 2.5 · KL(q(z | x) ‖ p(z))"
    for line in (line for f in found for line in f.lines):
        assert parseString(line.markup).documentElement.getAttribute("alttext") == line.plain
    assert "<mn>5</mn>" in found[2].lines[0].markup
    assert "<mn>2,5</mn>" in formulas(trained_models(runs_of(tiny, {"b": models["beta"]})), PT)[0].lines[0].markup
