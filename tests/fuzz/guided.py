"""The same targets under atheris, which keeps what reaches new code: ``python tests/fuzz/guided.py TARGET FOLDER``.

The folder gets the seeds, and what atheris adds to them; libFuzzer's options may follow, such as
``-atheris_runs=1000000``. Only the parsers are run. It stops at the first defect.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["snapsim", "json"]):
    from judge import verdict
    from run import FINE
    from targets import TARGETS


def main() -> None:
    """Fuzz the target that is named first."""
    target, folder = TARGETS[sys.argv.pop(1)], Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed-{number}").write_bytes(seed)

    def one(raw: bytes) -> None:
        said = verdict(target, raw, use=False)
        if said not in FINE:
            raise AssertionError(said)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
