"""A simulated pool as a picture (SVG): month by month a band from 5 % to 95 %, the median as a line."""

from collections.abc import Sequence
from html import escape

from linkpool.economics.outcome import Outcome, Spread

WIDTH, HEIGHT, LEFT, TOP, GAP = 860, 200, 96, 48, 64
STEPS = 4
INK, FAINT = "#1f2a44", "#d9dee8"


def chart(found: Outcome) -> str:
    """Three panels: the operator's result, the stakers' income, the requests missed of a million."""
    missed = [
        Spread((1 - one.high) * 1e6, (1 - one.middle) * 1e6, (1 - one.low) * 1e6) for one in found.uptimes
    ]
    panels = (
        ("operator: fee less gas and fleet, money a month", found.results, "#2a5ada"),
        ("stakers: income after fee and penalties, money a month", found.stakers, "#1d8a5b"),
        ("missed of a million requests", missed, "#b4443c"),
    )
    given = found.given
    title = (
        f"{given.nodes} nodes, {given.days:g} days, {given.requests_per_node_day:g} requests a node and day, "
        f"{found.runs} histories from seed {found.seed}"
    )
    height = TOP + len(panels) * (HEIGHT + GAP)
    body = [_text(LEFT, 26, title, size=15, weight="bold")]
    for number, (name, spreads, colour) in enumerate(panels):
        body += _panel(TOP + number * (HEIGHT + GAP), name, spreads, colour)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(body)}</svg>\n'
    )


def _panel(top: float, name: str, spreads: Sequence[Spread], colour: str) -> list[str]:
    low = min(0.0, *(one.low for one in spreads))
    high = max(0.0, *(one.high for one in spreads))
    span = (high - low) or 1.0
    base, right = top + 24, WIDTH - 24

    def x(month: float) -> float:
        return LEFT + (right - LEFT) * (month / max(len(spreads) - 1, 1))

    def y(value: float) -> float:
        return base + HEIGHT * (1 - (value - low) / span)

    parts = [_text(LEFT, top + 12, name, size=13)]
    for step in range(STEPS + 1):
        value = low + span * step / STEPS
        parts.append(_line([(LEFT, y(value)), (right, y(value))], FAINT, 1))
        parts.append(_text(LEFT - 8, y(value) + 4, f"{value:,.4g}", anchor="end"))
    parts.append(_line([(LEFT, y(0.0)), (right, y(0.0))], INK, 1))
    for month in range(0, len(spreads), max(len(spreads) // 12, 1)):
        parts.append(_text(x(month), base + HEIGHT + 16, str(month + 1), anchor="middle"))
    places = list(enumerate(spreads))
    band = [(x(m), y(one.high)) for m, one in places] + [(x(m), y(one.low)) for m, one in reversed(places)]
    parts.append(f'<polygon points="{_points(band)}" fill="{colour}" fill-opacity="0.18"/>')
    parts.append(_line([(x(month), y(one.middle)) for month, one in places], colour, 2.5))
    return parts


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _line(places: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    return f'<polyline points="{_points(places)}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 11, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{INK}">{escape(text)}</text>'
    )
