"""Specs check what they are given."""

import pytest

from latente.errors import SpecError
from latente.objective.presets import AE, VAE, presets
from latente.spec import ModelSpec


def test_presets_are_specs_and_refuse_what_they_do_not_know():
    assert VAE(8) == ModelSpec(latent_dim=8)
    assert {"VAE", "AE"} <= set(presets)
    with pytest.raises(SpecError, match='unknown key in model "laten_dim"; did you mean "latent_dim"'):
        VAE(laten_dim=3)
    with pytest.raises(SpecError, match=r"latent_dim: got 0; allowed: a whole number of at least 1"):
        VAE(0)
    with pytest.raises(SpecError, match=r"hidden\[1\]: got -3"):
        AE(hidden=(4, -3))
