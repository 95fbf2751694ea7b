"""What a client of any kind meets: versions, errors, the socket, streams, bad input."""

import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import threading
from http.client import HTTPConnection

import jsonschema
import pytest
from daemon import archive
from places import ROOT
from simulated import call, eventually, simulated

from snapsim.serve.routes import build, containers, exec, images, left_out, networks, own, system, volumes

DEFINITIONS = ROOT / "tests" / "data" / "engine-api"


class Unix(HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(docker, method, path, body=None, headers=None):
    """Status, headers and body of an answer; JSON where it is some."""
    connection = Unix(docker.root / "d.sock")
    try:
        raw = json.dumps(body).encode() if isinstance(body, dict | list) else body
        kind = {"Content-Type": "application/json"} if isinstance(body, dict | list) else {}
        connection.request(method, path, raw, {**kind, **(headers or {})})
        answer = connection.getresponse()
        raw = answer.read()
    finally:
        connection.close()
    if answer.headers.get_content_type() == "application/json" and raw.count(b"\n") <= 1:
        return answer.status, answer.headers, json.loads(raw) if raw else None
    return answer.status, answer.headers, raw


@pytest.fixture(scope="module")
def docker():
    with simulated("--driver", "overlay2") as found:
        assert call(found, "pull", "course/busybox:1").status == 0
        yield found


# ----------------------------------------------------------------- versions and errors


def test_versions(docker):
    """As a real 20.10 answers: what is too new and too old is 400 in Docker's words."""
    status, headers, raw = ask(docker, "GET", "/_ping")
    assert (status, raw, headers["Api-Version"], headers["Ostype"]) == (200, b"OK", "1.41", "linux")
    assert ask(docker, "GET", "/v1.24/version")[0] == 200
    assert ask(docker, "GET", "/v1.99/info")[2] == {
        "message": "client version 1.99 is too new. Maximum supported API version is 1.41"
    }
    assert ask(docker, "GET", "/v1.3/info")[2] == {
        "message": "client version 1.3 is too old. Minimum supported API version is 1.24, please upgrade your client "
        "to a newer version"
    }
    assert ask(docker, "GET", "/vx/info")[0] == 404
    assert ask(docker, "GET", "/nope")[::2] == (404, {"message": "page not found"})
    assert ask(docker, "PUT", "/info")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/containers/create", b"", 400, "EOF"),
        ("POST", "/containers/create", b"{", 400, "unexpected EOF"),
        ("POST", "/containers/create", {}, 400, "Config cannot be empty in order to create a container"),
        ("POST", "/containers/create", {"Image": 3}, 400, "json: cannot unmarshal number into Go struct field "
         "ContainerConfigWrapper.Image of type string"),
        ("POST", "/containers/create", {"Image": "nope"}, 404, "No such image: nope:latest"),
        ("POST", "/containers/create", [1], 400, "json: cannot unmarshal array into Go value"),
        ("POST", "/containers/create?name=a", {"Image": "course/busybox:1"}, 400,
         "Invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
        ("POST", "/containers/create", {"Image": "course/busybox:1", "HostConfig": {"Binds": ["/:/host"]}}, 501,
         "a bind mount of a directory of the host (/:/host) is not simulated: see docs/reference/engine-api.md"),
        ("GET", "/containers/nope/json", None, 404, "No such container: nope"),
        ("GET", "/containers/json?filters=[", None, 400, "invalid filter"),
        ("GET", "/containers/json?filters=%7B%22x%22%3A%5B%22y%22%5D%7D", None, 400, "invalid filter 'x'"),
        ("GET", "/containers/json?limit=x", None, 400, 'strconv.Atoi: parsing "x": invalid syntax'),
        ("GET", "/events?since=x", None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("POST", "/images/create?fromImage=BAD", None, 400, "invalid reference format: repository name must be "
         "lowercase"),
        ("POST", "/images/create?fromImage=nope&tag=1", None, 404, "pull access denied for nope, repository does not "
         "exist or may require 'docker login': denied: requested access to the resource is denied"),
        ("POST", "/images/load", b"no tar", 400, None),
        ("POST", "/build", b"no tar", 400, None),
        ("POST", "/exec/nope/start", {}, 404, "No such exec instance: nope"),
        ("GET", "/swarm", None, 503, left_out.NO_SWARM),
        ("POST", "/auth", {}, 501, "a registry is not simulated: see docs/reference/engine-api.md"),
        ("DELETE", "/networks/bridge", None, 403, "bridge is a pre-defined network and cannot be removed"),
    ],
)  # fmt: skip
def test_errors(docker, method, path, body, status, message):
    found, _, said = ask(docker, method, path, body)
    assert found == status, said
    assert message is None or said == {"message": message}
    assert ask(docker, "GET", "/_ping")[0] == 200


def test_archives_that_climb(docker):
    """A name with .., a link on the way: refused, and nothing of it is there."""
    call(docker, "create", "--name", "climbed", "course/busybox:1")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
        below = tarfile.TarInfo("way/evil")
        tar.addfile(below)
    climbing = archive({"../evil": b"x"})
    for content in (climbing, raw.getvalue()):
        status, _, said = ask(docker, "PUT", "/containers/climbed/archive?path=/tmp", content)
        assert (status, list(said)) == (400, ["message"])
    assert call(docker, "cp", "climbed:/etc/evil", "-").status == 1
    assert call(docker, "cp", "climbed:/evil", "-").status == 1
    assert ask(docker, "GET", "/containers/climbed/archive?path=/../../etc/passwd")[0] == 200
    call(docker, "rm", "climbed")


def test_half_a_request(docker):
    """A client that sends half a request, or leaves in mid-stream, harms nobody."""
    for text in (
        b"POST /containers/create HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n",
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(docker.root / "d.sock"))
            client.sendall(text)
    assert ask(docker, "GET", "/_ping")[0] == 200
    assert eventually(lambda: ask(docker, "GET", "/info")[2]["NEventsListener"] == 0)


# ----------------------------------------------------------------- the socket


def test_the_socket_is_private_and_not_stolen(docker):
    path = docker.root / "d.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    command = [sys.executable, "-m", "snapsim", "serve", "--socket", str(path)]
    again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (again.returncode, again.stderr) == (
        2,
        f"snapsim: --socket: '{path}' is in use: another daemon listens there\n",
    )
    assert ask(docker, "GET", "/_ping")[0] == 200


def test_a_file_is_not_taken_for_a_socket(tmp_path):
    (tmp_path / "f").write_text("mine")
    command = [sys.executable, "-m", "snapsim", "serve", "--socket", str(tmp_path / "f")]
    assert subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60).returncode == 2
    assert (tmp_path / "f").read_text() == "mine"


def test_sigterm_ends_streams_and_takes_the_socket_away():
    with simulated() as docker:
        call(docker, "run", "-d", "--name", "box", "course/busybox:1", "sleep", "1000")
        ended = []
        thread = threading.Thread(target=lambda: ended.append(call(docker, "events")))
        thread.start()
        assert eventually(lambda: ask(docker, "GET", "/info")[2]["NEventsListener"] == 1)
        docker.process.send_signal(signal.SIGTERM)
        assert docker.process.wait(20) == 0
        thread.join(20)
        assert len(ended) == 1
        assert not os.path.exists(docker.root / "d.sock")


# ----------------------------------------------------------------- the published definitions


NULL_IN_TRUTH = ("ExitCode", "MemorySwappiness", "OomKillDisable", "PidsLimit")
"""Numbers and flags that a real daemon (20.10.24) gives as null, against its definition."""


def loose(schema):
    """A schema of Swagger 2.0 as JSON Schema; objects and arrays may be null, as real daemons give them."""
    if isinstance(schema, list):
        return [loose(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: loose(value) for key, value in schema.items() if key not in ("format", "discriminator", "example")}
    kind = schema.get("type")
    if kind in ("object", "array") or (schema.get("x-nullable") and isinstance(kind, str)):
        found["type"] = [kind, "null"]
    for name in set(NULL_IN_TRUTH) & set(found.get("properties", {})):
        found["properties"][name] = {}
    return found


PATHS = {
    "/containers/json": "/containers/json?all=1&size=1",
    "/containers/{id}/json": "/containers/box/json?size=1",
    "/containers/{id}/top": "/containers/box/top",
    "/containers/{id}/changes": "/containers/box/changes",
    "/containers/{id}/stats": "/containers/box/stats?stream=0",
    "/images/json": "/images/json?all=1&shared-size=1",
    "/images/{name}/json": "/images/course/busybox:1/json",
    "/images/{name}/history": "/images/course/busybox:1/history",
    "/info": "/info",
    "/version": "/version",
    "/system/df": "/system/df",
    "/volumes": "/volumes",
    "/volumes/{name}": "/volumes/vol1",
    "/networks": "/networks",
    "/networks/{id}": "/networks/none",
    "/exec/{id}/json": "",
}


@pytest.mark.parametrize(("release", "version"), [("20.10", "1.41"), ("26.1", "1.45"), ("28.5", "1.50")])
def test_answers_have_the_published_shapes(release, version):
    definition = json.loads((DEFINITIONS / f"v{version}.json").read_text())
    with simulated("--release", release) as docker:
        call(docker, "run", "-d", "--name", "box", "-v", "vol1:/data", "-l", "a=b", "course/busybox:1", "sleep", "1000")
        call(docker, "exec", "box", "sh", "-c", "echo x > /x")
        made = ask(docker, "POST", "/containers/box/exec", {"Cmd": ["true"]})[2]["Id"]
        for path, asked in PATHS.items():
            status, _, body = ask(docker, "GET", f"/v{version}{asked or f'/exec/{made}/json'}")
            assert status == 200, path
            schema = {**definition["paths"][path]["get"]["200"], "definitions": definition["definitions"]}
            jsonschema.validate(body, loose(schema), jsonschema.Draft4Validator)


def test_every_published_endpoint_has_an_answer():
    """Whatever the definition names has a route: simulated, or left out with a reason."""
    mine = {
        (method, pattern(path))
        for part in (build, containers, exec, images, left_out, networks, own, system, volumes)
        for method, path, _ in part.ROUTES
    }
    definition = json.loads((DEFINITIONS / "v1.41.json").read_text())
    missing = [
        f"{method.upper()} {path}"
        for path, methods in definition["paths"].items()
        for method in methods
        if not {(method.upper(), pattern(path)), ("*", pattern(path))} & mine
        and not any(path.startswith(f"{start}/") or path == start for start in left_out.REASONS)
    ]
    assert missing == []


def pattern(path):
    """The path with every parameter as *."""
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))
