"""Charts as SVG files that need no script, readable in light and dark surroundings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """\
.paper{fill:#fff;stroke:#d5dbe3}text{font-family:system-ui,sans-serif;font-size:12px;fill:#1c2530}
.title{font-size:13px;font-weight:600}.small{font-size:11px;fill:#4a5a70}.grid{fill:none;stroke:#e3e8ef}
.ours{fill:#3866c8}.peer{fill:#8a94a6}.range{stroke:#1c2530;stroke-width:1.5}.dot{fill:#1c2530;fill-opacity:.35}
.limit{stroke:#c2410c;stroke-width:2;stroke-dasharray:4 3}.line{fill:none;stroke-width:1.5}
.m0{fill:#3866c8;stroke:#3866c8}.m1{fill:#0f8a6d;stroke:#0f8a6d}.m2{fill:#9333a8;stroke:#9333a8}.m3{fill:#a16207;stroke:#a16207}
@media (prefers-color-scheme:dark){.paper{fill:#1e222b;stroke:#3a4252}text{fill:#e6eaf2}.small{fill:#b3bdcc}
.grid{stroke:#333b49}.ours{fill:#7aa2f7}.peer{fill:#8a94a6}.range{stroke:#e6eaf2}.dot{fill:#e6eaf2}.limit{stroke:#fb923c}
.m0{fill:#7aa2f7;stroke:#7aa2f7}.m1{fill:#4fd1b0;stroke:#4fd1b0}.m2{fill:#d79be8;stroke:#d79be8}.m3{fill:#e3b341;stroke:#e3b341}}
"""

_WIDTH, _LEFT, _RIGHT = 780, 220, 200
_ROW, _TOP, _BOTTOM = 34, 36, 30
_MAX_DOTS = 60
_PANEL_WIDTH, _PANEL_HEIGHT, _COLUMNS, _LEGEND = 250, 130, 4, 30


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart. `low` to `high` is the spread, `points` the single values, `limit` the target."""

    label: str
    value: float
    low: float
    high: float
    points: tuple[float, ...]
    is_peer: bool
    limit: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """A small chart of one number over time: `points` are (position, number, index of the machine)."""

    title: str
    unit: str
    points: tuple[tuple[int, float, int], ...]
    limit: float


def number(value: float) -> str:
    """Return a number with three significant digits, or all digits before the decimal point."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bar_chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Return horizontal bars with their spread, the single values, and the target of each as a dashed line."""
    height = _TOP + _ROW * len(bars) + _BOTTOM
    longest = max(max(bar.high, bar.value, bar.limit or 0) for bar in bars)
    step = _tick(longest)
    scale = (_WIDTH - _LEFT - _RIGHT) / (step * math.ceil(longest / step))
    parts = [_text(16, 22, title, "title")]
    for count in range(math.ceil(longest / step) + 1):
        x = _LEFT + count * step * scale
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{height - _BOTTOM}"/>')
        parts.append(_text(x, height - 12, number(count * step), "small", "middle"))
    parts.append(_text(_WIDTH - 16, height - 12, unit, "small", "end"))
    for place, bar in enumerate(bars):
        parts += _row(bar, _TOP + place * _ROW, scale)
    return _document(_WIDTH, height, f"{title} ({unit})", parts)


def _row(bar: Bar, top: float, scale: float) -> list[str]:
    middle = top + _ROW / 2
    kind = "peer" if bar.is_peer else "ours"
    parts = [
        _text(_LEFT - 8, middle + 4, bar.label, "", "end"),
        f'<rect class="{kind}" x="{_LEFT}" y="{top + 8}" width="{bar.value * scale:.1f}" height="{_ROW - 16}" rx="2"/>',
    ]
    points = bar.points[:_MAX_DOTS] if len(bar.points) > 1 else ()
    shown = [point for point in points if bar.low <= point <= bar.high]
    parts += [f'<circle class="dot" cx="{_LEFT + point * scale:.1f}" cy="{middle}" r="2.2"/>' for point in shown]
    if bar.high > bar.low:
        left, right = _LEFT + bar.low * scale, _LEFT + bar.high * scale
        ends = f"M{left:.1f} {middle - 5}v10M{left:.1f} {middle}H{right:.1f}M{right:.1f} {middle - 5}v10"
        parts.append(f'<path class="range" d="{ends}"/>')
    if bar.limit is not None:
        parts.append(f'<path class="limit" d="M{_LEFT + bar.limit * scale:.1f} {top + 2}v{_ROW - 4}"/>')
    spread = f" ({number(bar.low)} to {number(bar.high)})" if bar.high > bar.low else ""
    parts.append(_text(_WIDTH - _RIGHT + 12, middle + 4, f"{number(bar.value)}{spread}"))
    return parts


def panels(title: str, charts: Sequence[Panel], positions: int, machines: Sequence[str]) -> str:
    """Return small charts in a grid, one for each number, with a legend of the machines."""
    rows = -(-len(charts) // _COLUMNS)
    width, height = 16 + _COLUMNS * _PANEL_WIDTH, _TOP + rows * _PANEL_HEIGHT + _LEGEND
    parts = [_text(16, 22, title, "title")]
    for place, chart in enumerate(charts):
        x = 16 + place % _COLUMNS * _PANEL_WIDTH
        y = _TOP + place // _COLUMNS * _PANEL_HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{"".join(_panel(chart, positions))}</g>')
    x = 16
    for index, machine in enumerate(machines):
        parts.append(f'<circle class="m{index % 4}" cx="{x + 5}" cy="{height - 16}" r="4"/>')
        parts.append(_text(x + 14, height - 12, machine, "small"))
        x += 24 + 7 * len(machine)
    return _document(width, height, title, parts)


def _panel(chart: Panel, positions: int) -> list[str]:
    left, right, top, bottom = 4.0, _PANEL_WIDTH - 96.0, 24.0, _PANEL_HEIGHT - 18.0
    longest = max(chart.limit, *(value for _, value, _ in chart.points)) * 1.05 or 1
    across = (right - left) / max(1, positions - 1)

    def at(position: int, value: float) -> str:
        return f"{left + position * across:.1f} {bottom - value / longest * (bottom - top):.1f}"

    parts = [
        _text(left, 14, chart.title, "small"),
        f'<path class="grid" d="M{left} {top}V{bottom}H{right}"/>',
        f'<path class="limit" d="M{at(0, chart.limit)}L{at(max(1, positions - 1), chart.limit)}"/>',
    ]
    for machine in sorted({machine for _, _, machine in chart.points}):
        own = [at(position, value) for position, value, of in chart.points if of == machine]
        parts.append(f'<path class="line m{machine % 4}" style="fill:none" d="M{"L".join(own)}"/>')
        for point in own:
            x, y = point.split()
            parts.append(f'<circle class="m{machine % 4}" cx="{x}" cy="{y}" r="3"/>')
    last = chart.points[-1]
    y = at(last[0], last[1]).split()[1]
    parts.append(_text(right + 6, float(y) + 4, f"{number(last[1])} {chart.unit}", "small"))
    return parts


def _tick(longest: float) -> float:
    """Return a round distance of the lines of a grid, for about five of them."""
    rough = longest / 5 or 1
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(each * power for each in (1, 2, 5, 10) if each * power >= rough))


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    classes = f' class="{kind}"' if kind else ""
    aligned = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text{classes} x="{x:g}" y="{y:g}"{aligned}>{escape(text)}</text>'


def _document(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
    paper = f'<rect class="paper" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="6"/>'
    body = "\n".join(parts)
    return f'{head} aria-label="{escape(label)}">\n<style>{_STYLE}</style>\n{paper}\n{body}\n</svg>\n'
