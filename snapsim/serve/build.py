"""`docker build`, the classic builder: a Dockerfile and a context become images, one for each step.

RUN is carried out by the simulated shell, in a container of its own whose changes become the layer; COPY and ADD fill a
layer without a container; what only changes the configuration makes a container, and no layer. A step that was carried
out before on the same image is taken from there (``Using cache``). Source: moby 20.10 `builder/dockerfile`.

What it leaves out: BuildKit, ``ADD`` of a URL, ``ONBUILD``, ``HEALTHCHECK``, ``SHELL`` for another system.
"""

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from snapsim.docker.build import BuildStep, build_step
from snapsim.docker.containers import Container
from snapsim.docker.images import Image
from snapsim.drivers.diff import HistoryStep
from snapsim.serve import containers, dockerfile, programs
from snapsim.serve.build_context import Context, copy, digest
from snapsim.serve.console import Console
from snapsim.serve.daemon import Daemon
from snapsim.serve.dockerfile import Instruction, expand
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.shapes import configs
from snapsim.serve.tars import make_directories
from snapsim.shell import StillRunning

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Asked:
    """What the client asks for: parameters of ``POST /build``."""

    tags: tuple[str, ...] = ()
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    cache: bool = True
    network: str = "bridge"
    quiet: bool = False


class Failed(Exception):
    """A step failed: the message, and the exit status of its command."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Builder:
    """One build.

    Parameters
    ----------
    daemon : Daemon
    file : BinaryIO
        The context: an archive.
    asked : Asked
    """

    def __init__(self, daemon: Daemon, file: BinaryIO, asked: Asked) -> None:
        self.daemon, self.engine, self.asked = daemon, daemon.engine, asked
        self.context = Context(file)
        self.steps = dockerfile.parse(self.context.text(asked.dockerfile))
        if next((step.name for step in self.steps if step.name != "ARG"), "") != "FROM":
            raise Refused(400, "no build stage in current context")
        self.stages: dict[str, Image | None] = {}
        self.image: Image | None = None
        self.done: Image | None = None
        self.config: dict[str, Any] = {}
        self.args: dict[str, str] = {}
        self.env: dict[str, str] = {}
        self._lines: list[dict[str, Any]] = []

    def run(self) -> Iterator[dict[str, Any]]:
        """Carry the steps out; gives the lines that the client prints, those of an error at the end."""
        total = len(self.steps)
        try:
            for number, step in enumerate(self._wanted(), 1):
                self._say(f"Step {number}/{total} : {step.text}\n")
                self._step(step)
                yield from self._said()
            yield from self._end()
        except (Failed, Refused) as error:
            yield from self._said()
            code = getattr(error, "code", 1)
            detail = {"code": code, "message": str(error)} if isinstance(error, Failed) else {"message": str(error)}
            yield {"errorDetail": detail, "error": str(error)}

    def _wanted(self) -> Iterator[Instruction]:
        """The steps up to the end of the stage that is asked for."""
        found = False
        for step in self.steps:
            if step.name == "FROM" and found:
                return
            words = step.value.split()
            found = found or (step.name == "FROM" and bool(self.asked.target) and words[-1] == self.asked.target)
            yield step
        if self.asked.target and not found:
            raise Failed(f"failed to reach build target {self.asked.target} in Dockerfile")

    def _say(self, text: str) -> None:
        self._lines.append({"stream": text})

    def _said(self) -> list[dict[str, Any]]:
        found, self._lines = self._lines, []
        return found

    def _end(self) -> Iterator[dict[str, Any]]:
        image = self.image
        if image is None:
            raise Failed("No image was generated. Is your Dockerfile empty?")
        self.done = image
        yield {"aux": {"ID": image.id}}
        yield {"stream": f"Successfully built {_short(image)}\n"}
        for tag in self.asked.tags:
            self.engine.tag(image.id, tag)
            yield {"stream": f"Successfully tagged {tag}\n"}

    # ---------------------------------------------------------------- steps

    def _step(self, step: Instruction) -> None:
        if step.name in ("ONBUILD", "HEALTHCHECK", "SHELL"):
            raise unsupported(f"{step.name} in a Dockerfile")
        if step.name == "FROM":
            self._from(step)
        elif step.name == "ARG":
            self._arg(step)
        elif self.image is None and not self.stages:
            raise Refused(400, "No build stage in current context")
        elif step.name == "RUN":
            self._run(step)
        elif step.name in ("COPY", "ADD"):
            self._copy(step)
        else:
            self._configure(step)

    def _variables(self) -> dict[str, str]:
        env = dict(item.split("=", 1) for item in self.config.get("Env") or () if "=" in item)
        return {**self.args, **env}

    def _from(self, step: Instruction) -> None:
        words = expand(step.value, self.args).split()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
            raise Refused(400, "FROM requires either one or three arguments")
        name = words[0]
        self.args = {}
        if name == "scratch":
            self.image, self.config = None, {}
        elif name in self.stages:
            self.image = self.stages[name]
            self.config = dict(self.image.config) if self.image else {}
        else:
            self.image = self._base(name)
            self.config = dict(self.image.config)
        if not any(item.startswith("PATH=") for item in self.config.get("Env") or ()):
            self.config["Env"] = [*(self.config.get("Env") or ()), f"PATH={programs.PATH}"]
        self._name = words[2] if len(words) == 3 else ""
        self._remember()
        self._say(f" ---> {_short(self.image) if self.image else ''}\n")
        if self.asked.labels and step is [each for each in self.steps if each.name == "FROM"][-1]:
            self.config["Labels"] = {**(self.config.get("Labels") or {}), **self.asked.labels}

    def _base(self, name: str) -> Image:
        from snapsim.base.errors import NotFound
        from snapsim.serve import moving
        from snapsim.serve.names import reference

        try:
            return self.engine.image(self.daemon.shown(name))
        except NotFound:
            full = reference(name)
            self._lines += moving.pull(self.daemon, full, self.daemon.catalog.find(full))
            return self.engine.image(full)

    def _remember(self) -> None:
        """The stage that goes on is known by its number and its name."""
        for name in {self._name, str(sum(each.isdigit() for each in self.stages))} - {""}:
            if not name.isdigit() or name not in self.stages:
                self.stages[name] = self.image
        self._number = str(sum(each.isdigit() for each in self.stages) - 1)

    def _advance(self, image: Image) -> None:
        self.image = image
        self.stages[self._number] = image
        if self._name:
            self.stages[self._name] = image
        self._say(f" ---> {_short(image)}\n")

    def _arg(self, step: Instruction) -> None:
        name, equals, value = step.value.partition("=")
        given = self.asked.args.get(name)
        if given is not None or equals:
            self.args[name] = expand(value, self._variables()).strip("\"'") if given is None else given
        if self.stages:
            self._empty(f"/bin/sh -c #(nop)  ARG {step.value}")

    def _configure(self, step: Instruction) -> None:
        value = step.value if step.name in ("CMD", "ENTRYPOINT") else expand(step.value, self._variables())
        one = Instruction(step.name, value, step.line, step.flags)
        if step.name != "MAINTAINER":
            self.config = dockerfile.apply(self.config, one)
        told = _told(one, self.config)
        directory = self.config["WorkingDir"] if step.name == "WORKDIR" else ""
        self._empty(f"/bin/sh -c #(nop) {told}", directory)

    def _empty(self, created_by: str, directory: str = "") -> None:
        """A step that changes the configuration, and at most makes a directory."""
        if self._cached(created_by):
            return
        box = self._container(["/bin/sh", "-c", created_by.removeprefix("/bin/sh -c ")])
        self._say(f" ---> Running in {box.id[:12]}\n")
        if directory:
            with self.engine.driver.mounted(box.id) as mount:
                make_directories(mount, directory)
        self._commit(box, created_by)

    def _run(self, step: Instruction) -> None:
        listed = dockerfile.json_list(step.value)
        words = listed if listed else ["/bin/sh", "-c", step.value]
        shown = " ".join(words)
        args = [f"{name}={value}" for name, value in sorted(self.args.items())]
        created_by = f"|{len(args)} {' '.join(args)} {shown}" if args else shown
        if self._cached(created_by):
            return
        box = self._container(words)
        self._say(f" ---> Running in {box.id[:12]}\n")
        mount = self.engine.start(box.name, attach=True)
        code = self._execute(box, mount, words)
        self.engine.finish(box.name, code)
        if code:
            raise Failed(f"The command '{shown}' returned a non-zero code: {code}", code)
        self._commit(box, created_by)

    def _execute(self, box: Container, mount: Any, words: list[str]) -> int:
        env = {**programs.environment(self.config, box.id[:12], False), **self.args}
        directory = self.config.get("WorkingDir") or "/"
        make_directories(mount, directory)
        shell = programs.shell_of(
            programs.Context(
                mount,
                env,
                directory,
                self.config.get("User") or "",
                clock=self.engine.driver.clock,
                commands=self.daemon.commands,
            )
        )

        def show(data: bytes) -> None:
            self._say(data.decode(errors="replace"))

        def complain(data: bytes) -> None:
            self._say(f"\x1b[91m{data.decode(errors='replace')}\x1b[0m")

        try:
            return shell.run(words, out=show, err=complain)
        except StillRunning:
            raise Failed(f"{' '.join(words)} does not end: a build waits for nothing") from None

    def _copy(self, step: Instruction) -> None:
        words = [expand(word, self._variables()) for word in step.words]
        if len(words) < 2:
            raise Refused(400, f"{step.name} requires at least two arguments, but only one was provided.")
        for flag in step.flags:
            if flag not in ("from", "chown"):
                raise Refused(400, f"Unknown flag: {flag}")
        source = self._source(step.flags.get("from", ""))
        with source as tree:
            files = tree.find(words[:-1], step.name)
            directory = self.config.get("WorkingDir") or "/"
            target = words[-1] if words[-1].startswith("/") else posixpath.join(directory, words[-1])
            kind, name = digest(tree, files)
            created_by = f"/bin/sh -c #(nop) {step.name} {kind}:{name} in {words[-1]} "
            if self._cached(created_by):
                return
            many = len(files) > 1 or words[-1].endswith(("/", "/.")) or words[-1] == "."
            owner = step.flags.get("chown", "")

            def work(mount: Any) -> None:
                copy(tree, files, mount, target, many, extract=step.name == "ADD", owner=owner)

            image = build_step(self.engine, self._parent(), BuildStep(created_by, work))
        self._finish(image, created_by)

    def _source(self, name: str) -> Any:
        """The context, or the tree of a stage or of an image."""
        if not name:
            return self.context.opened()
        image = self.stages[name] if name in self.stages else self._base(name)
        if image is None or image.layer is None:
            raise Failed(f"invalid from flag value {name}: nothing is in it")
        return Context.of_layer(self.engine.driver, image.layer.cache_id)

    # ---------------------------------------------------------------- images

    def _parent(self) -> Image:
        if self.image is None:  # FROM scratch: an image without layers, of which nobody hears
            return Image("", None, (), config=self.config)
        return self.image

    def _cached(self, created_by: str) -> bool:
        """Was the step carried out before, on the same image, to the same configuration?"""
        if not self.asked.cache or self.image is None:
            return False
        for child in self.engine.home.images.children(self.image.id):
            if child.history[-1].created_by == created_by and dict(child.config) == self.config:
                self._say(" ---> Using cache\n")
                self._advance(child)
                return True
        return False

    def _container(self, words: list[str]) -> Container:
        if self.image is None:
            raise Failed("scratch has no programs: COPY or ADD something first")
        name = self.engine.home.layers.fresh_id("name")[:12]
        asked = {**configs.for_image(self.config), "Cmd": words, "Entrypoint": None, "HostConfig": configs.host(None)}
        network = self.asked.network
        box = self.engine.create(self.image.id, name, " ".join(words), network=network, asked=asked)
        asked["Hostname"] = box.id[:12]
        self.daemon.lives[box.id] = containers.Live(Console(self.daemon.now))
        return box

    def _commit(self, box: Container, created_by: str) -> None:
        image = self.engine.commit_layer(box.id, self.image, HistoryStep(created_by))
        containers.remove(self.daemon, box)
        self._say(f"Removing intermediate container {box.id[:12]}\n")
        self._finish(image, created_by)

    def _finish(self, image: Image, created_by: str) -> None:
        image.config = dict(self.config)
        self._advance(image)


def _short(image: Image) -> str:
    return image.id.removeprefix("sha256:")[:12]


def _told(one: Instruction, config: Mapping[str, Any]) -> str:
    """How the history names a step that changes the configuration."""
    if one.name in ("CMD", "ENTRYPOINT"):
        words = config.get("Cmd" if one.name == "CMD" else "Entrypoint") or []
        return f" {one.name} [{' '.join(json.dumps(word) for word in words)}]"
    if one.name in ("ENV", "LABEL"):
        return f" {one.name} {' '.join(f'{name}={value}' for name, value in dockerfile.pairs(one.value, one.name))}"
    if one.name == "VOLUME":
        return f" VOLUME [{' '.join(one.words)}]"
    return f"WORKDIR {config['WorkingDir']}" if one.name == "WORKDIR" else f" {one.name} {one.value}"
