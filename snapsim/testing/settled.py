"""Hypothesis as a judge needs it: the same every time, nothing on disk, and no clock.

This file imports nothing of snapsim: a copy of it stands behind walls where there is no snapsim.

LEAVES OUT: settings that a test has for itself, which go before these.
"""

from hypothesis import HealthCheck, settings


def settle() -> None:
    """Let properties run without a deadline and without a check of how slow they are, as long as the process lives.

    Examples
    --------
    >>> before = settings.default
    >>> settle()
    >>> settings().deadline is None
    True
    >>> settings.register_profile("before", before)
    >>> settings.load_profile("before")
    """
    settings.register_profile(
        "judge",
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("judge")
