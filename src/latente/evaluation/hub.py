"""Runs on the Hugging Face Hub: ``hf://user/name``, read as a folder like any other, and as untrusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from latente.errors import SpecError, StoreError, unknown

PREFIX = "hf://"
OF_A_RUN = re.compile(
    r"(spec|data|prior|metrics|times|manifest)\.json|history\.csv|"
    r"(weights|frames|scale|codes|per_example|scores/[\w.-]+)\.safetensors"
)
"""Names of the files of a run's folder; nothing else is fetched from a repository."""
MOST = 16 * 2**30
"""Bytes at most of a repository's files of a run."""
NEEDED = ("spec.json", "data.json", "weights.safetensors", "history.csv", "metrics.json", "times.json", "manifest.json")


def is_hub(place: object) -> bool:
    """Whether a place is ``hf://user/name``, also where it was made a path."""
    return str(place).startswith((PREFIX, "hf:/"))


def repository(place: str | Path) -> str:
    """``user/name`` of ``hf://user/name``.

    Raises:
        SpecError: it is of another form.
    """
    name = re.sub("^hf:/+", "", str(place))
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name) or ".." in name:
        raise SpecError(f"{PREFIX}{name}: is no repository; allowed: {PREFIX}user/name")
    return name


def check_files(where: str, sizes: Mapping[str, int]) -> list[str]:
    """The files of a run among those of a repository, by their names and sizes in bytes.

    Raises:
        StoreError: it holds no run, or they are too large.
    """
    own = [name for name in sizes if OF_A_RUN.fullmatch(name)]
    lacking = [name for name in NEEDED if name not in own]
    if lacking:
        raise StoreError(
            f"{where}: holds no run of latente (it has no {lacking[0]}); nothing else is read, and pickles never are; "
            "latente push makes one"
        )
    size = sum(sizes[name] for name in own)
    if size > MOST:
        raise StoreError(f"{where}: its run has {size:,} bytes; allowed: at most {MOST:,}")
    return own


def fetched(place: str | Path) -> Path:
    """The folder of a run on the hub, of which only a run's files are fetched; from the cache without a network.

    Raises:
        SpecError: another form of address, or the extra ``latente[hub]`` is not installed.
        StoreError: no such repository, none of a run, or it cannot be reached and is not in the cache.
    """
    repo = repository(place)
    where = f"{PREFIX}{repo}"
    try:
        from huggingface_hub import HfApi, snapshot_download
    except ModuleNotFoundError as error:
        raise SpecError(f"{where}: needs {error.name}, which is not installed; pip install 'latente[hub]'") from None
    try:
        info = HfApi().model_info(repo, files_metadata=True)
        own = check_files(where, {one.rfilename: one.size or 0 for one in info.siblings or []})
        return Path(snapshot_download(repo, revision=info.sha, allow_patterns=own))
    except StoreError:
        raise
    except Exception as error:  # of the library and of those below it, which are many
        why = " ".join(str(error).split())[:160] or type(error).__name__
    try:
        return Path(snapshot_download(repo, local_files_only=True))
    except Exception:
        raise StoreError(f"{where}: cannot be fetched, and is not in the cache ({why})") from None


def check_license(given: str) -> str:
    """A licence's identifier as the hub writes it, checked.

    Raises:
        SpecError: another form, with the nearest that is usual.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", given):
        raise SpecError(f"license: {unknown('license', given, USUAL)}")
    return given


USUAL = (
    "apache-2.0",
    "mit",
    "bsd-3-clause",
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "gpl-3.0",
    "other",
)
