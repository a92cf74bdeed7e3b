"""The picture of a calibration: the probability that pairs claim against the share of them that is right."""

from __future__ import annotations

from benchmarks.crowded.judge import Bin

_SIZE, _MARGIN = 400, 52
_COLOURS = ("#0072b2", "#d55e00")
_TOLERANCE = 0.03


def calibration_svg(bins: dict[str, list[Bin]]) -> str:
    """An SVG of the bins of one or two decisions, with errors of 1 sigma; grey: within 3 % of the diagonal."""
    side = _SIZE - 2 * _MARGIN

    def x(value: float) -> float:
        return round(_MARGIN + side * value, 1)

    def y(value: float) -> float:
        return round(_SIZE - _MARGIN - side * value, 1)

    near, far = _TOLERANCE, 1.0 - _TOLERANCE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" font-family="sans-serif" '
        'font-size="12" fill="#1b1f24">',
        "<title>Probability that candidates claim against the share of them that is right</title>",
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="#ffffff"/>',
        f'<path d="M{x(0)} {y(near)}L{x(far)} {y(1)}H{x(1)}V{y(far)}L{x(near)} {y(0)}H{x(0)}Z" fill="#e3e7ec"/>',
        f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="#c9ced6"/>',
        f'<rect x="{x(0)}" y="{y(1)}" width="{side}" height="{side}" fill="none" stroke="#1b1f24"/>',
        f'<text x="{x(0.5)}" y="{_SIZE - 12}" text-anchor="middle">probability claimed</text>',
        f'<text x="16" y="{y(0.5)}" text-anchor="middle" transform="rotate(-90 16 {y(0.5)})">share right</text>',
    ]
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(f'<text x="{x(tick)}" y="{y(0) + 17}" text-anchor="middle">{tick:.1f}</text>')
        parts.append(f'<text x="{x(0) - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:.1f}</text>')
    for row, (colour, (name, of_one)) in enumerate(zip(_COLOURS, bins.items(), strict=False)):
        parts.append(f'<circle cx="{x(0.05)}" cy="{y(0.94 - 0.06 * row)}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x(0.08)}" y="{y(0.94 - 0.06 * row) + 4}">{name}</text>')
        for one in of_one:
            low, high = max(one.right - one.error, 0.0), min(one.right + one.error, 1.0)
            tip = f"<title>{one.pairs:,} pairs: {one.claimed:.3f} claimed, {one.right:.3f} right</title>"
            parts.append(f'<path d="M{x(one.claimed)} {y(low)}V{y(high)}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{x(one.claimed)}" cy="{y(one.right)}" r="4" fill="{colour}">{tip}</circle>')
    return "\n".join([*parts, "</svg>\n"])
