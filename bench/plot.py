"""Bar charts as SVG: groups of bars side by side, each with its figure above it."""

from html import escape

COLOURS = ("#9aa5b1", "#1f77b4", "#e07b39", "#5a9e6f")
WIDTH, HEIGHT = 900, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 86, 40


def nice_step(highest):
    """A step of 1, 2 or 5 times a power of ten that cuts the axis into four to eight."""
    step = 10.0 ** -3
    while True:
        for factor in (1, 2, 5):
            if highest / (step * factor) <= 8:
                return step * factor
        step *= 10


def text(x, y, content, size=12, anchor="middle", colour="#333", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(content)}</text>')


def axis(highest, step, y_of):
    parts, value = [], 0.0
    while value <= highest + step / 2:
        y = y_of(value)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e3e6ea"/>')
        parts.append(text(LEFT - 8, y + 4, f"{value:g}" if step >= 1 else f"{value:.2f}", 11, "end", "#667"))
        value += step
    return parts


def legend(series):
    parts, x = [], LEFT
    for name, colour in zip(series, COLOURS):
        parts.append(f'<rect x="{x}" y="60" width="11" height="11" rx="2" fill="{colour}"/>')
        parts.append(text(x + 17, 70, name, 12, "start"))
        x += 34 + 7 * len(name)
    return parts


def goal_line(goal, y):
    dashed = 'stroke="#b3261e" stroke-dasharray="6 4"'
    return [f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" {dashed}/>',
            f'<line x1="{WIDTH - RIGHT - 165}" y1="66" x2="{WIDTH - RIGHT - 125}" y2="66" {dashed}/>',
            text(WIDTH - RIGHT, 70, f"goal: at most {goal:g}", 12, "end", "#b3261e")]


def bars(path, title, subtitle, series, groups, goal=None):
    """groups: [(label, [a value for each of series])]; goal: a dashed line at this value."""
    highest = max(max(values) for _, values in groups)
    highest = max(highest, goal or 0) * 1.08
    step = nice_step(highest)
    scale = (HEIGHT - TOP - BOTTOM) / highest

    def y_of(value):
        return HEIGHT - BOTTOM - value * scale

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, Helvetica, Arial, sans-serif">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             text(LEFT, 28, title, 17, "start", "#111", "600"), text(LEFT, 47, subtitle, 12, "start", "#667"),
             *legend(series), *axis(highest / 1.08, step, y_of)]
    if goal:
        parts += goal_line(goal, y_of(goal))
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    width = min(46, room * 0.8 / len(series))
    for i, (label, values) in enumerate(groups):
        middle = LEFT + room * (i + 0.5)
        parts.append(text(middle, HEIGHT - BOTTOM + 19, label))
        for j, value in enumerate(values):
            x = middle + (j - len(values) / 2) * width
            parts.append(f'<rect x="{x + 1:.1f}" y="{y_of(value):.1f}" width="{width - 2:.1f}" '
                         f'height="{value * scale:.1f}" rx="1.5" fill="{COLOURS[j]}"/>')
            parts.append(text(x + width / 2, y_of(value) - 4, f"{value:.2f}", 10, colour="#445"))
    parts.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(parts))
