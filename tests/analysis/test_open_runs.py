"""Runs that are compared are of one data set and split."""

import dataclasses

import pytest

import latente
from latente.errors import SpecError

SMALL = {"hidden": (4,)}


def test_runs_of_other_data_or_splits_are_refused_by_name(make, tmp_path):

    a, b = make("a"), make("b", spec=latente.VAE(4, **SMALL))
    b.card = {**b.card, "fingerprint": "0" * 64, "name": "others"}
    b.spec = dataclasses.replace(b.spec, data=dataclasses.replace(b.spec.data, source="others"))
    with pytest.raises(SpecError, match=r"run a, seed 0 and run b, seed 0 are of different data \(tiny, others\)"):
        latente.compare([a, b])
    b.spec = dataclasses.replace(b.spec, data=dataclasses.replace(a.spec.data, seed=7))
    with pytest.raises(SpecError, match=r"are split differently \(seed 42 and 7\): their examples do not pair"):
        latente.compare([a, b])
