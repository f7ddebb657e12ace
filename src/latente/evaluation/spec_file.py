"""What spec.json holds: the spec, with every option of its parts written out, and the version of that form."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latente import plugins
from latente._version import __version__
from latente.errors import LatenteWarning, SpecError
from latente.model.autoencoder import Autoencoder
from latente.objective.presets import FAMILIES
from latente.spec import DataSpec, ModelSpec, RunSpec, TrainSpec, as_dict, part, run_from_dict

FORMAT = 2
"""Of a run's folder (docs/folder-format.md). In one of this format every key of the spec is there."""
BESIDE = ("latente", "format", "parts", "sizes", "plugins")
"""Keys of spec.json that are no part of the spec."""
FIRST_DATA = frozenset(("source", "validation", "test", "seed", "scale", "missing", "condition", "without"))
"""Keys of ``data`` that folders of format 1, which had no ``format``, may have had; those that came later have
defaults that mean what was done before them."""


def spec_table(spec: RunSpec, model: Autoencoder, used: Sequence[plugins.Used] = ()) -> dict[str, Any]:
    """spec.json of a run: the spec, ``parts`` with all their options, and ``sizes`` that follow from the data.

    ``plugins`` is there only where some were ``used``.
    """
    beside = {"plugins": [one.table() for one in used]} if used else {}
    return {
        "latente": __version__,
        "format": FORMAT,
        **as_dict(spec),
        "parts": parts_of(spec.model),
        "sizes": {
            "shape": list(model.shape),
            "code": model.code_size,
            "posterior": model.posterior.size(model.latent_dim),
            "outputs": list(model.likelihood.outputs(model.shape)),
            "context": model.context_size,
        },
        **beside,
    }


def parts_used(spec: RunSpec) -> list[plugins.Key]:
    """The parts of a run by kind and name: of its model, schedules in their options, and a named data set."""
    found = [("data set", spec.data.source)]
    for kind, registry in FAMILIES.items():
        name, options = part(getattr(spec.model, kind))
        found.append((registry.kind, name))
        found += [("schedule", part(v)[0]) for v in options.values() if isinstance(v, Mapping) and "name" in v]
    return found


def parts_of(spec: ModelSpec) -> dict[str, dict[str, Any]]:
    """Each part of a model by its name and all of its options, those that were left at their defaults too."""
    found: dict[str, dict[str, Any]] = {}
    for family, registry in FAMILIES.items():
        part = getattr(spec, family)
        name = part if isinstance(part, str) else part["name"]
        made = registry.make(part)
        found[family] = {"name": name} | {o: _plain(getattr(made, o, None)) for o in registry.options(name)}
    return found


def spec_of(table: Mapping[str, Any], path: Path) -> RunSpec:
    """The run that `spec_table` wrote, or an older version of it.

    A key that is missing takes its default, which is told in a warning; in a folder of a format that has every key
    it is refused.

    Raises:
        SpecError: naming the key, or the format where it is later than this version's.
    """
    form = table.get("format", 1)
    if isinstance(form, bool) or not isinstance(form, int) or not 1 <= form <= FORMAT:
        raise SpecError(f"{path.name} is of format {form!r}, and this latente reads 1 to {FORMAT}; take a later one")
    spec = run_from_dict({k: v for k, v in table.items() if k not in BESIDE})
    missing = dict(_missing(table, form))
    if missing and form > 1:
        raise SpecError(f"{path.name} has no {', '.join(missing)}; put back what was taken out")
    if missing:
        assumed = ", ".join(f"{key} = {json.dumps(value)}" for key, value in missing.items())
        warnings.warn(f"{path}: has no {', '.join(missing)}; assumed: {assumed}", LatenteWarning, stacklevel=3)
    return spec


def _missing(table: Mapping[str, Any], form: int) -> list[tuple[str, Any]]:
    """The keys of a spec that a table has not, with their defaults."""
    sections = {"": RunSpec, "model": ModelSpec, "train": TrainSpec, "data": DataSpec}
    found = []
    for section, cls in sections.items():
        there, default = table.get(section, {}) if section else table, as_dict(cls())
        for field in dataclasses.fields(cls):
            late = form == 1 and section == "data" and field.name not in FIRST_DATA
            late = late or "absent" in field.metadata
            if field.name not in there and not late and not (section and section not in table):
                found.append((f"{section}.{field.name}".lstrip("."), default[field.name]))
    return found


def _plain(value: Any) -> Any:
    """A value of an option as JSON has it; of a part of the user's own that has none, as text."""
    made = as_dict(value)
    try:
        json.dumps(made, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return made
