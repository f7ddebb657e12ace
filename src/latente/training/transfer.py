"""Fine-tuning: a new model that begins with the weights of a trained one, as far as they fit by shape and by meaning.

Rows and columns of weights belong to what they are multiplied with: a column of a table, a class, a latent, a unit of a
hidden layer. Each axis of each array gets labels that say so, and what both models have a label for is taken over:
between two sets of labels the pixels' rows of the first layer stay, and only those of the classes are new.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from numpy.typing import NDArray

from latente.data.notes import Note, log_notes
from latente.data.units import Units
from latente.errors import SpecError, unknown
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood
from latente.model.networks import networks
from latente.model.networks.base import Network, Plan
from latente.objective.objectives import objectives
from latente.objective.objectives.base import Opponent
from latente.spec import RunSpec, StartSpec, part
from latente.training import store
from latente.training.step import within

Labels = Sequence[Hashable]
Axes = dict[str, list[Labels]]
"""Of each array by its name, the labels of each of its axes."""

NETS = ("encoder", "decoder", "classifier")


@dataclass(frozen=True)
class Parent:
    """A trained run whose weights another begins with.

    Attributes:
        spec, card: what it was, and the card of its data.
        model, opponent: with its weights.
        units: how its data's numbers became model values, where it is known.
        fingerprint: of its weights.
    """

    spec: RunSpec
    card: Mapping[str, Any]
    model: Autoencoder
    opponent: Opponent | None
    units: Units | None
    fingerprint: str

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self.spec.name}, seed {self.spec.seed}"


@dataclass(frozen=True)
class Transferred:
    """A model that begins with another's weights.

    Attributes:
        model, opponent: it.
        kept: the names of the arrays that are wholly the parent's.
        anew: those of all others, without what is measured from the data; of those that are the parent's in part
            with how much: "decoder.layers.2.bias (3 of 4 kept)".
        rescaled: whether its likelihood standardises otherwise than the parent's, by the new data.
    """

    model: Autoencoder
    opponent: Opponent | None
    kept: tuple[str, ...]
    anew: tuple[str, ...]
    rescaled: bool = False


def transferred(
    spec: RunSpec, model: Autoencoder, opponent: Opponent | None, card: Mapping[str, Any], parent: Parent
) -> Transferred:
    """A new model with what fits of its parent's weights.

    What is measured from the data (`Likelihood.fixed_arrays`) stays the new data's.

    Args:
        spec: of the new run; its ``start`` says what is held fixed, and whether every array must fit.
        model, opponent: it, as initialised; or their shapes alone, to know what would fit.
        card: the card of its data.
        parent: the trained run.

    Raises:
        SpecError: nothing fits; something does not that must (``require_all``, or it is held fixed); or a name of what
            is held fixed means nothing.
    """
    start = spec.start
    assert start is not None
    new, old = _Axes(spec, model, card).labels(), _Axes(parent.spec, parent.model, parent.card).labels()
    theirs = store.flatten(parent.model, "")
    fixed = _fixed(model.likelihood)
    kept: list[str] = []
    anew: list[str] = []
    rescaled: list[str] = []

    def take(path: tuple[Any, ...], leaf: Any) -> Any:
        name = store.path_of(path)
        if not _is_array(leaf) or 0 in leaf.shape:
            return leaf
        if name in fixed:
            before = theirs.get(name)
            if eqx.is_array(leaf) and before is not None and not np.array_equal(before, np.asarray(leaf)):
                rescaled.append(name)
            return leaf
        found, share = _blended(leaf, theirs.get(name), new.get(name), old.get(name))
        if share == "":
            kept.append(name)
        else:
            anew.append(name if share is None else f"{name}{share}")
        return found

    made = jax.tree_util.tree_map_with_path(take, model)
    if opponent is not None:
        opponent, fits = _opponent(spec, opponent, new, old, parent)
        (kept if fits else anew).append("opponent")
    if not any(name.startswith(NETS) for name in kept) and not any(" (" in name for name in anew):
        raise SpecError(
            f"start: nothing of {parent.name} fits this model; take the same network, activation and widths "
            f"(hidden = {list(parent.spec.model.hidden)}, latent_dim = {parent.spec.model.latent_dim})"
        )
    if start.require_all and anew:
        raise SpecError(
            f"start: require_all = true, and of {parent.name} these do not fit by shape or meaning: {_listed(anew)}; "
            "take the same model, labels and columns, or leave require_all out"
        )
    _check_frozen(start, model, anew, parent)
    return Transferred(made, opponent, tuple(kept), tuple(anew), bool(rescaled))


def filled_in(start: StartSpec, found: Transferred, parent: Parent) -> StartSpec:
    """A start with what is known once its parent is.

    Raises:
        SpecError: it names another fingerprint.
    """
    if start.fingerprint and start.fingerprint != parent.fingerprint:
        raise SpecError(
            f"start: the weights of {parent.name} are not those that were asked for (fingerprint "
            f"{parent.fingerprint[:12]}, then {start.fingerprint[:12]}); give the run that they are of"
        )
    return dataclasses.replace(start, fingerprint=parent.fingerprint, name=parent.name, anew=found.anew)


def say_transferred(found: Transferred, parent: Parent, units: Units) -> None:
    """Log what is from the parent, what is made anew, by name, and that numbers are scaled otherwise."""
    about = {"name": parent.name, "fingerprint": parent.fingerprint[:12]}
    notes = [Note("start", about | {"kept": len(found.kept), "of": len(found.kept) + len(found.anew)})]
    if found.anew:
        notes.append(Note("start-anew", {"names": ", ".join(found.anew)}))
    if found.rescaled or (parent.units is not None and not _alike(parent.units, units)):
        notes.append(Note("start-units", {"name": parent.name}))
    log_notes(notes)


def _alike(a: Units, b: Units) -> bool:
    """Whether the same number is the same model value; of bytes and floats nobody can compare the numbers."""
    ours, theirs = (np.stack(np.broadcast_arrays(u.multiplier, u.offset)).reshape(2, -1) for u in (a, b))
    if a.bytes != b.bytes:
        return True
    fit = ours.shape == theirs.shape or 1 in (ours.shape[1], theirs.shape[1])
    return fit and bool(np.allclose(ours, theirs))


def _is_array(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def _fixed(likelihood: Likelihood) -> set[str]:
    """The names of a likelihood's arrays that are measured from the data and not learnt."""
    names = [name for name, _ in _arrays(likelihood)]
    numbers = itertools.count()
    numbered = jax.tree.map(lambda a: jnp.full(a.shape, next(numbers), jnp.float32) if _is_array(a) else a, likelihood)
    # Each array says its own number, whatever `fixed_arrays` is made of.
    found = {int(np.ravel(array)[0]) for array in numbered.fixed_arrays() if array.size}
    return {f"likelihood.{names[number]}" for number in found}


def _blended(
    fresh: Any, old: NDArray[Any] | None, new_labels: list[Labels] | None, old_labels: list[Labels] | None
) -> tuple[Any, str | None]:
    """An array with what the old one has of it; and "" for all of it, " (3 of 4 kept)" for a part, None for nothing."""
    if old is None or new_labels is None or old_labels is None or len(fresh.shape) != old.ndim:
        return fresh, None
    pairs = []
    for ours, theirs in zip(new_labels, old_labels, strict=True):
        at = {label: i for i, label in enumerate(theirs)}
        pairs.append([(i, at[label]) for i, label in enumerate(ours) if label in at])
    if not all(pairs) and fresh.shape:
        return fresh, None
    share = next((f" ({len(p)} of {n} kept)" for p, n in zip(pairs, fresh.shape, strict=True) if len(p) < n), "")
    if isinstance(fresh, jax.ShapeDtypeStruct):
        return fresh, share
    found = np.array(fresh)
    if found.shape:
        found[np.ix_(*([i for i, _ in p] for p in pairs))] = old[np.ix_(*([j for _, j in p] for p in pairs))]
    else:
        found = old
    return jnp.asarray(found, fresh.dtype), share


def _opponent(spec: RunSpec, opponent: Opponent, new: Axes, old: Axes, parent: Parent) -> tuple[Opponent, bool]:
    """The parent's opponent where its objective, its arrays and what it sees are the same; and whether they are."""
    same = part(spec.model.objective)[0] == part(parent.spec.model.objective)[0] and new["seen"] == old["seen"]
    theirs = parent.opponent
    if not same or theirs is None:
        return opponent, False
    ours = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(opponent) if _is_array(leaf)]
    if ours != [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(theirs) if _is_array(leaf)]:
        return opponent, False
    return (
        (opponent, True)
        if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(opponent))
        else (theirs, True)
    )


def _check_frozen(start: StartSpec, model: Autoencoder, anew: Sequence[str], parent: Parent) -> None:
    """Refuse names that mean nothing, what is not the parent's, and a model of which nothing is left to learn."""
    if not start.freeze:
        return
    leaves = jax.tree_util.tree_flatten_with_path(model)[0]
    names = [
        store.path_of(path) for path, leaf in leaves if _is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    places = [".".join(name.split(".")[: n + 1]) for name in names for n in range(name.count(".") + 1)]
    for place in start.freeze:
        if place not in places:
            # Of deeper places there are many.
            allowed = dict.fromkeys(p for p in places if p.count(".") <= place.count("."))
            raise SpecError(f"freeze: {unknown('part', place, allowed)}")
    random = [name for name in anew if within(name.partition(" ")[0], start.freeze)]
    if random:
        raise SpecError(
            f"freeze: {_listed(random)} would be held fixed at random, for {parent.name} has nothing that fits it by "
            "shape and meaning; hold other parts fixed"
        )
    if all(within(name, start.freeze) for name in names):
        raise SpecError(f"freeze: got {', '.join(start.freeze)}; allowed: less than all, so that something is learnt")


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join([*names[:most], *([f"… ({len(names)})"] if len(names) > most else [])])


class _Axes:
    """What the rows and columns of a model's arrays belong to.

    Args:
        spec, model, card: a run, its model or the shapes of it, and the card of its data.
    """

    def __init__(self, spec: RunSpec, model: Autoencoder, card: Mapping[str, Any]) -> None:
        self.spec, self.model, self.card = spec.model, model, card
        self.objective = objectives.make(spec.model.objective)
        self.values = _value_labels(model.shape, card)
        name, options = part(spec.model.likelihood)
        self.likelihood = (name, str(options.get("columns", "")), str(options.get("of", "")))

    def labels(self) -> Axes:
        """The labels of every axis of every array, by the array's name; under "seen" those of an example's values."""
        found: Axes = {"seen": [self.values]}
        for which in NETS:
            if getattr(self.model, which) is not None:
                found |= self._net(which)
        spec = self.spec
        codes, posterior = self._codes(), (part(spec.posterior)[0], spec.latent_dim)
        seen = self._seen()
        grown = self._grown_prior()
        for name, leaf in _arrays(self.model.posterior):
            found[f"posterior.{name}"] = _places(leaf.shape, ("posterior", posterior))
        for name, leaf in _arrays(self.model.prior):
            of_data = seen if name in grown else ()
            found[f"prior.{name}"] = _places(leaf.shape, ("prior", part(spec.prior)[0], tuple(codes), tuple(of_data)))
        for name, leaf in _arrays(self.model.likelihood):
            found[f"likelihood.{name}"] = _places(leaf.shape, ("likelihood", self.likelihood, tuple(self.values)))
        return found

    def _net(self, which: str) -> Axes:
        spec, model, likelihood = self.spec, self.model, self.model.likelihood
        features, outputs = self._features_shape(), likelihood.outputs(model.shape)
        if which == "decoder":
            plan = Plan(outputs, model.code_size, spec.hidden, spec.activation, model.context_size)
            ends = self._outputs(outputs), self._codes()
        elif which == "encoder":
            size = model.posterior.size(model.latent_dim)
            plan = Plan(features, size, spec.hidden, spec.activation, model.context_size)
            name = part(spec.posterior)[0]
            ends = self._seen(), [("head", name, spec.latent_dim, size, i) for i in range(size)]
        else:
            plan = Plan(features, model.context_size, spec.hidden, spec.activation)
            ends = self._seen(), self._context()
        context = self._context() if plan.context else []
        kind = "decoder" if which == "decoder" else "encoder"
        labelled = _net_axes(networks.make(spec.network), kind, plan, *ends, context)
        meaning = (part(spec.network)[0], spec.activation)
        # Units of a layer mean nothing in a network of another kind.
        return {
            f"{which}.{name}": [[(meaning, label) for label in axis] for axis in axes]
            for name, axes in labelled.items()
        }

    def _features_shape(self) -> tuple[int, ...]:
        model = self.model
        features = model.likelihood.features_shape(model.shape)
        return (math.prod(features) + math.prod(model.shape),) if model.missing else features

    def _seen(self) -> Labels:
        """Of what the encoder is given: values, and whether they are there; those that are one value's alone, by it."""
        model, own = self.model, self.model.likelihood.features_shape(self.model.shape)
        if math.prod(own) == len(self.values):
            features: Labels = [("value", label) for label in self.values]
        else:
            features = _places((math.prod(own),), ("features", self.likelihood, tuple(self.values)))[0]
        return [*features, *(("there", label) for label in self.values)] if model.missing else features

    def _outputs(self, shape: tuple[int, ...]) -> Labels:
        if shape[1:] == self.model.shape:
            return [(self.likelihood, i, label) for i in range(shape[0]) for label in self.values]
        return _places((math.prod(shape),), ("outputs", self.likelihood, tuple(self.values)))[0]

    def _codes(self) -> Labels:
        size = self.model.code_size
        return [("code", self.model.posterior.space, size, i) for i in range(size)]

    def _context(self) -> Labels:
        if self.spec.condition == "columns":
            return [("given", name) for name in self.card.get("columns", [])]
        return [("class", str(name)) for name in self.card["classes"]]

    def _grown_prior(self) -> set[str]:
        """The prior's arrays whose size follows from that of an example, as pseudo-inputs do."""
        shape = self._features_shape()
        wider = (*shape[:-1], shape[-1] + 1)

        def made(features: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
            prior = self.model.prior
            blank = eqx.filter_eval_shape(lambda k: prior.init(self.model.code_size, features, key=k), jr.key(0))
            return {name: leaf.shape for name, leaf in _arrays(blank)}

        a, b = made(shape), made(wider)
        return {name for name in a if a[name] != b.get(name)}


def _value_labels(shape: tuple[int, ...], card: Mapping[str, Any]) -> Labels:
    """What each value of an example is: a column with its categories, or a place of an array of that shape."""
    names, categories = card.get("features"), card.get("categories", {})
    if names and shape == (len(names),):
        return [(name, *categories.get(name, ())) for name in names]
    return _places((math.prod(shape),), shape)[0]


def _places(shape: tuple[int, ...], of: Hashable) -> list[Labels]:
    """Labels of axes whose entries are told apart by their place alone, so that another length has none in common."""
    return [[(of, axis, n, i) for i in range(n)] for axis, n in enumerate(shape)]


def _arrays(tree: Any) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(store.path_of(path), leaf) for path, leaf in leaves if _is_array(leaf)]


def _net_axes(network: Network, kind: str, plan: Plan, ends: Labels, size: Labels, context: Labels) -> Axes:
    """The labels of each axis of a network, found by what grows with the sizes of its plan.

    Args:
        network, kind, plan: what builds it.
        ends: labels at the data's end, one for each entry of the plan's shape.
        size: of the other end.
        context: of the context vector, which comes last where it is appended.
    """

    def built(plan: Plan) -> dict[str, tuple[int, ...]] | None:
        try:
            net = eqx.filter_eval_shape(lambda k: network.build(kind, plan, key=k), jr.key(0))
        except SpecError:
            return None
        return {name: leaf.shape for name, leaf in _arrays(net)}

    base = built(plan)
    assert base is not None
    wider = built(dataclasses.replace(plan, shape=(*plan.shape[:-1], plan.shape[-1] + 1)))
    longer = built(dataclasses.replace(plan, size=plan.size + 1))
    richer = built(dataclasses.replace(plan, context=plan.context + 1)) if plan.context else base
    step, whole = math.prod(plan.shape[:-1]), math.prod(plan.shape)

    def growth(other: dict[str, tuple[int, ...]] | None, name: str, axis: int) -> int | None:
        shape = (other or {}).get(name, ())
        return shape[axis] - base[name][axis] if len(shape) == len(base[name]) else None

    def labels(name: str, axis: int) -> Labels:
        n = base[name][axis]
        tail = context if plan.context and growth(richer, name, axis) == 1 else []
        body = n - len(tail)
        with_data, with_size = growth(wider, name, axis), growth(longer, name, axis)
        if with_data == step and body == whole:
            return [*ends, *tail]
        if with_size == 1 and body == plan.size:
            return [*size, *tail]
        # What follows from the data's end or the other in another way, as a kernel's channels, has places only.
        kernel = len(base[name]) > 2
        channels = plan.shape[2:] if len(plan.shape) > 2 else ()
        seen = () if with_data == 0 else channels if kernel else tuple(ends)
        coded = () if with_size == 0 else tuple(size)
        return [*_places((body,), (axis, seen, coded))[0], *tail]

    return {name: [labels(name, axis) for axis in range(len(shape))] for name, shape in base.items()}
