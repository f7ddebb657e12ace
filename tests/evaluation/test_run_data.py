"""Data that is not here: what the card says of it is said, and everything else is asked for in vain, in one line."""

import dataclasses

import numpy as np
import pytest

from latente.errors import DataError
from latente.evaluation.run_data import AbsentData, found_data, known_data
from latente.spec import DataSpec

GONE = DataError("gone.npz: no such file")


def test_it_says_what_the_card_says(tiny):
    absent = AbsentData(tiny.spec, tiny.card(), tiny.units, GONE)
    for name in ("name", "classes", "shape", "is_image", "fingerprint", "missing", "units"):
        assert getattr(absent, name) == getattr(tiny, name), name
    assert absent.value_range() == tuple(tiny.card()["range"]) and absent.card() == tiny.card()
    assert [len(absent.part(p)) for p in ("train", "validation", "test")] == [192, 48, 60]
    np.testing.assert_array_equal(absent.values(tiny.test.x), tiny.values(tiny.test.x))
    assert repr(absent).startswith("data tiny, which is not here")


@pytest.mark.parametrize("ask", ["train.x", "validation.y", "test.context", "multiplier"])
def test_all_else_is_asked_for_in_vain(tiny, ask):
    found = AbsentData(tiny.spec, tiny.card(), None, GONE)
    with pytest.raises(DataError, match=r"^gone.npz: no such file$"):
        for name in ask.split("."):
            found = getattr(found, name)
    with pytest.raises(DataError, match=r"^gone.npz: no such file$"):
        found.units if isinstance(found, AbsentData) else found.x
    assert not hasattr(found, "no_such_name")


def test_what_is_gone_is_known_by_its_card_and_what_is_something_else_is_refused(tiny, tmp_path):
    spec = dataclasses.replace(tiny.spec, source=str(tmp_path / "a.npz"))
    absent = known_data(spec, tiny.card(), tiny.units)
    assert isinstance(absent, AbsentData) and f"(fingerprint {tiny.fingerprint[:12]})" in str(absent.why)
    np.savez(tmp_path / "a.npz", x=tiny.train.x, y=tiny.train.y)
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        known_data(spec, tiny.card(), tiny.units)
    arrays = known_data(dataclasses.replace(spec, source="arrays"), tiny.card(), tiny.units)
    assert "trained on arrays, which are not kept" in str(arrays.why)


def test_only_what_has_moved_is_told_where_to_look_for(tmp_path):
    with pytest.raises(DataError, match=r"If the data has moved, say where it is: --data PATH .* from Python$"):
        found_data(DataSpec(str(tmp_path / "b.npz")))
    with pytest.raises(DataError) as told:
        found_data(DataSpec(str(tmp_path / "b.npz")), str(tmp_path / "c.npz"))
    assert "has moved" not in str(told.value)
