"""What is seen while a model trains."""

import pytest
from made import blobs

import latente

SMALL = {"hidden": (8,)}


X, Y = blobs(120, (6, 5))


@pytest.mark.slow
def test_fitting_shows_one_line_on_a_terminal_only(capsys, monkeypatch):
    import io
    import sys

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    data = latente.load_data(X)
    options = {"epochs": 2, "batch_size": 32}
    monkeypatch.setattr(sys, "stderr", Terminal())
    latente.fit(latente.VAE(2, **SMALL), data, **options)
    shown = sys.stderr.getvalue()
    assert shown.startswith("\rrun: compiling") and shown.count("\r") == 3 and "epoch 2/2  loss" in shown
    assert shown.endswith("\n") and capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    epochs = []
    latente.fit(latente.VAE(2, **SMALL), data, on_epoch=epochs.append, **options)
    latente.fit(latente.VAE(2, **SMALL), data, progress=False, **options)
    assert sys.stderr.getvalue() == "" and len(epochs) == 2
    latente.fit(latente.VAE(2, **SMALL), data, on_epoch=epochs.append, progress=True, **options)
    assert sys.stderr.getvalue().count("\r") == 3 and len(epochs) == 4
