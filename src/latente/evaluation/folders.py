"""Where a study keeps its runs, which of them are finished, and what its study.json says."""

from __future__ import annotations

import json
from pathlib import Path

from latente.atomic import JSON_LIMIT, cannot_write, parse_json, read_json
from latente.errors import StoreError
from latente.evaluation.hub import fetched, is_hub
from latente.evaluation.manifest import Manifest, damage, reading
from latente.plugins import Used, read_used
from latente.spec import DataSpec, RunSpec, StudySpec, build, run_from_dict

STUDY = "study.json"


def run_folder(study: Path, run: RunSpec) -> Path:
    """Where a study keeps a run."""
    return study / "runs" / run.name / f"seed-{run.seed}"


def make_run_folder(study: Path, run: RunSpec) -> Path:
    """Make a run's folder in its study's, which is there.

    Raises:
        StoreError: the study's folder is gone, or a folder in it is a link and leads elsewhere.
    """
    refuse_links(study, run)
    folder = run_folder(study, run)
    for place in (study / "runs", folder.parent, folder):
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(place, error) from error
    return folder


def refuse_links(study: Path, run: RunSpec | None = None) -> None:
    """Keep what is written within a study's folder: none in it may be a link.

    Raises:
        StoreError: one is.
    """
    places = [study / "figures", study / "runs"]
    if run is not None:
        folder = run_folder(study, run)
        places += [folder.parent, folder, folder / "scores"]
    for place in places:
        if place.is_symlink():
            raise StoreError(f"{place}: is a link, and nothing is written outside a study's folder; put a folder there")


def is_finished(folder: Path) -> bool:
    """Whether a run's folder holds all of it: its metrics are written last."""
    return (folder / "metrics.json").is_file()


def is_study(folder: Path) -> bool:
    """Whether a folder is a study's."""
    return (folder / STUDY).is_file()


def trained_on(run: Path) -> tuple[str, str | None] | None:
    """The fingerprint of the data that a run was trained on or is, and what that was called, where it is known.

    None where nothing is known: it has not begun, or is damaged, or replaced while it was read.
    """
    try:
        if is_finished(run):
            card = read_json(run / "data.json")
            return str(card["fingerprint"]), str(card["name"])
        from safetensors import safe_open

        with safe_open(run / "checkpoint.safetensors", "numpy") as file:
            return str(json.loads(file.metadata()["latente"])["data"]), None
    except Exception:
        return None


def read_study(folder: Path) -> tuple[StudySpec, str | None]:
    """A study's spec, and the command that made it.

    Raises:
        StoreError: not a study folder, or its study.json is damaged or of another version.
    """
    _check_is_study(folder)
    return reading(folder, _read)


def _check_is_study(folder: Path) -> None:
    if not is_study(folder):
        raise StoreError(f"{folder}: is not a study folder (it has no {STUDY}); latente run makes one")


def plugins_of_study(folder: Path) -> tuple[Used, ...]:
    """The plug-ins that a study was made with.

    Raises:
        StoreError: as `read_study`.
    """
    _check_is_study(folder)

    def read(manifest: Manifest) -> tuple[Used, ...]:
        path = manifest.folder / STUDY
        with damage(path):
            return read_used(parse_json(path, manifest.read(STUDY, JSON_LIMIT)).get("plugins", []))

    return reading(folder, read)


def _read(manifest: Manifest) -> tuple[StudySpec, str | None]:
    path = manifest.folder / STUDY
    table = parse_json(path, manifest.read(STUDY, JSON_LIMIT))
    with damage(path):
        if not isinstance(table, dict):
            raise TypeError(f"{type(table).__name__} where a table should be")
        command = table.get("command")
        if command is not None and not isinstance(command, str):
            raise TypeError("its command is no text")
        data = build(DataSpec, table["data"], "data")
        runs = tuple(run_from_dict(run) for run in table["runs"])
        own = {k: v for k, v in table.items() if k not in ("latente", "command", "plugins")}
        return build(StudySpec, {**own, "data": data, "runs": runs}, "study"), command


def finished_runs(folder: Path) -> list[Path]:
    """The run folders that a folder is or holds."""
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder; give a run's, or a study's (latente list shows those in runs/)")
    if is_study(folder):
        return finished_study(folder)[1]
    if is_finished(folder) and (folder / "spec.json").is_file():
        return [folder]
    if any(folder.glob("seed-*/metrics.json")):
        return run_folders(folder)
    if (folder / "checkpoint.safetensors").is_file() or (folder / "spec.json").is_file():
        raise StoreError(f"{folder}: the run is not finished; go on with its study: latente run … --resume")
    raise StoreError(f"{folder}: is neither a run's folder (spec.json) nor a study's (study.json)")


def finished_study(folder: Path) -> tuple[StudySpec, list[Path], str | None]:
    """A study's spec, the folders of its runs, which are all finished, and the command that made it.

    Raises:
        StoreError: as `read_study`; or a run is not finished.
    """
    spec, command = read_study(folder)
    runs = [run_folder(folder, run) for run in spec.expanded()]
    missing = [r for r in runs if not is_finished(r)]
    if missing:
        names = ", ".join(str(r.relative_to(folder / "runs")) for r in missing[:4])
        raise StoreError(
            f"{folder}: {len(missing)} of {len(runs)} runs are not finished ({names}); finish it with the same "
            f"latente run … --out {folder} --resume, or name the folders of finished runs"
        )
    return spec, runs, command


def run_folders(path: Path) -> list[Path]:
    """The run folders that a path means: itself, or those of a model's seeds (``seed-0``, …) where it holds these.

    Raises:
        StoreError: it is neither.
    """
    if is_hub(path):
        return [fetched(path)]
    if (path / "spec.json").is_file():
        return [path]
    seeds = [p for p in path.glob("seed-*") if (p / "spec.json").is_file()]
    if seeds:
        return sorted(seeds, key=lambda p: (len(p.name), p.name))
    if not path.is_dir():
        raise StoreError(f"{path}: no such folder; give a run's (latente list shows the studies in runs/)")
    if is_study(path):
        raise StoreError(f"{path}: is a study's folder; a study's runs are in its runs/ folder")
    raise StoreError(f"{path}: is not a run folder (it has no spec.json); a study's runs are in its runs/ folder")


def one_run_folder(path: Path) -> Path:
    """The folder of a run that a path means: itself, or that of a model's only seed.

    Raises:
        StoreError: it is neither.
    """
    found = run_folders(path)
    if len(found) > 1:
        raise StoreError(f"{path}: holds {len(found)} runs; name one: {found[0]} … {found[-1]}")
    return found[0]
