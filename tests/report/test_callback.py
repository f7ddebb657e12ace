"""The notebook's callback, with and without IPython, and the frames kept of every epoch."""

import sys
import types

import numpy as np
import pytest
from made import blobs

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.data.units import span_of
from latente.errors import DataError, SpecError
from latente.evaluation.run import train_run
from latente.explorer.run_view import RunView
from latente.spec import RunSpec, TrainSpec
from latente.training import store


@pytest.mark.slow
def test_it_draws_every_so_many_epochs_and_says_the_numbers(tiny, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    callback = latente.ReconstructionCallback(tiny.validation.x[:4], every=2, lang="pt")
    run = latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=3, batch_size=64, on_epoch=callback)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "2/3" in out and f"loss {run.history['loss'][1]:.4f}" in out
    assert callback.figure is not None and callback.figure.get_axes()


def test_in_a_notebook_the_last_picture_is_replaced(tiny, monkeypatch):
    shown = []
    fake = types.ModuleType("IPython.display")
    fake.Image = lambda data: data
    fake.clear_output = lambda wait: shown.append("clear")
    fake.display = shown.append
    package = types.ModuleType("IPython")
    package.version_info = (9, 0)  # matplotlib asks for it
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    callback = latente.ReconstructionCallback()
    latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=2, batch_size=64, on_epoch=callback)
    assert [s if s == "clear" else s[:4] for s in shown] == ["clear", b"\x89PNG"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["minmax", "none", 255, "unit"])
def test_images_are_read_in_the_datas_own_units(scale, monkeypatch):
    x, _ = blobs()
    x = x if scale in ("none", "unit") else x.astype(np.float64)
    if scale == "minmax":
        x = 3 * x - 200
    data = latente.load_data(x, scale=scale)
    model = latente.VAE(2, hidden=(8,), likelihood="gaussian")
    drawn = []
    monkeypatch.setattr("latente.report.callback._show", lambda *a: None)
    monkeypatch.setattr("latente.report.callback.reconstructions", lambda x, *a, **k: drawn.append((x, k)))
    for images, scaled in ((data.validation.x[:3], False), (data.values(data.validation.x[:3]), True)):
        callback = latente.ReconstructionCallback(images, scaled=scaled)
        latente.fit(model, data, epochs=1, on_epoch=callback)
        np.testing.assert_allclose(drawn[-1][0], data.values(data.validation.x[:3]), atol=1e-6)
    assert drawn[-1][1] == {"span": (0.0, 255.0) if scale == "none" else (0.0, 1.0)}
    with pytest.raises(DataError, match=r"examples: got shape \(3, 5\)"):
        latente.fit(model, data, epochs=1, on_epoch=latente.ReconstructionCallback(data.validation.x[:3, 0]))


@pytest.mark.slow
def test_it_refuses_what_it_cannot_draw(tiny):
    with pytest.raises(SpecError, match="every: got 0"):
        latente.ReconstructionCallback(every=0)
    table = latente.load_data(np.random.default_rng(0).uniform(size=(300, 4)))
    with pytest.raises(SpecError, match="these examples are no images"):
        latente.fit(latente.VAE(2, hidden=(8,)), table, epochs=1, on_epoch=latente.ReconstructionCallback())


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "span"), [("none", (0.0, 255.0)), ("minmax", (0.0, 1.0)), (51, (0.0, 5.0))])
def test_frames_go_from_the_datas_black_to_its_white(tmp_path, scale, span):
    x, _ = blobs()
    x[0, 0, :2] = 0, 255
    data = split_source(make_source("bytes", x), scale=scale, seed=1)
    model = latente.VAE(2, hidden=(8,), likelihood="gaussian")
    run = train_run(RunSpec(model=model, train=TrainSpec(epochs=1, batch_size=50), data=data.spec), data)
    assert span_of(*data.value_range()) == pytest.approx(span) and data.card()["range"] == [*data.value_range()]
    rebuilt = run.reconstruct(data.validation.x[:8])
    assert np.abs(run.frames[-1] - 255.0 * np.clip(rebuilt / span[1], 0, 1)).max() < 0.51
    assert RunView(run).drawn(data.values(x[:9])).tolist() == x[:9].tolist()
    run.save(tmp_path / "run")
    assert np.array_equal(latente.load(tmp_path / "run", data=data).frames, run.frames)
    arrays, about = store.load_arrays(tmp_path / "run" / "frames.safetensors")
    assert ("frames_span" in arrays) == (span != (0.0, 1.0))
    # An older version held every value to 0..1.
    store.save_arrays(tmp_path / "run" / "frames.safetensors", {"frames": arrays["frames"]}, about)
    (tmp_path / "run" / "manifest.json").unlink()
    assert (latente.load(tmp_path / "run", data=data).frames is None) == (span != (0.0, 1.0))
