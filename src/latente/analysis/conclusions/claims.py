"""Claims, their verdicts, and how an interval decides one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from latente.evaluation.metrics.intervals import Estimate, corrected, minus_of

Verdict = Literal["holds", "fails", "unknown"]

Number = float | int | str

Facts = Mapping[str, Any]
"""Numbers (estimates with their intervals) and names, as claims read them and words show them."""

Sentence = tuple[str, Facts]
"""A sentence: the name of its words, and the numbers in it. A name with a dot is of words that several claims share."""


@dataclass(frozen=True)
class Claim:
    """One claim with its verdict.

    Attributes:
        key: its name, by which its words are found.
        verdict: whether it holds in this study.
        evidence: the sentences that give its numbers.
        values: what its own words name, such as the model.
    """

    key: str
    verdict: Verdict
    evidence: tuple[Sentence, ...]
    values: Facts = field(default_factory=dict)

    @property
    def applies(self) -> bool:
        """Whether it means anything for this data."""
        return not any(name == f"missing.{thing}" for thing in INAPPLICABLE for name, _ in self.evidence)


@dataclass(frozen=True)
class Finding:
    """One of the notebook's conclusions, or what is said of one score: one or more claims."""

    id: str
    claims: tuple[Claim, ...]

    @property
    def verdict(self) -> Verdict:
        """Fails if any claim fails, unknown if none fails and any is unknown, else holds."""
        return all_of([c.verdict for c in self.claims])


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Fails if any fails, unknown if none fails and any is unknown, else holds."""
    return "fails" if "fails" in verdicts else "unknown" if "unknown" in verdicts or not verdicts else "holds"


def each_of(plain: Sequence[Verdict], together: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim about each of several things: it holds where each does, and fails where one does by an
    interval that is corrected for their number, for of many some lie outside by chance."""
    return "fails" if "fails" in together else "holds" if all_of(plain) == "holds" else "unknown"


T = TypeVar("T")


def every(judge: Callable[[T, int], Verdict], items: Sequence[T]) -> Verdict:
    """`each_of` the items; ``judge`` takes one, and for how many its interval is to be corrected."""
    return each_of([judge(i, 1) for i in items], [judge(i, len(items)) for i in items])


def within(value: Estimate | None, low: float, high: float, among: int = 1) -> Verdict:
    """Whether a value lies in low..high, by an interval that is corrected for its being one ``among`` several."""
    if value is None:
        return "unknown"
    value = corrected(value, among)
    if low <= value.low and value.high <= high:
        return "holds"
    return "fails" if value.high < low or value.low > high else "unknown"


def above(value: Estimate | None, limit: float, among: int = 1) -> Verdict:
    """Whether a value lies above a limit; see `within`."""
    if value is None:
        return "unknown"
    value = corrected(value, among)
    return "holds" if value.low > limit else "fails" if value.high <= limit else "unknown"


def below(value: Estimate | None, limit: float, among: int = 1) -> Verdict:
    """Whether a value lies below a limit; see `within`."""
    return above(value and minus_of(value), -limit, among)


def agreed(first: Verdict, second: Verdict) -> Verdict:
    """The verdict of two measures of one thing: that of the one that can tell, and unknown where they disagree."""
    if first == second or second == "unknown":
        return first
    return second if first == "unknown" else "unknown"


def contrary(verdict: Verdict) -> Verdict:
    """The verdict on the opposite claim."""
    turned: dict[Verdict, Verdict] = {"holds": "fails", "fails": "holds", "unknown": "unknown"}
    return turned[verdict]


def say(template: str, **values: Number | Estimate | None) -> Sentence:
    """A sentence of evidence: the name of its words, and its numbers but for those that are None."""
    return template, {name: value for name, value in values.items() if value is not None}


def numbers(facts: Facts) -> dict[str, Number]:
    """Facts as words take them: an estimate x gives the numbers x, x_low and x_high."""
    found: dict[str, Number] = {}
    for name, value in facts.items():
        if isinstance(value, Estimate):
            found |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            found[name] = value
    return found


def points(value: Estimate | None) -> Estimate | None:
    """A difference of shares, in percentage points."""
    return value and Estimate(100 * value.value, 100 * value.low, 100 * value.high, value.degrees)


INAPPLICABLE = ("images", "labels")
"""What data has or has not, whatever is trained on it: a claim that takes it means nothing without."""
