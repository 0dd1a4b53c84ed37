"""Ratios inside one run, and how they are shown: aligned tables of at most 100 columns."""

from statistics import median


def ratios(measured, base):
    """Of two lists, one entry for each run: the ratio in each run."""
    return [m / b for m, b in zip(measured, base)]


def spread(values):
    return {"min": min(values), "median": median(values), "max": max(values)}


def spread_text(values):
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def table(header, rows):
    """Text to the left, figures to the right."""
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    left = [not any(c.isdigit() for c in cells[1][i][:1]) for i in range(len(header))] if rows else []
    lines = []
    for row in cells:
        columns = [cell.ljust(width) if is_left else cell.rjust(width)
                   for cell, width, is_left in zip(row, widths, left)]
        lines.append("  ".join(columns).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def goal(name, values, limit):
    """A line that says whether a goal is reached, by the median."""
    reached = median(values) <= limit
    return {"goal": name, "limit": limit, **spread(values), "reached": reached}


def goals_text(goals):
    return table(["goal", "at most", "measured", ""],
                 [[g["goal"], f"{g['limit']:.2f}", f"{g['median']:.2f} ({g['min']:.2f}–{g['max']:.2f})",
                   "reached" if g["reached"] else "MISSED"] for g in goals])
