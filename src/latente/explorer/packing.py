"""Named arrays with a JSON description as one piece of bytes, which the page reads from the server or from itself.

Layout, little-endian: ``LATENTE1``, the header's length (uint32), the header as UTF-8 JSON padded with blanks, then the
arrays, each at a multiple of 8 bytes from the end of the header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"LATENTE1"

TYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "f2": "<f2", "f4": "<f4"}


def pack(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """One piece of bytes; array types are those of `TYPES`, and numbers in ``meta`` are finite."""
    table, body, at = {}, [], 0
    for name, array in arrays.items():
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        raw = np.asarray(array, TYPES[kind], order="C").tobytes()
        table[name] = {"type": kind, "shape": list(array.shape), "at": at}
        filled = raw + bytes(-len(raw) % 8)
        body.append(filled)
        at += len(filled)
    header = json.dumps({"meta": meta, "arrays": table}, ensure_ascii=False, allow_nan=False).encode()
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % 8)
    return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *body])
