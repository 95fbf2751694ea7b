"""docs/reference/engine-api.md from the table of routes and the published definition: ``python engine_api_page.py``."""

import json

from places import ROOT

from snapsim.serve.routes import build, containers, exec, images, left_out, networks, own, system, volumes

PAGE = ROOT / "docs" / "reference" / "engine-api.md"
DEFINITION = ROOT / "tests" / "data" / "engine-api" / "v1.41.json"
PARTS = (system, images, containers, exec, volumes, networks, build, own)
REFUSED = {
    ("POST", "/auth"): "there is no registry",
    ("GET", "/images/search"): "there is no registry",
    ("POST", "/images/{name}/push"): "there is no registry",
    ("POST", "/containers/{id}/update"): "limits change nothing here",
    ("POST", "/session"): "BuildKit",
}
"""Endpoints with a route that refuses."""
HEAD = """\
# The Engine API, as far as it is simulated

Made by tests/support/engine_api_page.py from the routes of `snapsim.serve` and the published definition of API 1.41.
What is not simulated answers 501 and says so, or as a real daemon answers that does not have it.

| endpoint | simulated | what it does, or why it is left out |
|---|---|---|
"""


def pattern(path):
    """The path with every parameter as *."""
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))


def page():
    """The text of the page."""
    routes = {(method, pattern(path)): handler for part in PARTS for method, path, handler in part.ROUTES}
    definition = json.loads(DEFINITION.read_text())
    rows = []
    for path, methods in sorted(definition["paths"].items()):
        for method in sorted(methods):
            rows.append(row(method.upper(), path, routes))
    known = {(method.upper(), pattern(path)) for path, methods in definition["paths"].items() for method in methods}
    mine = [(method, path, handler) for part in PARTS for method, path, handler in part.ROUTES]
    more = [f"| {method} {path} | yes | {first_line(handler)} |" for method, path, handler in mine
            if (method, pattern(path)) not in known]  # fmt: skip
    beside = "\n\nBeside them:\n\n| endpoint | simulated | |\n|---|---|---|\n"
    return HEAD + "\n".join(rows) + beside + "\n".join(more) + "\n"


def row(method, path, routes):
    """A row of the table."""
    handler = routes.get((method, pattern(path)))
    if (method, path) in REFUSED:
        return f"| {method} {path} | no | {REFUSED[method, path]} |"
    if handler is not None:
        return f"| {method} {path} | yes | {first_line(handler)} |"
    reason = next(why for start, why in left_out.REASONS.items() if path == start or path.startswith(start))
    return f"| {method} {path} | no | {reason} |"


def first_line(handler):
    """What a route says of itself."""
    return (handler.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    PAGE.write_text(page())
