"""Which latent size is enough, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latente.evaluation.comparison.elbow import Elbow, Size
from latente.evaluation.comparison.power import POWER, TYPICAL
from latente.interfaces.naming import number_name
from latente.interfaces.numbers import digits, in_nats, number
from latente.interfaces.words import Words


def sentences(found: Elbow, words: Words) -> list[str]:
    """The recommendation, what it leaves open, and what it covers."""
    said = [verdict(found, words)]
    small = [
        s.latents for s in found.sizes if s.state == "small" and (found.chosen is None or s.latents < found.chosen)
    ]
    if small and found.shape != "falling":
        said.append(words("compare.elbow.small", sizes=words.joined([str(s) for s in small])))
    if found.possible and found.chosen is not None:
        said.append(words("compare.elbow.open", sizes=words.joined([str(s) for s in found.possible])))
    if found.seeds == 1 and found.seeds_needed is not None:
        told = {"power": f"{100 * POWER:g}", "ratio": words.number(TYPICAL, "g")}
        said.append(words("compare.elbow.one_seeds", seeds=words.number(found.seeds_needed, ",d"), **told))
    elif found.seeds == 1:
        said.append(words("compare.elbow.one"))
    elif found.examples == 1:
        said.append(words("compare.elbow.only_seeds", seeds=found.seeds))
    else:
        examples = words.number(found.examples, ",d")
        said.append(words("compare.elbow.seeds", seeds=found.seeds, examples=examples))
    if found.aside:
        said.append(words("compare.elbow.aside", count=found.aside))
    if found.shape == "unknown" and found.seeds > 1:
        said.append(words("compare.elbow.more"))
    if found.column == "loss":
        said.append(words("compare.elbow.bound"))
    return said


def verdict(found: Elbow, words: Words) -> str:
    """The recommendation in one sentence; with one seed it says that it is about these weights."""
    said = _verdict(found, words)
    return words("compare.elbow.weights", verdict=said) if found.seeds == 1 and found.chosen is not None else said


def _verdict(found: Elbow, words: Words) -> str:
    places = digits(s.behind for s in found.sizes if s.latents != found.best)

    def told(value: float) -> str:
        text = number(words, value, places)
        return words("compare.elbow.nats", value=text) if in_nats(found.column) else text

    def against(size: Size) -> dict[str, str]:
        gap = size.behind
        return {"behind": told(gap.value), "low": number(words, gap.low, places), "high": told(gap.high)}

    level = f"{100 * found.level:g}"
    common: dict[str, Any] = {"level": level, "best": found.best, "tolerance": told(found.tolerance)}
    if found.chosen is None:
        if any(s.state == "small" for s in found.sizes):
            sizes = [str(s) for s in found.possible]
            head = ", ".join(sizes[:-1])
            possible = f"{head} {words('compare.elbow.or')} {sizes[-1]}" if head else sizes[-1]
            return words("compare.elbow.unknown", possible=possible)
        gain = {"gain": told(found.gain.value), "low": number(words, found.gain.low, places)}
        smallest = found.sizes[0].latents
        return words("compare.elbow.unknown_all", smallest=smallest, high=told(found.gain.high), **gain, **common)
    common |= {"chosen": found.chosen, "gain": told(found.gain.value)}
    if found.share is not None:
        common["share"] = f"{words.number(100 * found.share, 'g')}%"
    if found.shape == "falling":
        second = found.sizes[-2]
        return words("compare.elbow.falling", next=second.latents, **against(second), **common)
    if found.shape == "flat" and found.share is not None:
        return words("compare.elbow.flat", chosen=found.chosen, flat=told(found.flat))
    key = "elbow" if found.share is not None else "within"
    if found.chosen == found.best:
        return words(f"compare.elbow.{key}_best", **common)
    return words(f"compare.elbow.{key}", **against(found.at(found.chosen)), **common)


def described(found: Elbow, words: Words) -> tuple[str, str]:
    """The figure's caption, and the text for who cannot see it."""
    part = words(f"report.part.{found.split}") if found.split else ""
    told: dict[str, Any] = {"column": number_name(found.column, words), "part": part, "level": f"{100 * found.level:g}"}

    def listed(values: Sequence[tuple[int, float]], places: int) -> str:
        return words.joined(
            [words("compare.elbow.alt_value", size=s, value=number(words, v, places)) for s, v in values]
        )

    behind = digits(s.behind for s in found.sizes if s.latents != found.best)
    values = listed([(s.latents, s.mean.value) for s in found.sizes], digits(s.mean for s in found.sizes))
    behinds = listed([(s.latents, s.behind.value) for s in found.sizes], behind)
    alt = words("compare.elbow.alt", values=values, behinds=behinds, verdict=verdict(found, words), **told)
    return words("compare.elbow.caption", **told), alt
