"""Footprints of detectors: the areas within closed outlines on the sky, whose points are joined by great circles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from ssdb.errors import InputError, shown
from ssdb.sky.sphere import positions, separations, smallest_caps, tangent_offsets, unit_vectors
from ssdb.units import ARCSEC, ARCSEC_PER_DEG, Array, Index

MAX_OUTLINE_RADIUS_DEG = 60.0
"""An outline with points farther than this from the centre of its cap is not a detector's."""

VERTEX_BYTES = 16
"""Of a packed outline, each vertex."""

_TOUCHING_ARCSEC = 1e-6
"""Parts of an outline nearer to each other than this touch: positions in degrees are rounded at 1e-10 arcsec."""

_BLOCK = 2**15
"""(Vertex, edge) pairs that are looked at in one go: the arrays of a block stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """Outlines of d detectors, one behind the other, n vertices together."""

    vertices: Array
    """(n, 2): ra and dec in degrees. The last vertex of an outline does not repeat its first."""
    starts: Index
    """(d + 1,): where each outline starts in ``vertices``, and n. An outline without vertices is unknown."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def counts(self) -> Index:
        """Vertices of each outline, shape (d,)."""
        return self.starts[1:] - self.starts[:-1]

    @property
    def owners(self) -> Index:
        """The outline of each vertex, shape (n,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def take(self, rows: Index) -> Outlines:
        """Some of the outlines, in the order of ``rows``."""
        counts = self.counts[rows]
        return Outlines(self.vertices[ranges(self.starts[rows], counts)], _starts(counts))


def join_outlines(outlines: Sequence[Array]) -> Outlines:
    """Outlines, each of shape (k, 2), one behind the other; a last vertex that repeats the first is left out."""
    vertices = np.concatenate(outlines).astype(float) if outlines else np.empty((0, 2))
    return open_outlines(vertices, _starts([len(outline) for outline in outlines]))


def open_outlines(vertices: Array, starts: Index) -> Outlines:
    """Outlines as of :class:`Outlines`, where a last vertex that repeats the first is left out."""
    first, last = starts[:-1], starts[1:] - 1
    kept = np.ones(len(vertices), bool)
    several = last > first
    first, last = first[several], last[several]
    kept[last] = (vertices[first] != vertices[last]).any(axis=1)
    return Outlines(vertices[kept], np.concatenate([[0], np.cumsum(kept)])[starts])


def pack_outlines(outlines: Outlines) -> list[bytes]:
    """Each outline as bytes: pairs of little-endian doubles, ra and dec in degrees."""
    packed, ends = outlines.vertices.astype("<f8").tobytes(), (VERTEX_BYTES * outlines.starts).tolist()
    return [packed[start:end] for start, end in pairwise(ends)]


def unpack_outlines(packed: Sequence[bytes | None]) -> Outlines:
    """The outlines that :func:`pack_outlines` packed; None has no vertices."""
    parts = [part or b"" for part in packed]
    vertices = np.frombuffer(b"".join(parts), dtype="<f8").reshape(-1, 2).astype(np.float64)
    return Outlines(vertices, _starts([len(part) // VERTEX_BYTES for part in parts]))


def validate_outline(ra: ArrayLike, dec: ArrayLike) -> Array:
    """Raises InputError if vertices (degrees) are not the simple polygon of a detector: :func:`outline_problems`.

    Otherwise returns its cap, as :func:`bounding_caps` does, shape (3,).
    """
    outlines = join_outlines([np.column_stack([np.asarray(ra, float), np.asarray(dec, float)])])
    problems, caps = examine_outlines(outlines)
    if problems:
        raise InputError(f"outline: {problems[0]}")
    return caps[0]


def outline_problems(outlines: Outlines) -> dict[int, str]:
    """What is wrong with those outlines that are not simple polygons of detectors, by index, ascending.

    A vertex is not finite or not on the sky, fewer than three are distinct, the outline is wider than 60 degrees from
    the centre of its cap, crosses or touches itself, or encloses nothing.
    """
    return examine_outlines(outlines)[0]


def examine_outlines(outlines: Outlines) -> tuple[dict[int, str], Array]:
    """What is wrong with outlines, as of :func:`outline_problems`; and, if that is nothing, their caps.

    The caps are those of :func:`bounding_caps`. Where something is wrong, some are left out.
    """
    problems: dict[int, str] = {}
    wrong = ~(np.isfinite(outlines.vertices[:, 0]) & (np.abs(outlines.vertices[:, 1]) <= 90.0))
    for row in np.unique(outlines.owners[wrong]).tolist():
        which = np.flatnonzero(wrong[outlines.starts[row] : outlines.starts[row + 1]])
        problems[row] = f"vertices {shown(which)} (from 0) are not positions in degrees"
    for row in np.flatnonzero(outlines.counts < 3).tolist():
        problems.setdefault(row, f"{outlines.counts[row]} vertices, at least 3 are needed")

    rows = np.setdiff1d(np.arange(len(outlines)), list(problems))
    caps = bounding_caps(outlines.take(rows))
    wide = caps[:, 2] > MAX_OUTLINE_RADIUS_DEG
    for row, radius in zip(rows[wide].tolist(), caps[wide, 2], strict=True):
        problems[row] = (
            f"reaches {radius:.1f} deg from its centre, at most {MAX_OUTLINE_RADIUS_DEG:.0f} are possible; "
            "is ra, dec in degrees?"
        )
    rows, caps = rows[~wide], caps[~wide]
    flat = _without_repeats(_in_plane(outlines.take(rows), caps))
    for row in rows[flat.counts < 3].tolist():
        problems[row] = "fewer than 3 distinct vertices"
    for group, index in _alike(flat, 3, lambda count: count**2):
        problems |= _polygon_problems(rows[group], flat.vertices[index])
    return dict(sorted(problems.items())), caps


def bounding_caps(outlines: Outlines) -> Array:
    """The smallest caps round outlines, shape (d, 3): capRa, capDec, capRadius, degrees.

    A cap smaller than a hemisphere is convex: with its vertices it holds the great circles that join them. The radius
    is 180 where no such cap holds the vertices, NaN where there are none.
    """
    caps = np.full((len(outlines), 3), np.nan)
    points = unit_vectors(outlines.vertices[:, 0], outlines.vertices[:, 1])
    for group, index in _alike(outlines, 1, lambda count: count):
        centers, radii = smallest_caps(points[index])
        cap_ra, cap_dec = positions(centers)
        ra, dec = np.moveaxis(outlines.vertices[index], -1, 0)
        # From the centre as it is stored, so that its rounding leaves no vertex outside.
        reach = separations(cap_ra[:, None], cap_dec[:, None], ra, dec).max(axis=1) / ARCSEC_PER_DEG
        caps[group] = np.column_stack([cap_ra, cap_dec, np.where(radii < 180.0, reach, 180.0)])
    return caps


def outline_areas(outlines: Outlines) -> Array:
    """Areas (d,) that outlines enclose, square arcseconds; of at least a vertex each, in either orientation.

    Sum of the signed spherical excesses of the triangles of the first vertex and each edge, from
    tan(E/2) = a . (b x c) / (1 + a . b + b . c + c . a) (van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30,
    125), the triple product taken of differences, which stays exact in tiny outlines.
    """
    b = unit_vectors(outlines.vertices[:, 0], outlines.vertices[:, 1])
    a, c = b[outlines.starts[outlines.owners]], b[next_vertices(outlines)]
    triple = np.einsum("ij,ij->i", np.cross(b - a, c - a), a)
    cosines = (np.einsum("ij,ij->i", *sides) for sides in ((a, b), (b, c), (c, a)))
    excess = 2.0 * np.arctan2(triple, 1.0 + sum(cosines))
    return np.abs(np.add.reduceat(excess, outlines.starts[:-1])) / ARCSEC**2


def next_vertices(outlines: Outlines) -> Index:
    """The vertex after each in its outline, shape (n,): the first after the last."""
    following = np.arange(1, len(outlines.vertices) + 1)
    known = outlines.counts > 0
    following[outlines.starts[1:][known] - 1] = outlines.starts[:-1][known]
    return following


def ranges(starts: Index, counts: Index) -> Index:
    """The numbers start, start + 1, ... of each range, one range behind the other."""
    skipped = starts - (np.cumsum(counts) - counts)
    return np.arange(counts.sum()) + np.repeat(skipped, counts)


def _starts(counts: ArrayLike) -> Index:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)


def _alike(outlines: Outlines, fewest: int, size: Callable[[int], int]) -> Iterator[tuple[Index, Index]]:
    """Groups of outlines with one number of vertices, ``fewest`` or more: the outlines (g,), their vertices (g, k)."""
    counts = outlines.counts
    for count in np.unique(counts[counts >= fewest]).tolist():
        rows = np.flatnonzero(counts == count)
        step = max(1, _BLOCK // size(count))
        for first in range(0, len(rows), step):
            group = rows[first : first + step]
            yield group, outlines.starts[group][:, None] + np.arange(count)


def _in_plane(outlines: Outlines, caps: Array) -> Outlines:
    """The outlines in the planes that touch the sky at the centres of their caps, arcseconds east and north."""
    center = caps[outlines.owners]
    offsets = tangent_offsets(center[:, 0], center[:, 1], outlines.vertices[:, 0], outlines.vertices[:, 1])
    return Outlines(np.stack(offsets, axis=-1), outlines.starts)


def _without_repeats(flat: Outlines) -> Outlines:
    """Outlines in a plane without vertices that repeat the one after them: harmless, but no edges."""
    step = flat.vertices[next_vertices(flat)] - flat.vertices
    kept = np.abs(step).max(axis=1, initial=0.0) > _TOUCHING_ARCSEC
    return Outlines(flat.vertices[kept], np.concatenate([[0], np.cumsum(kept)])[flat.starts])


def _polygon_problems(rows: Index, vertices: Array) -> dict[int, str]:
    """What is wrong with polygons, vertices (g, n, 2) in a plane in arcseconds, that are not simple or have no area.

    Edges cross, the area is zero, or a vertex lies on an edge that is not its own; by the number in ``rows``.
    """
    n = vertices.shape[1]
    edges = np.roll(vertices, -1, axis=1) - vertices
    x, y = edges[:, :, None, 0], edges[:, :, None, 1]
    # [g, i, j]: vertex j seen from the start of edge i
    from_x, from_y = (vertices[:, None, :, axis] - vertices[:, :, None, axis] for axis in (0, 1))
    side = x * from_y - y * from_x
    left = side > 0
    splits = (left != np.roll(left, -1, axis=2)) & (side != 0) & (np.roll(side, -1, axis=2) != 0)
    crossing = splits & splits.transpose(0, 2, 1)
    lengths = np.hypot(edges[..., 0], edges[..., 1])
    # The triangles of the first vertex and each edge.
    area = 0.5 * np.abs(side[:, :, 0].sum(axis=1))
    fraction = np.clip((x * from_x + y * from_y) / lengths[:, :, None] ** 2, 0.0, 1.0)
    touching = np.hypot(from_x - fraction * x, from_y - fraction * y) <= _TOUCHING_ARCSEC
    own = np.eye(n, dtype=bool)
    touching &= ~(own | np.roll(own, 1, axis=1))

    problems: dict[int, str] = {}
    crosses, touches = crossing.any(axis=(1, 2)), touching.any(axis=(1, 2))
    empty = area <= _TOUCHING_ARCSEC * lengths.sum(axis=1)
    for member in np.flatnonzero(crosses | empty | touches).tolist():
        if crosses[member]:
            pairs = (f"{i}-{(i + 1) % n} and {j}-{(j + 1) % n}" for i, j in np.argwhere(np.triu(crossing[member])))
            problem = f"crosses itself (edges {shown(pairs)}); are the vertices in order along the border?"
        elif empty[member]:
            problem = "encloses no area"
        else:
            problem = f"touches itself (at vertices {shown(np.flatnonzero(touching[member].any(axis=0)))})"
        problems[int(rows[member])] = problem
    return problems
