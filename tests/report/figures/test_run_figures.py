"""One run as a figure."""

import numpy as np
import pytest

import latente
from latente.errors import DataError, SpecError


@pytest.fixture(scope="module")
def run(tiny):
    return latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=2, name="small", progress=False)


def test_a_run_draws_its_training_reconstructions_samples_and_codes(run):
    curves = run.plot(lang="en").axes
    drawn = {line.get_label(): line.get_ydata() for line in curves[0].lines}
    assert np.allclose(drawn["Training"], run.history["loss"]) and np.allclose(
        drawn["Validation"], run.history["val_loss"]
    )
    assert run.plot()._repr_png_().startswith(b"\x89PNG")
    (sheet,) = run.plot("reconstructions").axes
    assert [t.get_text() for t in sheet.get_yticklabels()][1] == run.spec.name
    (grid,) = run.plot("samples", lang="pt").axes
    assert grid.images[0].get_array().ndim == 2
    points = run.plot("codes").axes[0].collections[0].get_offsets()
    assert len(points) == len(run.data.validation)
    with pytest.raises(SpecError, match='did you mean "codes"'):
        run.plot("code")


def test_tables_have_no_pictures():
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    model = latente.VAE(2, hidden=(4,), likelihood="gaussian")
    run = latente.fit(model, latente.load_data(x), epochs=1, batch_size=16, progress=False)
    assert "nats per example" in run.plot(lang="en").axes[0].get_ylabel()
    with pytest.raises(DataError, match="shape 3; allowed: images"):
        run.plot("samples")
