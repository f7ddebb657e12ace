"""Named arrays with a JSON description as one piece of bytes, and back: what server, file and page exchange.

Layout, little-endian: ``LATENTE1``, the header's length (uint32), the header as UTF-8 JSON padded with blanks, then the
arrays, each at a multiple of 8 bytes from the end of the header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError

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


def unpack(raw: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `pack` was given.

    Raises:
        DataError: other bytes, or too few.
    """
    try:
        if raw[:8] != MAGIC:
            raise ValueError("they do not start as ours do")
        start = 12 + int.from_bytes(raw[8:12], "little")
        header = json.loads(raw[12:start])
        arrays = {}
        for name, entry in header["arrays"].items():
            count = int(np.prod(entry["shape"], dtype=np.int64))
            flat = np.frombuffer(raw, TYPES[entry["type"]], count, start + entry["at"])
            arrays[name] = flat.reshape(entry["shape"])
        return header["meta"], arrays
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"these bytes are no packed arrays ({error})") from None
