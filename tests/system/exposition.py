"""Prometheus' text format and its naming conventions, as a check: parse() fails on what breaks them.

https://prometheus.io/docs/instrumenting/exposition_formats, https://prometheus.io/docs/practices/naming
"""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (-?[0-9][0-9.e+-]*|[+-]Inf|NaN)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
# Not base units, or no words.
SHUNNED = ("milliseconds", "ms", "minutes", "kilobytes", "kb", "percent", "counter", "gauge", "number")


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type, self.samples = name, help_text, None, {}


def unescape(value):
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)


def check_name(family):
    words = family.name.split("_")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name), f"{family.name}: not snake case"
    assert not set(words) & set(SHUNNED), f"{family.name}: not a base unit"
    assert (words[-1] == "total") == (family.type == "counter"), f"{family.name}: _total is a counter's"
    assert words[-1] not in ("bucket", "sum", "count", "info") or family.name.endswith("_build_info")
    for unit in {"seconds", "bytes"} & set(words):
        assert words[-1] == unit or words[-2:] == [unit, "total"], f"{family.name}: a unit ends a name"
    assert family.help.endswith(".") and len(family.help) > 10, f"{family.name}: HELP says little"


def check_histogram(family):
    series = {}
    for (name, labels), value in family.samples.items():
        rest = frozenset(label for label in labels if label[0] != "le")
        series.setdefault(rest, {})[name.removeprefix(family.name), dict(labels).get("le")] = value
    assert series, f"{family.name}: empty"
    for values in series.values():
        buckets = [(float(le), n) for (suffix, le), n in values.items() if suffix == "_bucket"]
        assert buckets == sorted(buckets), f"{family.name}: buckets in order"
        counts = [n for _, n in buckets]
        assert counts == sorted(counts), f"{family.name}: buckets are cumulative"
        assert buckets[-1] == (float("inf"), values["_count", None]), f"{family.name}: the last is +Inf, all"
        assert ("_sum", None) in values


def check(family):
    assert family.type, f"{family.name}: no TYPE"
    check_name(family)
    allowed = [family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))]
    for (name, _), value in family.samples.items():
        assert name in allowed, f"{name}: not of {family.name}"
        assert family.type == "gauge" or value >= 0, f"{name}: negative"
    if family.type == "histogram":
        check_histogram(family)


def parse_line(line, families):
    if line.startswith("# HELP "):
        name, _, text = line.removeprefix("# HELP ").partition(" ")
        assert name not in families, f"{name}: told of twice"
        families[name] = Family(name, text)
        return
    last = list(families.values())[-1]
    if line.startswith("# TYPE "):
        name, kind = line.removeprefix("# TYPE ").split(" ")
        assert name == last.name and not last.type and not last.samples, f"{line}: not behind its HELP"
        assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
        last.type = kind
        return
    found = SAMPLE.fullmatch(line)
    assert found, f"no sample: {line}"
    assert found[1].startswith(last.name), f"{line}: not with its family"
    pairs = [(label[1], unescape(label[2])) for label in re.finditer(LABEL, found[2] or "")]
    assert len(dict(pairs)) == len(pairs), f"{line}: a label twice"
    key = found[1], frozenset(pairs)
    assert key not in last.samples, f"{line}: twice"
    last.samples[key] = float(found[found.lastindex])


def parse(text):
    """Family by name."""
    families = {}
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        parse_line(line, families)
    for family in families.values():
        check(family)
    return families


def value(families, name, **labels):
    """The sample with exactly these labels."""
    for family in families.values():
        found = family.samples.get((name, frozenset(labels.items())))
        if found is not None:
            return found
    raise AssertionError(f"no {name} {labels}")
