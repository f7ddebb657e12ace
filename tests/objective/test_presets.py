"""Every preset of the registry: it learns, is saved and loaded, resumes bit for bit, and is compiled once."""

import jax
import numpy as np
import pytest

import latente
from latente.compiling import compiled
from latente.errors import SpecError
from latente.evaluation.run import train_run
from latente.objective.objectives import objectives
from latente.objective.presets import VAE, keywords, presets
from latente.spec import ModelSpec, RunSpec, TrainSpec
from latente.training.check import model_for
from latente.training.fit import fit
from latente.training.step import run_epoch

SMALLER = {
    "ConvVAE": {"hidden": (4,)},
    "ResidualVAE": {"hidden": (4,)},
    "VampVAE": {"pseudo_inputs": 8},
    "VQVAE": {"codes": 16},
    "RVQVAE": {"codes": 16},
    "WarmupVAE": {"beta": {"name": "linear", "steps": 24}},
    "CyclicalVAE": {"beta": {"name": "cyclical", "steps": 24}},
}
QUICK = {"VAE", "AE", "IWAE", "VQVAE"}
"""Those that are trained in every change's quick tests."""
TRAIN = TrainSpec(epochs=8, batch_size=32, learning_rate=6e-3)


class Killed(Exception):
    pass


def small(name):
    return presets[name](3, **{"hidden": (16,), **SMALLER.get(name, {})})


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in presets])
def test_a_preset_learns_resumes_bit_for_bit_is_compiled_once_and_comes_back(name, tiny, tmp_path):
    spec = RunSpec("p", 0, small(name), TRAIN, tiny.spec)
    programs = compiled(run_epoch, model_for(spec, tiny))._cached._cache_size
    before = programs()
    run = train_run(spec, tiny)
    history = run.history
    # A schedule or an opponent moves the loss itself, so there only the reconstruction must get better.
    objective = objectives.make(spec.model.objective)
    moving = objective.length() > 0 or run.opponent is not None
    key = "val_reconstruction" if moving else "val_loss"
    assert history[key][-3:].mean() < history[key][0] - 0.05
    assert all(np.isfinite(v).all() for v in history.values())

    def killed(epoch):
        if epoch.number == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(spec, tiny, checkpoint=tmp_path / "c", on_epoch=killed)
    resumed = fit(spec, tiny, checkpoint=tmp_path / "c")
    assert {k: v.tolist() for k, v in resumed.history.items()} == {k: v.tolist() for k, v in history.items()}
    for a, b in zip(jax.tree.leaves(run.model), jax.tree.leaves(resumed.model), strict=True):
        assert np.array_equal(a, b)
    assert programs() == before + 1

    again = latente.load(run.save(tmp_path / "r"), data=tiny)
    assert again.spec == run.spec
    assert again.evaluate("validation") == run.evaluate("validation")
    given = {"given": tiny.test.y[:8]} if run.model.is_conditional else {}
    assert np.array_equal(again.reconstruct(tiny.test.x[:8], **given), run.reconstruct(tiny.test.x[:8], **given))
    if run.model.prior.space != "any":
        assert np.array_equal(again.sample(8, seed=3, **given), run.sample(8, seed=3, **given))
        assert np.isfinite(run.sample(8, seed=3, **given)).all()


def test_an_option_of_a_part_may_be_said_directly():
    assert presets["BetaVAE"](beta=8.0).objective == {"name": "elbo", "beta": 8.0}
    assert presets["IWAE"](5, samples=50).objective == {"name": "iwae", "samples": 50}
    assert presets["VQVAE"](codes=64, commitment=1.0).posterior == {"name": "vq", "codes": 64}
    assert VAE(8) == ModelSpec(latent_dim=8)
    with pytest.raises(SpecError, match='unknown key in model "codse"; did you mean "codes"'):
        presets["VQVAE"](codse=3)
    with pytest.raises(SpecError, match='unknown key in model "sgima"; did you mean "sigma"'):
        VAE(likelihood="gaussian", sgima=3)
    assert "pseudo_inputs" in keywords("VampVAE", presets["VampVAE"]())
