"""``snapsim shell``: a prompt in a container of a stack; each command is followed by its bill."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from snapsim.cli.output import formats
from snapsim.show.terminal import write, write_json

if TYPE_CHECKING:
    from snapsim.drivers.diff import Diff
    from snapsim.stories.prompt import Billed, Prompt

TEXT = "a prompt in a container: type commands, and see what each costs"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("file", nargs="?", metavar="FILE", help="a script; a prompt when neither it nor -c is given")
    command.add_argument("-c", dest="script", metavar="SCRIPT", help="a script as text")
    command.add_argument("--stack", default="overlay2-ext4", metavar="S", help="what the container stands on")
    command.add_argument(
        "--image",
        nargs="?",
        const="",
        metavar="PATH",
        help="a real image (docker save's tar, or an OCI image layout; the shipped one without PATH) instead of "
        "snapsim's own",
    )
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Carry it out; the exit status is the last command's."""
    from snapsim.base.errors import InvalidInput
    from snapsim.stories.prompt import Prompt

    if options.file is not None and options.script is not None:
        raise InvalidInput("is not allowed with a FILE: one script", "-c")
    prompt = Prompt(options.stack, _layers(options.image))
    script = options.script if options.file is None else _read(options.file)
    if script is None and not sys.stdin.isatty():
        script = sys.stdin.read()
    if script is not None:
        return _carry_out(prompt, script, options.format)
    if options.format == "json":
        raise InvalidInput("json is not allowed at a prompt: give -c or a FILE", "--format")
    return _interact(prompt)


def _layers(path: str | None) -> "list[Diff]":
    """The layers of the one image that an archive holds; none for snapsim's own image."""
    from snapsim.base.errors import InvalidInput
    from snapsim.images import archive

    if path is None:
        return []
    found = archive.read_images(path or str(archive.EXAMPLE))
    if len(found) != 1:
        names = ", ".join(image.name for image in found)
        raise InvalidInput(f"{len(found)} images ({names}): an archive of one is allowed", path)
    return [layer.diff for layer in found[0].layers]


def _read(path: str) -> str:
    from snapsim.base.errors import InvalidInput

    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InvalidInput(f"{error.strerror}: a script, or - for standard input", path) from None


def _carry_out(prompt: "Prompt", script: str, form: str) -> int:
    """The commands of a script, each with its bill."""
    from snapsim.stories.prompt import commands

    status, records = 0, []
    for text in commands(script):
        out, err = bytearray(), bytearray()
        if form == "json":
            done = prompt.run(text, out.extend, err.extend)
            records.append(_record(done, bytes(out), bytes(err)))
        else:
            done = prompt.run(text, _show, _show_error)
            if text.strip() != "story":
                write(done.bill)
        status = done.status
        if prompt.exited:
            break
    if form == "json":
        write_json(records)
    return status


def _record(done: "Billed", out: bytes, err: bytes) -> dict[str, object]:
    """A command as JSON: its text, how it ended, what it wrote, and requests and bytes by operation and purpose."""
    bill = {name: {"requests": cell[0], "bytes": cell[1]} for name, cell in done.counts.cells().items()}
    return {
        "command": done.script.strip("\n"),
        "status": done.status,
        "stdout": out.decode(errors="replace"),
        "stderr": err.decode(errors="replace"),
        "bill": bill,
        "story": done.story,
    }


def _interact(prompt: "Prompt") -> int:
    """A prompt on a terminal."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (lines can be edited, and come again)
    write("Each command is followed by what it cost; `story` tells it request by request, `exit` ends it.")
    status = 0
    while not prompt.exited:
        try:
            text = input(f"{prompt.shell.cwd} # ")
            while not prompt.shell.complete(text + "\n"):
                text += "\n" + input("> ")
        except EOFError:
            write("")
            break
        except KeyboardInterrupt:
            write("^C")
            continue
        if not text.strip():
            continue
        try:
            done = prompt.run(text, _show, _show_error)
        except KeyboardInterrupt:
            write("^C")
            continue
        status = done.status
        if text.strip() != "story":
            write(done.bill)
    return status


def _show(data: bytes) -> None:
    sys.stdout.write(data.decode(errors="replace"))


def _show_error(data: bytes) -> None:
    sys.stdout.flush()
    sys.stderr.write(data.decode(errors="replace"))
    sys.stderr.flush()
