"""The JSON Schema of study files, made from the specs and the registries, so that editors complete and check them."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from latente._version import __version__
from latente.evaluation.scores import scores
from latente.objective.presets import FAMILIES, presets
from latente.objective.schedules import schedules
from latente.registry import Registry
from latente.spec import DataSpec, ModelSpec, SearchSpec, StartSpec, StudySpec, TrainSpec, schema_of
from latente.studies.study_file import LISTS, TOP
from latente.studies.trackers import trackers

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def study_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a study file, as TOML's tables and values are JSON's.

    Every file that `latente.studies.study_file.read_study` takes is valid. What depends on the parts that a model has,
    as which options it takes and which parts go together, is not in it: `latente check` tells that.
    """
    fields = {"data": _table(DataSpec), "runs": _runs(), "search": _table(SearchSpec)}
    described = _described(StudySpec)
    for field in dataclasses.fields(StudySpec):
        if field.name not in fields:
            fields[field.name] = _field(field)
    fields["scores"] = {"type": "array", "items": {"$ref": "#/$defs/score"}}
    fields["search"]["properties"]["by"]["$ref"] = "#/$defs/score"
    fields["search"]["required"] = ["vary"]
    fields["track"] = {"type": "array", "items": {"$ref": "#/$defs/tracker"}}
    files = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Python files; executed if --trust is said",
    }
    fields["plugins"] = {"type": "object", "properties": {"files": files}, "additionalProperties": False}
    families = {**FAMILIES, "schedule": schedules, "score": scores, "tracker": trackers}
    return {
        "$schema": DIALECT,
        "title": f"A study file of latente {__version__}",
        "type": "object",
        "properties": {key: _with(described.get(key), fields.get(key, {})) for key in TOP},
        "required": ["runs"],
        "additionalProperties": False,
        "$defs": {
            **{name: _part(registry, name) for name, registry in families.items()},
            "train": _table(TrainSpec),
        },
    }


def _runs() -> Schema:
    described = _described(ModelSpec)
    own = {field.name: _with(described.get(field.name), _field(field)) for field in dataclasses.fields(ModelSpec)}
    train = {name: _swept(name, schema) for name, schema in _table(TrainSpec)["properties"].items()}
    run = {
        "preset": _swept("preset", {"enum": sorted(presets, key=str.lower)}),
        "name": {"type": "string", "description": "what the models are called, instead of the table's name"},
        "train": _any([{"type": "object", "properties": train, "additionalProperties": False}, _list("train")]),
        "start": _start(),
        **{name: _swept(name, schema) for name, schema in own.items()},
    }
    for name, schema in _loose().items():
        run.setdefault(name, _swept(name, schema))
    table = {"type": "object", "properties": run, "required": ["preset"], "additionalProperties": False}
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": table,
        "description": "a table for each model, or for a sweep over lists",
    }


def _start() -> Schema:
    table = _table(StartSpec)
    # The others are filled in.
    asked = {name: table["properties"][name] for name in ("run", "freeze", "require_all", "fingerprint")}
    return {**table, "properties": asked, "required": ["run"]}


def _loose() -> dict[str, Schema]:
    """Options of any part by their names, as a run may have them beside its preset, and those of presets alone."""
    found: dict[str, list[Schema]] = {}
    for kind, family in FAMILIES.items():
        for part in family:
            for option, schema in _options(family, part, kind).items():
                found.setdefault(option, []).append(schema)
    for name in presets:
        for parameter in inspect.signature(presets[name]).parameters.values():
            if parameter.kind is not parameter.VAR_KEYWORD and parameter.name not in ModelSpec.__dataclass_fields__:
                found.setdefault(parameter.name, []).append(
                    _typed(typing.get_type_hints(presets[name])[parameter.name])
                )
    return {option: _any(schemas) for option, schemas in sorted(found.items())}


def _part(family: Registry[Any], kind: str) -> Schema:
    """A part: its name, or a table of its name and options."""
    tables = [
        {
            "type": "object",
            "description": family.summary(name),
            "properties": {"name": {"const": name}, **_options(family, name, kind)},
            "required": ["name"],
            "additionalProperties": False,
        }
        for name in sorted(family)
    ]
    return {"anyOf": [{"enum": sorted(family)}, *tables]}


def _options(family: Registry[Any], name: str, kind: str) -> dict[str, Schema]:
    """The options of a part by their types; a table that is the option of an objective is a schedule."""
    options = family.options(name)
    hints = typing.get_type_hints(family[name], localns={"Part": Mapping[str, Any] | str}) if options else {}
    tables: Schema = {"$ref": "#/$defs/schedule"} if kind == "objective" else {"type": "object"}
    return {option: _typed(hints[option], tables) for option in options}


def _typed(hint: Any, tables: Schema | None = None) -> Schema:
    """What a type lets pass: booleans, numbers, texts, lists of these, tables and choices; anything else, anything."""
    plain = {bool: "boolean", int: "integer", float: "number", str: "string"}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in plain:
        return {"type": plain[hint]}
    if origin in (types.UnionType, typing.Union):
        return _any([_typed(one, tables) for one in arguments if one is not type(None)])
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, list, collections.abc.Sequence):
        items = [one for one in arguments if one is not Ellipsis]
        return {"type": "array", "items": _any([_typed(one, tables) for one in items])}
    if origin in (dict, collections.abc.Mapping):
        return tables or {"type": "object"}
    return {}


def _table(spec: type) -> Schema:
    """A table of a study file that is a spec."""
    described = _described(spec)
    fields = {field.name: _with(described.get(field.name), _field(field)) for field in dataclasses.fields(spec)}
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _field(field: dataclasses.Field[Any]) -> Schema:
    if field.name in FAMILIES:
        return {"$ref": f"#/$defs/{field.name}"}
    check = field.metadata.get("check")
    return {} if check is None else schema_of(check)


def _swept(name: str, schema: Schema) -> Schema:
    """A value of a run, or a list of values to sweep over. Other lists than `LISTS` always are such."""
    one = {key: value for key, value in schema.items() if key != "description"}
    alternatives = one.get("anyOf", [one])
    single = alternatives if name in LISTS else [a for a in alternatives if a.get("type") != "array"]
    return _with(schema.get("description"), _any([*single, _list(one)]))


def _list(items: Schema | str) -> Schema:
    return {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{items}"} if isinstance(items, str) else items}


def _any(schemas: Iterable[Schema]) -> Schema:
    """One of several, each of them once."""
    different: list[Schema] = []
    for schema in schemas:
        different += [one for one in schema.get("anyOf", [schema]) if one not in different]
    if {} in different:
        return {}
    return different[0] if len(different) == 1 else {"anyOf": different}


def _with(description: str | None, schema: Schema) -> Schema:
    return {"description": description, **schema} if description else schema


def _described(spec: type) -> dict[str, str]:
    """What the docstring of a spec says of its fields."""
    _, _, section = (inspect.getdoc(spec) or "").partition("\nAttributes:\n")
    found = {}
    for entry in re.split(r"\n(?=    \S)", section.rstrip("\n")):
        names, _, text = entry.partition(": ")
        found.update({name.strip(): " ".join(text.replace("`", "").split()) for name in names.split(",")})
    return found
