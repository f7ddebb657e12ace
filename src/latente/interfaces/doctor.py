"""What `latente doctor` tells: versions, devices, threads, caches, languages."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from latente.interfaces.words import default_language


def compile_cache() -> Path:
    """Where compiled programs are kept between runs."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or user_cache_path("latente") / "compiled")


def examine() -> list[tuple[str, str]]:
    """Pairs of a name and what was found."""
    import jax

    from latente.data.datasets import cache_folder
    from latente.interfaces.study import facts

    found = facts()
    rows = [(name, str(v)) for name, v in found["versions"].items()]
    rows += [("platform", str(found["platform"])), ("processors", str(found["processors"]))]
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        rows.append(("usable processors", str(len(affinity(0)))))
    rows.append(("devices", ", ".join(f"{d.platform}:{d.id} ({d.device_kind})" for d in jax.devices())))
    rows += [
        (name, os.environ[name]) for name in ("XLA_FLAGS", "OMP_NUM_THREADS", "JAX_PLATFORMS") if name in os.environ
    ]
    for name, folder in (("data cache", cache_folder()), ("compile cache", compile_cache())):
        rows.append((name, f"{folder} ({_size(folder)})"))
    free = shutil.disk_usage(Path.cwd()).free
    rows.append(("free disk here", f"{free / 2**30:.1f} GiB"))
    rows.append(("report language", default_language()))
    rows.append(("parquet", "yes" if find_spec("pyarrow") else "no (pip install 'latente[parquet]')"))
    return rows


def _size(folder: Path) -> str:
    if not folder.exists():
        return "empty"
    total = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return f"{total / 2**20:.1f} MiB"
