"""Numbers with as many places as mean something, in both languages."""

import numpy as np

from latente.evaluation.metrics.intervals import Estimate
from latente.language.words import Words
from latente.report.tables import numbers

EN, PT = Words("en"), Words("pt")


def test_numbers_have_the_places_that_their_errors_leave():
    assert numbers.digits([Estimate(100.0, 99.0, 101.0)]) == 1 and numbers.digits([0.034, 2.0]) == 3
    assert numbers.digits([0.0, np.inf]) == 2 and numbers.digits([1e-12]) == 6 and numbers.digits([340.0]) == 0
    assert numbers.number(PT, -1.5, 2) == "−1,50" and numbers.number(EN, -0.001, 2, sign=True) == "0.00"
    assert numbers.number(EN, 2.0, 1, sign=True) == "+2.0" and numbers.number(EN, -np.inf, 1) == "−∞"
    assert numbers.p_value(EN, 0.0004) == "< 0.001" and numbers.p_value(PT, 0.0451) == "0,045"
