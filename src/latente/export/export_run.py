"""Write a trained model as files that need no latente: for PyTorch, for Keras, or as ONNX."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latente._version import __version__
from latente.atomic import as_json, write_folder
from latente.errors import SpecError, StoreError, unknown
from latente.export import layer_program
from latente.export.onnx_graph import decoder_file, encoder_file
from latente.export.prior_table import prior_table
from latente.spec import as_dict
from latente.spec import part as part_of_spec

if TYPE_CHECKING:
    from latente.evaluation.run import Run

TARGETS = ("torch", "keras", "onnx")
FORMAT = 1
"""Of config.json."""
PARTS = ("network", "posterior", "prior", "likelihood", "objective")


def export_run(run: Run, to: str, folder: str | Path) -> Path:
    """Write a model to a new folder, for a framework that knows nothing of latente.

    Examples go in and come out in the data's own units, as numbers (bytes are not rounded); codes are the mean codes.

    - "torch", "keras": ``model.safetensors``, ``config.json`` and ``model.py``, which needs that framework and
      safetensors alone: ``load()`` gives ``encode``, ``decode`` and ``sample``.
    - "onnx": ``encoder.onnx`` (x to code and, of a Gaussian posterior, log_variance), ``decoder.onnx`` (code to x),
      with any number of rows and no randomness, and ``config.json``. Needs the extra ``latente[onnx]``.

    Args:
        run: the trained model; of a prior fitted to its codes (`Run.with_prior`) that one is exported.
        to: "torch", "keras" or "onnx".
        folder: where; nothing may be there.

    Returns:
        The folder.

    Raises:
        SpecError: another ``to``, or a part of the model that no layer program holds.
        StoreError: something is there already, or it cannot be written.
        DataError: the run is of an older version that kept no scaling, and its data is gone.
    """
    if to not in TARGETS:
        raise SpecError(unknown("target", to, TARGETS))
    place = Path(folder)
    if os.path.lexists(place):
        raise StoreError(f"{place}: exists, and an export overwrites nothing; give another name, or remove it")
    write_folder(place, _onnx(run) if to == "onnx" else _weights_and_text(run, to))
    return place


def _onnx(run: Run) -> dict[str, bytes]:
    model, units = run.model, run.units
    up, down = layer_program.encoder(model), layer_program.decoder(model)
    about = model.shape, model.code_size, units, model.context_size
    return {
        "encoder.onnx": encoder_file(up, *about),
        "decoder.onnx": decoder_file(down, *about),
        "config.json": as_json(_config(run)).encode(),
    }


def _weights_and_text(run: Run, to: str) -> dict[str, bytes]:
    from safetensors.numpy import save

    generator, units = run.generator, run.units
    up, down = layer_program.encoder(run.model), layer_program.decoder(run.model)
    prior, arrays = prior_table(generator)
    scaling = {f"scaling.{k}": np.asarray(getattr(units, k)) for k in ("multiplier", "offset")}
    kept = {**up.arrays, **down.arrays, **arrays, **scaling}
    config = _config(run) | {"encoder": up.steps, "decoder": down.steps, "prior": prior}
    # Never made of the run's names or values: what comes from data is data.
    text = files("latente.export").joinpath(f"{to}_model.py").read_bytes()
    return {
        "model.safetensors": save({name: np.asarray(array, order="C") for name, array in kept.items()}),
        "config.json": as_json(config).encode(),
        "model.py": text,
    }


def _config(run: Run) -> dict[str, Any]:
    """What the files say of the model: names, sizes and the meaning of its numbers."""
    spec, model, card = as_dict(run.spec.model), run.model, run.card
    known = {k: card[k] for k in ("features", "categories", "classes", "conditions") if card.get(k)}
    return {
        "format": FORMAT,
        "latente": __version__,
        "name": run.spec.name,
        "seed": run.spec.seed,
        "data": {"name": card["name"], "fingerprint": card["fingerprint"], "stored": card["dtype"], **known},
        "parts": {kind: part_of_spec(spec[kind])[0] for kind in PARTS},
        "shape": list(model.shape),
        "code_size": model.code_size,
        "context_size": model.context_size,
        "clip": run.units.clip,
    }
