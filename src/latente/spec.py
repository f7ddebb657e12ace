"""Specs: what to train, on what and how, as frozen values that are checked when they are made."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from latente.errors import SpecError, unknown

Part = str | Mapping[str, Any]
Check = Callable[[Any, str], Any]
S = TypeVar("S")


def got(where: str, value: object, allowed: str) -> SpecError:
    """The error for a value of a wrong type or range."""
    return SpecError(f"{where}: got {value!r}; allowed: {allowed}")


def to_python(value: Any) -> Any:
    """A value with NumPy's numbers and arrays as Python numbers and lists, also inside lists and tables."""
    if isinstance(value, Mapping):
        return {k: to_python(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(to_python, value)) if type(value) in (tuple, list) else value
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "dtype") else value


def _admits(check: Check, **schema: Any) -> Check:
    """A check that also says in JSON Schema what it lets pass, for `schema_of`; it may say less than it holds."""
    vars(check)["schema"] = schema
    return check


def schema_of(check: Check) -> dict[str, Any]:
    """What a check lets pass, in JSON Schema; of one that does not say it, anything."""
    return dict(vars(check).get("schema", {}))


def _integer(low: int, high: int = 2**31 - 1) -> Check:
    """A whole number that fits into 32 bits, in which compiled programs count."""

    def check(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise got(where, value, f"a whole number of at least {low}")
        if value > high:
            raise got(where, value, f"a whole number of at most {high:,}")
        return value

    return _admits(check, type="integer", minimum=low, maximum=high)


def _number(low: float, high: float = math.inf, *, above: bool = False) -> Check:
    def check(value: Any, where: str) -> float:
        fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not fine or value > high or value < low or (above and value == low):
            # Every digit of a bound: 0.9999999 is not 1.
            bound = f"{'above' if above else 'at least'} {low:.15g}"
            finite = "finite " if isinstance(value, float) and math.isinf(value) else ""
            most = f" and at most {high:.15g}" if high < math.inf else ""
            raise got(where, value, f"a {finite}number {bound}{most}")
        return float(value)

    bounds = {"exclusiveMinimum" if above else "minimum": low} | ({"maximum": high} if high < math.inf else {})
    return _admits(check, type="number", **bounds)


def _choice(*names: str) -> Check:
    def check(value: Any, where: str) -> str:
        if value not in names:
            raise SpecError(f"{where}: {unknown(where, value, names)}")
        return str(value)

    return _admits(check, enum=list(names))


MOST_EPOCHS = 10_000_000
"""A run keeps a few numbers of every epoch."""
MOST_LAYERS = 200
MOST_SEEDS = 10_000
LONGEST_NAME = 255
"""The longest name of a folder on most file systems, in bytes."""
MOST_RUNS = 10_000
"""Of a study, counting every seed: more is surely a mistake, and comparing them would take for ever."""

_seed = _integer(0, 2**32 - 1)


def check_seed(value: Any, where: str = "seed") -> int:
    """A seed, checked: a larger number would silently give the random numbers of another seed.

    Raises:
        SpecError: not a whole number from 0 to 4,294,967,295.
    """
    return int(_seed(value, where))


_admits(check_seed, **schema_of(_seed))


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise got(where, value, "true or false")
    return value


_admits(_flag, type="boolean")


def _list_of(check: Check, allowed: str) -> Check:
    def check_each(value: Any, where: str) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise got(where, value, allowed)
        return tuple(check(v, f"{where}[{i}]") for i, v in enumerate(value))

    return _admits(check_each, type="array", items=schema_of(check))


def _stage(value: Any, where: str) -> tuple[int, float]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise got(where, value, "[epochs, learning rate], for instance [10, 1e-3]")
    return _integer(1)(value[0], f"{where}[0]"), _number(0, above=True)(value[1], f"{where}[1]")


_admits(
    _stage,
    type="array",
    prefixItems=[schema_of(_integer(1)), schema_of(_number(0, above=True))],
    minItems=2,
    maxItems=2,
)
_stages = _list_of(_stage, "a list of [epochs, learning rate], for instance [[10, 1e-3], [20, 1e-4]]")
_shape = _list_of(_integer(1), "a list of sizes, for instance [28, 28]")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise got(where, value, "text that is not empty")
    if not is_text(value):
        raise SpecError(f"{where}: got {value!a}; allowed: Unicode text, for it is written to files; rename it")
    return value


def _any_text(value: Any, where: str) -> str:
    return _text(value, where) if value != "" else ""


def _parts_of_model(value: Any, where: str) -> tuple[str, ...]:
    listed = (value,) if isinstance(value, str) else value
    example = 'names of parts of the model, such as ["encoder"]'
    return tuple(dict.fromkeys(_list_of(_text, example)(listed, where)))


_TEXT = {"type": "string", "pattern": r"\S"}
_admits(_text, **_TEXT)
_admits(_any_text, type="string")
_admits(_parts_of_model, anyOf=[_TEXT, {"type": "array", "items": _TEXT}])


def is_text(value: str) -> bool:
    """Whether text can be encoded: names of files that are not UTF-8 contain lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(value: Any, where: str) -> str:
    text = _text(value, where)
    if not all(c.isalnum() or c in "-_." for c in text) or text.startswith("."):
        raise got(where, value, "letters, digits, '-', '_' and '.', for it names a folder")
    if len(text.encode()) > LONGEST_NAME:
        raise SpecError(
            f"{where}: got a name of {len(text):,} characters; allowed: {LONGEST_NAME} bytes, for it names a folder"
        )
    return text


_admits(_name, type="string", pattern=r"^[^.\s/\\][^\s/\\]*$", maxLength=LONGEST_NAME)


def _scale(value: Any, where: str) -> str | float:
    if value in ("unit", "minmax", "none"):
        return str(value)
    if isinstance(value, str):
        raise SpecError(f"{where}: {unknown(where, value, ('unit', 'minmax', 'none', 'a number to divide by'))}")
    return float(_number(0, above=True)(value, where))


_admits(_scale, anyOf=[{"enum": ["unit", "minmax", "none"]}, schema_of(_number(0, above=True))])


def _widths(value: Any, where: str) -> tuple[int, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) > MOST_LAYERS:
        raise got(where, f"{len(value):,} layers", f"at most {MOST_LAYERS}")
    return tuple(_list_of(_integer(1), "a list of layer widths, for instance [256, 128]")(value, where))


_admits(_widths, type="array", items=schema_of(_integer(1)), maxItems=MOST_LAYERS)


def _columns(value: Any, where: str) -> tuple[str | int, ...]:
    listed = (value,) if isinstance(value, str | int) else value
    fine = isinstance(listed, Sequence) and all(
        (isinstance(v, str) and v.strip() and is_text(v)) or (isinstance(v, int) and not isinstance(v, bool) and v >= 0)
        for v in listed
    )
    if not fine or len(set(listed)) < len(listed):
        raise got(where, value, 'different names of columns, such as ["age", "sex"], or positions from 0 for arrays')
    return tuple(listed)


def _one_or_several(*one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*one, {"type": "array", "items": {"anyOf": list(one)}, "uniqueItems": True}]


_admits(_columns, anyOf=_one_or_several(_TEXT, {"type": "integer", "minimum": 0}))


def _classes(value: Any, where: str) -> tuple[str, ...]:
    listed = (value,) if isinstance(value, str | int) else value
    fine = isinstance(listed, Sequence) and all(isinstance(v, str | int) and not isinstance(v, bool) for v in listed)
    names = [str(v) for v in listed] if fine else []
    if not fine or not all(n.strip() and is_text(n) for n in names) or len(set(names)) < len(names):
        raise got(where, value, 'different labels, such as ["3", "Ankle boot"] or [3]')
    return tuple(names)


_admits(_classes, anyOf=_one_or_several(_TEXT, {"type": "integer"}))


def _labels(value: Any, where: str) -> str | bool | None:
    if value is None or value is False or (isinstance(value, str) and value.strip()):
        return value.strip() if isinstance(value, str) else value
    raise got(where, value, 'false for none, or the name of a column, such as "species"')


_admits(_labels, anyOf=[{"const": False}, _TEXT])


def _index(value: Any, where: str) -> tuple[str, ...] | bool | None:
    if value is None or value is False:
        return value
    listed = (value,) if isinstance(value, str) else value
    fine = isinstance(listed, Sequence) and all(isinstance(v, str) and v.strip() for v in listed)
    if not fine or not listed:
        raise got(where, value, 'false for none, or names of columns to leave out, such as "id" or ["id", "name"]')
    return tuple(v.strip() for v in listed)


_admits(_index, anyOf=[{"const": False}, *_one_or_several(_TEXT)])


def _optional(check: Check) -> Check:
    # TOML has no null: what is None is left out.
    return _admits(lambda value, where: None if value is None else check(value, where), **schema_of(check))


PART_EXAMPLES = {
    "network": '{name = "residual", blocks = 3}',
    "posterior": '{name = "dirac", activation = "relu"}',
    "prior": '{name = "vamp", pseudo_inputs = 500}',
    "likelihood": '{name = "gaussian", sigma = 0.5}',
    "objective": '{name = "elbo", beta = 4.0}',
    "track": '{name = "mlflow", uri = "http://127.0.0.1:5000"}',
}


def _part(value: Any, where: str) -> Part:
    if isinstance(value, str) or (isinstance(value, Mapping) and isinstance(value.get("name"), str)):
        return value
    example = PART_EXAMPLES.get(where.rpartition(".")[2].partition("[")[0], '{name = "nll", samples = 500}')
    raise got(where, value, f"a name, or a table such as {example}")


_parts = _list_of(_part, 'a list, for instance ["linear-probe", {name = "nll", samples = 500}]')
_trackers = _list_of(_part, 'a list, for instance ["tensorboard", {name = "mlflow", uri = "http://127.0.0.1:5000"}]')


CODES = r"[A-Z]{2,8}[0-9x]{3}"
"""What codes of findings look like, those of families included."""


def _code(value: Any, where: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(CODES, value):
        raise got(where, value, 'the code of a finding or of a family, for instance "LT201" or "LT3xx"')
    return value


_admits(_code, type="string", pattern=f"^{CODES}$")
_codes = _list_of(_code, 'a list of codes, for instance ["LT201", "LT3xx"]')


def _epochs(value: Any, where: str) -> int | Mapping[str, int]:
    if not isinstance(value, Mapping):
        try:
            return int(_integer(1, MOST_EPOCHS)(value, where))
        except SpecError:
            allowed = f"a whole number of 1 to {MOST_EPOCHS:,}, or {{at_least = 5, steps = 1000}}"
            raise got(where, value, allowed) from None
    for key in value:
        if key not in ("at_least", "steps"):
            raise SpecError(f"{where}: {unknown('key', key, ('at_least', 'steps'))}")
    for key in ("at_least", "steps"):
        if key not in value:
            raise got(where, dict(value), "a whole number, or {at_least = 5, steps = 1000} with both")
    most = {"at_least": MOST_EPOCHS, "steps": 2**31 - 1}
    return {k: _integer(1, high)(value.get(k), f"{where}.{k}") for k, high in most.items()}


_admits(
    _epochs,
    anyOf=[
        schema_of(_integer(1, MOST_EPOCHS)),
        {
            "type": "object",
            "properties": {"at_least": schema_of(_integer(1, MOST_EPOCHS)), "steps": schema_of(_integer(1))},
            "required": ["at_least", "steps"],
            "additionalProperties": False,
        },
    ],
)


def _seeds(value: Any, where: str) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SEEDS:
        return tuple(range(value))
    if isinstance(value, Sequence) and not isinstance(value, str) and 0 < len(value) <= MOST_SEEDS:
        seeds = tuple(check_seed(v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(set(seeds)) == len(seeds):
            return seeds
    listed = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > MOST_SEEDS
    allowed = f"how many seeds (1 to {MOST_SEEDS:,}), or a list of different seeds such as [0, 1, 2]"
    raise got(where, f"{len(value)} seeds" if listed else value, allowed)


_admits(
    _seeds,
    anyOf=[
        {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS},
        {"type": "array", "items": schema_of(_seed), "minItems": 1, "maxItems": MOST_SEEDS, "uniqueItems": True},
    ],
)


def _option(default: Any, check: Check) -> Any:
    return dataclasses.field(default=default, metadata={"check": check})


class _Checked:
    """Base of all specs: checks every field that has a check."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            check = field.metadata.get("check")
            if check:
                object.__setattr__(self, field.name, check(to_python(getattr(self, field.name)), field.name))


@dataclass(frozen=True)
class ModelSpec(_Checked):
    """An autoencoder as a choice of parts; a part is a name, or a table of its name and options.

    The encoder has the ``hidden`` widths, the decoder the same in reverse.

    Attributes:
        condition: what the encoder and the decoder are conditioned on: "none", the example's label ("labels"), or
            the data's condition columns ("columns").
        output_bias: whether the decoder starts at the training examples' mean.
        missing: whether values may be missing (NaN): they are not scored, and the encoder sees which are missing.
    """

    latent_dim: int = _option(2, _integer(1))
    hidden: tuple[int, ...] = _option((256, 128), _widths)
    activation: str = _option("relu", _text)
    network: Part = _option("mlp", _part)
    posterior: Part = _option("gaussian", _part)
    prior: Part = _option("standard-normal", _part)
    likelihood: Part = _option("bernoulli", _part)
    objective: Part = _option("elbo", _part)
    condition: str = _option("none", _choice("none", "labels", "columns"))
    output_bias: bool = _option(False, _flag)
    missing: bool = _option(False, _flag)


@dataclass(frozen=True)
class TrainSpec(_Checked):
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training part; or ``{at_least, steps}``, that many passes or that many steps,
            whichever takes longer, so that a small data set is not left untrained.
        batch_size: examples per step; the last batch of an epoch may be smaller and is weighted by its size.
        learning_rate: Adam's, at its peak.
        schedule: "constant", "warmup-cosine" (a linear rise over the share ``warmup`` of all steps, then a
            cosine to zero), or "stages" (the rates of ``stages``, a list of [epochs, learning rate]).
        warmup: share of all steps, from 0 to 1.
        stages: [epochs, learning rate] of each, in order; their epochs add up to ``epochs``.
        patience: stop after this many epochs without a lower validation loss, and restore the best weights;
            0 never stops.
        beta1, beta2, epsilon: Adam's; the default ε is that of Keras.
        second_moment: where Adam's second moments start; 0 is usual, Burda et al. 2016 start at 1.
        clip_norm: a gradient with a larger norm is scaled down to this one; 0 never clips.
        labelled: share of the training labels that a semi-supervised objective sees.
    """

    epochs: int | Mapping[str, int] = _option(20, _epochs)
    batch_size: int = _option(128, _integer(1))
    learning_rate: float = _option(1e-3, _number(0, above=True))
    schedule: str = _option("constant", _choice("constant", "warmup-cosine", "stages"))
    warmup: float = _option(0.1, _number(0, 1))
    stages: tuple[tuple[int, float], ...] = _option((), _stages)
    patience: int = _option(0, _integer(0))
    beta1: float = _option(0.9, _number(0, 0.99999))
    beta2: float = _option(0.999, _number(0, 0.9999999))
    epsilon: float = _option(1e-7, _number(0, above=True))
    second_moment: float = _option(0.0, _number(0))
    clip_norm: float = _option(0.0, _number(0))
    labelled: float = _option(1.0, _number(0, 1, above=True))

    def __post_init__(self) -> None:
        super().__post_init__()
        total = sum(n for n, _ in self.stages)
        if (self.schedule == "stages") != bool(self.stages) or (self.stages and self.epochs != total):
            raise got(
                "stages",
                [list(s) for s in self.stages],
                f'with schedule = "stages" a list of [epochs, learning rate] whose epochs add up to epochs '
                f"({self.epochs!r}), and with any other schedule nothing",
            )

    def epochs_for(self, examples: int) -> int:
        """How many epochs to train on this many training examples."""
        if isinstance(self.epochs, Mapping):
            return max(self.epochs["at_least"], math.ceil(self.epochs["steps"] / self.steps(examples)))
        return self.epochs

    def steps(self, examples: int) -> int:
        """Steps per epoch, including a smaller last batch."""
        return math.ceil(examples / self.batch_size)


@dataclass(frozen=True)
class DataSpec(_Checked):
    """Which data to use, and how to read and split it (see `latente.load_data`).

    Attributes:
        source: a name, a file or a folder.
        validation, test, seed: of the split; a test share of 0 keeps no test part.
        scale: "unit", "minmax", "none", or a number to divide by (see `latente.data.split.split_source`).
        missing: "refuse" missing values, or "keep" them as NaN, for a model with ``missing = true``.
        condition: columns that are not part of x but condition the model (which has ``condition = "columns"``):
            names for CSV and Parquet, positions from 0 for arrays; a single one needs no list.
        without: labels whose examples are left out of every part, to serve later as outliers.
        shape, layout: of one example, and where its channels are (see `latente.data.layout.arranged`).
        mode: how images of a folder are read: "auto", as "grey", as "colour", or only their opacity ("alpha").
        ground: the background of transparent pixels: "black", "white", or "auto" for the one on which they show.
        labels: the column of a table that holds the labels; False reads none, from any data; None finds it.
        index: columns of a table to leave out because they number or name its rows; False for none; None finds them.
        header: whether the first line of a CSV holds names; None finds out.
        decimal: the decimal mark of a CSV, "." or ","; None for a point.
    """

    source: str = _option("mnist-5k", _text)
    validation: float = _option(0.2, _number(0, 0.9, above=True))
    test: float = _option(0.2, _number(0, 0.9))
    seed: int = _option(42, check_seed)
    scale: str | float = _option("unit", _scale)
    missing: str = _option("refuse", _choice("refuse", "keep"))
    condition: tuple[str | int, ...] = _option((), _columns)
    without: tuple[str, ...] = _option((), _classes)
    shape: tuple[int, ...] = _option((), _shape)
    layout: str = _option("auto", _choice("auto", "channels-first", "channels-last"))
    mode: str = _option("auto", _choice("auto", "grey", "colour", "alpha"))
    ground: str = _option("auto", _choice("auto", "black", "white"))
    labels: str | bool | None = _option(None, _labels)
    index: tuple[str, ...] | bool | None = _option(None, _index)
    header: bool | None = _option(None, _optional(_flag))
    decimal: str | None = _option(None, _optional(_choice(".", ",")))


@dataclass(frozen=True)
class StartSpec(_Checked):
    """The trained run whose weights a training begins with, in place of new ones (see `latente.training.transfer`).

    Attributes:
        run: its folder, or ``hf://user/name``.
        freeze: what is held fixed, by name: a part such as "encoder", or an array within it, "encoder.layers.0.weight".
        require_all: whether every array must come from it; otherwise those that do not fit are made anew, and named.
        fingerprint: SHA-256 of its weights (`Run.fingerprint`); filled in when training begins. Where it is given,
            another run is refused.
        name: what it is called, with its seed; filled in.
        anew: the arrays that are not from it, or only in part; filled in.
    """

    run: str = _option("", _any_text)
    freeze: tuple[str, ...] = _option((), _parts_of_model)
    require_all: bool = _option(False, _flag)
    fingerprint: str = _option("", _any_text)
    name: str = _option("", _any_text)
    anew: tuple[str, ...] = _option((), _list_of(_any_text, "a list of names"))


@dataclass(frozen=True)
class RunSpec(_Checked):
    """One model to train on one data set with one seed, from new weights or (``start``) from those of a run."""

    name: str = _option("run", _name)
    seed: int = _option(0, check_seed)
    model: ModelSpec = ModelSpec()
    train: TrainSpec = TrainSpec()
    data: DataSpec = DataSpec()
    # Left out where there is none, as in all folders of versions that knew no such thing.
    start: StartSpec | None = dataclasses.field(default=None, metadata={"absent": True})


def _vary(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise got(where, value, "a table of what to vary, such as {latent_dim = {low = 2, high = 32, log = true}}")
    return value


_admits(_vary, type="object", minProperties=1)


@dataclass(frozen=True)
class SearchSpec(_Checked):
    """A search for the best settings of one model of a study, by the validation part alone; the test part is not seen.

    Attributes:
        run: the model that is varied, by its name; by default the study's only one.
        vary: settings by name, as a run has them: a list of choices, or a range ``{low, high, log, step}``, of whole
            numbers where both ends are.
        trials: how many models are trained, in all processes and with all that was done before.
        by: the score that is best on the validation part, by its first number.
        sampler: "tpe" (Bergstra et al. 2011, by what was found so far) or "random".
        pruner: which trials are broken off by their validation ELBO an epoch: "median" (those worse than half of the
            others at the same epoch), "hyperband" (Li et al. 2018), or "none".
        seed: of what the sampler draws.
        storage: a database by its URL, for several machines; by default the file search.db in the study's folder.
    """

    run: str = _option("", lambda value, where: value if value == "" else _name(value, where))
    vary: Mapping[str, Any] = _option((), _vary)
    trials: int = _option(20, _integer(1, 100_000))
    by: Part = _option("loss", _part)
    sampler: str = _option("tpe", _choice("tpe", "random"))
    pruner: str = _option("median", _choice("median", "hyperband", "none"))
    seed: int = _option(0, check_seed)
    storage: str = _option("", lambda value, where: value if value == "" else _text(value, where))


def _search(value: Any, where: str) -> SearchSpec | None:
    return value if value is None or isinstance(value, SearchSpec) else build(SearchSpec, value, where)


@dataclass(frozen=True)
class StudySpec(_Checked):
    """Several runs on one data set, compared.

    Attributes:
        title: what the report is called.
        data: what every run is trained on.
        seeds: of every run.
        runs: one entry per model, without seeds.
        scores: what the finished models are ranked by, besides their losses (see `latente.evaluation.scores`).
        track: who is told of the study while it goes on (see `latente.studies.trackers`); its numbers do not depend
            on them, and its folder does not say who they were.
        ignore: codes of findings that the report leaves out, such as LT201 or LT3xx.
        search: a search for better settings of one of the runs; what it finds becomes another run (see
            `latente.studies.search`).
        keep_codes: whether each run keeps the codes and labels of its examples, so that its map is drawn without data.
    """

    title: str = _option("study", _text)
    data: DataSpec = DataSpec()
    seeds: tuple[int, ...] = _option((0,), _seeds)
    runs: tuple[RunSpec, ...] = ()
    scores: tuple[Part, ...] = _option((), _parts)
    track: tuple[Part, ...] = _option((), _trackers)
    ignore: tuple[str, ...] = _option((), _codes)
    search: SearchSpec | None = _option(None, _search)
    keep_codes: bool = dataclasses.field(default=False, metadata={"check": _flag, "absent": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.runs) * len(self.seeds) > MOST_RUNS:
            raise SpecError(
                f"runs: got {len(self.runs):,} models with {len(self.seeds):,} seeds each; allowed: at most "
                f"{MOST_RUNS:,} runs in a study"
            )

    def expanded(self) -> list[RunSpec]:
        """Every run with every seed, in order."""
        return [dataclasses.replace(run, seed=seed, data=self.data) for run in self.runs for seed in self.seeds]


def build(cls: type[S], table: Mapping[str, Any], where: str) -> S:
    """A spec from a table of its fields.

    Raises:
        SpecError: not a table, an unknown key, or a value that a field refuses.
    """
    if not isinstance(table, Mapping):
        raise got(where, table, "a table of keys and values")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise SpecError(unknown(f"key in {where}", key, fields))
    try:
        return cls(**table)
    except SpecError as error:
        raise SpecError(f"{where}.{error}") from None


def as_dict(value: Any) -> Any:
    """A spec, or any value in one, as plain tables and lists, ready for JSON."""
    if dataclasses.is_dataclass(value):
        found = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {f.name: as_dict(v) for f, v in found if v or "absent" not in f.metadata}
    if isinstance(value, Mapping):
        return {str(k): as_dict(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [as_dict(v) for v in value]
    return value


def run_from_dict(table: Mapping[str, Any]) -> RunSpec:
    """The run that `as_dict` wrote.

    Raises:
        SpecError: as `build`.
    """
    nested = {"model": ModelSpec, "train": TrainSpec, "data": DataSpec, "start": StartSpec}
    made = {k: build(nested[k], v, k) if k in nested else v for k, v in table.items()}
    return build(RunSpec, made, "run")


def part(value: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A part of a spec as its name and its options."""
    if isinstance(value, Mapping):
        return str(value["name"]), {k: v for k, v in value.items() if k != "name"}
    return value, {}
