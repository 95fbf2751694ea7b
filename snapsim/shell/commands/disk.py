"""Commands that speak of blocks and of the disk: dd, df, sync, fsync.

What it leaves out: dd's conversions other than notrunc, fsync, sync, noerror, and df's inodes.
"""

import os
from typing import NamedTuple

from snapsim.shell.commands.trees import human
from snapsim.shell.process import Command, Failure, Process, Usage, number, parse
from snapsim.shell.streams import FileStream, Random, Stream, Zero, transfer

_AT_ONCE = 1 << 20
_CONVERSIONS = {"notrunc", "sync", "noerror", "fsync"}
_FLAGS = {"iflag": {"skip_bytes", "count_bytes", "fullblock", "direct"}, "oflag": {"seek_bytes", "append", "direct"}}


class _Plan(NamedTuple):
    """What dd's operands say."""

    values: dict[str, str]
    read_size: int
    write_size: int
    conversions: frozenset[str]
    flags: frozenset[str]


def dd(process: Process) -> int:
    """dd [if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=...]; its statistics go to standard error."""
    plan = _plan(process.arguments)
    source = _opened(process, plan.values["if"], os.O_RDONLY) if "if" in plan.values else process.stdin
    target, opened = process.streams[1], "of" in plan.values
    try:
        if opened:
            target = _target(process, plan)
        copied = _Copying(process, plan, source, target)
        try:
            copied.run()
        finally:
            if plan.values.get("status") != "none":
                process.error(copied.statistics())
        if "fsync" in plan.conversions and isinstance(target, FileStream):
            target.file.fsync()
    finally:
        if opened:
            target.close()
        if "if" in plan.values:
            source.close()
    return copied.status


def _plan(arguments: list[str]) -> _Plan:
    values: dict[str, str] = {}
    chosen: dict[str, set[str]] = {"conv": set(), "iflag": set(), "oflag": set()}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in ("if", "of", "bs", "ibs", "obs", "count", "skip", "seek", "status", *chosen):
            raise Usage("")
        if name not in chosen:
            values[name] = value
            continue
        for word in value.split(","):
            if word not in _FLAGS.get(name, _CONVERSIONS):
                raise Failure(f"invalid argument '{word}' to '{name}'")
            chosen[name].add(word)
    if values.get("status", "none") not in ("none", "noxfer"):
        raise Failure(f"invalid argument '{values['status']}' to 'status'")
    both = values.get("bs")
    sizes = [_size(both or values.get(name, "512")) for name in ("ibs", "obs")]
    for name in ("count", "skip", "seek"):
        if name in values:
            number(values[name])
    return _Plan(values, sizes[0], sizes[1], frozenset(chosen["conv"]), frozenset(chosen["iflag"] | chosen["oflag"]))


def _size(text: str) -> int:
    size = number(text)
    if not size:
        raise Failure(f"number {text} is not in 1..9223372036854775807 range")
    return size


def _opened(process: Process, path: str, flags: int) -> Stream:
    try:
        return process.files.open(path, flags)
    except OSError as error:
        raise Failure(f"can't open '{path}': {error.strerror}") from None


def _target(process: Process, plan: _Plan) -> Stream:
    """The output, cut where ``seek=`` says unless ``conv=notrunc``."""
    seek = number(plan.values.get("seek", "0")) * (1 if "seek_bytes" in plan.flags else plan.write_size)
    flags = os.O_WRONLY | os.O_CREAT
    cut = "notrunc" not in plan.conversions
    if cut and not seek:
        flags |= os.O_TRUNC
    if "append" in plan.flags:
        flags |= os.O_APPEND
    target = _opened(process, plan.values["of"], flags)
    if isinstance(target, FileStream):
        if cut and seek:
            target.file.truncate(seek)
        target.seek(seek)
    return target


class _Copying:
    """The copy itself: so many blocks of input, gathered into blocks of output."""

    def __init__(self, process: Process, plan: _Plan, source: Stream, target: Stream) -> None:
        self.process, self.plan, self.source, self.target = process, plan, source, target
        self.read, self.written = [0, 0], [0, 0]  # full and partial blocks
        self.status = 0

    def statistics(self) -> str:
        """The two lines on standard error."""
        return f"{self.read[0]}+{self.read[1]} records in\n{self.written[0]}+{self.written[1]} records out\n"

    def run(self) -> None:
        plan = self.plan
        size = plan.read_size
        left = (
            number(plan.values["count"]) * (1 if "count_bytes" in plan.flags else size)
            if "count" in plan.values
            else -1
        )
        self.skip(number(plan.values.get("skip", "0")) * (1 if "skip_bytes" in plan.flags else size))
        simple = plan.read_size == plan.write_size and "sync" not in plan.conversions
        if simple and self.in_one_go(left):
            return
        held = b""
        while left:
            piece = self.input(min(size, left) if left > 0 else size)
            if not piece:
                break
            left -= len(piece) if left > 0 else 0
            if "sync" in plan.conversions:
                piece = piece.ljust(size, b"\0")
            if simple:
                self.output(piece)
                continue
            held += piece
            while len(held) >= plan.write_size:
                self.output(held[: plan.write_size])
                held = held[plan.write_size :]
        if held:
            self.output(held)

    def skip(self, size: int) -> None:
        if isinstance(self.source, FileStream):
            self.source.seek(size)
        elif size and not isinstance(self.source, Zero | Random):
            while size > 0 and (piece := self.source.read(min(size, _AT_ONCE))):
                size -= len(piece)

    def in_one_go(self, left: int) -> bool:
        """Whole blocks between files, many at once: what the page cache sees is the same.

        Only where the blocks begin and end at the file system's blocks, or where nothing is there yet that a
        partly written block would have to be read for.
        """
        target, size = self.target, self.plan.read_size
        if not isinstance(target, FileStream) or not isinstance(self.source, FileStream | Zero | Random):
            return False
        if isinstance(self.source, FileStream):
            if self.source.file.stat().kind != "file":
                return False
            there = max(self.source.size - self.source.position, 0)
            left = there if left < 0 else min(left, there)
        elif left < 0:
            return False
        block = target.file.block_size
        start = target.size if target.append else target.position
        if (size % block or start % block) and start < target.size and left > size:
            return False
        total = left
        while left > 0:
            self.process.step()
            moved = transfer(self.source, target, min(left, max(_AT_ONCE // size, 1) * size))
            left -= moved
            if not moved:
                break
        for records in (self.read, self.written):
            records[0] += (total - left) // size
            records[1] += bool((total - left) % size)
        return True

    def input(self, size: int) -> bytes:
        self.process.step()
        piece = self.source.read(size)
        while (
            "fullblock" in self.plan.flags and 0 < len(piece) < size and (more := self.source.read(size - len(piece)))
        ):
            piece += more
        if piece:
            self.read[len(piece) < self.plan.read_size] += 1
        return piece

    def output(self, piece: bytes) -> None:
        try:
            self.target.write(piece)
        except OSError as error:
            raise Failure(
                f"error writing '{self.plan.values.get('of', 'standard output')}': {error.strerror}"
            ) from None
        self.written[len(piece) < self.plan.write_size] += 1


# ---------------------------------------------------------------- df and sync


def df(process: Process) -> int:
    """df [FILE]...: the one file system there is, whatever file is named."""
    options = parse(process.arguments, "PkmhTaiB:t:", {"human-readable": "h", "portability": "P", "print-type": "T"})
    failed = False
    for path in options.operands:
        if not process.files.exists(path):
            failed = bool(process.complain(f"{path}: can't find mount point"))
    fs = process.world.mount.fs
    unit = fs.unit * fs.block_size
    total, used = fs.space.size * unit, fs.used
    if fs.limit is not None:
        total = min(total, fs.limit)
    free = max(total - used, 0)
    title = (
        "Size"
        if "h" in options
        else "1M-blocks"
        if "m" in options
        else "1024-blocks"
        if "P" in options
        else "1K-blocks"
    )
    kind = f"{'Type':<10} " if "T" in options else ""
    if "P" in options:
        process.print(f"Filesystem           {kind}1024-blocks    Used Available Capacity Mounted on\n")
    else:
        process.print(f"Filesystem           {kind}{title:>9}      Used Available Use% Mounted on\n")
    if failed and len(options.operands) == 1:
        return 1
    scale = 20 if "m" in options else 10
    sizes = [human(size) if "h" in options else str(size >> scale) for size in (total, used, free)]
    share = -(-used * 100 // (used + free)) if used + free else 0
    kind = f"{process.world.filesystem:<10} " if "T" in options else ""
    process.print(f"{process.world.filesystem:<20} {kind}{sizes[0]:>9} {sizes[1]:>9} {sizes[2]:>9} {share:3}% /\n")
    return int(failed)


def sync(process: Process) -> int:
    """sync [FILE]...: write what is dirty, of the whole file system or of some files."""
    options = parse(process.arguments, "df")
    failed = False
    if not options.operands or "f" in options:
        process.world.mount.sync()
    for path in options.operands:
        with process.complaining(about="can't open '{}'", path=path) as wrong:
            process.world.mount.fsync(process.files.path(path))
        failed |= bool(wrong)
    return int(failed)


def fsync(process: Process) -> int:
    """fsync FILE..."""
    parse(process.arguments, "d", least=1)
    return sync(process)


COMMANDS = {
    "dd": Command(dd, "[if=FILE] [of=FILE] [ibs=N obs=N/bs=N] [count=N] [skip=N] [seek=N]"),
    "df": Command(df, "[-PkmhTai] [-B SIZE] [-t TYPE] [FILESYSTEM]..."),
    "sync": Command(sync, "[-df] [FILE]..."),
    "fsync": Command(fsync, "[-d] FILE..."),
}
