"""What rules say of data before any training, in words, as plain values and as pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.analysis.conclusions.data_rules import forms_facts
from latente.analysis.conclusions.registry import DATA, claims_about, codes, rules
from latente.analysis.data_check import DataCheck, checked
from latente.data.images import image_forms
from latente.data.load import AnySource, load_data
from latente.data.split import Data
from latente.language.words import Words
from latente.plain import one_line
from latente.report.conclusions import WordedClaim, every_rule, worded_rule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12
"""Copies and doubtful labels that a figure has."""


@dataclass(frozen=True, repr=False)
class DataFindings:
    """What was found in data.

    Attributes:
        data: the data set, split.
        claims: every finding in words, by code; ``matters`` says whether it was found.
        numbers: what each read, by code.
        check: the measurements: copies, doubtful labels with where they are, columns.
    """

    data: Data
    claims: tuple[WordedClaim, ...]
    numbers: Mapping[str, Mapping[str, Any]]
    check: DataCheck
    words: Words

    @property
    def found(self) -> tuple[WordedClaim, ...]:
        """Those that were found."""
        return tuple(c for c in self.claims if c.matters)

    def failing(self, patterns: Iterable[str]) -> list[str]:
        """The codes of those found that patterns mean: codes, families, and severities ("warning": errors, too).

        Raises:
            SpecError: a pattern means no rule that is known.
        """
        asked = codes(patterns, severities=True)
        return [c.code for c in self.found if c.code in asked]

    def lines(self) -> list[str]:
        """A line each, those found first; then doubtful labels and copies, where they are."""
        words = self.words
        counts = self.check.counts
        names = {"name": self.data.name, **{p: counts[p] for p in counts}}
        said = [words("data_findings.sampled" if self.check.sampled else "data_findings.looked", **names)]
        for claim in (*self.found, *(c for c in self.claims if not c.matters)):
            said.append(_line(claim, words))
        for pair in self.check.copies.pairs[:SHOWN]:
            (a, i), (b, j) = pair.first, pair.second
            kind = "exact" if pair.distance == 0 else "near"
            said.append(words(f"data_findings.{kind}", a=a, i=i, b=b, j=j, distance=pair.distance))
        for doubt in self._doubts:
            where, row = doubt.at
            votes = {"votes": doubt.votes, "of": len(doubt.neighbours)}
            said.append(words("data_findings.doubt", part=where, row=row, own=doubt.label, other=doubt.other, **votes))
        more = len(self.check.doubts.doubts) - SHOWN if self.check.doubts else 0
        if more > 0:
            said.append(words("data_findings.more", count=more))
        return said

    @property
    def _doubts(self) -> Any:
        return self.check.doubts.doubts[:SHOWN] if self.check.doubts else ()

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def table(self) -> list[dict[str, Any]]:
        """Every finding as plain values, for JSON; those of copies and labels with the rows they are of."""
        at = {
            "LT001": [p for p in self.check.copies.pairs if p.first[0] != p.second[0]],
            "LT002": [p for p in self.check.copies.pairs if p.first[0] == p.second[0]],
        }
        rows: dict[str, list[dict[str, Any]]] = {
            code: [{"first": p.first, "second": p.second, "distance": p.distance} for p in pairs]
            for code, pairs in at.items()
        }
        if self.check.doubts:
            rows["LT006"] = [
                {"at": d.at, "label": d.label, "other": d.other, "votes": d.votes} for d in self.check.doubts.doubts
            ]
        return [
            {
                "code": c.code, "severity": c.severity, "verdict": c.verdict, "found": c.matters, "text": c.text,
                "evidence": list(c.evidence), "do": c.do, "numbers": dict(self.numbers[c.code]),
                "rows": rows.get(c.code, []),
            }
            for c in self.claims
        ]  # fmt: skip

    def json(self) -> list[str]:
        """`table`, a line of JSON each."""
        return [json.dumps(row, ensure_ascii=False) for row in self.table()]

    def figures(self) -> dict[str, Figure]:
        """Pictures of images by their names: copies beside each other, doubtful labels with their neighbours'."""
        if not self.data.is_image:
            return {}
        from latente.report.figures.images import ImageRows, image_grid

        words, span, found = self.words, self.data.value_range(), {}

        def image(at: tuple[str, int]) -> NDArray[np.float32]:
            pixels: NDArray[np.float32] = self.data.values(self.data.part(at[0]).x[at[1] : at[1] + 1])[0]
            return pixels

        def label(at: tuple[str, int]) -> str:
            y = self.data.part(at[0]).y
            return "" if y is None else self.data.classes[int(y[at[1]])]

        pairs = self.check.copies.pairs[:SHOWN]
        if pairs:
            rows = [np.stack([image(p.first) for p in pairs]), np.stack([image(p.second) for p in pairs])]
            names = [words("data_findings.first"), words("data_findings.second")]
            distances = [f"{p.distance:.1%}" for p in pairs]
            found["copies"] = image_grid([ImageRows(names, rows, distances, words("data_findings.copies"))], span)
        parts = []
        for doubt in self._doubts:
            row = np.stack([image(doubt.at), *(image(n) for n in doubt.neighbours)])
            names = [f"{doubt.at[0]} {doubt.at[1]}"]
            parts.append(ImageRows(names, [row], [doubt.label, *(label(n) for n in doubt.neighbours)]))
        if parts:
            parts[0] = ImageRows(parts[0].names, parts[0].rows, parts[0].labels, words("data_findings.doubts"))
            found["labels"] = image_grid(parts, span, tight=True)
        return found


def check_data(
    source: AnySource | Data, *, ignore: Iterable[str] = (), lang: str | None = None, **options: Any
) -> DataFindings:
    """What is odd about data, before anything is trained: copies across parts, labels that neighbours contradict, ….

    Args:
        source: what `load_data` takes, or what it returned.
        ignore: codes of findings to leave out, or families such as "LT0xx".
        lang: the language of the sentences, "en" or "pt"; by default the user's locale.
        options: of `load_data`; missing values are kept and values left as they are unless they say otherwise.

    Raises:
        DataError, SpecError, DownloadError: as `load_data`; a code that is not known.
    """
    left_out, words = codes(ignore), Words(lang)
    every_rule()
    data = source if isinstance(source, Data) else load_data(source, **{"missing": "keep", "scale": "none"} | options)
    claims = [(c, worded_rule(c, words)) for c in claims_about(DATA, data)]
    kept = [(claim, said) for claim, said in claims if said.code not in left_out]
    return DataFindings(
        data, tuple(said for _, said in kept), {said.code: claim.values for claim, said in kept}, checked(data), words
    )


def of_forms(folder: Path, words: Words) -> list[str]:
    """What is said of a folder whose images have several sizes or modes, a line; and the first that differ."""
    found = image_forms(folder) if folder.is_dir() else {}
    forms = Counter(found.values())
    if len(forms) < 2:
        return []
    every_rule()
    usual = forms.most_common(1)[0][0]
    (claim,) = rules["mixed-forms"].claims_of(forms_facts(forms))
    odd = [f"  {one_line(path)}: {form}" for path, form in found.items() if form != usual]
    return [_line(worded_rule(claim, words), words), *odd[:SHOWN]]


def _line(claim: WordedClaim, words: Words) -> str:
    verdict, severity = words(f"findings.verdict.{claim.verdict}"), words(f"data_findings.{claim.severity}")
    do = [f"→ {claim.do}"] if claim.matters and claim.do else []
    return " ".join([f"{claim.code} {severity} [{verdict}]", claim.text, *claim.evidence, *do])
