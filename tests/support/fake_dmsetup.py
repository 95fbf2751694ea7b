"""A dmsetup for machines without device-mapper: it keeps mappings as links to the disks below, and notes every call.

It answers as the real one does where `snapsim.measure.kernel` listens: a mapping that another one stands on is busy,
and goes, when its removal was deferred, with the last one that does. What it does not do is copy on write.
"""

import os
import re
from pathlib import Path

SCRIPT = r"""#!/bin/sh
at=$DM_DEV_DIR
echo "$*" >> "$at/log"
refuse() { echo "device-mapper: $1" >&2; echo "Command failed." >&2; exit 1; }
read -r fail < "$at/fail"
[ "$fail" -ne 0 ] && [ "$(wc -l < "$at/log")" -eq "$fail" ] && refuse "ioctl failed: Input/output error"
busy() {
    for above in "$at"/mapper/*; do
        [ -L "$above" ] && read -r table < "$at/tables/${above##*/}" || continue
        case "$table " in *"mapper/$1 "*) return 0;; esac
    done
    return 1
}
drop() { rm -f "$at/mapper/$1" "$at/tables/$1" "$at/suspended/$1" "$at/deferred/$1"; }  # gone with the first
verb=$1 name=$2
case $verb in
version) echo "Library version:   1.02.0"; echo "Driver version:    4.0.0";;
targets) cat "$at/targets"; [ -s "$at/targets" ] || refuse "no such device";;
info)
    for one in "$at"/mapper/*; do
        [ -L "$one" ] || continue
        state=Active; [ -e "$at/suspended/${one##*/}" ] && state=Suspended
        echo "${one##*/}:$state"
    done;;
create)
    [ -L "$at/mapper/$name" ] && refuse "create ioctl on $name failed: Device or resource busy"
    echo "$4 " > "$at/tables/$name"
    set -- $4
    disk=$4; [ "$3" = thin-pool ] && disk=$5
    ln -s "$disk" "$at/mapper/$name";;
load|message) [ -L "$at/mapper/$name" ] || refuse "$verb ioctl on $name failed: No such device";;
suspend) : > "$at/suspended/$name";;
resume) rm -f "$at/suspended/$name";;
status)
    for name; do :; done
    read -r table < "$at/tables/$name"
    set -- $table
    case $3 in
    snapshot*) echo "0 $2 $3 16/$2 16";;
    thin-pool) echo "0 $2 $3 0 10/100 1/100 - rw discard_passdown queue_if_no_space - 10";;
    thin) echo "0 $2 $3 128 127";;
    esac;;
remove)
    for name; do :; done
    [ -L "$at/mapper/$name" ] || refuse "remove ioctl on $name failed: No such device"
    if busy "$name"; then
        [ "$2" = --deferred ] || refuse "remove ioctl on $name failed: Device or resource busy"
        : > "$at/deferred/$name"
        exit 0
    fi
    drop "$name"
    for round in 1 2 3; do
        for one in "$at"/deferred/*; do
            [ -e "$one" ] && ! busy "${one##*/}" && drop "${one##*/}"
        done
    done;;
esac
exit 0
"""
TARGETS = ("thin-pool", "thin", "snapshot-merge", "snapshot-origin", "snapshot", "linear")


class FakeDmsetup:
    """Its folder; `environment` makes it the dmsetup of whoever has it."""

    def __init__(self, folder: Path, targets=TARGETS) -> None:
        self.folder = folder
        for name in ("mapper", "tables", "suspended", "deferred", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "targets").write_text("".join(f"{name} v1.0.0\n" for name in targets))
        (folder / "log").write_text("")
        self.fail_at(0)
        script = folder / "bin" / "dmsetup"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        self.environment = {"DM_DEV_DIR": str(folder), "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}"}

    def fail_at(self, call: int) -> None:
        """Let one call fail, counted from the beginning of the log; 0: none."""
        (self.folder / "fail").write_text(f"{call}\n")

    def forget(self) -> None:
        """Begin a new log."""
        (self.folder / "log").write_text("")

    def calls(self) -> list[str]:
        """What was called since; disks in the order of their appearance as DISK0, DISK1; names without their prefix."""
        disks: dict[str, str] = {}
        text = re.sub(r"\S*snapsim-\d+-", "", (self.folder / "log").read_text())
        text = re.sub(r"/dev/loop\d+", lambda found: disks.setdefault(found[0], f"DISK{len(disks)}"), text)
        return text.splitlines()

    def mappings(self) -> list[str]:
        """What there is now."""
        return sorted(os.listdir(self.folder / "mapper"))
