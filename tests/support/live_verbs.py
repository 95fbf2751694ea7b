"""What one does with images and containers that are there, to a daemon and to an engine: the same verbs, two tables.

A verb may be refused; what is compared is whether it was, and what the daemon says afterwards. Removals go to the API,
since the command line lets some refusals pass when it is forced.
"""

from hypothesis import strategies as st

from snapsim.base.errors import SnapsimError
from snapsim.docker.removal import prune_containers, prune_images, rmi

VERBS = {
    "commit": (lambda docker, box, tag: docker("commit", box, tag), lambda engine, box, tag: engine.commit(box, tag)),
    "tag": (lambda docker, image, tag: docker("tag", image, tag), lambda engine, image, tag: engine.tag(image, tag)),
    "rm": (lambda docker, box: docker.api(f"/containers/{box}", "DELETE"), lambda engine, box: engine.rm(box)),
    "rm --force": (lambda docker, box: docker.api(f"/containers/{box}?force=1", "DELETE"),
                   lambda engine, box: engine.rm(box, force=True)),
    "rmi": (lambda docker, image: docker.api(f"/images/{image}", "DELETE"), rmi),
    "rmi --force": (lambda docker, image: docker.api(f"/images/{image}?force=1", "DELETE"),
                    lambda engine, image: rmi(engine, image, force=True)),
    "container prune": (lambda docker: docker("container", "prune", "--force"), prune_containers),
    "image prune": (lambda docker: docker("image", "prune", "--force"), prune_images),
    "image prune --all": (
        lambda docker: docker("image", "prune", "--all", "--force"), lambda engine: prune_images(engine, all=True)),
}  # fmt: skip


def drawn(scenario):
    """A list of up to four verbs, with names of the scenario and a few that commits and tags make."""
    images = st.sampled_from([*(image.tag for image in scenario.images), "kept:1", "kept:2"])
    boxes = st.sampled_from([container.name for container in scenario.containers])
    new = st.sampled_from(["kept:1", "kept:2", "base:1"])
    arguments = {"commit": (boxes, new), "tag": (images, new), "rm": (boxes,), "rm --force": (boxes,), "rmi": (images,),
                 "rmi --force": (images,)}  # fmt: skip
    return st.lists(st.one_of(*(st.tuples(st.just(verb), *arguments.get(verb, ())) for verb in VERBS)), max_size=4)


def everything(docker):
    """What removes all that is there: containers, then images as often as one was built on another."""
    boxes = docker("ps", "--all", "--format={{.Names}}").split()
    return [*(("rm --force", box) for box in boxes), ("image prune --all",)]


def in_order(events, verbs):
    """Events that can be compared: `image prune` visits images in the random order of a map of Go."""
    return sorted(events) if any(verb.startswith("image prune") for verb, *_ in verbs) else events


def on_daemon(docker, verbs):
    """Carry them out; True for each that was not refused."""
    return [_done(RuntimeError, VERBS[verb][0], docker, *names) for verb, *names in verbs]


def on_engine(engine, verbs):
    """The same on an engine."""
    return [_done(SnapsimError, VERBS[verb][1], engine, *names) for verb, *names in verbs]


def _done(refused, act, *arguments):
    try:
        act(*arguments)
    except refused:
        return False
    return True
