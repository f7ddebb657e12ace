"""Which points lie in the k-nearest-neighbour balls of others, also with groups of both left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.metrics.neighbours import MEMORY, blocks, nearest, squared_distances

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

TIE = 1e-12
"""Rounding of squared distances relative to the largest: a point this near to a ball's surface is not inside."""


@dataclass(frozen=True)
class Membership:
    """Column 0 is of all points and balls, column 1 + g without those of group g.

    Attributes:
        balls: how many balls each point lies in, shape (points, 1 + groups).
        points: how many points each ball holds, shape (centres, 1 + groups).
    """

    balls: NDArray[np.int64]
    points: NDArray[np.int64]


def radii(x: Floats, k: int, group: Labels, groups: int) -> Floats:
    """Distance of each x to its k-th nearest other, with all (column 0) and without each group; (n, 1 + groups)."""
    found = np.full((len(x), 1 + groups), np.nan)
    todo, ask = np.arange(len(x)), min(len(x) - 1, k + max(10, 3 * k))
    near = nearest(x, x, ask, same=True)
    found[:, 0] = near.distance[:, k - 1]
    while True:
        for left in range(groups):
            rank = np.cumsum(group[near.index] != left, axis=1)
            place = (rank < k).sum(axis=1)
            enough = place < rank.shape[1]
            found[todo[enough], 1 + left] = near.distance[np.flatnonzero(enough), place[enough]]
        missing = np.isnan(found).any(axis=1)
        if not missing.any() or ask == len(x) - 1:
            return found
        # Neighbours all of one group: rare, so that asking again for more of them costs little.
        ask = min(len(x) - 1, 4 * ask)
        todo, near = np.arange(len(x)), nearest(x, x, ask, same=True)


def membership(
    points: Floats, point_group: Labels, centres: Floats, centre_group: Labels, radius: Floats, *, memory: int = MEMORY
) -> Membership:
    """Count points strictly inside balls around centres, for every group left out, in one pass over the distances.

    Args:
        points, centres: shapes (n, d) and (m, d).
        point_group, centre_group: of each, in 0..groups − 1.
        radius: of each ball, shape (m, 1 + groups), see `radii`.
        memory: bytes that a block of distances may take.
    """
    columns = radius.shape[1]
    balls = np.zeros((len(points), columns), np.int64)
    held = np.zeros((len(centres), columns), np.int64)
    middle = centres.mean(axis=0)
    p, c = points - middle, centres - middle
    squared = (c**2).sum(axis=1)
    limit = radius**2 - TIE * max(float(squared.max()), float((p**2).sum(axis=1).max()))
    largest = limit.max(axis=1)
    for part in blocks(len(p), 2 * len(c), memory):
        apart = squared_distances(p[part], c, squared)
        # Few pairs are inside of even the largest ball: only they are looked at group by group.
        flat = np.flatnonzero(apart < largest)
        row, column = np.divmod(flat, len(c))
        distance = apart.ravel()[flat]
        for at in range(columns):
            inside = distance < limit[column, at]
            if at:
                inside &= (centre_group[column] != at - 1) & (point_group[part][row] != at - 1)
            balls[part, at] = np.bincount(row[inside], minlength=len(apart))
            held[:, at] += np.bincount(column[inside], minlength=len(c))
    return Membership(balls, held)
