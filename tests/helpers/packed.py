"""Packed arrays of the explorer, read as the page reads them."""

import json

import numpy as np

from latente.explorer.packing import MAGIC, TYPES


def unpack(raw):
    """The description and the arrays that `packing.pack` was given."""
    assert raw[:8] == MAGIC
    start = 12 + int.from_bytes(raw[8:12], "little")
    header = json.loads(raw[12:start])
    arrays = {}
    for name, entry in header["arrays"].items():
        flat = np.frombuffer(raw, TYPES[entry["type"]], int(np.prod(entry["shape"])), start + entry["at"])
        arrays[name] = flat.reshape(entry["shape"])
    return header["meta"], arrays
