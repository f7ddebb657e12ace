"""`latente doctor`: versions, devices, threads, caches, languages."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from latente.cli.compiling import cache_folder
from latente.cli.options import AddCommand, Arguments, words_of
from latente.language.words import Words
from latente.terminal import say

PLACE = 90


def add(command: AddCommand) -> None:
    """The command, which has no options."""
    command("doctor", _doctor, parts=False, help="versions, devices, threads and caches")


def _doctor(arguments: Arguments) -> None:
    for name, value in _examine(words_of(arguments)):
        say(f"{name:<22} {value}")


def _examine(words: Words) -> list[tuple[str, str]]:
    """Pairs of a name and what was found."""
    import jax

    from latente.data.datasets import cache_folder as data_cache
    from latente.plugins import installed
    from latente.studies.machine import facts

    found = facts()
    rows = [(name, str(v)) for name, v in found["versions"].items()]
    rows += [(words(f"doctor.{key}"), str(found[key])) for key in ("platform", "processors")]
    rows += [(words("doctor.plugin"), str(plugin)) for plugin in installed()]
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        rows.append((words("doctor.usable"), str(len(affinity(0)))))
    rows.append((words("doctor.devices"), ", ".join(f"{d.platform}:{d.id} ({d.device_kind})" for d in jax.devices())))
    rows += [
        (name, os.environ[name]) for name in ("XLA_FLAGS", "OMP_NUM_THREADS", "JAX_PLATFORMS") if name in os.environ
    ]
    for name, folder in (("data_cache", data_cache()), ("compile_cache", cache_folder())):
        rows.append((words(f"doctor.{name}"), f"{folder} ({_size(folder, words)})"))
    free = shutil.disk_usage(Path.cwd()).free
    rows.append((words("doctor.free"), f"{words.number(free / 2**30, '.1f')} GiB"))
    rows.append((words("doctor.language"), words.language))
    rows.append(("parquet", words("terminal.yes" if find_spec("pyarrow") else "doctor.no_parquet")))
    return rows


def _size(folder: Path, words: Words) -> str:
    if not folder.exists():
        return words("doctor.empty")
    total = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return f"{words.number(total / 2**20, '.1f')} MiB"
