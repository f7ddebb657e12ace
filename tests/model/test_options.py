"""Options of parts: what is refused, and that the message names the part, the option and what is allowed."""

import pytest

from latente.errors import SpecError
from latente.model.options import as_tuple, choice, number, whole, widths

PART = 'posterior "vq"'


def test_allowed_values_come_back():
    assert whole(PART, "codes", 2, 2) == 2 and widths(PART, [64, 1]) == (64, 1) and widths(PART, []) == ()
    assert as_tuple([1, 2]) == (1, 2) and as_tuple("ab") == "ab"
    number(PART, "decay", 0, low=0, high=1, below=True)
    choice(PART, "kind", "a", ("a", "b"))


@pytest.mark.parametrize("value", [1, 2.0, True, "2", None])
def test_a_whole_number_is_no_other(value):
    with pytest.raises(SpecError, match='^posterior "vq": got codes = .*; allowed: a whole number of at least 2$'):
        whole(PART, "codes", value, 2)


def test_no_more_layers_than_can_be_built():
    with pytest.raises(SpecError, match="got layers = 1,000; allowed: at most 200"):
        whole(PART, "layers", 1000)
    with pytest.raises(SpecError, match=r"got hidden\[1\] = 0; allowed: a whole number of at least 1"):
        widths(PART, [64, 0])
    with pytest.raises(SpecError, match="allowed: a list of widths"):
        widths(PART, "64")


@pytest.mark.parametrize(
    ("value", "bounds", "allowed"),
    [
        (1, {"low": 0, "high": 1, "below": True}, "a number of at least 0 and below 1"),
        (0, {"low": 0, "above": True}, "a number above 0"),
        (2, {"high": 1}, "a number at most 1"),
        (float("nan"), {}, "a number that is finite"),
        (True, {"low": 0}, "a number of at least 0"),
    ],
)
def test_a_number_within_its_bounds(value, bounds, allowed):
    with pytest.raises(SpecError, match=f"got decay = .*; allowed: {allowed}$"):
        number(PART, "decay", value, **bounds)


def test_a_word_of_several():
    with pytest.raises(SpecError, match='unknown kind of posterior "vq" "aa"; did you mean "a"'):
        choice(PART, "kind", "aa", ("a", "b"))
