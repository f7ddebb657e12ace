"""What is odd about data, as rules: `latente data check`, and what a study's report says of its data.

They read `latente.analysis.data_check`; limits are conventions, set where real sets (MNIST, scikit-learn's) give no
alarm and planted faults do (`tests/analysis/test_data_check.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from latente.analysis.conclusions.claims import Facts, Verdict
from latente.analysis.conclusions.registry import DATA, Severity, builtin
from latente.analysis.data_check import DataCheck, Oddity, checked
from latente.data.notes import listed
from latente.data.split import Data

CHANCE = 0.01
"""Rows of tables repeat by chance where columns have few values: copies count above this share. Of images one does."""

RARE = 0.1
"""Labels are out of balance where the rarest is less than this share of the most frequent."""

DOUBTFUL = 0.01
"""Labels are likely wrong where neighbours contradict more than this share of them; where they are right, it is below:
0.2% of MNIST's, at most 0.6% of scikit-learn's sets'."""

TELLS = 0.99
"""A column tells the label alone from this accuracy, averaged over the labels."""

NONE = "–"


def _rule(
    code: str, name: str, read: Callable[[DataCheck], Facts | None], *, severity: Severity, holds: Facts, fails: Facts
) -> Callable[[Any], Any]:
    def of(data: Data) -> Facts | None:
        return read(checked(data))

    return builtin(code, name, DATA, of, severity=severity, found="holds", holds=holds, fails=fails)


def _copied(facts: Facts) -> Verdict:
    least = 3 if facts["limit"] else 1
    return "holds" if facts["share"] > facts["limit"] and facts["exact"] + facts["near"] >= least else "fails"


def _limit(check: DataCheck) -> float:
    return CHANCE if check.is_table else 0.0


def _across(check: DataCheck) -> Facts | None:
    found = check.copies
    if not found.held_out:
        return None
    share = (found.exact_across + found.near_across) / found.held_out
    return {
        "exact": found.exact_across, "near": found.near_across, "held": found.held_out, "share": share,
        "limit": _limit(check),
    }  # fmt: skip


@_rule(
    "LT001", "copies-across", _across, severity="warning",
    holds={"exact": 12, "near": 3, "held": 1000, "share": 0.015, "limit": 0.0},
    fails={"exact": 0, "near": 0, "held": 1000, "share": 0.0, "limit": 0.0},
)  # fmt: skip
def copies_across(facts: Facts) -> Verdict:
    """More of the validation and test examples than the limit are copies of training examples; of rows of a table at
    least three."""
    return _copied(facts)


def _within(check: DataCheck) -> Facts:
    found = check.copies
    share = (found.exact + found.near) / max(found.train, 1)
    return {"exact": found.exact, "near": found.near, "train": found.train, "share": share, "limit": _limit(check)}


@_rule(
    "LT002", "copies-within", _within, severity="info",
    holds={"exact": 12, "near": 3, "train": 1000, "share": 0.015, "limit": 0.0},
    fails={"exact": 0, "near": 0, "train": 1000, "share": 0.0, "limit": 0.0},
)  # fmt: skip
def copies_within(facts: Facts) -> Verdict:
    """More of the training examples than the limit repeat another; of rows of a table at least three."""
    return _copied(facts)


def _constant(check: DataCheck) -> Facts | None:
    if not check.is_table:
        return None
    return {"count": len(check.constant), "columns": len(check.names), "names": listed(check.constant) or NONE}


@_rule(
    "LT003", "constant-columns", _constant, severity="warning",
    holds={"count": 2, "columns": 10, "names": "unit, year"}, fails={"count": 0, "columns": 10, "names": NONE},
)  # fmt: skip
def constant_columns(facts: Facts) -> Verdict:
    """Any column has one value in all rows."""
    return "holds" if facts["count"] else "fails"


@_rule(
    "LT004", "constant-values", lambda c: None if c.is_table else {"share": c.constant_share}, severity="info",
    holds={"share": 0.083}, fails={"share": 0.0},
)  # fmt: skip
def constant_values(facts: Facts) -> Verdict:
    """Any place of an example has the same value in all of them."""
    return "holds" if facts["share"] > 0 else "fails"


def _balance(check: DataCheck) -> Facts | None:
    if check.labels is None:
        return None
    classes = check.data.classes
    counts = [int((check.labels == c).sum()) for c in range(len(classes))]
    rare, common = (pick(range(len(classes)), key=lambda c: (counts[c], c)) for pick in (min, max))
    return {
        "rare": classes[rare], "least": counts[rare], "common": classes[common], "most": counts[common], "limit": RARE,
    }  # fmt: skip


@_rule(
    "LT005", "unbalanced", _balance, severity="info",
    holds={"rare": "fraud", "least": 12, "common": "fine", "most": 988, "limit": RARE},
    fails={"rare": "5", "least": 5421, "common": "1", "most": 6742, "limit": RARE},
)  # fmt: skip
def unbalanced(facts: Facts) -> Verdict:
    """The rarest label is below a tenth of the most frequent."""
    return "holds" if facts["least"] < facts["limit"] * facts["most"] else "fails"


def _doubts(check: DataCheck) -> Facts | None:
    found = check.doubts
    if found is None:
        return None
    count = len(found.doubts)
    return {
        "count": count, "total": found.count, "share": count / found.count, "agreement": found.agreement,
        "limit": DOUBTFUL,
    }  # fmt: skip


@_rule(
    "LT006", "doubtful-labels", _doubts, severity="warning",
    holds={"count": 51, "total": 1000, "share": 0.051, "agreement": 0.9, "limit": DOUBTFUL},
    fails={"count": 2, "total": 1000, "share": 0.002, "agreement": 0.97, "limit": DOUBTFUL},
)  # fmt: skip
def doubtful_labels(facts: Facts) -> Verdict:
    """Neighbours contradict more than 1% of the labels, and at least three: at least eight of an example's ten
    nearest others, and as many as is usual among examples of that class, carry another, and at most one its own
    (confident learning, Northcutt, Jiang & Chuang 2021, arXiv:1911.00068, where shares of neighbours are the
    probabilities)."""
    return "holds" if facts["count"] >= 3 and facts["share"] > facts["limit"] else "fails"


def _shown(found: Iterable[Oddity], form: str) -> str:
    return listed(f"{c.name} ({c.value:{form}})" for c in found) or NONE


def _telling(check: DataCheck) -> Facts | None:
    if not check.telling:
        return None
    leaks = [c for c in check.telling if c.value >= TELLS]
    return {"count": len(leaks), "names": _shown(leaks or check.telling[:1], ".1%"), "limit": TELLS}


@_rule(
    "LT007", "label-leak", _telling, severity="warning",
    holds={"count": 1, "names": "outcome (100.0%)", "limit": TELLS},
    fails={"count": 0, "names": "petal width (94.4%)", "limit": TELLS},
)  # fmt: skip
def label_leak(facts: Facts) -> Verdict:
    """A column alone gives the label of at least 99% of held-out rows, averaged over the labels."""
    return "holds" if facts["count"] else "fails"


def _twins(check: DataCheck) -> Facts | None:
    if not check.is_table or len(check.names) < 2:
        return None
    found = sorted(check.twins, key=lambda c: -abs(c.value))
    return {"count": len(found), "names": listed(f"{c.name} ({c.value:.4f})" for c in found) or NONE, "limit": 0.999}


@_rule(
    "LT008", "twin-columns", _twins, severity="info",
    holds={"count": 1, "names": "metres, feet (1.0000)", "limit": 0.999},
    fails={"count": 0, "names": NONE, "limit": 0.999},
)  # fmt: skip
def twin_columns(facts: Facts) -> Verdict:
    """Two columns have a rank correlation of at least 0.999 in size, or categories that go one to one."""
    return "holds" if facts["count"] else "fails"


def _numbered(check: DataCheck) -> Facts | None:
    return {"count": len(check.numbered), "names": listed(check.numbered) or NONE} if check.is_table else None


@_rule(
    "LT009", "row-numbers", _numbered, severity="warning",
    holds={"count": 1, "names": "id"}, fails={"count": 0, "names": NONE},
)  # fmt: skip
def row_numbers(facts: Facts) -> Verdict:
    """A column has another text or whole number in every row, the numbers with hardly a gap."""
    return "holds" if facts["count"] else "fails"


def _forms(check: DataCheck) -> Facts | None:
    return forms_facts(check.forms) if check.forms else None


def forms_facts(forms: Counter[str]) -> Facts:
    """What the rule on sizes and modes reads of how many images have each."""
    (usual, most), *others = forms.most_common()
    images = forms.total()
    shown = listed(f"{form} ({count:,})" for form, count in others) or NONE
    return {"count": images - most, "images": images, "usual": usual, "others": shown}


@_rule(
    "LT010", "mixed-forms", _forms, severity="warning",
    holds={"count": 3, "images": 1000, "usual": "28×28 L", "others": "28×28 RGB (3)"},
    fails={"count": 0, "images": 1000, "usual": "28×28 L", "others": NONE},
)  # fmt: skip
def mixed_forms(facts: Facts) -> Verdict:
    """Any image of the folder has another size or mode than most."""
    return "holds" if facts["count"] else "fails"


def _edges(check: DataCheck) -> Facts | None:
    if not check.is_table and not check.data.is_image:
        return None
    found = check.edges
    return {"count": len(found), "names": listed(f"{c.name} ({c.count:,} × {c.value:.6g})" for c in found) or NONE}


@_rule(
    "LT011", "piled-up", _edges, severity="info",
    holds={"count": 1, "names": "price (16 × 50)"}, fails={"count": 0, "names": NONE},
)  # fmt: skip
def piled_up(facts: Facts) -> Verdict:
    """At an end of the range of a column with 20 different values or more, or at the top of images', at least 1% of the
    values pile up, ten or more, and ten times as many as at the next."""
    return "holds" if facts["count"] else "fails"


def _placeholders(check: DataCheck) -> Facts | None:
    if not check.is_table:
        return None
    found = check.placeholders
    return {"count": len(found), "names": listed(f"{c.name} ({c.count:,} × {c.value:.6g})" for c in found) or NONE}


@_rule(
    "LT012", "placeholders", _placeholders, severity="warning",
    holds={"count": 1, "names": "age (14 × -999)"}, fails={"count": 0, "names": NONE},
)  # fmt: skip
def placeholders(facts: Facts) -> Verdict:
    """An end of a column's range repeats three times or more, further from the next value than all others span."""
    return "holds" if facts["count"] else "fails"


def _missing(check: DataCheck) -> Facts | None:
    found = check.missing
    return {"count": len(found), "names": _shown(found, ".1%")} if found or check.is_table else None


@_rule(
    "LT013", "missing-values", _missing, severity="info",
    holds={"count": 2, "names": "age (19.9%), cabin (77.1%)"}, fails={"count": 0, "names": NONE},
)  # fmt: skip
def missing_values(facts: Facts) -> Verdict:
    """Any value is missing."""
    return "holds" if facts["count"] else "fails"
