"""``/images``, ``/commit``, ``/distribution``: images by name."""

import re
from collections.abc import Iterator

from aiohttp import web

from snapsim.docker.images import Image
from snapsim.serve import moving
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import unsupported
from snapsim.serve.names import familiar, reference
from snapsim.serve.routes.reading import answer, archive, body, empty, filters, flag, has_labels, line, stream
from snapsim.serve.shapes import images as shapes

_FILTERS = ("before", "dangling", "label", "reference", "since", "until")


async def listed(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker images`."""
    wanted = filters(request, _FILTERS)
    if request.query.get("filter"):
        wanted.setdefault("reference", []).append(request.query["filter"])
    api = request["api"]
    with daemon.core:
        engine = daemon.engine
        found = [each for each in engine.images(all=flag(request, "all")) if _passes(daemon, each, wanted)]
        shared = moving.shared_sizes(engine) if flag(request, "shared-size") else {}
        rows = []
        for image in found:
            row = shapes.summary(engine, image, api, shared.get(image.id, -1))
            if "reference" in wanted:
                row["RepoTags"] = [tag for tag in row["RepoTags"] if _named(tag, wanted["reference"])]
            rows.append(row)
    return answer(rows)


def _passes(daemon: Daemon, image: Image, wanted: dict[str, list[str]]) -> bool:
    engine = daemon.engine
    tags = engine.home.images.tags_of(image.id)
    dangling = wanted.get("dangling", [])
    return (
        (not dangling or (dangling[0].lower() in ("1", "true")) == (not tags))
        and ("reference" not in wanted or any(_named(tag, wanted["reference"]) for tag in tags))
        and has_labels(image.config.get("Labels"), wanted.get("label", []))
        and all(image.created < engine.image(name).created for name in wanted.get("before", []))
        and all(image.created > engine.image(name).created for name in wanted.get("since", []))
    )


def _named(tag: str, patterns: list[str]) -> bool:
    """Does a pattern of Go's `path.Match` fit the name, with or without the tag?"""
    return any(_fits(pattern, each) for pattern in patterns for each in (tag, tag.rpartition(":")[0]))


def _fits(pattern: str, name: str) -> bool:
    parts = [{"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in familiar(pattern)]
    return re.fullmatch("".join(parts), name) is not None


async def inspect(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker image inspect`."""
    with daemon.core:
        image = daemon.engine.image(daemon.shown(request.match_info["name"]))
        return answer(shapes.inspected(daemon.engine, image, request["api"], daemon.release.version))


async def history(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker history`."""
    with daemon.core:
        return answer(shapes.history(daemon.engine, daemon.engine.image(daemon.shown(request.match_info["name"]))))


async def tag(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker tag`."""
    with daemon.core:
        image = daemon.engine.image(daemon.shown(request.match_info["name"]))
        daemon.engine.tag(image.id, reference(request.query.get("repo", ""), request.query.get("tag", "")))
    return empty(201)


async def remove(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker rmi`."""
    name = daemon.shown(request.match_info["name"])
    with daemon.core, daemon.bills.of(f"rmi {name}"):
        records = moving.remove_image(daemon, name, flag(request, "force"))
    return answer(_records(records))


def _records(records: list[str]) -> list[dict[str, str]]:
    pairs = (record.split(": ", 1) for record in records)
    return [{kind: shapes.digest(name) if kind == "Deleted" else name} for kind, name in pairs]


async def prune(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker image prune`."""
    wanted = filters(request, ("dangling", "label", "label!", "until"))
    for name in ("label", "label!", "until"):
        if name in wanted:
            raise unsupported(f"image prune with the filter {name}")
    every = wanted.get("dangling", ["true"])[0].lower() in ("0", "false")
    with daemon.core, daemon.bills.of("image prune"):
        records, size = moving.prune_images(daemon, every)
    return answer({"ImagesDeleted": _records(records) or None, "SpaceReclaimed": size})


# -------------------------------------------------------------------- from elsewhere, and out


async def create(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker pull` and `docker import`."""
    if request.query.get("fromSrc"):
        return await _import(daemon, request)
    name = reference(request.query.get("fromImage", ""), request.query.get("tag", ""))
    with daemon.core:
        offer = daemon.catalog.find(name)
    response = await stream(request, daemon)
    with daemon.core, daemon.bills.of(f"pull {name}"):
        lines = list(moving.pull(daemon, name, offer))
    for each in lines:
        await response.write(line(each))
    await response.write_eof()
    return response


async def _import(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """An archive, from the client, becomes an image of one layer."""
    if request.query["fromSrc"] != "-":
        raise unsupported("import from a URL")
    repository = request.query.get("repo", "")
    name = reference(repository, request.query.get("tag", "")) if repository else ""
    changes, message = request.query.getall("changes", []), request.query.get("message", "Imported from -")
    with await archive(request) as file, daemon.core, daemon.bills.of(f"import {name}"):
        daemon.tick()
        image = moving.import_image(daemon, file, name, changes, message)
    response = await stream(request, daemon)
    await response.write(line({"status": image.id}))
    await response.write_eof()
    return response


async def load(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker load`."""
    with await archive(request) as file, daemon.core, daemon.bills.of("load"):
        daemon.tick()
        texts = moving.load(daemon, file)
    response = await stream(request, daemon)
    for text in texts:
        await response.write(line({"stream": f"{text}\n"}))
    await response.write_eof()
    return response


async def save(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker save`: one image, or several."""
    names = request.query.getall("names", []) or [request.match_info.get("name", "")]
    with daemon.core, daemon.bills.of(f"save {' '.join(names)}"):
        chunks = moving.save(daemon, [daemon.shown(name) for name in names])
        response = await stream(request, daemon, "application/x-tar")
        return await _write(response, chunks)


async def _write(response: web.StreamResponse, chunks: Iterator[bytes]) -> web.StreamResponse:
    for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def search(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker search` and `docker push`: there is no registry."""
    raise unsupported("a registry")


# -------------------------------------------------------------------- commit


async def commit(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker commit`."""
    said = await body(request, least=False)
    repository = request.query.get("repo", "")
    name = reference(repository, request.query.get("tag", "")) if repository else ""
    with daemon.core:
        box = daemon.container(request.query.get("container", ""))
        with daemon.bills.of(f"commit {box.name} {name}", box.id):
            image = moving.commit(daemon, box, name, said, request.query.getall("changes", []),
                                  author=request.query.get("author", ""), comment=request.query.get("comment", ""),
                                  pause=flag(request, "pause", True))  # fmt: skip
    return answer({"Id": image.id}, 201)


ROUTES = (
    ("GET", "/images/json", listed),
    ("POST", "/images/create", create),
    ("POST", "/images/load", load),
    ("POST", "/images/prune", prune),
    ("GET", "/images/get", save),
    ("GET", "/images/search", search),
    ("GET", "/images/{name:.+}/json", inspect),
    ("GET", "/images/{name:.+}/history", history),
    ("GET", "/images/{name:.+}/get", save),
    ("POST", "/images/{name:.+}/tag", tag),
    ("POST", "/images/{name:.+}/push", search),
    ("DELETE", "/images/{name:.+}", remove),
    ("POST", "/commit", commit),
)
