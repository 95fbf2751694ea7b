"""``GET /metrics``: what Prometheus scrapes, in cAdvisor's names where it has them, and in snapsim's own by purpose.

>>> from snapsim.serve.daemon import Daemon
>>> from snapsim.serve.releases import release
>>> text = exposition([Daemon({"storage-driver": "vfs"}, "", release("20.10"))]).decode()
>>> [line for line in text.splitlines() if line.startswith("engine_daemon_container_states")][0]
'engine_daemon_container_states_containers{driver="vfs",state="running"} 0.0'

What it leaves out: CPU, memory beyond the page cache, networks; histograms of how long verbs take.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from snapsim.block.counts import OPERATIONS, PURPOSES
from snapsim.serve.daemon import Daemon
from snapsim.serve.shapes.stats import cached

_CONTAINER = ("id", "name", "image", "device")


class _Figures(Collector):
    """The figures of daemons, at the time of each scrape."""

    def __init__(self, daemons: Sequence[Daemon]) -> None:
        self._daemons = daemons

    def collect(self) -> Iterable[Metric]:
        """All metrics, filled."""
        usage = GaugeMetricFamily(
            "container_fs_usage_bytes", "Bytes that a container changed (SizeRw)", labels=_CONTAINER
        )
        read = CounterMetricFamily("container_fs_reads_bytes", "Bytes read from devices for it", labels=_CONTAINER)
        written = CounterMetricFamily("container_fs_writes_bytes", "Bytes written to devices for it", labels=_CONTAINER)
        pages = GaugeMetricFamily("container_memory_cache", "Bytes of its files in the page cache", labels=_CONTAINER)
        io = CounterMetricFamily("snapsim_io_bytes", "Bytes that reached the simulated devices",
                                 labels=("driver", "container", "operation", "purpose"))  # fmt: skip
        space = GaugeMetricFamily("snapsim_space_bytes", "Bytes that are allocated", labels=("driver", "owner"))
        states = GaugeMetricFamily("engine_daemon_container_states_containers", "Containers in each state",
                                   labels=("driver", "state"))  # fmt: skip
        for daemon in self._daemons:
            with daemon.core:
                self._containers(daemon, usage, read, written, pages, io)
                driver = daemon.engine.driver
                space.add_metric([driver.name, "data"], driver.space())
                space.add_metric([driver.name, "metadata"], driver.metadata_space())
                for state in ("running", "paused", "stopped"):
                    found = daemon.engine.info()[f"Containers{state.title()}"]
                    states.add_metric([driver.name, state], found)
        return [usage, read, written, pages, io, space, states]

    @staticmethod
    def _containers(daemon: Daemon, usage: GaugeMetricFamily, read: CounterMetricFamily, written: CounterMetricFamily,
                    pages: GaugeMetricFamily, io: CounterMetricFamily) -> None:  # fmt: skip
        driver = daemon.engine.driver.name
        for box in daemon.engine.containers():
            labels = [f"/docker/{box.id}", box.name, box.image, daemon.engine.driver.devices[0].name]
            counts = daemon.bills.of_container(box.id)
            usage.add_metric(labels, daemon.engine.size_rw(box.name))
            read.add_metric(labels, counts.bytes("read"))
            written.add_metric(labels, counts.bytes("write"))
            pages.add_metric(labels, cached(daemon, box))
            for operation, purpose in _cells():
                size = counts.bytes(operation, purpose)
                if size:
                    io.add_metric([driver, box.name, operation, purpose], size)


def _cells() -> Iterator[tuple[str, str]]:
    return ((operation, purpose) for operation in OPERATIONS for purpose in PURPOSES)


def exposition(daemons: Sequence[Daemon]) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Figures(daemons))
    return generate_latest(registry)
