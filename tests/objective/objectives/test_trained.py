"""A short training with each kind of objective: the loss falls, and a saved run is the same run."""

import numpy as np
import pytest

import latente


@pytest.fixture(scope="module")
def digits():
    return latente.load_data("digits")


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        latente.VAE(2, hidden=(16,), objective={"name": "dreg-iwae", "samples": 3}),
        latente.VAE(
            2,
            hidden=(16,),
            objective={"name": "capacity", "gamma": 5.0, "capacity": {"name": "linear", "steps": 20, "end": 3.0}},
        ),
        latente.AE(
            8, hidden=(16,), posterior={"name": "dirac", "top_k": 3}, objective={"name": "sparse", "kind": "top-k"}
        ),
    ],
    ids=["dreg-iwae", "capacity", "top-k"],
)
def test_the_loss_falls_and_a_saved_run_is_the_same_run(spec, digits, tmp_path):
    run = latente.fit(spec, digits, epochs=4, learning_rate=5e-3)
    assert np.isfinite(run.history["val_loss"]).all()
    reconstruction = run.history["val_reconstruction"]
    assert reconstruction[-1] < reconstruction[0] - 1
    run.save(tmp_path / "run")
    again = latente.load(tmp_path / "run", data=digits)
    assert again.evaluate("validation") == run.evaluate("validation")
    z = run.encode(digits.validation.x[:50])
    assert (again.encode(digits.validation.x[:50]) == z).all()
    if spec.posterior != "gaussian":
        assert ((z != 0).sum(axis=1) == 3).all()
