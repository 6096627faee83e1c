"""Do the ranges of pyproject.toml hold? Installs their ends, one environment at a time, and prints a Markdown table.

    python scripts/check_versions.py                                   # both ends on every Python from 3.11 on
    python scripts/check_versions.py --python 3.12 --lowest            # one of them
    python scripts/check_versions.py --torch newest                    # torch, too, where it has a CPU build

In each environment a sweep of two small runs is trained and compared, and a few of the tests are run, in which
warnings are errors. Environments lie in a temporary folder (1.5 GB) and are removed. Packages come from pip's own
index. torch is the version of constraints.txt unless `--torch` says otherwise, and is only ever a CPU build: what pip
would install is looked at before, and an environment with a CUDA build is left out, as the table then says. Exit status
1 if anything failed.
"""

from __future__ import annotations

import argparse
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
TESTERS = ("pytest", "pytest-xdist", "hypothesis")
TESTS = ("tests/cell", "tests/show/test_text.py", "tests/record/test_lock.py", "tests/config/test_names.py",
         "tests/data/test_sine.py", "tests/run/test_execute.py")  # fmt: skip
SWEEP = ("--multirun", "cell=rnn,lstm", "data=sine", "data.length=120", "num_seeds=2", "trainer.max_epochs=2",
         "sweep.name=tried")  # fmt: skip
SHOWN = ("torch", "lightning", "hydra-core", "numpy", "scipy", "matplotlib", "tensorboard", "filelock")
HEAD = (
    f"| Python | ends | {' | '.join(SHOWN)} | runs | comparison | tests | test MSE |\n"
    f"| --- | --- |{' --- |' * len(SHOWN)} --- | --- | --- | --- |"
)
NUMBER = r"\d[\w.]*"


class LeftOutError(Exception):
    """An environment that cannot be had here; the message says why."""


def pythons() -> dict[str, Path]:
    """The Pythons here that pyproject.toml allows, by version: on the path, or where pyenv and uv put them."""
    patterns = [f"{folder}/python3.*" for folder in ("/usr/bin", "/usr/local/bin", *os.environ["PATH"].split(":"))]
    patterns += [str(Path("~").expanduser() / each) for each in
                 (".pyenv/versions/3.*/bin/python3", ".local/share/uv/python/*/bin/python3")]  # fmt: skip
    found: dict[str, Path] = {}
    least = Version(re.findall(NUMBER, project()["requires-python"])[0])
    for path in (Path(each) for pattern in patterns for each in sorted(glob.glob(pattern))):
        if not re.fullmatch(r"python3(\.\d+)?", path.name):
            continue
        code = "import sys, ensurepip; print(*sys.version_info[:2], sep='.')"
        done = subprocess.run([path, "-c", code], capture_output=True, text=True)
        if done.returncode == 0 and Version(done.stdout.strip()) >= least:
            found.setdefault(done.stdout.strip(), path)
    return dict(sorted(found.items(), key=lambda each: Version(each[0])))


@functools.cache
def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def requirements(python: str, end: str, torch: str) -> list[str]:
    """What pip is asked for.

    Args:
        python: such as `3.11`.
        end: `lowest` or `newest`.
        torch: one of these, or a version.
    """
    extras = project()["optional-dependencies"]
    texts = [*project()["dependencies"], *(each for each in extras["dev"] if Requirement(each).name in TESTERS)]
    asked = []
    for each in map(Requirement, texts):
        if each.marker is not None and not each.marker.evaluate({"python_version": python}):
            continue
        which = torch if each.name == "torch" else end
        if which == "lowest":
            (low,) = (part.version for part in each.specifier if part.operator == ">=")
            asked.append(f"{each.name}=={low}")
        else:
            asked.append(f"{each.name}{each.specifier}" if which == "newest" else f"{each.name}=={which}")
    return asked


def pinned_torch() -> str:
    """The version of torch in constraints.txt, which has a CPU build."""
    found = re.search(rf"(?m)^torch==({NUMBER})", (ROOT / "constraints.txt").read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit("constraints.txt names no torch")
    return found[1]


class Environment:
    """A virtual environment in a folder of its own.

    Args:
        python: the interpreter it is made with.
        folder: where; it is made.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder
        subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True)

    def run(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs `python ARGUMENT...` with what is installed in it, and nothing else."""
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        command = [str(self.folder / "bin" / "python"), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)

    def install(self, asked: Sequence[str], checkout: Path) -> None:
        """Installs it, and seqexp from a checkout.

        Raises:
            LeftOutError: pip cannot, or it would bring a CUDA build of torch.
        """
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary")
        torch = next(each for each in asked if Requirement(each).name == "torch")
        self._refuse_cuda(pip, torch)
        for parts in ([*asked], ["--no-deps", checkout]):
            done = self.run(*pip, *parts, cwd=self.folder)
            if done.returncode:
                raise LeftOutError(_why(done.stderr))

    def _refuse_cuda(self, pip: Sequence[str], torch: str) -> None:
        """Looks at what the build of torch that pip would take needs; its metadata is fetched, and no build.

        Raises:
            LeftOutError: there is none, or it needs CUDA's libraries.
        """
        report = self.folder / "torch.json"
        planned = self.run(*pip, "--no-deps", "--dry-run", "--report", report, torch, cwd=self.folder)
        if planned.returncode:
            raise LeftOutError(_why(planned.stderr))
        (found,) = json.loads(report.read_text())["install"]
        needs = [Requirement(each) for each in found["metadata"].get("requires_dist", ())]
        if any(re.match("nvidia|cuda|triton", each.name) and _applies(each) for each in needs):
            version = found["metadata"]["version"]
            raise LeftOutError(f"the index has torch {version} for this Python as a CUDA build only")

    def versions(self) -> list[str]:
        """Of the packages that the table shows."""
        code = f"from importlib.metadata import version\nfor name in {SHOWN!r}: print(version(name))"
        return self.run("-c", code, cwd=self.folder).stdout.split()


def _applies(requirement: Requirement) -> bool:
    """Whether something is needed on this system, without any extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _why(text: str) -> str:
    """The line of pip's that says what went wrong."""
    lines = [line for line in text.splitlines() if line.startswith("ERROR:")] or text.splitlines() or ["pip failed"]
    shown = re.sub(r" \(from versions: .*?\)", "", lines[0].removeprefix("ERROR: ")).replace("|", "/")
    return shown[:160]


def attempt(environment: Environment, checkout: Path, end: str, log: Path) -> list[str]:
    """Runs, compares and tests; returns how each ended, and the runs' test MSE."""
    home = environment.folder / "home"
    home.mkdir()
    cells, texts = [], []
    # An old release is rightly told that what it asks of a new one is about to go.
    quiet = ("-W", "ignore::DeprecationWarning") if end == "lowest" else ()
    for arguments, cwd in (
        (("-m", "seqexp", *SWEEP), home),
        (("-m", "seqexp.compare", "outputs/tried"), home),
        (("-m", "pytest", "-q", "--numprocesses=1", "-p", "no:cacheprovider", *quiet, *TESTS), checkout),
    ):
        done = environment.run(*arguments, cwd=cwd)
        texts.append(f"$ python {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        last = (done.stdout.strip().splitlines() or [""])[-1]
        counts = ", ".join(re.findall(r"\d+ (?:passed|failed|errors?)", last)) if "pytest" in arguments else ""
        cells.append(counts or ("ok" if done.returncode == 0 else f"status {done.returncode}"))
    log.write_text("\n".join(texts), encoding="utf-8")
    scores = [json.loads(path.read_text())["test_mse"] for path in sorted(home.glob("outputs/tried/*/result.json"))]
    return [*cells, " ".join(f"{row[0]:.9g}" for row in scores)]


def rows(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, bool]]:
    """Yields the table's rows, each with whether all is well."""
    there = pythons()
    checkout = folder / "checkout"  # that somebody edits the files meanwhile changes nothing
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "outputs", "dist", "__pycache__"))
    ends = [end for end in ("lowest", "newest") if getattr(options, end)] or ["lowest", "newest"]
    for version in options.python or there:
        for end in ends:
            start = f"| {version} | {end} |"
            if version not in there:
                yield f"{start} not tried: there is no such Python here |{' |' * (len(SHOWN) + 3)}", True
                continue
            place = folder / f"{version}-{end}"
            try:
                environment = Environment(there[version], place)
                environment.install(requirements(version, end, options.torch), checkout)
                found = attempt(environment, checkout, end, options.out / f"{version}-{end}.log")
                well = found[:2] == ["ok", "ok"] and bool(re.fullmatch(r"\d+ passed", found[2]))
                yield f"{start} {' | '.join([*environment.versions(), *found])} |", well
            except LeftOutError as reason:
                yield f"{start} not tried: {reason} |{' |' * (len(SHOWN) + 3)}", True
            finally:
                shutil.rmtree(place, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries the environments and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--python", nargs="*", metavar="VERSION", help="such as 3.12; left out: all that are there")
    parser.add_argument("--lowest", action="store_true", help="the least versions that pyproject.toml allows")
    parser.add_argument("--newest", action="store_true", help="the newest ones; both where neither is given")
    parser.add_argument("--torch", default=pinned_torch(), help="lowest, newest, or a version (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()), help="a folder for the logs")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    os.nice(10)
    print(HEAD, flush=True)
    all_well = True
    with tempfile.TemporaryDirectory(prefix="versions") as folder:
        for row, well in rows(options, Path(folder)):
            print(row, flush=True)
            all_well &= well
    return int(not all_well)


if __name__ == "__main__":
    sys.exit(main())
