"""The picture of the calibration: what matches claim against how many of them are right."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SIZE, _MARGIN = 360, 48


def calibration_svg(rows: Sequence[tuple[float, float, float, float, int]]) -> str:
    """An SVG of rows (limits of log odds, probability claimed, share that is right, pairs) with errors of 1 sigma."""
    side = _SIZE - 2 * _MARGIN

    def x(value: float) -> float:
        return _MARGIN + side * value

    def y(value: float) -> float:
        return _SIZE - _MARGIN - side * value

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" font-family="sans-serif" font-size="11">',
        "<title>Calibration: probability claimed against the share of pairs that is right</title>",
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="#ffffff"/>',
        f'<path d="M{x(0)} {y(0.03)}L{x(0.97)} {y(1)}H{x(1)}V{y(0.97)}L{x(0.03)} {y(0)}H{x(0)}Z" fill="#e3e7ec"/>',
        f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="#c9ced6"/>',
        f'<rect x="{x(0)}" y="{y(1)}" width="{side}" height="{side}" fill="none" stroke="#1b1f24"/>',
    ]
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(f'<text x="{x(tick)}" y="{y(0) + 16}" text-anchor="middle">{tick:.1f}</text>')
        parts.append(f'<text x="{x(0) - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:.1f}</text>')
    parts.append(f'<text x="{x(0.5)}" y="{_SIZE - 10}" text-anchor="middle">probability claimed</text>')
    parts.append(
        f'<text x="14" y="{y(0.5)}" text-anchor="middle" transform="rotate(-90 14 {y(0.5)})">share that is right</text>'
    )
    for _, _, claimed, right, n in rows:
        error = math.sqrt(max(right * (1.0 - right), 0.25 / n) / n)
        low, high = max(right - error, 0.0), min(right + error, 1.0)
        parts.append(f'<path d="M{x(claimed):.1f} {y(low):.1f}V{y(high):.1f}" stroke="#0072b2"/>')
        parts.append(
            f'<circle cx="{x(claimed):.1f}" cy="{y(right):.1f}" r="3.5" fill="#0072b2"><title>{n:,} pairs</title></circle>'
        )
    return "\n".join([*parts, "</svg>\n"])
