"""Trackers: a file each, found by import; a new one is one class in one new file."""

from latente.registry import import_parts
from latente.studies.trackers.base import Followed, Tracker, trackers

import_parts(__name__, __path__)

__all__ = ["Followed", "Tracker", "trackers"]
