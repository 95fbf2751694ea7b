"""The same scripts in the real busybox and in the simulated shell: output, errors and exit status are equal."""

import busybox
import pytest
from drawn_shell import scripts
from hypothesis import HealthCheck, given, settings

needs_busybox = pytest.mark.skipif(bool(busybox.missing()), reason=busybox.missing())
KINDS = ("language", "files", "trees", "disk", "text", "process")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    return busybox.make_box(tmp_path_factory.mktemp("busybox"))


@needs_busybox
@pytest.mark.parametrize(("kind", "script"), [(kind, script) for kind in KINDS for script in busybox.scripts(kind)])
def test_busybox_and_the_simulated_shell_agree(box, kind, script):
    assert busybox.run_simulated(script) == busybox.run_real(box, script)


@needs_busybox
@settings(max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scripts())
def test_drawn_scripts_agree(box, script):
    assert busybox.run_simulated(script) == busybox.run_real(box, script)
