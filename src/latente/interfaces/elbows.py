"""Which latent size is enough: the elbow in words and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from latente.evaluation.comparison.elbow import Elbow, Size
from latente.interfaces.drawing import BLUE, INK, MUTED, ORANGE, WIDTH, localise, plain, style
from latente.interfaces.numbers import digits, in_nats, number
from latente.interfaces.words import Words, default_language

REACH = 3.0
"""The right panel shows up to so many times what may be missing."""


def sentences(found: Elbow, words: Words) -> list[str]:
    """The recommendation, what it leaves open, and what it covers."""
    said = [_verdict(found, words)]
    small = [
        s.latents for s in found.sizes if s.state == "small" and (found.chosen is None or s.latents < found.chosen)
    ]
    if small and found.shape != "falling":
        said.append(words("compare.elbow.small", sizes=words.joined([str(s) for s in small])))
    if found.possible and found.chosen is not None:
        said.append(words("compare.elbow.open", sizes=words.joined([str(s) for s in found.possible])))
    if found.seeds == 1:
        said.append(words("compare.elbow.one"))
    elif found.examples == 1:
        said.append(words("compare.elbow.only_seeds", seeds=found.seeds))
    else:
        examples = words.number(found.examples, ",d")
        said.append(words("compare.elbow.seeds", seeds=found.seeds, examples=examples))
    if found.shape == "unknown" and found.seeds > 1:
        said.append(words("compare.elbow.more"))
    return said


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


def figure(found: Elbow, lang: str | None = None) -> Figure:
    """The curve with its intervals, and how far each size is behind the best, the chosen one marked.

    Args:
        found: what `latente.elbow` returned.
        lang: "en" or "pt"; by default the user's locale.

    Raises:
        SpecError: another language.
    """
    return draw(found, Words(lang or default_language()))


def draw(found: Elbow, words: Words) -> Figure:
    """As `figure`, in the words of one language."""
    sizes = [s.latents for s in found.sizes]
    limit = found.flat if found.share is not None and found.shape == "flat" else found.tolerance
    with style():
        made = Figure(figsize=(WIDTH, 2.8), layout="constrained")
        left, right = made.subplots(1, 2)
        _bars(left, sizes, [s.mean for s in found.sizes])
        _bars(right, sizes, [s.behind for s in found.sizes])
        unit = "_nats" if in_nats(found.column) else ""
        part = words(f"report.part.{found.split}") if found.split else ""
        left.set_ylabel(words(f"compare.elbow.axis{unit}", column=plain(found.column, 32), part=part))
        right.set_ylabel(words(f"compare.elbow.behind{unit}"))
        _zoom(right, found, limit, words)
        for ax, values in ((left, [s.mean.value for s in found.sizes]), (right, [s.behind.value for s in found.sizes])):
            ax.set_xscale("log", base=2)
            ax.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
            ax.set_xlabel(words("figure.axis.latent_size"))
            localise(ax, words)
            ax.set_xticks(sizes, [str(s) for s in sizes])
            ax.set_xticks([], minor=True)
            if found.chosen is not None:
                at = sizes.index(found.chosen)
                ax.plot([found.chosen], [values[at]], "o", markersize=11, markerfacecolor="none",
                        markeredgecolor=ORANGE, markeredgewidth=1.6, clip_on=False)  # fmt: skip
        if found.chosen is not None:
            left.annotate(
                words("compare.elbow.chosen", size=found.chosen),
                (found.chosen, found.at(found.chosen).mean.value),
                xytext=(0, 14), textcoords="offset points", ha="center", fontsize=8, color=ORANGE,
            )  # fmt: skip
    return made


def _bars(ax: Any, sizes: Sequence[int], values: Sequence[Any]) -> None:
    below = [v.value - v.low for v in values]
    above = [v.high - v.value for v in values]
    middle = [v.value for v in values]
    ax.errorbar(sizes, middle, yerr=[below, above], color=BLUE, marker="o", capsize=2.5, elinewidth=1)


def _zoom(ax: Any, found: Elbow, limit: float, words: Words) -> None:
    """Show what is near the limit; say of the others how far up they are."""
    near = [s for s in found.sizes if s.behind.value <= REACH * limit]
    ends = [e for s in near for e in (s.behind.low, s.behind.high)]
    top = max([REACH * limit, *(e for e in ends if e < 2 * REACH * limit)])
    low = min([0.0, *ends])
    if len(near) < len(found.sizes) and top > low:
        ax.set_ylim(low - 0.08 * (top - low), top + 0.12 * (top - low))
        for size in found.sizes:
            if size not in near:
                places = digits([size.behind])
                ax.annotate("↑ " + number(words, size.behind.value, places), (size.latents, 1),
                            xycoords=("data", "axes fraction"), xytext=(0, -2), textcoords="offset points",
                            ha="center", va="top", fontsize=8, color=INK,
                            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"})  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.7)
    if limit > 0:
        ax.axhline(limit, color=ORANGE, linewidth=1, linestyle="--")
        text = words("compare.elbow.limit", value=number(words, limit, digits([limit])))
        ax.annotate(text, (1, limit), xycoords=("axes fraction", "data"), xytext=(-2, 3), textcoords="offset points",
                    ha="right", fontsize=8, color=ORANGE)  # fmt: skip


def described(found: Elbow, words: Words) -> tuple[str, str]:
    """The figure's caption, and the text for who cannot see it."""
    part = words(f"report.part.{found.split}") if found.split else ""
    told: dict[str, Any] = {"column": found.column, "part": part, "level": f"{100 * found.level:g}"}

    def listed(values: Sequence[tuple[int, float]], places: int) -> str:
        return words.joined(
            [words("compare.elbow.alt_value", size=s, value=number(words, v, places)) for s, v in values]
        )

    behind = digits(s.behind for s in found.sizes if s.latents != found.best)
    values = listed([(s.latents, s.mean.value) for s in found.sizes], digits(s.mean for s in found.sizes))
    behinds = listed([(s.latents, s.behind.value) for s in found.sizes], behind)
    alt = words("compare.elbow.alt", values=values, behinds=behinds, verdict=_verdict(found, words), **told)
    return words("compare.elbow.caption", **told), alt
