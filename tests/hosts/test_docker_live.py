"""The live daemon: a stand-in that answers well, ones that do not, and a real one where it can run."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import servers
from daemon import daemon
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import BODIES, LAYERS

from snapsim.base import foreign_json as jsonfile
from snapsim.base.errors import InvalidInput
from snapsim.hosts.capture import live_host
from snapsim.hosts.live import ask


@pytest.fixture
def place(tmp_path):
    """A path for a socket, of less than the 107 bytes that one may have."""
    folder = Path(tempfile.mkdtemp(prefix="snapsim-"))
    yield folder / "d.sock"
    shutil.rmtree(folder)


def refused(url, **limits):
    """The one line that says why there is no host, without the advice that each of them ends with."""
    with pytest.raises(InvalidInput) as error:
        ask(url, **limits)
    text = str(error.value)
    assert text.isprintable()
    return text


@pytest.mark.parametrize("unix", [True, False])
def test_a_daemon_answers(place, unix):
    """Over a unix socket and over tcp: 70 bytes in two layers, of which RUN rm made the empty one."""
    with servers.listening(servers.daemon(BODIES), place if unix else None) as url:
        host = live_host(url)
    image, container = host.image_sizes[0], host.container_sizes[0]
    assert (host.name, host.driver, host.layers_size, host.images, host.rounded) == ("lab7", "overlay2", 70, 1, False)
    assert (image.layers, image.layer_sizes) == (tuple(LAYERS[:2]), (70, 0))
    assert image.history[1].created_by == "RUN rm /f && true"
    assert (container.size_rw, container.image_id, container.state) == (5, image.id, "running")


def test_only_questions_are_asked(place):
    """Six GETs, nothing that changes a daemon; the API is the daemon's, once its version is known."""
    asked = []
    with servers.listening(servers.daemon(BODIES, asked), place) as url:
        ask(url)
    assert asked == ["GET /version", *(f"GET /v1.41{path}" for path in (
        "/system/df", "/images/sha256:1/json", "/images/sha256:1/history", "/info"))]  # fmt: skip


@pytest.mark.parametrize(
    ("own", "oldest", "used"), [("1.41", "1.12", "1.41"), ("1.52", "1.44", "1.51"), ("1.60", "1.53", "1.53")]
)
def test_the_version_that_is_asked(place, own, oldest, used):
    """The daemon's own; of a newer one 1.51, whose /system/df still has the images; the oldest that it still speaks."""
    asked = []
    bodies = {**BODIES, "/version": {"ApiVersion": own, "MinAPIVersion": oldest}}
    with servers.listening(servers.daemon(bodies, asked), place) as url:
        ask(url)
    assert asked[1] == f"GET /v{used}/system/df"


def test_the_environment_names_the_daemon(place, monkeypatch):
    """DOCKER_HOST, as for the command line; TLS without its certificates is one line."""
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)
    with servers.listening(servers.daemon(BODIES), place) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        assert ask()["info"] == BODIES["/info"]
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(place.parent / "no-certificates"))
    assert refused(None).startswith("tcp://127.0.0.1:2376: Path to a certificate and key files must be provided")


def test_no_daemon(place):
    """No socket, a file in its place, no one at the port, no such scheme: one line that says how to give a file."""
    (place.parent / "file").write_text("")
    for url, problem in (
        (f"unix://{place}", "No such file or directory"),
        (f"unix://{place.parent}/file", "Connection refused"),
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("gopher://a", ""),
    ):
        text = refused(url)
        assert text.startswith(f"{url}: ")
        assert problem in text
        assert "give a file instead, made with: docker info --format '{{json .}}' > host.json; docker system df" in text


def test_no_sdk():
    """Without the extra the module still loads; asking says what to install, and what does without."""
    code = ("import sys; sys.modules['docker'] = None\nfrom snapsim.hosts.live import ask\n"
            "try: ask()\nexcept ValueError as error: print(error)")  # fmt: skip
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs Docker's SDK (pip install docker), or give a file instead" in found.stdout
    loaded = "import sys, snapsim.hosts.live, snapsim.hosts.capture\n"
    loaded += "print({'docker', 'requests', 'urllib3'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout == "set()\n"
    )


# ----------------------------------------------------------- servers that lie


def test_a_socket_that_says_nothing(place):
    """It would be silent for ever; 0.3 s of it are enough."""
    with servers.listening(servers.silent, place) as url:
        assert "no answer within 0.3 s" in refused(url, timeout=0.3)
    with servers.listening(servers.silent) as url:
        assert "no answer within 0.3 s" in refused(url, timeout=0.3)


def test_an_answer_without_end(place, monkeypatch):
    """Given up at 1 MiB (64 in earnest), without keeping more; a byte at a time, at the end of one's patience."""
    monkeypatch.setattr(jsonfile, "FILE_LIMIT", 1 << 20)
    with servers.listening(servers.endless, place) as url:
        assert "an answer that takes more than the 1 MiB allowed" in refused(url)
    with servers.listening(servers.slow) as url:
        assert "an answer that takes more than the time allowed" in refused(url, patience=0.5)


JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize(("raw", "problem"), [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
    (b"\x1b[2J\x00\xff\r\n\r\n", "give a file instead"),
    (b"", "give a file instead"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{", "give a file instead"),
    (JSON_HEAD % 2 + b"[]", "a list is not an object"),
    (JSON_HEAD % 4 + b"null", "null is not an object"),
    (JSON_HEAD % 5 + b"hello", "not JSON"),
    (JSON_HEAD % 100_000 + b"[" * 100_000, "nested too deeply"),
    (JSON_HEAD % 20 + b'{"ApiVersion": NaN }', "NaN is no number of JSON"),
    (JSON_HEAD % 22 + b'{"ApiVersion": "1.x" }', '"1.x" is not an API version such as 1.41'),
    (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{}", "answered with status 302"),
    (b"HTTP/1.1 500 Oops\r\nContent-Length: 25\r\n\r\n" + b'{"message": "out of ink"}', "status 500: out of ink"),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00", "not UTF-8: byte 1"),
])  # fmt: skip
def test_what_is_no_daemon(place, raw, problem):
    """Not HTTP, cut off, not JSON, another program's JSON, a redirection (never followed), an error, a zip bomb."""
    with servers.listening(servers.says(raw), place) as url:
        assert problem in refused(url)


def test_an_image_that_goes_while_it_is_read(place):
    """Listed, then gone: 404, in the daemon's words."""
    bodies = {path: body for path, body in BODIES.items() if "history" not in path}
    with servers.listening(servers.daemon(bodies), place) as url:
        assert "the daemon answered with status 404: no such thing: /images/sha256:1/history" in refused(url)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**65)
    | st.text(max_size=5)
    | st.just([])
    | st.just({})
    | st.just([[1]])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_daemon_with_one_wrong_value(place, path, data):
    """One body, or one key of it, is anything: a host, or one line."""
    body = BODIES[path]
    key = data.draw(st.sampled_from([None, *body])) if isinstance(body, dict) else None
    wrong = data.draw(VALUES)
    bodies = {**BODIES, path: wrong if key is None else {**body, key: wrong}}
    with servers.listening(servers.daemon(bodies), place) as url:
        assert told(url).isprintable()
    place.unlink()


def told(url):
    """The driver, or the one line that says why there is none."""
    try:
        return live_host(url).driver
    except InvalidInput as error:
        return str(error)


# --------------------------------------------------------------- a real daemon


def test_a_real_daemon():
    """A layer of 1000 bytes, one of 500 on it, a container that was only made: what the daemon says, to the byte."""
    with daemon("vfs") as docker:
        docker.load("base:1", {"f": b"x" * 1000})
        context = docker.root / "context"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM base:1\nCOPY g /\nENV A=1\n")
        (context / "g").write_bytes(b"y" * 500)
        docker("build", "--network=none", "-t", "child:1", str(context))
        docker("create", "--network=none", "--name=c1", "child:1", "/f")
        host = live_host(docker.url)
        printed = docker("info", "--format", "{{.Driver}} {{.Images}} {{.Containers}}").split()
    assert [host.driver, str(host.images), str(host.containers)] == printed == ["vfs", "3", "1"]
    child, base = sorted(host.image_sizes, key=lambda image: image.tag, reverse=True)
    assert (base.layer_sizes, child.layer_sizes) == ((1000,), (1000, 500))
    assert (child.layers[0], child.size, child.shared, host.layers_size) == (base.layers[0], 1500, 1000, 1500)
    assert [step.size for step in child.history] == [1000, 500, 0]
    assert (host.container_sizes[0].size_rw, host.container_sizes[0].size_root_fs) == (0, 1500)
