"""A locale and a width that no machine changes; a folder to work in, with a file of data."""

import numpy as np
import pytest
from made import blobs


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, which holds pictures.npz: 400 images of 8×8 pixels in 3 classes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path / "cache"))
    x, y = blobs(400, (8, 8))
    np.savez(tmp_path / "pictures.npz", x=x, y=y)
    return tmp_path
