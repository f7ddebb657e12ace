"""How far a training is, in words."""

from types import SimpleNamespace

import pytest

from latente.training.progress import TimeLeft, clock


def test_durations_are_read_as_a_clock_shows_them():
    assert [clock(s) for s in (0, 6.2, 60, 750, 3723)] == ["0:00", "0:07", "1:00", "12:30", "1:02:03"]


def test_the_time_left_is_that_of_usual_epochs_without_the_first_which_compiles():
    left = TimeLeft()
    after = [left.after(SimpleNamespace(number=i + 1, epochs=10, seconds=s)) for i, s in enumerate([9.0, 1, 1, 5])]
    assert after == pytest.approx([81, 8, 7, 6])
