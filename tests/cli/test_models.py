"""The list of the model space: from the registries, complete, and as the documentation has it."""

from pathlib import Path

import pytest

from latente.cli import models
from latente.cli.main import main
from latente.errors import SpecError
from latente.objective.presets import FAMILIES, presets

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.mark.slow
def test_the_page_of_the_documentation_is_what_the_registries_say():
    assert PAGE.read_text(encoding="utf-8") == models.markdown(), (
        "docs/models.md is old: write it again with `latente models --markdown > docs/models.md`"
    )


def test_every_part_has_a_summary_a_source_and_is_told_about():
    for kind in FAMILIES:
        for name, summary, _, source in models.rows(kind):
            # A whole sentence, and not as much of one as fits a line.
            assert summary.endswith("."), (kind, name, summary)
            assert source, f'{kind} "{name}" names no source'
    for name in presets:
        assert presets.source(name) and f"preset {name}" in models.describe(name)


def test_describing_says_what_goes_with_it_and_why_not():
    text = models.describe("iwae")
    assert "samples" in text and "Burda" in text
    assert "gaussian: with prior standard-normal" in text
    assert 'dirac: no: objective "iwae" does not go with posterior "dirac"' in text
    with pytest.raises(SpecError, match='unknown part or preset "iwea"; did you mean "iwae"'):
        models.describe("iwea")


def test_the_command_line_lists_everything(capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("BetaVAE", "continuous-bernoulli", "von-mises-fisher", "factor-vae"))
    assert main(["models", "VQVAE"]) == 0
    assert "uniform-codes" in capsys.readouterr().out
    assert main(["models", "nothing-like-it"]) != 0
    assert "unknown part or preset" in capsys.readouterr().err
