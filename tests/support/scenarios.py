"""A scenario of images and containers, played on a bare driver and on an engine: what the tests of the ledger stand on.

Image layers are written through a mount, containers are two layers, `<name>-init` (empty) and `<name>`, as Docker's.
"""

import json
from functools import partial

from places import DATA

from snapsim.docker.build import BuildStep, build, import_image
from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.drivers.graphdrivers import Plain
from snapsim.drivers.ledger import Label
from snapsim.lab.executor import Executor
from snapsim.lab.operations import AnyOperation
from snapsim.lab.stacks import STACKS

SCENARIO = DATA / "docker-scenario" / "scenario-ops.json"


def play(driver, scenario):
    """Carry it out; returns the labels of all layers."""
    labels, tops = {}, {}
    for image in scenario["images"]:
        parent = tops.get(image.get("from"))
        for number, layer in enumerate(image["layers"]):
            id = f"{image['tag'].replace(':', '-')}.{number}"
            driver.create(id, parent)
            carry_out(driver, id, layer["ops"])
            labels[id], parent = Label((image["tag"],), layer["created_by"]), id
        tops[image["tag"]] = parent
        at = tops.get(image.get("from"))
        while at is not None:  # an image has the layers of the one that it was built from
            labels[at] = labels[at]._replace(users=(*labels[at].users, image["tag"]))
            at = driver.parent(at)
    for container in scenario["containers"]:
        name = container["name"]
        driver.create(f"{name}-init", tops[container["image"]])
        driver.create_read_write(name, f"{name}-init")
        carry_out(driver, name, container["ops"])
        labels |= {id: Label((name,), f"run {name}", "container") for id in (f"{name}-init", name)}
    return labels


def carry_out(driver, id, ops):
    """Operations in one layer, which is mounted for as long as they take."""
    with driver.mounted(id) as mount:
        work(ops, mount)
        mount.sync()


def played(driver):
    """The scenario of tests/data/docker-scenario."""
    return play(driver, json.loads(SCENARIO.read_text()))


def built(stack, scenario=None):
    """The same on an engine, with its builder: a RUN is diffed, and its files arrive in the layer whole."""
    scenario = scenario or json.loads(SCENARIO.read_text())
    engine = Engine(lambda driver, options: STACKS[stack].make(), DaemonConfig(STACKS[stack].driver))
    for image in scenario["images"]:
        steps = [BuildStep(layer["created_by"], partial(work, layer["ops"])) for layer in image["layers"]]
        if "from" in image:
            build(engine, image["tag"], image["from"], steps)
        else:
            import_image(engine, image["tag"], steps[0].work)
    for container in scenario["containers"]:
        with engine.running(container["image"], container["name"]) as mount:
            work(container["ops"], mount)
    return engine


def work(ops, mount):
    """Operations in a mounted tree."""
    playing = Executor(Plain())
    playing.mounts["s0"] = mount
    for number, op in enumerate(ops):
        playing.run(AnyOperation().read(op), f"[{number}]")
