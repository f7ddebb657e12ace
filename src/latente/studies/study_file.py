"""Study files: TOML in, `StudySpec` out, with sweeps expanded and settings from the command line laid over."""

from __future__ import annotations

import copy
import itertools
import math
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from latente.data.load import is_path
from latente.errors import SpecError, unknown
from latente.evaluation.hub import is_hub
from latente.plugins import is_loaded, load_plugin
from latente.spec import (
    MOST_RUNS,
    DataSpec,
    ModelSpec,
    Part,
    RunSpec,
    SearchSpec,
    StartSpec,
    StudySpec,
    TrainSpec,
    as_dict,
    build,
    got,
    to_python,
)
from latente.studies.settings import value_of

TOP = ("title", "seeds", "data", "runs", "scores", "track", "search", "ignore", "plugins", "keep_codes")

DEFAULT = "notebook"

SEARCHED = 3
"""Seeds of a study with a search, unless it says otherwise: what is found is trained again, and compared."""

LISTS = {"hidden": 1, "stages": 2}
"""Keys of runs that are lists by nature, and how deep: only a list of such lists is a sweep."""

Table = dict[str, Any]

Points = dict[tuple[str, str], Table]
"""What --set says of single points of sweeps, by section and name of the point, until the sweep is expanded."""


def shipped() -> dict[str, str]:
    """The study files that come with the package: name → text."""
    folder = files("latente.studies").joinpath("shipped")
    return {
        f.name.removesuffix(".toml"): f.read_text(encoding="utf-8")
        for f in sorted(folder.iterdir(), key=lambda f: f.name)
        if f.name.endswith(".toml")
    }


def read_study(
    study: str | Path = DEFAULT,
    *,
    data: str | Path | None = None,
    settings: Iterable[str] = (),
    seeds: int | Iterable[int] | None = None,
    trust: bool = False,
    start: RunSpec | None = None,
    begin: Mapping[str, Any] | None = None,
) -> StudySpec:
    """Read a study. A path in its ``source`` or ``plugins``, and in a run's ``start``, is taken from the folder that
    the study file lies in.

    Args:
        study: a TOML file, or the name of a shipped study.
        data: a data set to take instead of the file's.
        settings: "key=value" laid over the file: "data.seed=1", "vae.train.epochs=20" for one run (or one point
            of a sweep, "latent-8.train.epochs=20"), "train.epochs=20" for every run.
        seeds: how many, or which, instead of the file's.
        trust: execute the Python files that it names in ``[plugins]`` (see `latente.load_plugin`).
        start: a trained run: instead of ``study``, its model once more, trained as it was on the data that it was.
        begin: of every run, what its ``start`` says (see `latente.spec.StartSpec`).

    Raises:
        SpecError: no such study, not TOML, an unknown key or a wrong value; the message names the place. Or it names
            a Python file that is not trusted, not there, or fails.
    """
    table = _read(study) if start is None else _once_more(start)
    if start is None:
        _load_plugins(study, table, trust)
    points: Points = {}
    runs = table.get("runs")
    for run in runs.values() if begin is not None and isinstance(runs, dict) else ():
        if isinstance(run, dict) and begin is not None:
            run["start"] = {**(run["start"] if isinstance(run.get("start"), dict) else {}), **begin}
    for setting in settings:
        _lay(table, points, setting)
    if data is not None:
        _table(table, "data")["source"] = str(data)
    if seeds is not None:
        count = to_python(seeds)
        table["seeds"] = count if isinstance(count, int) else list(count)
    return _study(table, points)


def _read(study: str | Path) -> Table:
    known = shipped()
    if str(study) in known:
        return tomllib.loads(known[str(study)])
    path = Path(study)
    if not path.is_file():
        near = unknown("study", study, known)
        raise SpecError(f"{near} Or give a TOML file; {path} is none (latente init writes one)")
    try:
        # A BOM, as some editors of Windows write it, is no part of the text.
        return _beside(path, tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path}: is not a TOML file ({error})") from None
    except RecursionError:
        raise SpecError(f"{path}: is not a study file (its lists lie too deep in each other)") from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror})") from None


def _once_more(run: RunSpec) -> Table:
    """A study of a run's model alone, as a file would have it."""
    # Every field is said, so that it does not matter which preset it is.
    entry = {"preset": "VAE", **as_dict(run.model), "train": as_dict(run.train)}
    return {"title": run.name, "seeds": [run.seed], "data": as_dict(run.data), "runs": {run.name: entry}}


def _beside(path: Path, table: Table) -> Table:
    """A study file's table, its data and the runs it starts from taken from beside the file where they are paths that
    are not absolute."""
    runs = table.get("runs")
    for run in runs.values() if isinstance(runs, dict) else ():
        start = run.get("start") if isinstance(run, dict) else None
        place = start.get("run") if isinstance(start, dict) else None
        if isinstance(start, dict) and isinstance(place, str) and place.strip():
            start["run"] = placed(place, path.absolute().parent)
    data = table.get("data")
    source = data.get("source") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(source, str) and source.strip() and not source.startswith("~"):
        near = path.absolute().parent / source
        if is_path(source) or near.exists():
            data["source"] = str(near)
    return table


def placed(run: str, folder: Path) -> str:
    """Where a run is, as it can be found from anywhere: a path that is not absolute is within the folder."""
    return run if is_hub(run) else str(folder / Path(run).expanduser())


def _lay(table: Table, points: Points, setting: str) -> None:
    key, equals, text = setting.partition("=")
    path = [p.strip() for p in key.strip().split(".")]
    if not equals or not all(path):
        raise SpecError(f'--set: got "{setting}"; allowed: key=value, for instance vae.train.epochs=20')
    value = value_of(text)
    runs = table.get("runs") if isinstance(table.get("runs"), dict) else {}
    assert isinstance(runs, dict)
    if path[0] in TOP:
        _assign(table, path, value, setting)
        return
    sections = {s: [s] for s in runs}
    for section, run in runs.items():
        if isinstance(run, dict) and _count(f"runs.{section}", run) <= MOST_RUNS:
            for name in _names(section, run):
                sections.setdefault(name, [section, name])
    if path[0] in sections:
        section, *point = sections[path[0]]
        _assign(points.setdefault((section, point[0]), {}) if point else runs[section], path[1:], value, setting)
    elif path[0] in ("train", "start") or path[0] in ModelSpec.__dataclass_fields__:
        for run in runs.values():
            _assign(run, path, value, setting)
    else:
        allowed = [*sections, *(key for key in TOP if key != "runs"), "train", "start"]
        raise SpecError(f"--set {setting}: {unknown('run or key', path[0], allowed)}")


def _assign(table: Any, path: list[str], value: Any, setting: str) -> None:
    if not path:
        raise SpecError(f'--set: got "{setting}"; allowed: a key of the run, for instance vae.train.epochs=20')
    for step in path[:-1]:
        if not isinstance(table, dict) or not isinstance(table.setdefault(step, {}), dict):
            raise SpecError(f'--set {setting}: "{step}" is a single value; set it as a whole')
        table = table[step]
    table[path[-1]] = value


def _load_plugins(study: str | Path, table: Table, trust: bool) -> None:
    """Execute the files of ``[plugins]``, where they are trusted."""
    own = _table(table, "plugins")
    del table["plugins"]
    for key in own:
        if key != "files":
            raise SpecError(unknown("key in plugins", key, ["files"]))
    names = own.get("files", [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise got("plugins.files", names, 'a list of Python files, such as ["mine.py"]')
    for name in names:
        file = Path(study).absolute().parent / Path(name).expanduser()
        if not trust and not is_loaded(file):
            raise SpecError(
                f"{study}: names a Python file, {name}, which would be executed; read it, and if you trust it, say "
                "--trust on the command line, trust=True in Python"
            )
        load_plugin(file)


def _study(table: Table, points: Points) -> StudySpec:
    for key in table:
        if key not in TOP:
            raise SpecError(unknown("key of the study", key, TOP))
    data = build(DataSpec, _table(table, "data"), "data")
    sections = _table(table, "runs")
    if not sections:
        raise SpecError('study: it has no runs; give at least one table such as [runs.vae] with preset = "VAE"')
    many = sum(_count(f"runs.{section}", entry) for section, entry in sections.items())
    if many > MOST_RUNS:
        raise SpecError(f"runs: the sweeps make {many:,} models; allowed: at most {MOST_RUNS:,} runs in a study")
    for section, point in points:
        names = list(_names(section, sections[section]))
        if point not in names:
            raise SpecError(f"--set: {unknown('run', point, names)} It was one before the sweep was set to another")
    runs = [run for section, entry in sections.items() for run in _expand(section, entry, data, points)]
    # A search is judged by models of several seeds.
    if "search" in table:
        table = {"seeds": SEARCHED, **table, "search": build(SearchSpec, _table(table, "search"), "search")}
    named = Counter(run.name for run in runs)
    for name, count in named.items():
        if count > 1:
            raise SpecError(f'runs: {count} are called "{name}"; give them different names = "…"')
    return build(StudySpec, {**table, "data": data, "runs": tuple(runs)}, "study")


def _expand(section: str, entry: Table, data: DataSpec, points: Points) -> list[RunSpec]:
    where = f"runs.{section}"
    runs = []
    for name, flat in _grid(section, entry):
        for key, value in points.get((section, name), {}).items():
            flat[key] = {**flat.get(key, {}), **value} if isinstance(value, dict) else value
        train = build(TrainSpec, flat.pop("train", {}), f"{where}.train")
        start = build(StartSpec, flat.pop("start"), f"{where}.start") if "start" in flat else None
        if start is not None and not start.run:
            raise SpecError(
                f"{where}.start: it names no run to begin with; give the folder of one: run = DIR, or --from DIR"
            )
        made = {"name": name, "model": _model(flat, where), "train": train, "data": data, "start": start}
        runs.append(build(RunSpec, made, where))
    return runs


def _count(where: str, entry: Any) -> int:
    """How many models a section makes, said before any of them is."""
    if not isinstance(entry, dict):
        raise got(where, entry, 'a table such as { preset = "VAE", latent_dim = 2 }')
    for path, values in _axes(entry):
        if not values:
            raise got(f"{where}.{'.'.join(path)}", values, "a value, or a list of at least one to sweep over")
    return math.prod(len(values) for _, values in _axes(entry))


def _names(section: str, entry: Table) -> Iterator[str]:
    """What the section's models are called."""
    base = str(entry.get("name", section))
    for values in itertools.product(*(v for _, v in _axes(entry))):
        yield "-".join([base, *map(_label, values)])


def _axes(entry: Table) -> list[tuple[tuple[str, ...], list[Any]]]:
    """The lists that an entry sweeps over, by the keys that lead to them."""
    axes: list[tuple[tuple[str, ...], list[Any]]] = []
    for key, value in entry.items():
        if key == "name":
            continue
        found: list[tuple[tuple[str, ...], Any]] = [((key,), value)]
        if key == "train" and isinstance(value, dict):
            found = [((key, k), v) for k, v in value.items()]
        for path, v in found:
            if _depth(v) > LISTS.get(path[-1], 0):
                axes.append((path, v))
    return axes


def _grid(section: str, entry: Table) -> Iterator[tuple[str, Table]]:
    """Every combination of the entry's lists, with the run's name."""
    axes = _axes(entry)
    for name, values in zip(_names(section, entry), itertools.product(*(v for _, v in axes)), strict=True):
        flat = copy.deepcopy({k: v for k, v in entry.items() if k != "name"})
        for (path, _), value in zip(axes, values, strict=True):
            (flat if len(path) == 1 else flat[path[0]])[path[-1]] = value
        yield name, flat


def _depth(value: Any) -> int:
    """How deep lists lie in lists; 0 for what is none."""
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _label(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(_label, value))
    if isinstance(value, Mapping):
        return "-".join(_label(v) for v in value.values())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _model(flat: Table, where: str) -> ModelSpec:
    from latente.objective.presets import FAMILIES, keywords, presets

    name: Part | None = flat.pop("preset", None)
    if not isinstance(name, str):
        raise SpecError(f"{where}: got preset = {name!r}; allowed: {', '.join(presets)}")
    parts = {k: v for k, v in flat.items() if k in FAMILIES}
    try:
        preset = presets[name]
        allowed = [*keywords(name, preset(**parts)), "preset", "name", "train", "start"]
        if all(key in allowed for key in flat):
            return preset(**flat)
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from None
    raise SpecError(unknown(f"key in {where}", next(key for key in flat if key not in allowed), allowed))


def _table(table: Table, key: str) -> Table:
    value = table.setdefault(key, {})
    if not isinstance(value, dict):
        raise got(key, value, f"a table, written [{key}]")
    return value
