"""What spec.json holds comes back as the spec it was; what is missing from it is assumed aloud, or refused."""

import json
from pathlib import Path

import pytest
from made import built

import latente
from latente.errors import LatenteWarning, SpecError
from latente.evaluation.spec_file import FORMAT, parts_of, spec_of, spec_table
from latente.spec import RunSpec

SPEC = RunSpec("r", 3, latente.VAE(2, hidden=(4,), likelihood={"name": "gaussian", "sigma": 0.5}))
PATH = Path("spec.json")


@pytest.fixture
def table():
    return json.loads(json.dumps(spec_table(SPEC, built(SPEC, (6, 5)))))


def test_a_spec_comes_back_with_all_its_options_beside(table):
    assert spec_of(table, PATH) == SPEC
    assert table["format"] == FORMAT and table["parts"] == parts_of(SPEC.model)
    assert table["parts"]["likelihood"] == {"name": "gaussian", "sigma": 0.5}
    assert table["parts"]["objective"]["beta"] == 1.0  # An option that was left at its default.
    assert table["sizes"] == {"shape": [6, 5], "code": 2, "posterior": 4, "outputs": [1, 6, 5], "context": 0}


def test_a_key_that_is_missing_is_assumed_in_the_first_format_and_refused_in_later_ones(table):
    del table["train"]["clip_norm"]
    with pytest.raises(SpecError, match=r"spec.json has no train.clip_norm; put back what was taken out"):
        spec_of(table, PATH)
    del table["format"]
    with pytest.warns(LatenteWarning, match=r"has no train.clip_norm; assumed: train.clip_norm = 0.0"):
        assert spec_of(table, PATH) == SPEC


@pytest.mark.parametrize("form", [0, FORMAT + 1, True, "2"])
def test_a_format_that_is_not_known_is_refused(table, form):
    with pytest.raises(SpecError, match="and this latente reads 1 to"):
        spec_of({**table, "format": form}, PATH)
