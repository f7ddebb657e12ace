"""What a run's folder holds, written and read as plain values; every file is checked by the folder's manifest."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from latente import plugins
from latente.atomic import JSON_LIMIT, as_json, parse_json
from latente.data.notes import Note
from latente.data.split import PARTS
from latente.data.units import Units, span_of
from latente.errors import LatenteWarning, StoreError
from latente.evaluation.access_log import Access
from latente.evaluation.codes import KeptCodes, parsed
from latente.evaluation.evaluate import METRICS, Metric, PerExample
from latente.evaluation.manifest import Manifest, damage
from latente.evaluation.measured import Measured
from latente.evaluation.spec_file import spec_of
from latente.language.message import from_json, to_json
from latente.plugins import Used, read_used
from latente.spec import RunSpec
from latente.training import store
from latente.training.fit import History, frame_arrays

T = TypeVar("T")
Metrics = dict[str, dict[str, Metric]]
Scored = dict[str, dict[str, Measured]]

SPEC, CARD, METRICS_FILE, TIMES = "spec.json", "data.json", "metrics.json", "times.json"
PRIOR, HISTORY, WEIGHTS = "prior.json", "history.csv", "weights.safetensors"
FRAMES, EXAMPLES = "frames.safetensors", "per_example.safetensors"
CODES = "codes.safetensors"
"""The file that keeps the codes of the data's examples, if asked."""
SCALE = "scale.safetensors"
"""The file that keeps how the data's numbers become model values."""
SCORES = "scores"
"""The folder in a run's own that keeps what its scores found beside their numbers."""
FILES = (SPEC, CARD, WEIGHTS, PRIOR, FRAMES, SCALE, CODES, HISTORY, TIMES, EXAMPLES, METRICS_FILE)
"""All of a run's files but those of `SCORES`."""
HISTORY_LIMIT = 2**30
MOST = 1e100
"""No mean of numbers of single precision, nor its square, comes near this."""
PAIRED = ("validation", "test")
"""The parts whose numbers are kept example by example."""


@dataclass(frozen=True)
class Numbers:
    """What is found out about a run, and grows after its training.

    Attributes:
        metrics: by part and name.
        measured: what was scored, by part and `Score.key`; its values are among the metrics too.
        examples: every metric for each example, by part.
        test_accesses: uses of the test part.
        seconds: time spent training.
        codes: of the data's examples, where they were asked for.
    """

    metrics: Metrics
    measured: Scored
    examples: dict[str, PerExample]
    test_accesses: list[Access]
    seconds: float
    codes: KeptCodes | None = None


@dataclass(frozen=True)
class SavedRun:
    """All that a run's folder holds.

    Attributes:
        spec: what was done.
        table: what spec.json holds: the spec, and what else one needs to rebuild the model.
        card: the data card.
        prior: of a prior that was fitted after training, as a table; or None.
        weights: the model's arrays by name.
        frames: uint8, shape (frames, n, *shape); or None.
        history: each of shape (epochs,).
        numbers: see `Numbers`.
        units: how the data's numbers become model values, where it is known.
        used: the plug-ins that the run was trained with.
    """

    spec: RunSpec
    table: dict[str, Any]
    card: dict[str, Any]
    prior: dict[str, Any] | None
    weights: store.Arrays
    frames: NDArray[np.uint8] | None
    history: History
    numbers: Numbers
    units: Units | None = None
    used: tuple[Used, ...] = ()


def written(kept: SavedRun) -> dict[str, bytes]:
    """Each file's content by its name, in the order in which they are to be written.

    The metrics come last: a folder that has them is finished.
    """
    name = {"run": kept.spec.name}
    found = {
        SPEC: as_json(kept.table).encode(),
        CARD: as_json(kept.card).encode(),
    }
    if kept.prior is not None:
        found[PRIOR] = as_json(kept.prior).encode()
    found[WEIGHTS] = store.as_bytes(kept.weights, name)
    if kept.frames is not None:
        found[FRAMES] = store.as_bytes(frame_arrays(kept.frames, span_of(*kept.card["range"])), name)
    if kept.units is not None:
        units = kept.units
        about = {"shape": list(units.shape), "bytes": units.bytes, "clip": units.clip}
        arrays = {"multiplier": np.asarray(units.multiplier), "offset": np.asarray(units.offset)}
        found[SCALE] = store.as_bytes(arrays, about)
    found[HISTORY] = _history_csv(kept.history).encode()
    return found | written_numbers(kept.numbers, kept.spec.name)


def written_numbers(numbers: Numbers, name: str) -> dict[str, bytes]:
    """As `written`, of the files that change after training; ``name`` is the run's."""
    accesses = [dataclasses.asdict(access) for access in numbers.test_accesses]
    examples = {f"{p}.{k}": v for p in PAIRED for k, v in numbers.examples.get(p, {}).items()}
    # Without any, those that are there but damaged stay, and are still said to be.
    found = {EXAMPLES: store.as_bytes(examples, {"run": name})} if examples else {}
    if numbers.codes is not None:
        found[CODES] = store.as_bytes(numbers.codes.arrays(), {"run": name, "dark": numbers.codes.dark})
    for split, scored in numbers.measured.items():
        for key, one in scored.items():
            about = {
                "score": one.score,
                "columns": list(one.values),
                **({"of_samples": True} if one.of_samples else {}),
                "values": {column: plain(metric) for column, metric in one.values.items()},
                "warnings": [*map(to_json, one.warnings)],
            }
            used = plugins.used([("score", one.name)])
            if used:
                about["plugins"] = [used[0].table()]
            found[f"{SCORES}/{split}.{key}.safetensors"] = store.as_bytes(dict(one.arrays), about)
    found[TIMES] = as_json({"training_seconds": numbers.seconds, "looks_at_test": accesses}).encode()
    table = {s: {k: plain(m) for k, m in ms.items()} for s, ms in numbers.metrics.items()}
    found[METRICS_FILE] = as_json(table).encode()
    return found


def own_files(folder: Path) -> list[str]:
    """Which of the files in a folder are a run's, for one that has no manifest yet."""
    scored = sorted((folder / SCORES).glob("*.safetensors"))
    return [*FILES, *(f"{SCORES}/{path.name}" for path in scored)]


def read_spec(manifest: Manifest) -> RunSpec:
    """What a run did."""
    return _parsed(manifest, SPEC, lambda table: spec_of(_table(table), manifest.folder / SPEC))


def read_metrics(manifest: Manifest) -> Metrics:
    """A run's numbers, by part and name."""
    return _parsed(manifest, METRICS_FILE, _metrics)


def read(manifest: Manifest) -> SavedRun:
    """All of a run's folder; what is damaged and can be left out is in ``manifest.damaged``.

    Raises:
        StoreError: any other file is missing or damaged, or of another version.
    """
    spec, metrics = read_spec(manifest), read_metrics(manifest)
    table, card = _parsed(manifest, SPEC, _table), _parsed(manifest, CARD, _card)
    seconds, accesses = _parsed(manifest, TIMES, _times)
    prior = _parsed(manifest, PRIOR, _table) if manifest.lists(PRIOR) else None
    weights, _ = store.parse_arrays(manifest.folder / WEIGHTS, manifest.read(WEIGHTS))
    history = _read_history(manifest)
    frames = manifest.read_optional(FRAMES, lambda path, content: _frames(path, content, span_of(*card["range"])))
    examples = manifest.read_optional(EXAMPLES, _examples) or {}
    measured = _read_measured(manifest, metrics)
    codes = manifest.read_optional(CODES, lambda path, content: _codes(path, content, card))
    numbers = Numbers(metrics, measured, examples, accesses, seconds, codes)
    units = manifest.read_optional(SCALE, _units)
    used = _parsed(manifest, SPEC, lambda table: read_used(table.get("plugins", [])))
    return SavedRun(spec, table, card, prior, weights, frames, history, numbers, units, used)


def read_curves(manifest: Manifest) -> tuple[History, NDArray[np.uint8] | None, tuple[float, float]]:
    """A finished run's history and frames alone, and the model values for which these have 0 and 255.

    Raises:
        StoreError: as `read`.
    """
    span = _parsed(manifest, CARD, lambda card: span_of(*_card(card)["range"]))
    return _read_history(manifest), manifest.read_optional(FRAMES, lambda path, found: _frames(path, found, span)), span


def merged(ours: Numbers, theirs: Numbers) -> Numbers:
    """What two processes found out about one run; where both did, ``theirs`` counts, which others may have seen."""
    measured: Scored = {split: dict(found) for split, found in theirs.measured.items()}
    metrics, examples = _joined(ours.metrics, theirs.metrics), _joined(ours.examples, theirs.examples)
    for split, found in ours.measured.items():
        for key, one in found.items():
            if key not in measured.setdefault(split, {}):
                measured[split][key] = one
                metrics.setdefault(split, {}).update(one.values)
    # A command's accesses are one, which may have grown since it was written.
    accesses = {(access.at, access.by): access for access in (*theirs.test_accesses, *ours.test_accesses)}
    in_order = sorted(accesses.values(), key=lambda access: access.at)
    codes = ours.codes if theirs.codes is None else theirs.codes
    return Numbers(metrics, measured, examples, in_order, theirs.seconds, codes)


def plain(metric: Metric) -> dict[str, float | None]:
    """For JSON, which has no infinity and no NaN: null."""
    return {k: v if math.isfinite(v) else None for k, v in dataclasses.asdict(metric).items()}


def _joined(ours: dict[str, dict[str, T]], theirs: dict[str, dict[str, T]]) -> dict[str, dict[str, T]]:
    return {split: ours.get(split, {}) | theirs.get(split, {}) for split in theirs | ours}


def _parsed(manifest: Manifest, name: str, parse: Callable[[Any], T]) -> T:
    path = manifest.folder / name
    with damage(path):
        return parse(parse_json(path, manifest.read(name, JSON_LIMIT)))


def _of_kind(kind: type[T], what: str) -> Callable[[Any], T]:
    def checked(value: Any) -> T:
        if not isinstance(value, kind):
            raise TypeError(f"{type(value).__name__} where {what} should be")
        return value

    return checked


_table: Callable[[Any], dict[str, Any]] = _of_kind(dict, "a table")
_list: Callable[[Any], list[Any]] = _of_kind(list, "a list")
_text = _of_kind(str, "text")
_flag = _of_kind(bool, "true or false")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} where a number should be")
    return float(value)


def _whole(value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise ValueError(f"{value!r} where a whole number of at least {least} should be")
    return value


def _metric(table: Any) -> Metric:
    value, error = (_table(table)[n] for n in ("value", "standard_error"))
    found = [math.nan if v is None else _number(v) for v in (value, error)]
    if any(abs(v) > MOST for v in found):
        raise ValueError(f"{max(found, key=abs):g} is no mean of single-precision numbers")
    return Metric(*found)


def _metrics(value: Any) -> Metrics:
    found = {split: {k: _metric(m) for k, m in _table(ms).items()} for split, ms in _table(value).items()}
    for split, metrics in found.items():
        if split not in PARTS:
            raise ValueError(f"{split} is no part of the data")
        if metrics and "loss" not in metrics:
            raise KeyError("loss")
    return found


def _times(value: Any) -> tuple[float, list[Access]]:
    table = _table(value)
    accesses = [
        Access(_text(k["at"]), _text(k["by"]), [*map(_text, _list(k["found"]))])
        for k in map(_table, _list(table.get("looks_at_test", [])))
    ]
    return _number(table["training_seconds"]), accesses


def _card(value: Any) -> dict[str, Any]:
    """A data card, with what every version's has, and of the right form."""
    card = _table(value)
    texts, numbers = _all(_text), _all(_number)
    forms: dict[str, Callable[[Any], Any]] = {
        "name": _text, "shape": _all(lambda v: _whole(v, 1)), "dtype": _text, "counts": _each(_whole),
        "range": numbers, "mean": _number, "classes": texts, "fingerprint": _text,
        "labels": _each(_all(_whole)), "factors": _each(_whole), "features": texts, "categories": _each(texts),
        "columns": texts, "conditions": _table, "without": texts, "missing": _table, "notes": _all(_table),
        "grey": _flag,
    }  # fmt: skip
    for name in ("name", "shape", "dtype", "counts", "range", "mean", "classes", "fingerprint"):
        card[name]
    for name, form in forms.items():
        if name in card:
            form(card[name])
    if len(card["range"]) != 2 or not card["shape"] or not set(PARTS) <= card["counts"].keys():
        raise ValueError("its range, shape or counts are of another form")
    if "labels" in card and any(len(found) != len(card["classes"]) for found in card["labels"].values()):
        raise ValueError("not every class has its count")
    for note in card.get("notes", []):
        _text(Note(_text(note["key"]), _table(note["values"]), _text(note.get("option", ""))).message)
    return card


def _all(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: [form(one) for one in _list(value)]


def _each(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: [form(one) for one in _table(value).values()]


def _frames(path: Path, content: bytes, span: tuple[float, float]) -> NDArray[np.uint8] | None:
    with damage(path):
        found = store.parse_arrays(path, content)[0]
        frames, kept = found["frames"], found.get("frames_span", np.array([0.0, 1.0]))
        if frames.dtype != np.uint8 or frames.ndim < 3:
            raise ValueError(f"frames of {frames.dtype}{list(frames.shape)}")
        # Older versions held every value to 0..1, so that of others nothing can be seen.
        return frames if tuple(kept.tolist()) == span else None


def _units(path: Path, content: bytes) -> Units:
    with damage(path):
        arrays, about = store.parse_arrays(path, content)
        shape = tuple(_whole(n, 1) for n in about["shape"])
        return Units(shape, bool(about["bytes"]), arrays["multiplier"], arrays["offset"], bool(about["clip"]))


def _codes(path: Path, content: bytes, card: dict[str, Any]) -> KeptCodes:
    with damage(path):
        return parsed(*store.parse_arrays(path, content), card)


def _examples(path: Path, content: bytes) -> dict[str, PerExample]:
    found: dict[str, PerExample] = {}
    with damage(path):
        for name, values in store.parse_arrays(path, content)[0].items():
            split, _, metric = name.partition(".")
            if values.ndim != 1 or values.dtype.kind != "f":
                raise ValueError(f"{name} is {values.dtype}{list(values.shape)}")
            found.setdefault(split, {})[metric] = values
    # safetensors orders by name, and tables go by the metrics' order.
    return {split: {k: values[k] for k in METRICS if k in values} for split, values in found.items()}


def _read_measured(manifest: Manifest, metrics: Metrics) -> Scored:
    """What was scored. A file that was written before a kill, and its metrics were not, does not count: the score can
    be worked out again."""
    found: Scored = {}
    for name in manifest.names(SCORES):
        if not name.endswith(".safetensors") or Path(name).name.startswith(".") or manifest.is_half_done(name):
            continue
        split, _, key = Path(name).name.removesuffix(".safetensors").partition(".")

        def parse(path: Path, content: bytes, split: str = split, key: str = key) -> Measured | None:
            with damage(path):
                arrays, about = store.parse_arrays(path, content)
                return None if _lacks_plugin(about, path) else _measured(arrays, about, metrics.get(split, {}), key)

        one = manifest.read_optional(name, parse)
        if name in manifest.damaged:
            again = f"{manifest.damaged[name]}; or work it out again: latente evaluate {manifest.folder} --metrics …"
            manifest.damaged[name] = StoreError(again)
        if one is not None:
            found.setdefault(split, {})[key] = one
    return found


def _lacks_plugin(about: dict[str, Any], path: Path) -> bool:
    """Whether a score's plug-in is not there, which a warning says; its numbers stay in the folder."""
    for one in read_used(about.get("plugins", [])):
        for kind, name in one.parts:
            if not plugins.whose(kind, name):
                text = f'{path}: left out: {kind} "{name}" comes from {one.plugin}, which is not there'
                warnings.warn(text, LatenteWarning, stacklevel=2)
                return True
    return False


def _measured(arrays: store.Arrays, about: dict[str, Any], metrics: dict[str, Metric], key: str) -> Measured | None:
    columns = [*map(_text, _list(about["columns"]))]
    # Older versions did not say the score, whose name has no underscore.
    score = about.get("score", key)
    name = score if isinstance(score, str) else _text(_table(score)["name"])
    name = name if "score" in about else key.partition("_")[0]
    warnings = tuple(_text(from_json(one)) for one in _list(about["warnings"]))
    if "values" in about:
        values = {c: _metric(_table(about["values"])[c]) for c in columns}
    elif set(columns) <= metrics.keys():
        # As older versions wrote it.
        values = {c: metrics[c] for c in columns}
    else:
        return None
    # Older versions did not say which are about samples: their only score of these was "generation".
    of_samples = about.get("of_samples", key.partition("_")[0] == "generation")
    return Measured(values, arrays, warnings, score, bool(of_samples), name, key)


def _history_csv(history: History) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["epoch", *history])
    for epoch, row in enumerate(zip(*history.values(), strict=True), 1):
        # Nine digits bring every float32 back exactly.
        rows.writerow([epoch, *(f"{v:.9g}" for v in row)])
    return out.getvalue()


def _read_history(manifest: Manifest) -> History:
    path = manifest.folder / HISTORY
    with damage(path):
        text = manifest.read(HISTORY, HISTORY_LIMIT).decode()
        if not text.endswith("\n"):
            raise ValueError("it is cut: its last line has no end")
        return parse_history(text)


def parse_history(text: str) -> History:
    """The numbers of a history.csv, each of shape (epochs,).

    Raises:
        ValueError: it is none, or has a gap.
    """
    rows = list(csv.reader(text.splitlines()))
    if not rows or rows[0][:1] != ["epoch"] or len(set(rows[0])) < len(rows[0]) or "loss" not in rows[0]:
        raise ValueError("its first line does not name the epoch, the loss and other numbers")
    columns: Sequence[Sequence[str]] = list(zip(*rows[1:], strict=True)) or [()] * len(rows[0])
    if list(columns[0]) != [str(n) for n in range(1, len(rows))]:
        raise ValueError("its epochs are not 1, 2, 3, …")
    found = dict(zip(rows[0][1:], (np.array(c, np.float32) for c in columns[1:]), strict=True))
    alone = [n for n in found if n.startswith("val_") and n.removeprefix("val_") not in found]
    if alone:
        raise ValueError(f"it has {alone[0]} without {alone[0].removeprefix('val_')}")
    return found
