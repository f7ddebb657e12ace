"""The data that a run was trained on: read again from where it is, and checked to be that."""

from __future__ import annotations

import dataclasses
from typing import Any

from latente.data.conditions import conditions_of
from latente.data.load import ARRAYS, AnySource, load_spec
from latente.data.source import DataColumn, Factor
from latente.data.split import PARTS, Data, Split
from latente.data.units import Units
from latente.errors import DataError, DownloadError
from latente.spec import DataSpec


class AbsentData(Data):
    """What a run's folder knows of data that is not here: the card, and how its numbers became model values.

    Its parts have a length and nothing else.

    Args:
        spec: how it was read.
        card: its data card.
        units: where they are known.
        why: what to say to who asks for more.
    """

    why: DataError

    def __init__(self, spec: DataSpec, card: dict[str, Any], units: Units | None, why: DataError) -> None:
        factors = tuple(Factor(n, tuple(map(float, range(count)))) for n, count in card.get("factors", {}).items())
        texts = card.get("categories", {})
        found: dict[str, Any] = {
            "features": tuple(DataColumn(n, tuple(texts.get(n, ()))) for n in card.get("features", ())),
            "conditions": tuple(conditions_of(card)),
            "name": card["name"], "classes": tuple(map(str, card["classes"])), "spec": spec, "known": factors,
            "fingerprint": str(card["fingerprint"]), "why": why, "_facts": (card, units),
        }  # fmt: skip
        found |= {part: _AbsentPart(int(card["counts"][part]), why) for part in PARTS}
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name in Data.__dataclass_fields__:
            raise DataError(str(self.why))
        raise AttributeError(name)

    @property
    def missing(self) -> bool:
        """Whether any value of any part may be missing."""
        return any(self.card().get("missing", {}).values())

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.card()["shape"])

    @property
    def units(self) -> Units:
        """How examples are stored and how a model sees them."""
        units: Units | None = vars(self)["_facts"][1]
        if units is None:
            raise DataError(str(self.why))
        return units

    def value_range(self) -> tuple[float, float]:
        """As in the data card."""
        low, high = map(float, self.card()["range"])
        return low, high

    def card(self) -> dict[str, Any]:
        """The data card."""
        card: dict[str, Any] = vars(self)["_facts"][0]
        return card

    def _summary(self) -> tuple[str, list[tuple[str, object]]]:
        return f"data {self.name}, which is not here", [("fingerprint", self.fingerprint)]


class _AbsentPart:
    """A part of which only the length is known."""

    def __init__(self, count: int, why: DataError) -> None:
        self._count, self._why = count, why

    def __len__(self) -> int:
        return self._count

    def __getattr__(self, name: str) -> Any:
        if name in Split.__dataclass_fields__:
            raise DataError(str(self._why))
        raise AttributeError(name)


def known_data(spec: DataSpec, card: dict[str, Any], units: Units | None) -> Data:
    """The data that a run was trained on, or what is known of it where it is not there any more.

    Raises:
        DataError: something else is there.
    """
    if spec.source == ARRAYS:
        return AbsentData(spec, card, units, no_arrays(card))
    try:
        found = found_data(spec, fingerprint=card["fingerprint"])
    except DataError as error:
        return AbsentData(spec, card, units, error)
    return read_data(spec, card, found)


def no_arrays(card: dict[str, Any]) -> DataError:
    """What to say of data that was given as arrays."""
    return DataError(
        "this run was trained on arrays, which are not kept; give them again: latente.load(folder, data=(x, y)), or on "
        f"the command line --data FILE of a file that holds them (fingerprint {str(card['fingerprint'])[:12]})"
    )


def found_data(spec: DataSpec, source: AnySource | None = None, fingerprint: str = "") -> Data:
    """The data of a spec, from where it was or from another source; ``fingerprint`` is what it should have, if known.

    Raises:
        DataError: it is gone; what to do if it has moved.
    """
    try:
        return load_spec(spec, source)
    except DownloadError:
        raise
    except DataError as error:
        if source is not None:
            raise
        text = str(error)
        which = f" (fingerprint {fingerprint[:12]})" if fingerprint else ""
        raise DataError(
            f"{text}{'' if text.endswith(('.', '?')) else '.'} If the data has moved, say where it is: --data PATH on "
            f"the command line, latente.load(folder, data=PATH) from Python{which}"
        ) from None


def read_data(spec: DataSpec, card: dict[str, Any], data: Data | AnySource | None = None) -> Data:
    """The data that a run was trained on, checked to be that, and called as it was then.

    Args:
        spec: how it was read.
        card: its data card.
        data: it, or where it is now; None: where it was.

    Raises:
        DataError: it is gone, or something else.
    """
    if not isinstance(data, Data):
        data = found_data(spec, data, str(card["fingerprint"]))
    if data.fingerprint != card["fingerprint"]:
        raise DataError(
            f"{data.name}: is not the data the run was trained on (fingerprint {data.fingerprint[:12]}, "
            f"then {str(card['fingerprint'])[:12]}); give the same data and split"
        )
    return data if data.name == card["name"] else dataclasses.replace(data, name=card["name"])
