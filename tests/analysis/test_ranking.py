"""What a comparison gives: budgets, and the run that is selected."""

import numpy as np
import pytest

import latente
from latente.errors import SpecError

SMALL = {"hidden": (4,)}


def test_budgets_are_stated_and_where_they_differ(make):
    runs = [make("a", 0), make("a", 1), make("b", 0, latente.VAE(2, hidden=(9,)))]
    found = latente.compare(runs, ["mse"])
    a, b = found.budgets
    assert a.epochs == (4, 4) and a.steps == (12, 12) and a.examples == (768, 768) and a.seconds == (1.5, 2.5)
    # 30 · 4 + 4 and 4 · 4 + 4 up, 2 · 4 + 4 and 4 · 30 + 30 down; and nine in place of four.
    assert a.parameters == (306, 306) and b.parameters == (646, 646)
    assert found.unequal == ("parameters",)
    longer = latente.compare([make("a"), make("b", epochs=9)], ["mse"])
    assert longer.unequal == ("epochs", "steps", "examples")
    assert longer.budgets[1].steps == (27, 27)


def test_a_selection_is_made_on_validation_only(make):
    rng = np.random.default_rng(3)
    shared = rng.normal(size=48)
    loss = {("a", 0): 10.0, ("a", 1): 12.0, ("b", 0): 10.5, ("b", 1): 10.6}

    def runs(split):
        n = 48 if split == "validation" else 60
        return [
            make(n_, s, latente.VAE(2 if n_ == "a" else 4, **SMALL), split=split, loss=v + shared[0] * np.ones(n))
            for (n_, s), v in loss.items()
        ]

    choice = latente.compare(runs("validation"), ["loss"], split="validation").select()
    assert (choice.model, choice.opened.run.spec.seed, choice.column, choice.ties) == ("b", 0, "loss", ("a",))
    with pytest.raises(SpecError, match='by the test part: refused.*choose by split "validation"'):
        latente.compare(runs("test"), ["loss"]).select()
    with pytest.raises(SpecError, match='unknown number "nll"'):
        latente.compare(runs("validation"), ["loss"], split="validation").select("nll")
    mixed = [make("a", split="validation"), make("ae", spec=latente.AE(2, **SMALL), split="validation")]
    assert latente.compare(mixed, split="validation").select().column == "mse"
    with pytest.raises(SpecError, match="no number means the same for all models"):
        latente.compare(mixed, ["loss"], split="validation").select()
