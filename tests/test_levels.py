"""The house has levels: a module imports from lower levels only, and importing snapsim costs NumPy at most."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "snapsim"
LEVELS = [  # from the ground up; each module as low as its imports let it be
    {"__init__", "borrowed", "errors", "events", "grid", "intent_log", "notebook_cells", "pictures"},
    {
        "counts",
        "fields",
        "image_name",
        "notebooks",
        "paged_map",
        "replacing",
        "requests",
        "space_map",
        "splitmix",
        "units",
    },
    {
        "daemon_config",
        "demands",
        "device",
        "dm_options",
        "docker_figures",
        "exercises",
        "jsonfile",
        "operations",
        "sizes",
        "space_book",
    },
    {
        "assignments",
        "bounds",
        "costs",
        "docker_live",
        "docker_listing",
        "docker_text",
        "exception_table",
        "extents",
        "host",
        "indirect_block",
        "judged",
        "layer",
        "measurements",
        "metadata_blocks",
        "narration",
        "pages",
        "replay",
        "scenario",
        "volume",
        "workload",
        "zap",
    },
    {
        "archives",
        "containerd_figures",
        "docker_rows",
        "extent_tree",
        "fsync_pace",
        "generator",
        "image_tree",
        "inode",
        "inventory",
        "kernel",
        "measured_tables",
        "persistent_data",
        "quiz",
        "result",
        "stack_order",
        "tool_table",
        "zpool",
    },
    {"fs_metadata", "image_efficiency", "image_tables"},
    {"file_places"},
    {"agreement", "dataset", "dockerdata", "extent_store", "files", "generators", "plots"},
    {"btrfs", "capture", "filesystem", "plot", "snapshots"},
    {"fidelity_tables", "host_source", "output", "zfs_shadows"},
    {"zfs_pointers"},
    {"zfs_metadata"},
    {"block_story", "books", "filesystems", "paths", "record_files"},
    {"open_file"},
    {"mount", "replays"},
    {"naive", "trace_figures", "tree"},
    {"driver", "init_layer"},
    {"clones", "executor", "layer_store", "ledger", "testing"},
    {"drivers", "hidden_files", "images", "tool_figures", "tool_totals"},
    {"containers", "stacks", "why"},
    {"engine_labels", "experiment", "file_story", "tables", "traits"},
    {"engine", "explain", "layout", "left_out", "lesson_figures", "prediction", "what_if_rules"},
    {"builder", "daemon", "disk_usage", "fidelity", "image_archive", "image_trial", "removal"},
    {"image_report", "scenario_player", "what_if"},
    {"df", "quizzes", "what_if_tables"},
    {"problems"},
    {"quiz_sheet"},
    {"grading", "notebook_controls"},
    {"guess"},
    {"measure_again"},
    {"marking"},
    {"fresh_check"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
SIBLINGS = {
    "exercises": {"exercise", "opened"},
    "quizzes": {"volume_words", "layer_words"},
    "kernel": {
        *("syscalls", "needs", "loop", "disk", "layers", "player", "window", "measuring"),
        *("mapper", "reaper", "direct", "target", "snapshot_target", "thin_target", "traces"),
    },
    "snapshots": {"thin_blocks", "thin_map", "thin_metadata"},
    "filesystems": {
        *("ext4_attributes", "ext4_blocks", "ext4_directory", "ext4_extents", "ext4_inodes", "ext4_journal"),
        *("ext4_layout", "ext4_metadata", "kernel_clock"),
        *("xfs_btree", "xfs_buffers", "xfs_directory", "xfs_files", "xfs_inodes", "xfs_layout", "xfs_log"),
        *("xfs_metadata", "xfs_preallocation", "xfs_references"),
        "zfs_objects",
    },
    "drivers": {"union", "copy_up", "overlayfs", "metacopy", "aufs_mount", "branches", "overlay2"},
    "commands": set(),
    "replays": {"dm_thin_report", "zfs_report"},
}  # who may import whom


def level_of(name):
    return next(number for number, names in enumerate(LEVELS) if name in names)


def imports(path):
    """The snapsim modules that a file imports, as dotted names below snapsim, with the type-checking ones."""
    here = path.relative_to(PACKAGE).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level]
            module = [*base, *(node.module.split(".") if node.module else [])]
            yield from (
                [".".join([*module, alias.name]) for alias in node.names] if not node.module else [".".join(module)]
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snapsim"):
            yield node.module.partition(".")[2] or "__init__"


FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_imports_go_down(name):
    """Level of what is imported < level of the importer; folders: the contract's files first, siblings not at all."""
    path = PACKAGE / name
    top = Path(name).with_suffix("").parts[0]
    for module in imports(path):
        used = module.split(".")[0]
        if used == top:  # inside a folder
            sibling = module.split(".")[1] if "." in module else ""
            assert top not in SIBLINGS or path.stem == "__init__" or sibling in SIBLINGS[top], (
                f"{name} imports {module}"
            )
        elif used in {"__init__", "__version__"}:
            continue
        else:
            assert level_of(used) < level_of(top), f"{name} (level {level_of(top)}) imports {module}"


def test_import_is_light():
    """`import snapsim` loads NumPy at most; the command line and the plots load what they need when they are called."""
    code = "import snapsim.device, sys; print({'matplotlib', 'hypothesis', 'docker', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def outside(name):
    """The packages from elsewhere that a file imports."""
    for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)


def test_only_the_plots_import_matplotlib_and_only_the_kit_hypothesis():
    for name in FILES:
        used, top = set(outside(name)), Path(name).parts[0]
        assert "matplotlib" not in used or top in {"plot.py", "plots"}, name
        assert "hypothesis" not in used or top == "testing", name
