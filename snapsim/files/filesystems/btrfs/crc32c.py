"""CRC-32C (Castagnoli), by which btrfs orders the names of a directory.

>>> hex(crc32c(b"123456789") ^ 0xffffffff)
'0xe3069283'
>>> name_hash("default")                           # the key of its name in the root tree of every btrfs
2378154706

Source: RFC 3720, appendix B.4; fs/btrfs/ctree.h `btrfs_name_hash`.

What it leaves out: speed; names are short.
"""

import os

_POLYNOMIAL = 0x82F63B78


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes, start: int = 0xFFFFFFFF) -> int:
    """The CRC register after the bytes."""
    for byte in data:
        start = start >> 8 ^ _TABLE[(start ^ byte) & 255]
    return start


def name_hash(name: str) -> int:
    """The number by which a name is found in its directory."""
    return crc32c(os.fsencode(name), 0xFFFFFFFE)
