"""Who shares the page cache: N containers that read the same file of their image."""

from snapsim.base.units import KiB
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import traps
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.driver import Driver
from snapsim.drivers.graphdrivers import DRIVERS

_RULE = (
    "The page cache belongs to an inode. Under overlay2 and aufs all containers read the image's one inode, until "
    "a container changes the file and gets an inode of its own. Under btrfs, devicemapper and vfs each container "
    "has an inode of its own from the start, even where the blocks on disk are shared."
)
_SHARES = "all containers read the same inode: it is cached once"
_OWN = "an inode of its own has pages of its own, though the blocks on disk are shared"
_CHANGED = "a container that changed the file has a copy of its own in the cache"


def _state(dice: Dice, level: int) -> Draft:
    size, count = 4 * dice.between(200, 4000), dice.between(3, 12)
    writers = dice.between(1, count - 2) if level > 1 else 0
    names = ["overlay2", *dice.some(("btrfs", "devicemapper", "vfs", "aufs"), 2)]
    also = f", then {writers} of them change one byte of it, and all of them read it again" if writers else ""
    questions = []
    for name in names:
        kib = _cached(name, size, count, writers)
        questions.append(
            Question(
                f"{name}: KiB of the file in the page cache",
                kib,
                traps(
                    kib,
                    {
                        size: _CHANGED if name in ("overlay2", "aufs") else _OWN,
                        count * size: _SHARES,
                        (count + 1) * size: _CHANGED,
                    },
                ),
            )
        )
    return Draft(
        f"An image holds a file of {size} KiB. {count} containers run from it and each reads the whole file{also}. "
        "Nothing is evicted.",
        _RULE,
        tuple(questions),
    )


def _cached(name: str, size: int, count: int, writers: int) -> int:
    driver: Driver = DRIVERS[name]()  # type: ignore[call-arg]
    driver.create("image")
    driver.apply_diff("image", None, Diff((Entry("/f", size=size * KiB),)))
    mounts = []
    for number in range(count):
        driver.create_read_write(f"c{number}", "image")
        mounts.append(driver.get(f"c{number}"))
    driver.sync()
    driver.drop_caches()
    for mount in mounts:
        mount.read("/f")
    for mount in mounts[:writers]:
        mount.write("/f", 0, 1)
    for mount in mounts if writers else ():
        mount.read("/f")
    return driver.page_cache_bytes() // KiB


TOPIC = Topic("page-cache", "Who shares the page cache", _state)
