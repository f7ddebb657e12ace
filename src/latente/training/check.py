"""What is refused before anything is computed: parts, data and settings that make no sense together."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr

from latente.data.conditions import moments
from latente.data.notes import Note, listed, log_notes
from latente.data.source import MINUS_ONE
from latente.data.split import Data
from latente.errors import DataError, LatenteError, SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.build import build, with_bias
from latente.model.likelihoods import likelihoods
from latente.model.networks import networks
from latente.model.posteriors import posteriors
from latente.objective.objectives import Objective, objectives
from latente.spec import ModelSpec, RunSpec, is_text
from latente.training.examples import check_condition

COPIES = 4
"""Of a model's numbers: themselves, their gradients and Adam's two moments."""
LOOKED_AT = 5000
WIDE = 10.0
"""Counts that vary so many times as much as a Poisson of their mean are told."""
FAR = 100.0
"""A mean or a deviation that is so many times 1, or a deviation of so small a part of it, is far from 1."""


def check(spec: RunSpec, data: Data) -> Objective:
    """The objective, after its model was checked against it and the data; nothing is computed.

    Raises:
        SpecError: an unknown part, or parts that make no sense together.
        DataError: values outside the likelihood's support, or fewer examples than a batch.
    """
    _check_text(data)
    objective = objectives.make(spec.model.objective)
    if data.missing and not spec.model.missing:
        raise SpecError(
            f"{data.name} has missing values, and a model with missing = false needs every value; take missing = true "
            "for the model, or fill or remove them"
        )
    model = eqx.filter_eval_shape(model_for, spec, data)
    _check_outputs(model, networks.name_of(networks.make(spec.model.network)))
    objective.check(model)
    model.posterior.check(len(data.train))
    if spec.model.output_bias:
        eqx.filter_eval_shape(with_bias, spec.model, model, jnp.zeros(data.shape))
    for part in (data.train, data.validation, data.test):
        # Where all values of an example mean alike, it is enough to look at those that occur.
        values = data.distinct(part) if model.likelihood.alike else data.values(part.x)
        try:
            model.likelihood.check(values, data.shape)
        except DataError as error:
            raise DataError(f"{data.name}: {error}") from None
    log_notes(_unusual_values(model, data))
    if spec.train.labelled < 1 and not objective.classifies:
        raise SpecError(
            f"{objectives.name_of(objective)} does not go with train.labelled = {spec.train.labelled:g}: it sees no "
            'labels; take objective "m2", or leave it out'
        )
    if spec.train.batch_size < objective.least:
        raise SpecError(
            f"{objectives.name_of(objective)} does not go with train.batch_size = {spec.train.batch_size}: it compares "
            f"the examples of a batch; take a batch_size of at least {objective.least}"
        )
    if len(data.train) < spec.train.batch_size:
        raise DataError(
            f"{data.name}: {len(data.train)} training examples are fewer than one batch of {spec.train.batch_size}; "
            f"give more data, or a batch_size of at most {len(data.train)}"
        )
    steps = spec.train.steps(len(data.train)) * spec.train.epochs_for(len(data.train))
    if objective.length() > steps:
        raise SpecError(
            f"{objectives.name_of(objective)}: its schedule takes {objective.length()} steps, and the run has only "
            f"{steps}; give a schedule of at most {steps} steps, or more epochs"
        )
    _check_memory(spec, model, objective)
    return objective


def _unusual_values(model: Autoencoder, data: Data) -> list[Note]:
    """What is to be said of numbers that a likelihood takes as they are, and that are far from 1, and of counts that
    vary far more than a Poisson does.

    By the first `LOOKED_AT` training examples: of a table by column, else of all values together.
    """
    likelihood = model.likelihood
    real = likelihood.alike and likelihood.support == (-math.inf, math.inf)
    counts = likelihood.poisson()
    if not real and not len(counts):
        return []
    values = data.values(data.train.x[:LOOKED_AT])
    table = values.ndim == 2
    columns = values.T if table else values.reshape(1, -1)
    far = []
    for i in range(len(columns)) if real else counts if table else [0]:
        mean, sd = moments(columns[i])
        if (abs(mean) > FAR or not 1 / FAR <= sd <= FAR) if real else sd > WIDE * math.sqrt(mean):
            name = f"{data.features[i].name if data.features else i} " if table else ""
            far.append(f"{name}({mean:.3g} ± {sd:.3g})")
    if not far:
        return []
    named = {"likelihood": likelihoods.name_of(likelihood), "columns": listed(far)}
    if real:
        return [Note("units" if table else "units-all", named, 'scale = "minmax"')]
    return [Note("wide-counts", named)]


def new_model(spec: RunSpec, shape: tuple[int, ...], classes: int, columns: int) -> Autoencoder:
    """A run's model before any training, as its seed makes it.

    Args:
        spec: the run.
        shape: of one example.
        classes: how many labels the data has.
        columns: how many condition columns it has.

    Raises:
        SpecError: as `latente.model.autoencoder.build`.
    """
    known = classes if objectives.make(spec.model.objective).classifies else 0
    context = {"none": known, "labels": classes, "columns": columns}[spec.model.condition]
    return build(spec.model, shape, key=jr.fold_in(jr.key(spec.seed), 0), context=context, classes=known)


def model_for(spec: RunSpec, data: Data) -> Autoencoder:
    """`new_model` for a data set.

    Raises:
        SpecError: as `new_model`, or the data has no labels or columns to condition on.
    """
    objective = objectives.make(spec.model.objective)
    if objective.classifies and not data.classes:
        raise SpecError(f"{objectives.name_of(objective)} needs labels, and {data.name} has none")
    if objective.classifies and MINUS_ONE in data.classes:
        raise SpecError(
            f'{objectives.name_of(objective)} would learn the label "{MINUS_ONE}" of {data.name} as a class; leave '
            f'these examples out (without = ["{MINUS_ONE}"]), or give that class another name'
        )
    if objective.classifies and spec.model.condition != "none":
        raise SpecError(
            f"{objectives.name_of(objective)} conditions on the label itself: condition = "
            f'"{spec.model.condition}" does not go with it; take "none"'
        )
    check_condition(spec.model, data)
    return new_model(spec, data.shape, len(data.classes), len(data.columns))


def _check_outputs(model: Autoencoder, network: str) -> None:
    """Refuse networks, perhaps a user's own, whose outputs are not what the parts need."""

    def flat(shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.float32)  # type: ignore[no-untyped-call]

    context = (flat((model.context_size,)),) if model.context_size else ()
    beside = f" and a context of {model.context_size} numbers" if context else ""
    example, code = flat(model.shape), flat((model.code_size,))
    size = model.posterior.size(model.latent_dim)
    needs = f"{posteriors.name_of(model.posterior)} with latent_dim = {model.latent_dim} needs ({size},)"
    _of(f"{network}: its encoder", f"an example of shape {model.shape}{beside}", needs, (size,),
        lambda m, *given: m.encode(*given), model, example, *context)  # fmt: skip
    outputs = model.likelihood.outputs(model.shape)
    needs = (
        f"{likelihoods.name_of(model.likelihood)} for examples of shape {model.shape} needs {math.prod(outputs)} "
        f"numbers, in the order {outputs}"
    )
    _of(f"{network}: its decoder", f"a code of {model.code_size} numbers{beside}", needs, outputs,
        lambda m, *given: m.decoder(*given), model, code, *context)  # fmt: skip
    if model.classifier is not None:
        needs = f"a classifier of {model.context_size} classes needs ({model.context_size},)"
        _of(f"{network}: its encoder, as a classifier,", f"an example of shape {model.shape}", needs,
            (model.context_size,), lambda m, x: m.classifier(m.features(x)), model, example)  # fmt: skip


def _of(what: str, given: str, needs: str, shape: tuple[int, ...], call: Callable[..., Any], *arguments: Any) -> None:
    """Refuse what cannot be called, or gives something else than real numbers of a shape (or, of more than one axis,
    of so many)."""
    try:
        found = eqx.filter_eval_shape(call, *arguments)
    except LatenteError:
        raise
    except Exception as error:
        text = str(error).strip().splitlines() or [""]
        raise SpecError(f"{what} fails on {given}: {type(error).__name__}: {text[0]}") from error
    if not isinstance(found, jax.ShapeDtypeStruct):
        raise SpecError(f"{what} gives a {type(found).__name__}, and {needs}")
    fits = found.shape == shape if len(shape) == 1 else math.prod(found.shape) == math.prod(shape)
    if not fits or not jnp.issubdtype(found.dtype, jnp.floating):
        raise SpecError(f"{what} gives an array of shape {found.shape} of {found.dtype}, and {needs}")


def _check_memory(spec: RunSpec, model: Autoencoder, objective: Objective) -> None:
    """Refuse what this machine's memory cannot hold whatever else it does."""
    memory = _memory()
    learnt = sum(math.prod(a.shape) for a in jax.tree.leaves(eqx.filter(model, _is_real)))
    least = 4 * COPIES * learnt
    if least > memory:
        raise SpecError(
            f"{_culprit(spec, model, learnt)} of {learnt:,} numbers, which take {_gib(least)} with their gradients and "
            f"Adam's moments, and this machine has {_gib(memory)}; take less"
        )
    codes = spec.train.batch_size * objective.codes()
    least = 4 * codes * math.prod(model.likelihood.outputs(model.shape))
    if least > memory:
        raise SpecError(
            f"{objectives.name_of(objective)} does not go with train.batch_size = {spec.train.batch_size}: what is "
            f"decoded from {codes:,} codes a step takes {_gib(least)}, and this machine has {_gib(memory)}; take fewer "
            "samples, or a smaller batch"
        )


def _culprit(spec: RunSpec, model: Autoencoder, learnt: int) -> str:
    """What makes a model as large as it is: the option without whose size it would not be half as large."""
    own = spec.model
    # Only what is large is tried smaller; the code's size is tried before the layers that it meets.
    smaller: dict[str, dict[str, Any]] = {
        f"latent_dim = {own.latent_dim:,}": {"latent_dim": min(own.latent_dim, 8)},
        f"hidden = {list(own.hidden)}": {"hidden": tuple(min(w, 8) for w in own.hidden)},
        "the prior": {"prior": "standard-normal"},
        "the likelihood": {"likelihood": "gaussian"},
        "the posterior": {"posterior": "gaussian"},
    }
    for name, changes in smaller.items():
        try:
            made = eqx.filter_eval_shape(_built, dataclasses.replace(own, **changes), model.shape, model.context_size)
        except SpecError:
            continue
        if 2 * sum(math.prod(a.shape) for a in jax.tree.leaves(eqx.filter(made, _is_real))) < learnt:
            return f"{name} makes a model"
    return f"examples of shape {model.shape} with hidden = {list(own.hidden)} make a model"


def _built(spec: ModelSpec, shape: tuple[int, ...], context: int) -> Autoencoder:
    return build(spec, shape, key=jr.key(0), context=context)


def _is_real(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) and bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _memory() -> float:
    """This machine's memory in bytes; infinite where it cannot be asked."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def _gib(size: float) -> str:
    return f"{size / 2**30:,.1f} GiB"


def _check_text(data: Data) -> None:
    """Names are written to files when everything is trained, which takes text."""
    categories = [c for column in data.features for c in column.categories]
    columns = [c.name for c in data.features]
    names = [data.name, *data.classes, *data.columns, *(f.name for f in data.known), *columns, *categories]
    for name in names:
        if not is_text(name):
            raise DataError(
                f"{data.name!a}: {name!a} is no Unicode text, and its names are written to files; rename the folder, "
                "label or column that is called so"
            )
