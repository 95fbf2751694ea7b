"""snapsim: storage drivers and snapshots, block by block, with the bill.

What a chapter, a student and an instructor need is here; a name is loaded when it is first used, and ``import snapsim``
itself loads nothing else.

>>> import snapsim
>>> volume = snapsim.ExceptionStore.new(8, store="N")
>>> snapshot = volume.snapshot()
>>> with volume.counting() as bill:
...     volume.write(3)
>>> bill.counts
IOCounts(read_copy=(1, 4096), write_data=(1, 4096), write_copy=(1, 4096))

**Blocks: a device that counts, and the mechanisms of snapshots**

================  ============================================================
`BlockDevice`     a disk that counts its requests
`IOCounts`        requests and bytes by purpose
`recording`       keep the requests of some devices
`Volume`          the contract of every mechanism
`FullCopy`        a snapshot is a second volume
`ExceptionStore`  copy-on-write, as dm-snapshot
`ThinPool`        the pool of thin volumes
`ThinVolume`      redirect-on-write, as dm-thin
`CowBtree`        redirect-on-write of extents, as btrfs
`Records`         redirect-on-write of records, as ZFS
`MECHANISMS`      all of them by name
================  ============================================================

**Layers: what Docker calls a storage driver**

===============  ============================================================
`Driver`         the contract of storage drivers
`DRIVERS`        all of them by name (btrfs and zfs as well)
`Overlay2`       a union mount, copied up whole
`FuseOverlayfs`  the same in user space
`Aufs`           the union mount that came first
`DeviceMapper`   a thin volume for each layer
`Vfs`            a full copy for each layer
===============  ============================================================

**Experiments: a workload on a stack, and its bill**

==========  ============================================================
`Workload`  layers, containers, operations
`parse`     a workload from JSON data
`generate`  a workload by a generator's name
`STACKS`    driver, file system and device, by name
`run`       one workload on one stack
`compare`   workloads on several stacks
`sweep`     the same for varied parameters
`Result`    what they cost
==========  ============================================================

**Docker: a simulated daemon, its figures, images and real hosts**

=============  ============================================================
`Engine`       images, containers, and Docker's figures
`start`        a simulated daemon
`read_images`  the images of an archive
`load_host`    what a real host tells
`what_if`      its images under every driver
=============  ============================================================

**Fidelity: a prediction beside its measurement**

===========  ============================================================
`judge`      one measured row
`judge_all`  all rows of a measurement
===========  ============================================================

**To look at: stories and figures**

=========  ============================================================
`explain`  the story of one write, or of your own operations
`step`     the same in a player, to step through
`plot`     the figures, `snapsim.show.plots`
=========  ============================================================

**To judge an implementation: the checking kit (needs Hypothesis)**

==================  ============================================================
`check_volume`      a block-level mechanism
`check_thin_pool`   a pool
`check_union`       a union mount
`check_driver`      a storage driver
`check_engine`      a container engine
`check_counts`      the bills of a model
`check_properties`  a test suite
==================  ============================================================

**Errors**

==============  ============================================================
`SnapsimError`  all below
`InvalidInput`  input that is not allowed
`NoSpace`       a device or pool is full
`InUse`         what is removed is needed
`Invalidated`   a snapshot whose store ran full
`Unsupported`   what a mechanism cannot do
==============  ============================================================

The packages, from the ground up: `snapsim.base`, `block`, `files`, `drivers`, `lab` and `images`, then `docker`,
and beside it `measure` and `stories`, `hosts` and `fidelity`, `show`, `testing`, `course`, `cli`; each says in its own
docstring how to read it.
"""

from typing import TYPE_CHECKING

from snapsim.base.lazy import lazy

if TYPE_CHECKING:
    from snapsim.base.errors import InUse as InUse
    from snapsim.base.errors import Invalidated as Invalidated
    from snapsim.base.errors import InvalidInput as InvalidInput
    from snapsim.base.errors import NoSpace as NoSpace
    from snapsim.base.errors import SnapsimError as SnapsimError
    from snapsim.base.errors import Unsupported as Unsupported
    from snapsim.block.counts import IOCounts as IOCounts
    from snapsim.block.device import BlockDevice as BlockDevice
    from snapsim.block.device import recording as recording
    from snapsim.block.snapshots import MECHANISMS as MECHANISMS
    from snapsim.block.snapshots.cow_btree.volume import CowBtree as CowBtree
    from snapsim.block.snapshots.exception_store import ExceptionStore as ExceptionStore
    from snapsim.block.snapshots.full_copy import FullCopy as FullCopy
    from snapsim.block.snapshots.records.volume import Records as Records
    from snapsim.block.snapshots.thin.pool import ThinPool as ThinPool
    from snapsim.block.snapshots.thin.volume import ThinVolume as ThinVolume
    from snapsim.block.volume import Volume as Volume
    from snapsim.course.stories.explain import explain as explain
    from snapsim.course.stories.explain import step as step
    from snapsim.docker.daemon import start as start
    from snapsim.docker.engine import Engine as Engine
    from snapsim.drivers.driver import Driver as Driver
    from snapsim.drivers.graphdrivers import DRIVERS as DRIVERS
    from snapsim.drivers.graphdrivers.aufs import Aufs as Aufs
    from snapsim.drivers.graphdrivers.devicemapper import DeviceMapper as DeviceMapper
    from snapsim.drivers.graphdrivers.fuse_overlayfs import FuseOverlayfs as FuseOverlayfs
    from snapsim.drivers.graphdrivers.overlay2 import Overlay2 as Overlay2
    from snapsim.drivers.graphdrivers.vfs import Vfs as Vfs
    from snapsim.fidelity.judge import judge as judge
    from snapsim.fidelity.judge import judge_all as judge_all
    from snapsim.hosts.reading import load_host as load_host
    from snapsim.hosts.what_if import what_if as what_if
    from snapsim.images.archive import read_images as read_images
    from snapsim.lab.experiment import compare as compare
    from snapsim.lab.experiment import run as run
    from snapsim.lab.experiment import sweep as sweep
    from snapsim.lab.generators import generate as generate
    from snapsim.lab.result import Result as Result
    from snapsim.lab.stacks import STACKS as STACKS
    from snapsim.lab.workload import Workload as Workload
    from snapsim.lab.workload import parse as parse
    from snapsim.show import plots
    from snapsim.testing.drivers.check import check_driver as check_driver
    from snapsim.testing.engines.check import check_engine as check_engine
    from snapsim.testing.pools.check import check_thin_pool as check_thin_pool
    from snapsim.testing.unions.check import check_union as check_union
    from snapsim.testing.volumes.check import check_volume as check_volume
    from snapsim.testing.volumes.counts import check_counts as check_counts
    from snapsim.testing.volumes.properties import check_properties as check_properties

    plot = plots

__version__ = "0.1.0"

_HOMES = {
    "BlockDevice": "snapsim.block.device",
    "IOCounts": "snapsim.block.counts",
    "recording": "snapsim.block.device",
    "Volume": "snapsim.block.volume",
    "FullCopy": "snapsim.block.snapshots.full_copy",
    "ExceptionStore": "snapsim.block.snapshots.exception_store",
    "ThinPool": "snapsim.block.snapshots.thin.pool",
    "ThinVolume": "snapsim.block.snapshots.thin.volume",
    "CowBtree": "snapsim.block.snapshots.cow_btree.volume",
    "Records": "snapsim.block.snapshots.records.volume",
    "MECHANISMS": "snapsim.block.snapshots",
    "Driver": "snapsim.drivers.driver",
    "DRIVERS": "snapsim.drivers.graphdrivers",
    "Overlay2": "snapsim.drivers.graphdrivers.overlay2",
    "FuseOverlayfs": "snapsim.drivers.graphdrivers.fuse_overlayfs",
    "Aufs": "snapsim.drivers.graphdrivers.aufs",
    "DeviceMapper": "snapsim.drivers.graphdrivers.devicemapper",
    "Vfs": "snapsim.drivers.graphdrivers.vfs",
    "Workload": "snapsim.lab.workload",
    "parse": "snapsim.lab.workload",
    "generate": "snapsim.lab.generators",
    "STACKS": "snapsim.lab.stacks",
    "run": "snapsim.lab.experiment",
    "compare": "snapsim.lab.experiment",
    "sweep": "snapsim.lab.experiment",
    "Result": "snapsim.lab.result",
    "Engine": "snapsim.docker.engine",
    "start": "snapsim.docker.daemon",
    "read_images": "snapsim.images.archive",
    "load_host": "snapsim.hosts.reading",
    "what_if": "snapsim.hosts.what_if",
    "judge": "snapsim.fidelity.judge",
    "judge_all": "snapsim.fidelity.judge",
    "explain": "snapsim.course.stories.explain",
    "step": "snapsim.course.stories.explain",
    "plot": "snapsim.show.plots as module",
    "check_volume": "snapsim.testing.volumes.check",
    "check_thin_pool": "snapsim.testing.pools.check",
    "check_union": "snapsim.testing.unions.check",
    "check_driver": "snapsim.testing.drivers.check",
    "check_engine": "snapsim.testing.engines.check",
    "check_counts": "snapsim.testing.volumes.counts",
    "check_properties": "snapsim.testing.volumes.properties",
    "SnapsimError": "snapsim.base.errors",
    "InvalidInput": "snapsim.base.errors",
    "NoSpace": "snapsim.base.errors",
    "InUse": "snapsim.base.errors",
    "Invalidated": "snapsim.base.errors",
    "Unsupported": "snapsim.base.errors",
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
