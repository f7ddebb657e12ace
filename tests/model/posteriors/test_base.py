"""Every posterior here trains, lowers its loss, and is the same after saving and loading."""

import numpy as np
import pytest

import latente
from latente.errors import SpecError

PAIRS = {
    "full-gaussian": {"posterior": "full-gaussian"},
    "von-mises-fisher": {"posterior": "von-mises-fisher", "prior": "uniform-sphere"},
    "iaf": {"posterior": {"name": "iaf", "hidden": [8], "context": 2}},
    "planar": {"posterior": {"name": "flow", "layers": 2}},
    "realnvp": {"posterior": {"name": "flow", "family": "realnvp", "layers": 2, "hidden": [8], "context": 2}},
    "gumbel-softmax": {
        "posterior": {"name": "gumbel-softmax", "classes": 4},
        "prior": {"name": "uniform-categorical", "classes": 4},
    },
    "concrete": {
        "posterior": {"name": "gumbel-softmax", "classes": 4, "hard": False},
        "prior": {"name": "uniform-concrete", "classes": 4},
    },
}


@pytest.fixture(scope="module")
def data():
    return latente.load_data("digits", validation=0.2, test=0.7)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_it_trains_and_comes_back_the_same(name, data, tmp_path):
    spec = latente.VAE(3, hidden=(16,), **PAIRS[name])
    run = latente.fit(spec, data, epochs=2, batch_size=32, learning_rate=5e-3)
    losses = run.history["loss"]
    assert np.isfinite(losses).all() and losses[1] < losses[0]
    before = run.evaluate("validation")
    again = latente.load(run.save(tmp_path / "run"), data=data)
    assert {k: m.value for k, m in again.evaluate("validation").items()} == {k: m.value for k, m in before.items()}
    codes = again.encode(data.values(data.train.x[:5]))
    assert codes.shape == (5, run.model.code_size) and again.sample(3).shape == (3, *data.shape)
    if name == "von-mises-fisher":
        np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("posterior", "prior", "spaces"),
    [
        ("von-mises-fisher", "standard-normal", "euclidean space, the posterior's in sphere space"),
        ("gaussian", "uniform-sphere", "sphere space, the posterior's in euclidean space"),
        ({"name": "gumbel-softmax", "classes": 3}, "standard-normal", "the posterior's in simplex space"),
    ],
)
def test_codes_and_priors_of_different_spaces_are_refused(posterior, prior, spaces, data):
    with pytest.raises(SpecError, match=spaces):
        latente.fit(latente.VAE(3, hidden=(16,), posterior=posterior, prior=prior), data, epochs=1)
