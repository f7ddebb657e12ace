"""How a command's process compiles: the flags that make numbers right, and programs kept between commands."""

from __future__ import annotations

import os
from pathlib import Path


def prepare() -> None:
    """Compile as is right, and keep programs on disk, so that a second study does not compile them again."""
    from latente import program_cache

    set_environment()
    program_cache.install()


def set_environment() -> None:
    """What JAX reads when it is imported; other processes inherit it."""
    from latente.compiling import flags

    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_folder()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    own, given = flags(), os.environ.get("XLA_FLAGS", "")
    # The user's own come last, and the last one counts. They are in the key of every program that is kept: only once.
    if not given.startswith(own):
        os.environ["XLA_FLAGS"] = f"{own} {given}".strip()


def cache_folder() -> Path:
    """Where compiled programs are kept between commands."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or user_cache_path("latente") / "compiled")
