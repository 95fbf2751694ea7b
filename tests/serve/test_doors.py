"""TCP, TLS with client certificates, and Prometheus, which scrapes what `docker stats` says."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
from places import ROOT
from profiles import needs
from simulated import call, eventually, simulated


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture
def certificates(tmp_path):
    """An authority, a server's certificate for 127.0.0.1, and a client's."""
    needs([] if shutil.which("openssl") else ["no openssl: apt-get install openssl"])
    at = {name: str(tmp_path / name) for name in ("ca.pem", "ca-key.pem", "server.pem", "server-key.pem", "cert.pem",
                                                  "key.pem", "request", "names")}  # fmt: skip
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", at["ca-key.pem"], "-out", at["ca.pem"],
            "-subj", "/CN=authority", "-days", "2")  # fmt: skip
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    for certificate, key in (("server.pem", "server-key.pem"), ("cert.pem", "key.pem")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", at[key], "-out", at["request"], "-subj", "/CN=one")
        openssl("x509", "-req", "-in", at["request"], "-CA", at["ca.pem"], "-CAkey", at["ca-key.pem"], "-out",
                at[certificate], "-extfile", at["names"], "-days", "2", "-CAcreateserial")  # fmt: skip
    return at


def docker(*words, **env):
    return subprocess.run(["docker", *words], capture_output=True, text=True, env={**os.environ, **env}, timeout=60)


def test_tls_asks_for_a_certificate(certificates, tmp_path):
    """With one the docker command works, exec and its streams as well; without one nothing is answered."""
    port = free_port()
    options = ["--tcp", f"127.0.0.1:{port}", "--tlsverify", "--tlscacert", certificates["ca.pem"], "--tlscert",
               certificates["server.pem"], "--tlskey", certificates["server-key.pem"]]  # fmt: skip
    with simulated(*options):
        host = ["-H", f"tcp://127.0.0.1:{port}"]
        files = ["--tlsverify", "--tlscacert", certificates["ca.pem"], "--tlscert", certificates["cert.pem"],
                 "--tlskey", certificates["key.pem"]]  # fmt: skip
        done = docker(*host, *files, "run", "--rm", "course/busybox:1", "echo", "hello", DOCKER_CONFIG=str(tmp_path))
        assert (done.returncode, done.stdout) == (0, "hello\n"), done
        assert docker(*host, "version", DOCKER_CONFIG=str(tmp_path / "empty")).returncode == 1
        unsigned = [*host, "--tlsverify", "--tlscacert", certificates["ca.pem"], "version"]
        assert docker(*unsigned, DOCKER_CONFIG=str(tmp_path / "empty")).returncode == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--tcp", "0.0.0.0:2375"], "without TLS"), (["--tcp", "nonsense"], "HOST:PORT"),
     (["--tcp", "127.0.0.1:1", "--tlsverify", "--tlscacert", "/nope"], "cannot be used"),
     (["--release", "17"], "one of 20.10"), (["--driver", "tape"], "tape"), (["--images", "/nope"], "is not there")],
)  # fmt: skip
def test_what_is_refused(options, said, tmp_path):
    command = [sys.executable, "-m", "snapsim", "serve", "--socket", str(tmp_path / "s"), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_prometheus_finds_what_docker_stats_says(tmp_path):
    """Debian's Prometheus scrapes the daemon; a query gives the bytes that `docker stats` is made from."""
    needs([] if shutil.which("prometheus") else ["no prometheus: apt-get install prometheus"])
    port, web = free_port(), free_port()
    with simulated("--tcp", f"127.0.0.1:{port}") as found:
        call(found, "run", "-d", "--name", "box", "course/busybox:1", "sleep", "1000")
        call(found, "exec", "box", "dd", "if=/dev/zero", "of=/f", "bs=4096", "count=3")
        (tmp_path / "p.yml").write_text(
            "scrape_configs: [{job_name: s, scrape_interval: 1s, static_configs: "
            f"[{{targets: ['127.0.0.1:{port}']}}]}}]"
        )
        command = ["prometheus", f"--config.file={tmp_path}/p.yml", f"--storage.tsdb.path={tmp_path}/data",
                   f"--web.listen-address=127.0.0.1:{web}"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                stats = found.api("/containers/box/stats?stream=0")["blkio_stats"]["io_service_bytes_recursive"]
                written = next(row["value"] for row in stats if row["op"] == "Write")
                query = 'container_fs_writes_bytes_total{name="box"}'
                assert eventually(lambda: asked(web, query) == [float(written)], 30), (written, asked(web, query))
                assert written >= 3 * 4096
            finally:
                process.terminate()


def asked(port, query):
    """The values that a query of Prometheus has now; none while it does not answer."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return [float(row["value"][1]) for row in json.load(answer)["data"]["result"]]
    except OSError:
        return []
