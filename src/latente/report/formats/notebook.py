"""A study as a notebook of cells that run: the same data, models and seeds through the library, for a teacher."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from latente._version import __version__
from latente.language.words import Words
from latente.objective.presets import preset
from latente.plain import markdown
from latente.spec import DataSpec, ModelSpec, StudySpec, TrainSpec

PLAIN = ("VAE", "AE")
"""Presets that a model is written as where its posterior, prior, likelihood and objective are theirs."""

WIDTH = 100


def notebook(study: StudySpec, words: Words) -> str:
    """The text of an ``.ipynb`` (nbformat 4.5) whose cells train, evaluate, compare and show a study's models.

    Its code comes from the spec alone, each value as Python writes it, so that it means what the study file meant.
    """
    cells: list[dict[str, Any]] = []

    def add(kind: str, text: str) -> None:
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell | {"source": text.splitlines(keepends=True)})

    add("markdown", f"# {markdown(words.title(study.title))}\n\n{words('notebook_file.intro', version=__version__)}")
    add("markdown", words("notebook_file.data"))
    options = _differences(study.data, DataSpec())
    source = options.pop("source", DataSpec().source)
    add("code", f"import latente\n\ndata = {_call('latente.load_data', [repr(source)], options)}\ndata")
    add("markdown", words("notebook_file.seeds"))
    add("code", f"seeds = {list(study.seeds)!r}\nruns = {{}}")
    for run in study.runs:
        name = markdown(run.name)
        add("markdown", words("notebook_file.model", name=name, latents=run.model.latent_dim))
        train = _differences(run.train, TrainSpec())
        fit = _call("latente.fit", ["model", "data"], {"name": run.name, **train}, tail="seed=seed")
        key = repr(run.name)
        add("code", f"model = {model_code(run.model)}\nruns[{key}] = [{fit} for seed in seeds]\nruns[{key}][0].plot()")
    add("markdown", words("notebook_file.test"))
    lines = ["every = [run for of_model in runs.values() for run in of_model]", "for run in every:"]
    lines += ['    print(run.spec.name, run.spec.seed, run.evaluate("test")["loss"])']
    lines += [f"    run.score({_python(score)})" for score in study.scores]
    add("code", "\n".join(lines))
    if len(study.runs) > 1:
        add("markdown", words("notebook_file.compare"))
        add("code", "comparison = latente.compare(every)\ncomparison")
        add("code", f'print(comparison.text(lang="{words.language}"))')
    add("markdown", words("notebook_file.look"))
    for picture in ("reconstructions", "codes"):
        add("code", f'every[0].plot("{picture}")')
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    whole = {"cells": cells, "metadata": about | {"language_info": {"name": "python"}}, "nbformat": 4}
    return json.dumps(whole | {"nbformat_minor": 5}, ensure_ascii=False, indent=1) + "\n"


def model_code(spec: ModelSpec) -> str:
    """A model's spec as a call: of the plain preset that has its parts, or of `ModelSpec`."""
    for name in PLAIN:
        base = preset(name, spec.latent_dim)
        found = _differences(spec, base)
        if not found.keys() & {"posterior", "prior", "likelihood", "objective"}:
            return _call(f"latente.{name}", [], {"latent_dim": spec.latent_dim, **found})
    return _call("latente.ModelSpec", [], _differences(spec, ModelSpec()))


def _differences(spec: Any, base: Any) -> dict[str, Any]:
    """The fields of a spec that are not those of another."""
    names = [f.name for f in dataclasses.fields(spec)]
    return {name: value for name in names if (value := getattr(spec, name)) != getattr(base, name)}


def _call(function: str, positional: list[str], named: dict[str, Any], tail: str = "") -> str:
    given = [*positional, *(f"{name}={_python(value)}" for name, value in named.items()), *filter(None, [tail])]
    line = f"{function}({', '.join(given)})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{function}(", *(f"    {each}," for each in given), ")"])


def _python(value: Any) -> str:
    """A value of a spec, which is made of numbers, texts, lists and tables only, as Python writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {_python(v)}" for k, v in value.items()) + "}"
    return repr(value)
