"""Workloads made by rule: from plain sequences of writes to the build of an image.

`GENERATORS` names the functions below, `generate` calls one by its name. Random numbers come from `splitmix`,
offsets are whole multiples of the length of a write.

Every generated file runs on a real kernel too: it uses operations of the measuring harness only (one exception:
``append-log`` with ``sync_every`` other than 0).

What it leaves out: concurrency (operations follow each other), think time, reads in the plain patterns (reading costs
no copies).

>>> generate("random", seed=7, size="1M", writes=3).ops[0].offsets
(405504, 16384, 942080)
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import shown
from snapsim.base.splitmix import SplitMix64
from snapsim.base.units import KiB, MiB
from snapsim.lab.generator_parameters import PARAMETERS, Body, from_text, generator
from snapsim.lab.operations import MOST, FileSpec, Op
from snapsim.lab.workload import Workload


def _pages(size: int, length: int) -> int:
    if length > size:
        raise InvalidInput(f"{length} is more than the size of the file: up to {size}", "length")
    if (pages := size // length) > 1 << 32:
        raise InvalidInput(f"{pages} pages of {length} bytes are not allowed: up to 2**32", "length")
    return pages


def _image(size: int) -> tuple[tuple[FileSpec, ...], ...]:
    return ((FileSpec("f", size),),)


def _write(path: str, offsets: Any, length: int, fsync: str | int | None = None, in_: str = "s0") -> Op:
    return Op("write", path, in_, offsets=tuple(int(offset) for offset in offsets), length=length, fsync=fsync)


@generator
def sequential(size: int = 64 * MiB, length: int = 64 * KiB, fsync: str | int | None = "end") -> Body:
    """Overwrite a file of the image from front to back."""
    if (pages := _pages(size, length)) > MOST:
        raise InvalidInput(f"{pages} writes are not allowed: up to {MOST}; choose a larger length", "length")
    return Body(_image(size), (_write("f", range(0, pages * length, length), length, fsync),))


@generator
def random(
    seed: int = 0, size: int = 64 * MiB, length: int = 4 * KiB, writes: int = 100, fsync: str | int | None = "end"
) -> Body:
    """Overwrite pages of a file of the image at random, all alike, some perhaps twice."""
    pages = SplitMix64(seed).below(_pages(size, length), writes)
    return Body(_image(size), (_write("f", pages * length, length, fsync),))


@generator
def zipf(
    seed: int = 0,
    size: int = 64 * MiB,
    length: int = 4 * KiB,
    writes: int = 1000,
    exponent: float = 0.99,
    fsync: str | int | None = "end",
) -> Body:
    """Overwrite pages of a file of the image at random, a few of them often.

    The hot pages lie scattered over the file: ranks are drawn first, then a random order of the pages gives each its
    place.
    """
    stream, pages = SplitMix64(seed), _pages(size, length)
    ranks = stream.zipf(pages, exponent, writes)
    return Body(_image(size), (_write("f", stream.order(pages)[ranks] * length, length, fsync),))


@generator
def append_log(size: int = 1 * MiB, records: int = 1000, length: int = 256, sync_every: int = 0) -> Body:
    """Append records to a log that the image holds."""
    ops: list[Op] = []
    for number in range(1, records + 1):
        ops.append(Op("append", "f", length=length))
        if sync_every and number % sync_every == 0:
            ops.append(Op("fsync", "f"))
    return Body(_image(size), tuple(ops))


@generator
def database(
    seed: int = 0, size: int = 64 * MiB, length: int = 8 * KiB, transactions: int = 50, pages: int = 4
) -> Body:
    """Overwrite a few random pages of a table in each transaction, and fsync."""
    if pages > _pages(size, length) or transactions * pages > MOST:
        raise InvalidInput(
            f"{pages} is not allowed: up to the {_pages(size, length)} pages of the file, and up to "
            f"{MOST} in all transactions",
            "pages",
        )
    stream = SplitMix64(seed)
    chosen = (stream.distinct(_pages(size, length), pages) for _ in range(transactions))
    return Body(_image(size), tuple(_write("f", [page * length for page in those], length, "end") for those in chosen))


def _tree(stream: SplitMix64, files: int) -> tuple[FileSpec, ...]:
    """Files of 1 to 128 KiB, every power of two as likely as any other."""
    return tuple(FileSpec(f"{number:04d}", KiB << size) for number, size in enumerate(stream.below(8, files).tolist()))


@generator
def package_install(seed: int = 0, packages: int = 10, files: int = 20) -> Body:
    """Install packages: new files, a library replaced by rename, the list of packages rewritten."""
    stream = SplitMix64(seed)
    base = (FileSpec("usr/lib/%04d", 16 * KiB, count=200), FileSpec("var/lib/packages/status", 2 * MiB))
    ops: list[Op] = []
    for number in range(packages):
        library = f"usr/lib/{int(stream.below(200, 1)[0]):04d}"
        ops += [
            Op("create", f"usr/share/package{number:04d}", files=_tree(stream, files)),
            *_replace(library, 16 * KiB),
            *_replace("var/lib/packages/status", 2 * MiB + (number + 1) * KiB),
        ]
    return Body((base,), tuple(ops))


def _replace(path: str, size: int) -> Iterator[Op]:
    """The way to replace a file at one stroke: write a new one beside it, rename it over the old one."""
    yield Op("create", files=(FileSpec(f"{path}.new", size),))
    yield Op("rename", f"{path}.new", to=path.rpartition("/")[2])


@generator
def build_image(seed: int = 0, layers: int = 8, files: int = 20) -> Body:
    """Build an image step by step: each step a container that is sealed and becomes the next one's parent."""
    stream, parent = SplitMix64(seed), "layer0"
    ops: list[Op] = []
    for number in range(layers):
        step = f"step{number}"
        ops += [
            Op("snapshot", name=step, parent=parent),
            Op("create", f"srv/{step}", step, files=_tree(stream, files)),
            Op("append", "var/log/build", step, length=4 * KiB),
        ]
        if number:
            ops.append(Op("unlink", f"srv/{parent}/0000", step))
        ops.append(Op("seal", name=step))
        parent = step
    ops.append(Op("snapshot", name="s0", parent=parent))
    base = (FileSpec("usr/lib/%04d", 16 * KiB, count=200), FileSpec("var/log/build", MiB))
    return Body((base,), tuple(ops), ())


@generator
def containers(containers: int = 10, size: int = 32 * MiB) -> Body:
    """Start containers from one image; each reads its program, edits its settings and starts a log."""
    image = (FileSpec("usr/lib/%03d", 16 * KiB, count=100), FileSpec("etc/app.conf", 4 * KiB)), (FileSpec("app", size),)
    ops: list[Op] = []
    for name in (f"s{number}" for number in range(containers)):
        ops += [
            Op("snapshot", name=name, parent="layer1"),
            Op("read", "app", name),
            _write("etc/app.conf", [0], 64, in_=name),
            Op("create", "", name, files=(FileSpec("run/app.pid", 6), FileSpec("var/log/app", 16 * KiB))),
        ]
    return Body(image, tuple(ops), ())


CONTAINERD = {"first": "CCCCCCCCCC", "third": "UUCUUCRCUC", "second": "UCRCURCUCU"}
"""What happens to the files a to j in a layer: C created anew, U updated in the middle, R removed."""


@generator
def containerd(layers: int = 16, size: int = 1 * MiB) -> Body:
    """containerd's case: 10 files over many layers, made anew, removed, or 4 bytes changed in the middle.

    The first layer, which makes all files, is the image; each other one is a container that is sealed.
    The pattern is that of containerd's ``core/snapshots/benchsuite``: every third layer, every other one of the rest,
    and the others each treat the files a to j in their own way. It shows what separates drivers that share blocks from
    drivers that share files.
    """
    ops: list[Op] = []
    parent = "layer0"
    for number in range(2, layers + 1):
        step = f"step{number}"
        kinds = CONTAINERD["third" if number % 3 == 0 else "second" if number % 2 == 0 else "first"]
        ops.append(Op("snapshot", name=step, parent=parent))
        ops += [_touch(kind, path, size, step) for kind, path in zip(kinds, "abcdefghij", strict=True)]
        ops.append(Op("seal", name=step))
        parent = step
    return Body((tuple(FileSpec(path, size) for path in "abcdefghij"),), tuple(ops), ())


def _touch(kind: str, path: str, size: int, step: str) -> Op:
    if kind == "C":
        return Op("create", "", step, files=(FileSpec(path, size),))
    return Op("unlink", path, step) if kind == "R" else _write(path, [size // 2], min(4, size - size // 2), in_=step)


@generator
def demo(seed: int = 0) -> Body:
    """Two containers of one image: edit a database, change, delete and create files, read."""
    image = (
        (FileSpec("usr/lib/%03d", 16 * KiB, count=300), FileSpec("etc/app.conf", 4 * KiB)),
        (FileSpec("var/lib/app.db", 64 * MiB),),
        (FileSpec("srv/www/%02d", 16 * KiB, count=50), FileSpec("srv/old.log", 1 * MiB)),
    )
    pages = [page * 4 * KiB for page in SplitMix64(seed).distinct(64 * MiB // (4 * KiB), 100)]
    ops = (
        _write("var/lib/app.db", [32 * MiB], 1),
        _write("var/lib/app.db", pages, 4 * KiB, "end"),
        Op("chmod", "usr/lib/000", mode=0o600),
        Op("unlink", "srv/old.log"),
        Op("create", "", files=(FileSpec("tmp/%02d", 4 * KiB, count=20),)),
        Op("read", "var/lib/app.db", "s0"),
        Op("read", "var/lib/app.db", "s1"),
    )
    return Body(image, ops, ("s0", "s1"))


GENERATORS: Mapping[str, Callable[..., Workload]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        sequential,
        random,
        zipf,
        append_log,
        database,
        package_install,
        build_image,
        containers,
        containerd,
        demo,
    )
}


def parameters(name: str) -> dict[str, Any]:
    """The parameters of a generator and their defaults.

    Examples
    --------
    >>> parameters("database")
    {'seed': 0, 'size': 67108864, 'length': 8192, 'transactions': 50, 'pages': 4}
    """
    if name not in GENERATORS:
        raise InvalidInput(f"{shown(name)} is no generator: one of {', '.join(GENERATORS)}")
    return {key: parameter.default for key, parameter in inspect.signature(GENERATORS[name]).parameters.items()}


def generate(name: str, seed: int = 0, **chosen: Any) -> Workload:
    """A workload by the name of its generator.

    Parameters
    ----------
    name : str
        One of `GENERATORS`.
    seed : int
        Seed of the random numbers; ignored by generators that draw none.
    **chosen
        The generator's `parameters`. Text is read as a command line gives it: a number, or a size such as ``"64M"``.

    Raises
    ------
    InvalidInput
        No such generator or parameter, or a value out of its range.
    """
    known = parameters(name)
    for key in chosen:
        if key not in known:
            raise InvalidInput(f"{shown(key)} is no parameter of {name}: {', '.join(known)}")
    values = {"seed": seed, **{key: from_text(key, value) for key, value in chosen.items()}}
    return GENERATORS[name](**{key: value for key, value in values.items() if key in known})


def parameters_table() -> str:
    """The generators and their parameters in Markdown, as ``docs/reference/workload.md`` holds it."""
    rows = ["| generator | what it does | parameters |", "|---|---|---|"]
    for name, function in GENERATORS.items():
        title = (inspect.getdoc(function) or "").splitlines()[0]
        chosen = ", ".join(f"`{key}={value}`" for key, value in parameters(name).items())
        rows.append(f"| `{name}` | {title} | {chosen} |")
    rows += ["", "| parameter | what it is |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{key}` | {field.means} |" for key, field in PARAMETERS.items())]) + "\n"
