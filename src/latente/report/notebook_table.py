"""The notebook's conclusions as a compact table: claim, verdict, the one number that decides, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from latente.analysis.conclusions.claims import Number, Verdict
from latente.analysis.trained_models import TrainedModel, study_models
from latente.language.words import Words
from latente.report.conclusions import WordedClaim, WordedFinding
from latente.report.tables.numbers import digits, number

Numbers = dict[str, Number]

DECIDING: dict[str, tuple[tuple[str, ...], float, str]] = {
    "gap": (("percent",), 1, "training"),
    "above": (("percent",), 1, "training"),
    "rise": (("rise",), 1, "rise"),
    "structure": (("structure",), 100, "structure"),
    "smoothing": (("sharpness",), 1, "edges"),
    "spread": (("spread",), 1, "spread"),
    "classes": (("classes",), 1, "classes"),
    "ambiguous": (("excess",), 1, "ambiguous"),
    "accuracy": (("accuracy",), 100, "accuracy"),
    "linear": (("advantage",), 1, "linear"),
    "reported": (("percent",), 1, "loss_percent"),
    "bce": (("percent",), 1, "score_percent"),
    "mse": (("percent",), 1, "score_percent"),
    "variety": (("difference",), 1, "variety"),
    "energy": (("difference",), 1, "energy"),
    "energy_labels": (("difference",), 1, "energy"),
    "edges": (("sharpness", "difference"), 1, "edges"),
    "draws": (("new",), 1, "new"),
    "shared.reconstruction": (("change",), 1, "reconstruction"),
    "shared.kl": (("change",), 1, "kl"),
    "shared.loss": (("change",), 1, "loss"),
    "shared.sharpness": (("change",), 1, "sample_edges"),
    "shared.ambiguous": (("change",), 1, "ambiguous"),
    "shared.parameters": (("rise",), 1, "parameters"),
    "shared.beta": (("change",), 1, "energy"),
    "shared.beta_together": (("change",), 1, "energy"),
    "epochs": (("epochs",), 1, "epochs"),
    "parts": (("own",), 1, "own_class"),
    "shared.inactive": (("inactive",), 1, "inactive"),
}
"""By the name of a sentence of evidence: the number in it that decides, its scale, and what it is called."""

PERCENT = {"training", "rise", "structure", "accuracy", "loss_percent", "score_percent", "parameters"}
POINTS = {"ambiguous", "linear"}
WHOLE = {"own_class", "inactive"}

WIDE, HIGH = 110, 18
"""Pixels of the picture of an interval."""

COLOURS: dict[str, str] = {"holds": "#1a9a70", "fails": "#d0562a", "unknown": "#7d868f"}
"""Colours that can be seen on white and on black."""


class Decider(NamedTuple):
    """The number that decides a conclusion: as text, and as a picture where it has an interval (b"" without)."""

    text: str
    picture: bytes
    alt: str


class Row(NamedTuple):
    """A conclusion in the table, which opens to its evidence."""

    finding: WordedFinding
    decider: Decider


def is_notebooks(trained: Sequence[TrainedModel]) -> bool:
    """Whether a study has the notebook's models, whose conclusions are only of these.

    They are a plain VAE (Gaussian posterior, standard normal prior, ELBO), a plain deterministic autoencoder, and
    plain VAEs that differ in nothing but their latent size.
    """
    found = study_models(trained)
    return found.vae is not None and found.ae is not None and len(found.sweep) > 1


def rows(conclusions: Sequence[WordedFinding], words: Words) -> list[Row]:
    """Each conclusion with what decides it."""
    return [Row(c, decider(c, words)) for c in conclusions]


def decider(finding: WordedFinding, words: Words) -> Decider:
    """The number that decides: of the first claim with the finding's verdict."""
    claim = next((c for c in finding.claims if c.verdict == finding.verdict), None)
    found = _deciding(claim) if claim else None
    if claim is None or found is None:
        return Decider("–", b"", "")
    (name, value, low, high, limit) = found
    label = words(f"report.deciding.{name}")

    places = 1 if low is None or high is None else digits([(high - low) / 2])

    def shown(number_of: float) -> str:
        return words.number(number_of, "g") if name in WHOLE else number(words, number_of, places)

    unit = "%" if name in PERCENT else words("report.deciding.points") if name in POINTS else ""
    if low is None or high is None:
        return Decider(words("report.deciding.number", label=label, value=shown(value) + unit), b"", "")
    fields = {"label": label, "value": shown(value) + unit, "low": shown(low), "high": shown(high)}
    line = 0.0 if limit is None else limit if value >= 0 else -limit
    alt = words("report.deciding.alt", line=shown(line), **fields)
    return Decider(words("report.deciding.interval", **fields), interval(value, low, high, line, claim.verdict), alt)


def _deciding(claim: WordedClaim) -> tuple[str, float, float | None, float | None, float | None] | None:
    """What the number is called, its value, interval and limit: where a claim has several, those that hold show the
    first, those that fail the last, and of those that cannot be told one whose interval has the limit in it."""
    known = []
    for name, facts in claim.facts:
        entry = DECIDING.get(name.removesuffix("_main"))
        if entry is None:
            continue
        keys, scale, called = entry
        key = next((k for k in keys if isinstance(facts.get(k), int | float)), None)
        if key is None:
            continue
        limit = facts.get("limit")
        numbers = [facts.get(k) for k in (key, f"{key}_low", f"{key}_high")]
        value, low, high = (float(n) * scale if isinstance(n, int | float) else None for n in numbers)
        at = float(limit) * scale if isinstance(limit, int | float) else None
        known.append((called, value or 0.0, low, high, at))
    if not known:
        return None
    if claim.verdict == "unknown":
        open_ = [k for k in known if k[2] is not None and k[3] is not None and k[2] <= (k[4] or 0.0) <= k[3]]
        return (open_ or known)[-1]
    return known[0] if claim.verdict == "holds" else known[-1]


def interval(value: float, low: float, high: float, line: float, verdict: Verdict | str) -> bytes:
    """An interval as an SVG: its dot, and a dashed line where the claim begins to hold or to fail."""
    ends = [low, high, line]
    start, width = min(ends), max(max(ends) - min(ends), 1e-12)

    def at(number: float) -> str:
        return f"{6 + (number - start) / width * (WIDE - 12):.1f}"

    middle, colour = HIGH / 2, COLOURS[verdict if verdict in COLOURS else "unknown"]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH}">'
        f'<path d="M{at(line)} 1V{HIGH - 1}" stroke="#7d868f" stroke-width="1.5" stroke-dasharray="3 2"/>'
        f'<path d="M{at(low)} {middle}H{at(high)}" stroke="{colour}" stroke-width="2.5" stroke-linecap="round"/>'
        f'<circle cx="{at(value)}" cy="{middle}" r="3.5" fill="{colour}"/></svg>'
    ).encode()
