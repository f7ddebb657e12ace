"""Runs on the Hugging Face Hub: ``hf://user/name``, read as a folder like any other, and as untrusted."""

from __future__ import annotations

PREFIX = "hf://"


def is_hub(place: object) -> bool:
    """Whether a place is ``hf://user/name``."""
    return isinstance(place, str) and place.startswith(PREFIX)
