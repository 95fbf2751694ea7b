"""docs/how-to/serve.md is carried out, docs/reference/engine-api.md is what the routes say."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from engine_api_page import PAGE, page
from places import ROOT
from profiles import needs
from simulated import Names, simulated

HOW_TO = ROOT / "docs" / "how-to" / "serve.md"


def test_the_table_of_endpoints_is_current():
    assert PAGE.read_text() == page()


def sessions():
    """The commands of the page with what they print, by the daemon that they talk to."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", HOW_TO.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            if command.startswith("snapsim serve"):
                found.append((shlex.split(command.removesuffix(" &"))[2:], []))
            else:
                found[-1][1].append((command, printed))
    return found


@pytest.mark.parametrize("number", range(len(sessions())))
def test_the_lecture(number, tmp_path):
    """Each command prints what the page shows, but for ids, times and the width of columns."""
    needs([] if shutil.which("docker") else ["no docker: apt-get install docker.io"])
    options, commands = sessions()[number]
    tool = tmp_path / "snapsim"
    tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m snapsim "$@"\n')
    tool.chmod(0o755)
    with simulated(*options) as docker:
        env = {**os.environ, "DOCKER_HOST": docker.url, "PATH": f"{tmp_path}:{os.environ['PATH']}", "COLUMNS": "130",
               "DOCKER_CONFIG": str(tmp_path), "DOCKER_BUILDKIT": "0"}  # fmt: skip
        mine, shown = Names(), Names()
        for command, printed in commands:
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=env, cwd=ROOT, timeout=60)
            assert fits(shown.plain(printed), mine.plain(done.stdout + done.stderr)), (command, done)


def fits(shown, printed):
    """Do the lines agree, where ... stands for anything, and on a line of its own for any lines?"""
    text = "\n".join(line.strip() for line in printed.splitlines() if line.strip()) + "\n"
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    parts = ["(.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + "\n" for line in lines]
    return re.fullmatch("".join(parts), text if lines else "") is not None
