"""Archives of images that are almost right: mutations that know what a tar header is, and what the digests are.

A layer is changed first and packed then, so that its DiffID is that of the changed bytes and the reader gets to see
them; the archive around it, and its JSON, are changed as well, less often.
"""

import json
import struct
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from random import Random

from images import DIRECTORY, as_tar, both, config, docker, link, member, oci, tar
from places import ROOT

sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

import json_mutations

from snapsim.base.errors import InvalidInput
from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.docker.load_image import load
from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.images.archive import read_images
from snapsim.images.archives.limits import Limits
from snapsim.images.report import report

FIELDS = {0: 100, 100: 8, 108: 8, 116: 8, 124: 12, 136: 12, 156: 1, 157: 100, 257: 8, 265: 32, 329: 8, 337: 8, 345: 155,
          386: 12, 398: 12, 410: 12, 482: 1, 483: 12}  # fmt: skip
"""Where the fields of a header begin, and how long they are."""
NAMES = (b"..", b"/", b".", b"../../f", b"a/..", b".wh.", b".wh...", b".wh..wh..opq", b".wh.etc", b"etc", b"etc/motd",
         b"etc/motd/x", b"//", b"\xff\xfe", b"\x1b[31m", b"a\nb", b"[red]", b"f" * 100, b"d/" * 50, b"", b"link/x",
         b".wh..wh.plnk/1", b"hard", b"sparse")  # fmt: skip
NUMBERS = (0, 1, 511, 512, 513, 4096, 1 << 20, 1 << 33, 1 << 62, (1 << 63) - 1, -1, -512, -(1 << 62))
TEXTS = (b"0", b"-1", b"9" * 20, b"9" * 300, b"nan", b"inf", b"1e400", b"1.5", b"0x10", b"", b"4096", b"512", b"../x",
         b"1,2,3", b"0,512,4096", b"1\n0\n", b"=", b"\n", b"GNU.sparse.map", b"GNU.sparse.major", b"size",
         b"path")  # fmt: skip


@cache
def seeds():
    """Small layers of every kind."""
    found = [
        tar(("etc", DIRECTORY), ("etc/motd", b"hello"), link("link", "etc"), link("hard", "etc/motd", hard=True)),
        tar(("etc/.wh.motd", b""), ("var/.wh..wh..opq", b""), ("var/log", b"y" * 600), (".wh.link", b"")),
        tar(("d" * 120 + "/f", b"1"), link("l", "t" * 150), format=tarfile.GNU_FORMAT),
        tar(("d" * 120 + "/f", b"1"), member("g", b"2", pax_headers={"mtime": "1.5", "comment": "x"})),
        tar(member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), member("p", type=tarfile.FIFOTYPE)),
    ]
    return found + [sparse(*options) for options in (["--format=gnu"], *(
        ["--format=pax", f"--sparse-version={version}"] for version in ("0.0", "0.1", "1.0")))]  # fmt: skip


def sparse(*options):
    """A file with holes, by GNU tar; by the header alone where there is no GNU tar."""
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/sparse", "wb") as file:
        for block in (0, 3, 9, 12, 15, 18):
            file.seek(block * 4096)
            file.write(b"x" * 100)
        file.truncate(90_000)
        file.flush()
        run = subprocess.run(["tar", "-C", folder, "--sparse", *options, "-c", "sparse"], capture_output=True)
    return run.stdout if run.returncode == 0 else tar(("sparse", b"x" * 100))


def mutated(rng: Random) -> bytes:
    """An archive."""
    layers = [damaged(rng, rng.choice(seeds())) for _ in range(rng.randint(1, 2))]
    make = rng.choice((docker, docker, oci, both))
    kind = {} if make is both else {"pack": rng.choice(("", "", "gzip", "zstd"))}
    raw = config(layers)
    if make is not both and rng.random() < 0.2:
        kind["raw_config"] = json_mutations.mutated(rng, raw)
    parts = make(layers, **kind)
    if rng.random() < 0.2:
        name = rng.choice([name for name in parts if name in ("manifest.json", "index.json")])
        parts[name] = json_mutations.mutated(rng, parts[name])
    whole = as_tar(parts)
    return damaged(rng, whole) if rng.random() < 0.25 else whole


def damaged(rng, raw):
    """One to four changes."""
    for _ in range(rng.randint(0, 4)):
        raw = rng.choice((header, header, header, record, record, flip, cut, move, twice))(rng, raw)
    return raw


def header(rng, raw):
    """A field of a header has another value, and the check sum mostly fits."""
    blocks = [at for at in range(0, len(raw) - 511, 512) if raw[at + 257 : at + 262] == b"ustar"] or [0]
    at = rng.choice(blocks)
    unit = bytearray(raw[at : at + 512].ljust(512, b"\0"))
    start = rng.choice(list(FIELDS))
    length = FIELDS[start]
    if length == 1:
        value = rng.choice(b"01234567SLKxgDMVNZ\0\x01").to_bytes(1, "big")
    elif length >= 100:
        value = rng.choice(NAMES)
    else:
        number = rng.choice(NUMBERS)
        value = rng.choice((b"%0*o" % (length - 1, max(number, 0)), b"\x80" + bytes(length)[9:] + struct.pack(
            ">q", number)[:length - 1], struct.pack(">q", number)[-length:], b"junk", b""))  # fmt: skip
    unit[start : start + length] = value[:length].ljust(length, b"\0")
    if rng.random() < 0.9:
        unit[148:156] = b"%06o\0 " % (sum(unit[:148]) + sum(unit[156:]) + 8 * 32)
    return raw[:at] + bytes(unit) + raw[at + 512 :]


def record(rng, raw):
    """A word of a pax record, or any number, becomes another; the length of the record mostly fits no more."""
    word = rng.choice((b"=", b"GNU.sparse", b"mtime", b"path", b" ", b"\n"))
    at = raw.find(word, rng.randint(0, max(len(raw) - 1, 0)))
    if at < 0:
        return raw
    new = rng.choice(TEXTS)
    return raw[: at + 1] + new + raw[at + 1 + rng.choice((0, len(new))) :]


def flip(rng, raw):
    at = rng.randrange(max(len(raw), 1))
    return raw[:at] + rng.randbytes(rng.randint(1, 8)) + raw[at + 1 :]


def cut(rng, raw):
    return raw[: rng.randint(0, len(raw))] if rng.random() < 0.5 else raw[: -(1024 * rng.randint(1, 20))]


def move(rng, raw):
    """A run of units from elsewhere, perhaps of another layer, in the place of one."""
    source = rng.choice((raw, rng.choice(seeds())))
    start, at = (512 * rng.randint(0, len(each) // 512) for each in (source, raw))
    count = 512 * rng.randint(1, 4)
    return raw[:at] + source[start : start + count] + raw[at + rng.choice((0, count)) :]


def twice(rng, raw):
    at = 512 * rng.randint(0, len(raw) // 512)
    return raw[:at] + raw[max(at - 512 * rng.randint(1, 3), 0) :]


def judge(path, raw, use=False):
    """ "read", "loaded", or "refused" with one line; anything else that happens is raised."""
    path.write_bytes(raw)
    try:
        images = read_images(str(path), Limits(unpacked=16 << 20, members=1000))
        json.dumps([report(image) for image in images], allow_nan=False)
        for driver in ("overlay2", "vfs") if use else ():
            engine = Engine(lambda name, options: DRIVERS[name](), DaemonConfig(driver))
            for image in images:
                load(engine, image)
    except InvalidInput as error:
        line = str(error)
    else:
        return "loaded" if use else "read"
    assert line.isprintable()
    return "refused"
