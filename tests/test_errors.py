"""Errors are one line, and name what is nearest to what was got."""

import pytest

from latente.errors import (
    DataError,
    DownloadError,
    LatenteError,
    SpecError,
    StoreError,
    TrainingError,
    nearest,
    unknown,
)

NAMES = ["gaussian", "von-mises-fisher", "vq", "rvq", "gumbel-softmax"]


@pytest.mark.parametrize(
    ("got", "meant"),
    [
        ("gausian", "gaussian"), ("GAUSSIAN", "gaussian"), ("vonmisesfisher", "von-mises-fisher"),
        ("von_mises_fihser", "von-mises-fisher"), ("qv", "vq"), ("rqv", "rvq"), ("softmax", "gumbel-softmax"),
        ("zebra", None), ("", None),
    ],
)  # fmt: skip
def test_the_nearest_is_what_was_meant(got, meant):
    assert nearest(got, NAMES) == meant


def test_what_is_unknown_is_named_with_the_nearest_and_all_that_is_allowed():
    assert unknown("part", "rqv", NAMES[2:4]) == 'unknown part "rqv"; did you mean "rvq"? Allowed: vq, rvq.'
    assert unknown("part", "zebra", []) == 'unknown part "zebra"; Allowed: none.'


def test_an_error_is_one_line_without_control_characters_and_of_pythons_own_kind():
    kinds = {SpecError: ValueError, DataError: ValueError, StoreError: OSError, TrainingError: ArithmeticError}
    for kind, builtin in kinds.items():
        error = kind("a\nb\x1b[31m")
        assert isinstance(error, LatenteError) and isinstance(error, builtin)
        assert "\n" not in str(error) and "\x1b" not in str(error)
    assert issubclass(DownloadError, DataError)
