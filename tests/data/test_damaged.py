"""Whatever bytes a file holds, reading it gives a source or a `DataError`, and never anything else."""

import gzip
import struct

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latente.data.files import read
from latente.data.source import Source
from latente.errors import DataError

X = np.random.default_rng(0).integers(0, 256, (6, 5, 4)).astype(np.uint8)
IDX = struct.pack(">HBB3I", 0, 8, 3, *X.shape) + X.tobytes()
FRAME = pd.DataFrame(X.reshape(6, 20)).rename(columns=str).assign(label=list("abcabc"))


def whole(name, folder):
    """A good file under ``folder``, by the kind of its name."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    kind = name.rsplit(".", 1)[-1]
    if name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(FRAME.to_csv(index=False).encode()))
    elif kind in ("idx", "gz"):
        path.write_bytes(gzip.compress(IDX) if kind == "gz" else IDX)
    elif kind == "npz":
        np.savez_compressed(path, x=X, y=np.arange(6))
    elif kind == "npy":
        np.save(path, X)
    elif kind == "csv":
        FRAME.to_csv(path, index=False)
    elif kind == "parquet":
        FRAME.to_parquet(path)
    else:
        exif = Image.Exif()
        exif[0x0112] = 3
        Image.fromarray(X[0]).save(path, **({"exif": exif} if kind in ("png", "jpg", "webp", "tif") else {}))
    return path


def damaged(content, rng, times):
    """Beginnings of ``content``, changed and missing bytes, and noise."""
    yield b""
    for _ in range(times):
        cut = int(rng.integers(len(content)))
        yield content[:cut]
        changed = bytearray(content)
        for i in rng.integers(0, len(content), int(rng.integers(1, 6))):
            changed[i] = int(rng.integers(256))
        yield bytes(changed)
        yield content[:cut] + content[cut + int(rng.integers(1, 9)) :]
        head = int(rng.integers(12))
        yield content[:head] + rng.bytes(int(rng.integers(1, 200)))


KINDS = ["a.npz", "a.npy", "a.idx", "a.gz", "a.csv", "a.csv.gz", "a.parquet"]
IMAGES = [f"pictures/a.{kind}" for kind in ("png", "jpg", "bmp", "gif", "webp", "tif")]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINDS + IMAGES)
def test_damaged_files_are_data_errors(tmp_path, name):
    path = whole(name, tmp_path)
    given = path if name in KINDS else path.parent
    content, refused = path.read_bytes(), 0
    assert isinstance(read(given), Source)
    for bad in damaged(content, np.random.default_rng(len(name)), 25):
        path.write_bytes(bad)
        try:
            s = read(given)
        except DataError as error:
            refused += 1
            assert "\n" not in str(error)
            assert str(tmp_path) in str(error)
        else:
            assert s.x.dtype in (np.uint8, np.float32)
            assert np.isfinite(s.x).all()
            assert s.x.ndim >= 2
            assert s.y is None or len(s.y) == len(s.x)
    assert refused > 20
