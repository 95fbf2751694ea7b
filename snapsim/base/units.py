"""Sizes in bytes: how people write them, and how Docker prints them.

Two traditions meet in one daemon: options are *read* with 1024 (``10G`` is 10 GiB), figures are *printed* with 1000
and four significant digits (``10.74GB``). docker/go-units ``size.go``.
"""

import re

from snapsim.base.errors import InvalidInput

KiB, MiB, GiB, TiB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")


def parse_size(text: str | int, place: str = "") -> int:
    """Bytes from text, with 1024 for every unit, as the daemon's options are read.

    Parameters
    ----------
    text : str or int
        ``"64K"``, ``"64 KiB"``, ``"1.5g"``, ``"4096"`` or a plain number of bytes.
    place : str, optional
        Named in the error.

    Returns
    -------
    int
        Bytes, rounded down.

    Raises
    ------
    InvalidInput
        The text is no size.

    Examples
    --------
    >>> parse_size("64K"), parse_size("1.5 MiB"), parse_size(4096)
    (65536, 1572864, 4096)
    """
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([kmgtp]?)i?b?\s*", str(text), re.IGNORECASE | re.ASCII)
    if not match or isinstance(text, bool):
        raise InvalidInput(f"{text!r} is not a size: a number with K, M, G, T or P, as in 64K", place)
    return (
        int(float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))
        if match[2] or "." in match[1]
        else int(match[1])
    )


def format_size(size: float) -> str:
    """Binary units with up to three digits, for our own tables.

    Examples
    --------
    >>> format_size(0), format_size(4096), format_size(67_215_360), format_size(-1536)
    ('0 B', '4 KiB', '64.1 MiB', '-1.5 KiB')
    """
    value, unit = float(size), 0
    while abs(value) >= 1024 and unit < len(_BINARY) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}".removesuffix(".0") + " " + _BINARY[unit]


def docker_size(size: float, digits: int = 4) -> str:
    """Decimal units with significant digits, as Docker prints them (go-units ``HumanSize``).

    Parameters
    ----------
    size : float
        Bytes.
    digits : int
        Significant digits: 4 in most places, 3 in ``docker ps -s``.

    Examples
    --------
    >>> docker_size(10 * GiB), docker_size(65536), docker_size(0), docker_size(38_797_313, 3)
    ('10.74GB', '65.54kB', '0B', '38.8MB')
    """
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_DECIMAL) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.{digits}g}{_DECIMAL[unit]}"
