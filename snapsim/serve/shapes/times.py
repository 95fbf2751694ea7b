"""Times as the Engine API writes them.

>>> stamp(1_796_075_304_038_614_149), stamp(0), seconds(1_796_075_304_038_614_149)
('2026-11-30T21:48:24.038614149Z', '0001-01-01T00:00:00Z', 1796075304)
>>> ago(45 * 10**9), ago(0), ago(90 * 10**9), ago(3 * 86400 * 10**9)
('45 seconds', 'Less than a second', 'About a minute', '3 days')

What it leaves out: time zones.
"""

from datetime import UTC, datetime

SECOND = 10**9
ZERO = "0001-01-01T00:00:00Z"
"""How Go writes a time that never was."""


def stamp(nanoseconds: int) -> str:
    """A time in RFC 3339 with nanoseconds, as Go writes it: without zeros at the end."""
    if not nanoseconds:
        return ZERO
    whole, rest = divmod(nanoseconds, SECOND)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f"{fraction}Z"


def seconds(nanoseconds: int) -> int:
    """Whole seconds since 1970."""
    return nanoseconds // SECOND


def ago(duration: int) -> str:
    """A duration in words, as go-units' HumanDuration says it."""
    found = duration // SECOND
    minutes, hours = found // 60, round(found / 3600)
    if found < 1:
        return "Less than a second"
    if found < 60:
        return "1 second" if found == 1 else f"{found} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = found // 86400
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    return f"{days // 30} months" if days < 730 else f"{days // 365} years"
