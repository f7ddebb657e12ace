"""Checks before anything is computed: parts, data and settings that do not go together are refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr

from latente.data.conditions import moments
from latente.data.file_limits import gib, machine_memory
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
from latente.spec import ModelSpec, Part, RunSpec, is_text
from latente.spec import part as name_and_options
from latente.training.examples import check_condition

COPIES = 4
"""Arrays as large as a model's weights: themselves, their gradients and Adam's two moments."""
SAMPLE = 5000
"""How many training examples are examined for unusual values."""
WIDE = 10.0
"""Counts with this many times the standard deviation of a Poisson with their mean are noted."""
STAND_INS = ((32, 32), (32, 32, 3), (16,))
"""Shapes of examples on which parts are tried where there is no data: images in grey and colour, and rows."""
STAND_IN_CLASSES = 3
FAR = 100.0
"""A mean or deviation above this, or a deviation below its inverse, is far from 1."""


def check(spec: RunSpec, data: Data) -> Objective:
    """The objective of a run, after checking the model against it and the data; nothing is computed.

    Raises:
        SpecError: an unknown part, or parts that do not go together.
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
    for part in filter(len, (data.train, data.validation, data.test)):
        # If all values of an example have the same support, it is enough to check those that occur.
        values = data.distinct(part) if model.likelihood.same_support else data.values(part.x)
        try:
            model.likelihood.check(values, data.shape)
        except DataError as error:
            raise DataError(f"{data.name}: {error}") from None
    log_notes(_unusual_values(model, data))
    _check_training(spec, objective)
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


def check_parts(spec: RunSpec) -> None:
    """`check` as far as it goes without data: the parts exist, take their options and go together.

    They are tried on examples of the shapes `STAND_INS`, and of as many columns as the likelihood has; a model that one
    of them takes is not refused.

    Raises:
        SpecError: an unknown part, or parts that do not go together.
    """
    objective = objectives.make(spec.model.objective)
    _check_training(spec, objective)
    columns = _columns_of(spec.model.likelihood)
    refusals = []
    for shape in [spec.data.shape] if spec.data.shape else [(columns,)] if columns else STAND_INS:
        try:
            objective.check(eqx.filter_eval_shape(new_model, spec, shape, STAND_IN_CLASSES, STAND_IN_CLASSES))
        except SpecError as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]


def _columns_of(likelihood: Part) -> int:
    """How many columns a likelihood is of, or the one within it; 0 where it does not say."""
    options = name_and_options(likelihood)[1]
    within: Part | None = options.get("of")
    return _columns_of(within) if within is not None else len(options.get("columns", ()))


def _check_training(spec: RunSpec, objective: Objective) -> None:
    """Refuse settings of training that an objective does not go with."""
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


def _unusual_values(model: Autoencoder, data: Data) -> list[Note]:
    """Notes on real values far from unit scale, and on counts that vary far more than a Poisson's.

    Judged by the first `SAMPLE` training examples: by column for tables, else over all values.
    """
    likelihood = model.likelihood
    real = likelihood.same_support and likelihood.support == (-math.inf, math.inf)
    counts = likelihood.poisson_values()
    if not real and not len(counts):
        return []
    values = data.values(data.train.x[:SAMPLE])
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
    values_of_note = {"likelihood": likelihoods.name_of(likelihood), "columns": listed(far)}
    if real:
        return [Note("units" if table else "units-all", values_of_note, 'scale = "minmax"')]
    return [Note("wide-counts", values_of_note)]


def new_model(spec: RunSpec, shape: tuple[int, ...], classes: int, columns: int) -> Autoencoder:
    """A run's untrained model, as initialised from its seed.

    Args:
        spec: the run.
        shape: of one example.
        classes: how many labels the data has.
        columns: how many condition columns it has.

    Raises:
        SpecError: as `latente.model.autoencoder.build`.
    """
    learnt = classes if objectives.make(spec.model.objective).classifies else 0
    context = {"none": learnt, "labels": classes, "columns": columns}[spec.model.condition]
    return build(spec.model, shape, key=jr.fold_in(jr.key(spec.seed), 0), context=context, classes=learnt)


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
    """Refuse networks, perhaps a user's own, whose outputs do not fit the other parts."""

    def flat(shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.float32)  # type: ignore[no-untyped-call]

    context = (flat((model.context_size,)),) if model.context_size else ()
    with_context = f" and a context of {model.context_size} numbers" if context else ""
    example, code = flat(model.shape), flat((model.code_size,))
    size = model.posterior.size(model.latent_dim)
    needs = f"{posteriors.name_of(model.posterior)} with latent_dim = {model.latent_dim} needs ({size},)"
    _check_output(f"{network}: its encoder", f"an example of shape {model.shape}{with_context}", needs, (size,),
        lambda m, *inputs: m.encode(*inputs), model, example, *context)  # fmt: skip
    outputs = model.likelihood.outputs(model.shape)
    needs = (
        f"{likelihoods.name_of(model.likelihood)} for examples of shape {model.shape} needs {math.prod(outputs)} "
        f"numbers, in the order {outputs}"
    )
    _check_output(f"{network}: its decoder", f"a code of {model.code_size} numbers{with_context}", needs, outputs,
        lambda m, *inputs: m.decoder(*inputs), model, code, *context)  # fmt: skip
    if model.classifier is not None:
        needs = f"a classifier of {model.context_size} classes needs ({model.context_size},)"
        _check_output(f"{network}: its encoder, as a classifier,", f"an example of shape {model.shape}", needs,
            (model.context_size,), lambda m, x: m.classifier(m.features(x)), model, example)  # fmt: skip


def _check_output(
    what: str, given: str, needs: str, shape: tuple[int, ...], call: Callable[..., Any], *arguments: Any
) -> None:
    """Refuse a call that fails, or whose output is not real numbers of this shape (or, for several axes, this size)."""
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
    """Refuse what cannot fit into this machine's memory even if nothing else ran on it."""
    memory = machine_memory()
    learnt = sum(math.prod(a.shape) for a in jax.tree.leaves(eqx.filter(model, _is_real)))
    least = 4 * COPIES * learnt
    if least > memory:
        raise SpecError(
            f"{_culprit(spec, model, learnt)} of {learnt:,} numbers, which take {gib(least)} with their gradients and "
            f"Adam's moments, and this machine has {gib(memory)}; take less"
        )
    codes = spec.train.batch_size * objective.codes()
    least = 4 * codes * math.prod(model.likelihood.outputs(model.shape))
    if least > memory:
        raise SpecError(
            f"{objectives.name_of(objective)} does not go with train.batch_size = {spec.train.batch_size}: what is "
            f"decoded from {codes:,} codes a step takes {gib(least)}, and this machine has {gib(memory)}; take fewer "
            "samples, or a smaller batch"
        )


def _culprit(spec: RunSpec, model: Autoencoder, learnt: int) -> str:
    """What makes a model so large: the first option that, made small, would more than halve it."""
    own = spec.model
    # The code's size comes before the layers that it meets.
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


def _check_text(data: Data) -> None:
    """Refuse names that are not valid Unicode: they are written to files once everything is trained."""
    categories = [c for column in data.features for c in column.categories]
    columns = [c.name for c in data.features]
    names = [data.name, *data.classes, *data.columns, *(f.name for f in data.known), *columns, *categories]
    for name in names:
        if not is_text(name):
            raise DataError(
                f"{data.name!a}: {name!a} is no Unicode text, and its names are written to files; rename the folder, "
                "label or column that is called so"
            )
