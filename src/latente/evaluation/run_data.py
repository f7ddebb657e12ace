"""The data that a run was trained on: read again from where it is, and checked to be that."""

from __future__ import annotations

import dataclasses
from typing import Any

from latente.data.load import AnySource, load_spec
from latente.data.split import Data
from latente.errors import DataError, DownloadError
from latente.spec import DataSpec


def found_data(spec: DataSpec, source: AnySource | None = None) -> Data:
    """The data of a spec, from where it was or from another source.

    Raises:
        DataError: it is gone; what to do if it has moved.
    """
    try:
        return load_spec(spec, source)
    except DownloadError:
        raise
    except DataError as error:
        if source is not None:
            raise
        text = str(error)
        raise DataError(
            f"{text}{'' if text.endswith(('.', '?')) else '.'} If the data has moved, say where it is: --data PATH on "
            "the command line, latente.load(folder, data=PATH) from Python"
        ) from None


def read_data(spec: DataSpec, card: dict[str, Any], data: Data | AnySource | None = None) -> Data:
    """The data that a run was trained on, checked to be that, and called as it was then.

    Args:
        spec: how it was read.
        card: its data card.
        data: it, or where it is now; None: where it was.

    Raises:
        DataError: it is gone, or something else.
    """
    if not isinstance(data, Data):
        data = found_data(spec, data)
    if data.fingerprint != card["fingerprint"]:
        raise DataError(
            f"{data.name}: is not the data the run was trained on (fingerprint {data.fingerprint[:12]}, "
            f"then {str(card['fingerprint'])[:12]}); give the same data and split"
        )
    return data if data.name == card["name"] else dataclasses.replace(data, name=card["name"])
