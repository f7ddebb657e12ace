"""An estimator's folder: what it was told and learnt as JSON and arrays, and its run's folder beside them.

Nothing in it is executed or unpickled; every value is checked, so that a stranger's folder can be loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente._version import __version__
from latente.atomic import JSON_LIMIT, as_json, make_folder, parse_json
from latente.data.table_schema import TableSchema
from latente.errors import DataError, LatenteError, StoreError
from latente.evaluation import manifest
from latente.evaluation.run import Run
from latente.evaluation.run import load as load_run
from latente.sklearn.pixels import PixelSchema
from latente.spec import ModelSpec, as_dict, build, to_python
from latente.training import store

ABOUT, LEARNT, RUN = "estimator.json", "estimator.safetensors", "run"
FORMAT = 1
Schema = PixelSchema | TableSchema


@dataclass(frozen=True)
class SavedEstimator:
    """What an estimator's folder holds.

    Attributes:
        kind: the name of its class.
        params: as `get_params` gives them.
        schema: how rows become model values.
        names: of the columns that it was fitted with; None where they had none.
        learnt: what else it learnt, by attribute: numbers and arrays of numbers.
        run: the run behind it.
    """

    kind: str
    params: dict[str, Any]
    schema: Schema
    names: list[str] | None
    learnt: dict[str, NDArray[Any]]
    run: Run


def write_estimator(path: str | Path, saved: SavedEstimator) -> Path:
    """Write an estimator to a folder of its own.

    Raises:
        StoreError: the folder holds something, or cannot be written; or a parameter is nothing that JSON has.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder}: exists and is not empty; choose another place, for nothing is overwritten")
    table = {
        "latente": __version__,
        "format": FORMAT,
        "estimator": saved.kind,
        "params": {name: _plain(name, value) for name, value in saved.params.items()},
        "schema": {"kind": "pixels" if isinstance(saved.schema, PixelSchema) else "table", **saved.schema.table()},
        "names": saved.names,
    }
    make_folder(folder)
    saved.run.save(folder / RUN)
    contents = {LEARNT: store.as_bytes(saved.learnt, {"estimator": saved.kind}), ABOUT: as_json(table).encode()}
    with manifest.locked(folder):
        manifest.write(folder, contents)
    return folder


def read_estimator(path: str | Path) -> SavedEstimator:
    """What `write_estimator` wrote.

    Raises:
        StoreError: a file is missing, damaged, or of a later version.
    """
    folder = Path(path)
    if not (folder / ABOUT).is_file():
        raise StoreError(f"{folder}: is no estimator's folder (it has no {ABOUT}); a run's is read by latente.load")
    kind, params, schema, names, learnt = manifest.reading(folder, _read)
    return SavedEstimator(kind, params, schema, names, learnt, load_run(folder / RUN))


def _read(files: manifest.Manifest) -> tuple[str, dict[str, Any], Schema, list[str] | None, dict[str, NDArray[Any]]]:
    where = files.folder / ABOUT
    table = parse_json(where, files.read(ABOUT, JSON_LIMIT))
    try:
        if table["format"] != FORMAT:
            raise ValueError(f"it is of format {table['format']!r}, and this latente reads {FORMAT}")
        kind, names, found = table["estimator"], table["names"], dict(table["schema"])
        if not isinstance(kind, str) or not (names is None or (names and all(isinstance(n, str) for n in names))):
            raise TypeError("its class or its names are no text")
        schema: Schema = {"pixels": PixelSchema, "table": TableSchema}[found.pop("kind")].from_table(found)  # type: ignore[attr-defined]
        params = {str(name): _param(value) for name, value in dict(table["params"]).items()}
    except KeyError as error:
        raise StoreError(f"{where}: is damaged or of another version of latente (there is no {error})") from None
    except (DataError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{where}: is damaged or of another version of latente ({error})") from None
    learnt, _ = store.parse_arrays(files.folder / LEARNT, files.read(LEARNT))
    return kind, params, schema, names, learnt


def _plain(name: str, value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, ModelSpec):
        return {"spec": as_dict(value)}
    if isinstance(value, np.random.RandomState | np.random.Generator):
        raise StoreError(f"{name}: a generator of random numbers is not saved; set it to a whole number or None first")
    made = _lists(to_python(value))
    try:
        json.dumps(made, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(f"{name}: got {value!r:.80}, which JSON has not ({error}); set it to a plain value") from None
    return made


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _lists(v) for k, v in value.items()}
    return [_lists(v) for v in value] if isinstance(value, list | tuple) else value


def _param(value: Any) -> Any:
    """A parameter as it was, a list as a tuple."""
    if isinstance(value, dict) and set(value) == {"spec"}:
        try:
            return build(ModelSpec, value["spec"], "model")
        except LatenteError as error:
            raise ValueError(str(error)) from None
    return tuple(value) if isinstance(value, list) else value
