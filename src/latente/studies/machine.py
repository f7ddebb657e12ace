"""The machine that a study ran on: versions, platform, processors."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from latente._version import __version__


def facts() -> dict[str, Any]:
    """Versions and machine, as the report states them."""
    names = ("jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn", "matplotlib", "safetensors")
    found = {"latente": __version__, "python": platform.python_version()}
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {
        "versions": found,
        "platform": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
    }
