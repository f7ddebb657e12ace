"""Frozen classifiers on disk: trained once for each data set and recipe, then read."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr

from latente.atomic import make_folder
from latente.data.datasets import cache_folder
from latente.data.split import Data
from latente.errors import LatenteWarning, StoreError
from latente.evaluation.metrics.classifier import (
    RECIPE,
    Classifier,
    ClassifierRecipe,
    OnEpoch,
    as_plain,
    fingerprint_of,
    train_classifier,
    untrained,
)
from latente.evaluation.metrics.intervals import Estimate
from latente.training import store


def frozen_classifier(
    data: Data, recipe: ClassifierRecipe = RECIPE, *, folder: Path | None = None, on_epoch: OnEpoch | None = None
) -> Classifier:
    """The classifier of a data set: read from where it is kept, or else trained and kept there.

    A file that is damaged or of another recipe is replaced. Where it cannot be written, a warning says so.

    Args:
        data: with labels of at least two classes; the test part is not looked at.
        recipe: how to train.
        folder: where classifiers are kept; None: ``classifiers`` in ``$LATENTE_DATA`` or the user's cache folder.
        on_epoch: called after each epoch with its number from 1, how many there are, and its mean loss in nats.

    Raises:
        DataError: as `train_classifier`.
    """
    about = {"recipe": as_plain(recipe), "data_fingerprint": data.fingerprint}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    path = (folder or cache_folder() / "classifiers") / f"{digest[:24]}.safetensors"
    with _alone(path.with_suffix(".lock")):
        if path.exists():
            try:
                return read_classifier(path, data, recipe)
            except StoreError:
                pass  # it can be made again
        trained = train_classifier(data, recipe, on_epoch=on_epoch)
        try:
            write_classifier(path, trained)
        except StoreError as error:
            warnings.warn(f"the classifier of {data.name} is not kept: {error}", LatenteWarning, stacklevel=2)
        return trained


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time through: the runs of a study beside each other are to have one classifier, and threads
    that add up in another order would make another. Where nothing can be locked, nobody waits."""
    try:
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened to add to, and no link followed: a file that is not ours is not emptied.
        handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666), "r+b")
    except (ImportError, OSError):
        yield
        return
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_classifier(path: Path, classifier: Classifier) -> None:
    """Keep a classifier in one file.

    Raises:
        StoreError: it cannot be written.
    """
    arrays = store.flatten(classifier.net, "net.") | {"centre": classifier.centre, "spread": classifier.spread}
    about = {
        "recipe": as_plain(classifier.recipe),
        "data": classifier.data,
        "data_fingerprint": classifier.data_fingerprint,
        "accuracy": {name: getattr(classifier.accuracy, name) for name in ("value", "low", "high")},
        "fingerprint": classifier.fingerprint,
    }
    make_folder(path.parent)
    store.save_arrays(path, arrays, about)


def read_classifier(path: Path, data: Data, recipe: ClassifierRecipe = RECIPE) -> Classifier:
    """The classifier of this data and recipe in a file.

    Raises:
        StoreError: missing, damaged, changed since it was written, or of other data or another recipe.
    """
    arrays, about = store.load_arrays(path)
    ours: dict[str, Any] = {"recipe": as_plain(recipe), "data_fingerprint": data.fingerprint}
    changed = store.differences(ours, {k: about.get(k) for k in ours})
    if changed:
        raise StoreError(f"{path}: is another classifier ({'; '.join(changed[:3])}); give the data it was trained on")
    template = eqx.filter_eval_shape(untrained, data.shape, len(data.classes), recipe, key=jr.key(0))
    net = store.unflatten(template, arrays, "net.", str(path))
    try:
        centre, spread = arrays["centre"], arrays["spread"]
        accuracy = Estimate(**about["accuracy"])
        fingerprint = fingerprint_of(net, centre, spread, data.fingerprint, recipe)
        same = fingerprint == about["fingerprint"]
    except (KeyError, TypeError) as error:
        raise StoreError(f"{path}: is no classifier that latente wrote ({error!r}); delete it") from None
    if not same:
        raise StoreError(f"{path}: was changed after it was written, its fingerprint is another; delete it")
    return Classifier(
        net, centre, spread, str(about.get("data")), data.fingerprint, recipe, data.classes, accuracy, fingerprint
    )
