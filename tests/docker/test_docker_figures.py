"""Docker's figures: the ten captures of real daemons, and the rules by version on usages of a few bytes."""

import captures
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.docker import figures as docker_figures
from snapsim.docker.figures import CacheUse, ContainerUse, DiskUsage, ImageUse, Total, VolumeUse, parse_version, totals
from snapsim.docker.removal import rmi

# ---------------------------------------------------------------- the captures


@pytest.mark.parametrize("group", captures.EQUAL)
@pytest.mark.parametrize("capture", sorted(captures.CAPTURED))
def test_every_figure_of_a_capture_is_equal(capture, group):
    rows = list(captures.EQUAL[group](capture))
    assert [row for row in rows if row.real != row.model] == []
    assert rows


def test_all_ten_captures_are_held_against_the_engine():
    assert len(captures.CAPTURED) == 10


@pytest.mark.parametrize("capture", captures.POOLS)
def test_pool_blocks_after_each_step_are_within_what_xfs_adds(capture):
    """In blocks of 64 KiB the first image: 35,606,320 bytes are 544 blocks; the rest of the real 588 is XFS'."""
    rows = list(captures.pool_steps(capture))
    assert [(row.step, row.overhead) for row in rows if not row.least <= row.overhead <= row.most] == []
    assert len(rows) == 9


@pytest.mark.parametrize("capture", captures.POOLS)
def test_pool_blocks_while_all_is_removed(capture):
    """rm of a container frees two volumes, rmi of the child three, of the base the last: then both pools are as fresh.

    Between the steps the sizes were asked for: that mounts every volume once more, but changes no bound.
    """
    rows = captures.real("docker-layers", capture)["timeline"]
    captures.played.cache_clear()  # this engine is taken apart
    engine = captures.played(capture).engine
    fresh, chunk, volumes = rows[0]["used"], engine.driver.pool.chunk_size, 14
    for row in rows:
        kind, _, name = row["step"].partition(" ")
        if kind not in {"rm", "rmi"}:
            continue
        volumes -= {"rm": 2, "rmi": 3 if name == "child:1" else 1}[kind]
        engine.rm(name) if kind == "rm" else rmi(engine, name)
        least, most = captures.xfs_bounds(volumes, chunk)
        assert least <= (row["used"] - fresh - engine.driver.space()) // chunk <= most, row["step"]
        assert len(engine.driver.ids()) == volumes
    assert volumes == engine.driver.space() == rows[-1]["used"] - fresh == 0
    captures.played.cache_clear()


def test_every_other_status_pair_has_its_reason():
    for capture in captures.CAPTURED:
        assert {row.figure for row in captures.status_differences(capture)} <= captures.WHY.keys()


def test_the_page_is_up_to_date():
    assert captures.PAGE.read_text() == captures.page(), "run python tests/captures.py"


# ---------------------------------------------------------------- the rules by version

BASE, CHILD = ImageUse("b", ("base:1",), (("1", 30),)), ImageUse("c", ("child:1",), (("1", 30), ("2", 10)), 2)
LONER = ImageUse("l", ("loner:1",), (("3", 5),))
BOXES = (ContainerUse("x", "x", "child:1", "c", 7, 47), ContainerUse("y", "y", "child:1", "c", 3, 43, "running"))


def test_shared_unique_and_layers_size():
    """Layers 1 (30), 2 (10) and 3 (5), each once: 45. Layer 1 is in two images: each shares 30; child's own is 10."""
    usage = DiskUsage((CHILD, BASE, LONER))
    assert usage.layers_size == 45
    assert [(image.size, usage.shared(image)) for image in usage.images] == [(40, 30), (30, 30), (5, 0)]


@pytest.mark.parametrize(
    ("version", "reclaimable"),
    [
        ("20.10", 35),
        ("23.0", 35),
        ("28.5.2", 35),  # 45 - child's own 10: base's layer is in use, and counts
        ("29", 40),
        ("29.3.1", 40),  # 45 - (base 0 + loner 5): inverted
        ("29.4", 5),
        ("29.4.1", 5),
        ("29.7.2", 5),
    ],
)  # base 0 + loner 5
def test_reclaimable_images_by_version(version, reclaimable):
    usage = DiskUsage((CHILD, BASE, LONER), BOXES)
    assert docker_figures.reclaimable_images(usage, parse_version(version)) == reclaimable


def test_images_whose_containers_were_not_counted_are_reclaimable_in_29_4_0_alone():
    usage = DiskUsage((ImageUse("u", (), (("9", 4),), -1),))
    found = [docker_figures.reclaimable_images(usage, parse_version(v)) for v in ("28", "29.4.0", "29.4.1")]
    assert found == [0, 4, 0]


def test_totals_of_containers_volumes_and_cache():
    """x (7) does not run, y (3) does. v (100) is mounted, w (20) is not. Of 8 + 4 + 2 + 1 in the cache 4 and 1 are
    shared, so that 10 are left up to 28; neither in use nor shared are the 2."""
    usage = DiskUsage(
        (CHILD,),
        BOXES,
        (VolumeUse("v", 100, 1), VolumeUse("w", 20)),
        (CacheUse("k", 8, True), CacheUse("l", 4, True, True), CacheUse("m", 2), CacheUse("n", 1, False, True)),
    )
    rows = totals(usage, (20, 10))
    assert rows[1] == Total("Containers", 2, 1, 10, 7, 70)
    assert rows[2] == Total("Local Volumes", 2, 1, 120, 20, 16)  # 20 * 100 // 120
    assert rows[3] == Total("Build Cache", 4, 2, 10, 2, None)
    assert totals(usage, (29, 4, 1))[3] == Total("Build Cache", 4, 2, 15, 2, None)


def test_percent_is_cut_off_and_left_out_where_the_total_is_0():
    """The example of Docker's manual: 11.63 MB of 16.43 MB are 70 %, not 71."""
    assert docker_figures._total("Images", (), 0, 16_430_000, 11_630_000).percent == 70
    assert totals(DiskUsage(), (20, 10))[0].percent is None


def test_the_table_is_as_wide_as_its_cells():
    lines = docker_figures.table(
        DiskUsage((CHILD, BASE), BOXES, (VolumeUse("v", 2_000_000, 0),)), (20, 10)
    ).splitlines()
    assert lines[1] == "Images          2         1         40B       30B (75%)"
    assert lines[3] == "Local Volumes   1         0         2MB       2MB (100%)"
    assert lines[0].index("RECLAIMABLE") == lines[1].index("30B") == lines[3].index("2MB (")


@pytest.mark.parametrize("version", ["19.03", "30", "x", "20", "", "28.5.2.1", "²⁹", "29.-1", "1" * 5000])
def test_versions_that_are_not_known(version):
    with pytest.raises(InvalidInput, match=r"^--docker-version: .*allowed: a Docker release from 20.10 to 29"):
        parse_version(version)


def test_what_rests_on_reading_says_so():
    assert "real daemons of 20.10.24" in docker_figures.basis((20, 10, 24))
    assert all("source alone" in docker_figures.basis(version) for version in ((23, 0, 0), (28, 5, 2), (29, 4, 1)))
