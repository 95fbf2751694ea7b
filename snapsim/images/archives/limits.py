"""How much an archive may unpack to: limits that ordinary images keep, and decompression bombs do not.

A gzip stream can grow a thousandfold, a sparse header of 512 bytes can announce a file of 8 EiB, and a path can be as
deep as its name is long. Each of them is counted while it is read, and reading ends with an error when a limit is
exceeded.

What it leaves out: time; it is bounded by the bytes.
"""

from dataclasses import dataclass, field

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB, KiB, MiB, format_size


@dataclass(frozen=True)
class Limits:
    """Bounds for all layers of an archive together.

    Attributes
    ----------
    unpacked : int
        Bytes of all layers when unpacked, holes of sparse files included.
    members : int
        Entries of all layers.
    depth : int
        Directories above a name.
    header : int
        Bytes of what stands before a member: a long name, pax records, a sparse map.
    json : int
        Bytes of a manifest or configuration.
    """

    unpacked: int = 32 * GiB
    members: int = 1_000_000
    depth: int = 128
    header: int = 256 * KiB
    json: int = 8 * MiB


@dataclass
class Budget:
    """What is left of the limits.

    Examples
    --------
    >>> budget = Budget(Limits(unpacked=10_000))
    >>> budget.spend(8192, "layer.tar"); budget.spend(8192, "layer.tar")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: layer.tar: unpacks to more than the 9.8 KiB that are allowed
    """

    limits: Limits = field(default_factory=Limits)
    unpacked: int = 0
    members: int = 0

    def spend(self, size: int, place: str) -> None:
        """Count so many more unpacked bytes."""
        self.foresee(size, place)
        self.unpacked += size

    def foresee(self, size: int, place: str) -> None:
        """Check that so many more bytes, which are still to come, will not exceed the limit."""
        if self.unpacked + size > self.limits.unpacked:
            raise InvalidInput(f"unpacks to more than the {format_size(self.limits.unpacked)} that are allowed", place)

    def member(self, place: str) -> None:
        """Count one more member."""
        self.members += 1
        if self.members > self.limits.members:
            raise InvalidInput(f"more than the {self.limits.members:,} members that are allowed", place)
