"""Claims, their verdicts, and how an interval decides one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from latente.evaluation.metrics.intervals import Estimate, corrected

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
        """Whether it means anything on this data."""
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
    """Of a claim about each of several: holds where every one does; fails where one does by intervals that hold
    together, for of many some are outside by chance."""
    return "fails" if "fails" in together else "holds" if all_of(plain) == "holds" else "unknown"


T = TypeVar("T")


def every(judge: Callable[[T, int], Verdict], items: Sequence[T]) -> Verdict:
    """`each_of` the items, by a judge of one item with intervals that hold together with so many others."""
    return each_of([judge(i, 1) for i in items], [judge(i, len(items)) for i in items])


def within(value: Estimate | None, low: float, high: float, among: int = 1) -> Verdict:
    """Whether a value lies in low..high, by an interval that holds together with those of as many as it is among."""
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
    if value is None:
        return "unknown"
    value = corrected(value, among)
    return "holds" if value.high < limit else "fails" if value.low >= limit else "unknown"


def agreed(first: Verdict, second: Verdict) -> Verdict:
    """What two measures of one thing say: the one that can tell, and unknown where they contradict each other."""
    if first == second or second == "unknown":
        return first
    return second if first == "unknown" else "unknown"


def contrary(verdict: Verdict) -> Verdict:
    """The verdict on the opposite claim."""
    turned: dict[Verdict, Verdict] = {"holds": "fails", "fails": "holds", "unknown": "unknown"}
    return turned[verdict]


def say(template: str, **values: Number | Estimate | None) -> Sentence:
    """A sentence; a number that is missing is left out."""
    return template, {name: value for name, value in values.items() if value is not None}


def numbers(facts: Facts) -> dict[str, Number]:
    """Facts as words have them: an estimate x becomes the numbers x, x_low and x_high."""
    found: dict[str, Number] = {}
    for name, value in facts.items():
        if isinstance(value, Estimate):
            found |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            found[name] = value
    return found


def points(value: Estimate | None) -> Estimate | None:
    """A difference of shares in percentage points."""
    return value and Estimate(100 * value.value, 100 * value.low, 100 * value.high, value.degrees)


INAPPLICABLE = ("images", "labels")
"""What data has or has not, whatever is trained on it: a claim that takes it means nothing without."""
