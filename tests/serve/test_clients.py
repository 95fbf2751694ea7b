"""Other clients than the docker command: the SDK, docker-compose; fifty at once; a terminal; all drivers at once."""

import json
import os
import pty
import select
import shutil
import socket
import subprocess
import threading
import time

import docker as sdk
import pytest
from profiles import needs
from simulated import call, simulated

from snapsim.lab.stacks import FIRST


@pytest.fixture(scope="module")
def docker():
    needs([] if shutil.which("docker") else ["no docker: apt-get install docker.io"])
    with simulated("--driver", "btrfs") as found:
        assert call(found, "pull", "course/busybox:1").status == 0
        yield found


def test_the_sdk(docker):
    """The snippet of a lecture, and what programs do with the SDK."""
    client = sdk.DockerClient(base_url=docker.url)
    assert client.info()["Driver"] == "btrfs"
    box = client.containers.run("course/busybox:1", "sleep 1000", detach=True, name="sdk")
    assert [each.name for each in client.containers.list()] == ["sdk"]
    done = box.exec_run(["sh", "-c", "echo a; echo b >&2; exit 2"], demux=True)
    assert (done.exit_code, done.output) == (2, (b"a\n", b"b\n"))
    assert box.diff() is None
    box.exec_run(["touch", "/new"])
    assert box.diff() == [{"Path": "/new", "Kind": 1}]
    assert client.containers.run("course/busybox:1", "echo hello", remove=True) == b"hello\n"
    with pytest.raises(sdk.errors.ContainerError):
        client.containers.run("course/busybox:1", "false", remove=True)
    with pytest.raises(sdk.errors.ImageNotFound):
        client.images.get("nope")
    box.remove(force=True)
    client.close()


COMPOSE = """\
version: "3"
services:
  db: {image: "course/database:1", volumes: ["data:/var/data"]}
  web: {image: "course/busybox:1", command: sleep 1000, depends_on: [db]}
volumes: {data: {}}
"""


def test_docker_compose(docker, tmp_path):
    """Two services and a volume: up, ps, down."""
    needs([] if shutil.which("docker-compose") else ["no docker-compose: apt-get install docker-compose"])
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    env = {**os.environ, "DOCKER_HOST": docker.url, "COMPOSE_PROJECT_NAME": "two"}

    def compose(*words):
        command = ["docker-compose", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=90)
        assert done.returncode == 0, done.stderr
        return done.stdout

    compose("up", "-d")
    assert sorted(line.split()[0] for line in compose("ps").splitlines()[2:]) == ["two_db_1", "two_web_1"]
    compose("down", "-t", "0", "-v")
    assert call(docker, "ps", "-aq").out == call(docker, "volume", "ls", "-q").out == ""


def test_fifty_clients_at_once(docker):
    """Each with an exec of its own while events are read: no output is lost or another's."""
    call(docker, "run", "-d", "--name", "busy", "course/busybox:1", "sleep", "1000")
    found = {}
    client = sdk.DockerClient(base_url=docker.url, max_pool_size=60, timeout=120)

    def one(number):
        box = client.containers.get("busy")
        words = ["sh", "-c", f"seq {number} {number + 500}; echo x > /f{number}"]
        found[number] = box.exec_run(words).output

    threads = [threading.Thread(target=one, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    client.close()
    assert found == {
        number: "".join(f"{each}\n" for each in range(number, number + 501)).encode() for number in range(50)
    }
    asked = (
        "--since",
        "10m",
        "--until",
        "0s",
        "--filter",
        "container=busy",
        "--filter",
        "event=exec_die",
        "--format",
        "{{json .}}",
    )
    events = call(docker, "events", *asked)
    assert all(json.loads(line)["Actor"]["Attributes"]["exitCode"] == "0" for line in events.out.splitlines())
    assert len(call(docker, "diff", "busy").out.splitlines()) == 50
    call(docker, "rm", "-f", "busy")


def test_output_waits_until_the_header_is_read(docker):
    """The SDK reads the header through a buffer and the output past it: they must not come together."""
    call(docker, "run", "-d", "--name", "slow", "course/busybox:1", "sleep", "1000")
    client = sdk.APIClient(base_url=docker.url)
    made = client.exec_create("slow", ["echo", "hello"])["Id"]
    client.close()
    body = b'{"Detach": false, "Tty": false}'
    head = f"POST /exec/{made}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(docker.url.removeprefix("unix://"))
        connection.sendall(
            f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        time.sleep(0.5)
        assert connection.recv(1 << 16).endswith(b"\r\n\r\n")
        assert connection.recv(1 << 16) == b"\x01\0\0\0\0\0\0\x06hello\n"
    call(docker, "rm", "-f", "slow")


def test_a_terminal(docker):
    """`docker run -it`: a prompt, echo, an unfinished command, the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("docker", ["docker", "-H", docker.url, "run", "-it", "--rm", "course/busybox:1"])
    try:
        assert until(terminal, b"/ # ")
        os.write(terminal, b"cd /etc; if true; then\r")
        assert until(terminal, b"> ")
        os.write(terminal, b"pwd; fi\r")
        assert until(terminal, b"\r\n/etc\r\n/etc # ")
        os.write(terminal, b"exit 7\r")
    finally:
        until(terminal, b"nothing more", 5)
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 7


def until(terminal, wanted, seconds=30):
    """Read until something was shown; False when the time was over, or the terminal closed."""
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                return wanted in seen
        if wanted in seen:
            return True
    return False


def test_all_drivers_side_by_side():
    """One byte, on every driver at once: the unions copy 64 MiB, the others what they share in."""
    needs([] if shutil.which("docker") else ["no docker: apt-get install docker.io"])
    with simulated("--driver", "all") as found:
        call(found, "run", "-d", "--name", "db", "course/database:1")
        done = call(found, "exec", "db", "dd", "if=/dev/urandom", "of=/data/app.db", "bs=1", "count=1", "seek=4096",
                    "conv=notrunc")  # fmt: skip
        assert done.status == 0
        bills = {bill["Driver"]: bill for bill in found.api("/snapsim/bill")}
        assert set(bills) == set(FIRST) - {"plain"}
        assert {bill["Command"] for bill in bills.values()} == {
            "exec db dd if=/dev/urandom of=/data/app.db bs=1 count=1 seek=4096 conv=notrunc"
        }
        copied = {driver: bill["Bytes"].get("write_copy", 0) for driver, bill in bills.items()}
        unions = {"overlay2", "fuse-overlayfs", "aufs"}
        assert {driver for driver, size in copied.items() if size > 63 << 20} == unions
        assert all(size < 1 << 20 for driver, size in copied.items() if driver not in unions)
        call(found, "rm", "-f", "db")
