"""Dates as busybox reads and writes them; UTC is the only time zone.

What it leaves out: other time zones, and fractions of a second.
"""

import calendar
import re
import time

from snapsim.shell.process import Failure

_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y.%m.%d-%H:%M:%S", "%Y.%m.%d-%H:%M")


def moment(text: str, now: int) -> int:
    """Seconds since 1970 of a date as ``date -d`` and ``touch -d`` take it.

    Raises
    ------
    Failure
        ``invalid date '...'``

    Examples
    --------
    >>> moment("@5", 0), moment("1970-01-02 00:00:01", 0), moment("200001010000", 0), moment("00:01", 86400)
    (5, 86401, 946684800, 86460)
    """
    if re.fullmatch(r"@\d+", text):
        return int(text[1:])
    for form in _FORMS:
        try:
            return calendar.timegm(time.strptime(text, form))
        except ValueError:  # the next form may fit
            continue
    day = time.gmtime(now)
    clock = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60:
        return calendar.timegm((*day[:3], int(clock[1]), int(clock[2]), int(clock[3] or 0)))
    compact = re.fullmatch(r"(\d\d(?:\d\d)?)?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?", text)
    if compact:
        year = int(compact[1] or day.tm_year)
        year += 0 if year > 99 else 1900 if year > 68 else 2000
        try:
            return calendar.timegm(
                time.strptime(f"{year} {' '.join(compact.group(2, 3, 4, 5))} {compact[6] or '00'}", "%Y %m %d %H %M %S")
            )
        except ValueError:  # month 13 and the like
            raise Failure(f"invalid date '{text}'") from None
    raise Failure(f"invalid date '{text}'")


def written(when: int, form: str = "%a %b %e %H:%M:%S UTC %Y") -> str:
    """A time as strftime(3) writes it.

    >>> written(0), written(86400, "%F %T %s")
    ('Thu Jan  1 00:00:00 UTC 1970', '1970-01-02 00:00:00 86400')
    """
    form = re.sub(r"%%|%s|%Z|%N", lambda found: {"%s": str(when), "%Z": "UTC", "%N": "0" * 9}.get(found[0], "%%"), form)
    return time.strftime(form, time.gmtime(when))
