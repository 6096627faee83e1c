"""Who may import whom, and what no file of the package holds: read from the source, not believed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import seqexp

PACKAGE = Path(seqexp.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

HOMES = {
    "lightning": {
        *("run/build.py", "run/callbacks.py", "run/fit.py", "run/loggers.py", "run/trainer.py"),
        *("callback/gradient_norm.py", "logger/shared.py"),
        *("data/module.py", "search/trial.py"),
        *("training/module.py", "training/keeper.py", "training/checkpoints.py", "training/screen.py"),
        "training/steps.py",
        "training/writers.py",
    },
    "pytorch_lightning": set(),
    "hydra": {
        *("program/run.py", "run/execute.py", "sweep/sweep.py", "sweep/jobs.py", "sweep/again.py", "search/space.py"),
        "sweep/fresh.py",
        *("config/compose.py", "config/foreign.py", "config/guard.py", "config/hooks.py"),
        "config/explanations.py",
        "config/titles.py",
    },
    "optuna": {f"search/{name}.py" for name in ("space", "storage", "study", "trial", "search")},
    "matplotlib": {"show/figures.py", "show/ticks.py", "show/board.py", "show/lines.py", "show/maps.py"},
    "tensorboard": {"show/board.py", "show/layout.py"},
    "torch.utils.tensorboard": {"show/board.py"},
    "filelock": {"record/lock.py", "logger/mlflow.py"},
    **{name: set() for name in ("fcntl", "grp", "posix", "pwd", "resource", "termios")},  # not on every system
}
"""Packages that only some files know."""

BELOW = {"data": {"seqexp.data", "seqexp.score", "seqexp.seeding"}, "cell": {"seqexp.cell"}}
"""What of seqexp the two lowest folders may know: themselves, and where randomness comes from."""

LAYERS = [
    {"__main__"},
    {"program"},
    {"lab"},
    {"sweep", "search", "reproduce"},
    {"evaluate", "forecast", "leaks", "predict"},
    {"forecasts"},
    {"run"},
    {"callback", "training", "compare"},
    {"diagnostic"},
    {"show"},
    {"record"},
    {"residuals"},
    {"closed_loop"},
    {"baselines", "model"},
    {"readout", "exported", "scaling"},
    {"data", "cell"},
    {"config"},
    {"logger", "score", "seeding", "statistics", "startup", "signals", "terminal"},
]
"""Imports run from a layer to a later one, or stay within a folder."""


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"))


@cache
def imports(file: str, only_at_runtime: bool = False) -> tuple[str, ...]:
    """Every module that a file imports, wherever the statement stands, in full."""
    return tuple(_imports(file, only_at_runtime))


def _imports(file: str, only_at_runtime: bool) -> Iterator[str]:
    module = tree(file)
    skipped: set[ast.AST] = set()
    if only_at_runtime:
        for node in ast.walk(module):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                skipped |= set(ast.walk(node))
    for node in ast.walk(module):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            assert node.module is not None
            yield from (f"{node.module}.{each.name}" for each in node.names)


def lies_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def part(name: str) -> str:
    """`seqexp.data.sine` and `data/sine.py` belong to the part `data`."""
    return name.removeprefix("seqexp.").removesuffix(".py").replace("/", ".").split(".")[0]


def test_there_is_something_to_look_at() -> None:
    assert {"run/execute.py", "data/sine.py", "cell/lstm.py"} <= set(FILES)
    assert "lightning.pytorch.LightningDataModule" in set(imports("data/module.py"))


@pytest.mark.parametrize("package", HOMES)
def test_a_package_is_known_in_its_home_only(package: str) -> None:
    found = {file for file in FILES if any(lies_in(name, package) for name in imports(file, only_at_runtime=True))}
    assert found <= HOMES[package]


def test_board_knows_of_matplotlib_only_the_canvas_that_makes_pixels() -> None:
    found = {name for name in imports("show/board.py", only_at_runtime=True) if lies_in(name, "matplotlib")}
    assert found == {"matplotlib.backends.backend_agg.FigureCanvasAgg"}


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith(("data/", "cell/"))])
def test_tasks_and_cells_know_torch_and_numpy_only(file: str) -> None:
    allowed = {"torch", "numpy", *sys.stdlib_module_names, *BELOW[part(file)]}
    if file == "data/module.py":
        allowed.add("lightning")
    for name in imports(file):
        assert any(lies_in(name, each) for each in allowed), f"{file} imports {name}"


@pytest.mark.parametrize("file", [file for file in FILES if file != "__init__.py"])
def test_imports_run_one_way(file: str) -> None:
    rank = {name: index for index, layer in enumerate(LAYERS) for name in layer}
    assert part(file) in rank, f"{part(file)} has no place in LAYERS"
    for name in imports(file, only_at_runtime=True):
        if not lies_in(name, "seqexp") or name == "seqexp":
            continue
        here, there = part(file), part(name)
        if there in rank:  # else a name of seqexp/__init__.py, or a sibling: `from seqexp import names`
            assert here == there or rank[here] < rank[there], f"{file} imports {name}"


@pytest.mark.parametrize("file", FILES)
def test_no_file_is_called_after_nothing(file: str) -> None:
    assert not {"utils", "helpers", "common", "misc", "util", "helper"} & set(Path(file).with_suffix("").parts)


@pytest.mark.parametrize("file", FILES)
def test_a_file_says_what_is_in_it(file: str) -> None:
    assert ast.get_docstring(tree(file))


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("compare/")])
def test_nothing_prints_asserts_or_swallows(file: str) -> None:
    for node in ast.walk(tree(file)):
        assert not isinstance(node, ast.Assert), f"{file}:{node.lineno} asserts"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"{file}: a bare except"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{file}:{node.lineno} prints"


@pytest.mark.parametrize("file", FILES)
def test_nothing_seeds_or_draws_from_global_randomness(file: str) -> None:
    dotted = {ast.unparse(node) for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)}
    if file == "data/chance.py":  # changes the global states on purpose, and puts them back
        return
    own_generators = {"np.random.SeedSequence", "np.random.default_rng", "np.random.Generator"}
    assert not {name for name in dotted if re.fullmatch(r"(np|numpy)\.random\.\w+", name)} - own_generators
    assert not {name for name in dotted if re.fullmatch(r"torch\.manual_seed|random\.\w+|\w+\.seed_everything", name)}


def test_completion_loads_neither_torch_nor_lightning(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import seqexp.config.compose"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "hydra" in loaded
    assert not {"torch", "lightning", "matplotlib", "tensorboard", "scipy"} & loaded
    assert list(tmp_path.iterdir()) == []


ROOM = {"config/foreign.py", "config/hooks.py"}
"""Where other libraries are changed."""


@pytest.mark.parametrize("file", [file for file in FILES if file not in ROOM])
def test_other_libraries_are_changed_in_one_room(file: str) -> None:
    changes = r"filterwarnings|simplefilter|captureWarnings|addHandler|removeHandler|register_new_resolver|setLevel"
    allowed = {"show/figures.py": {"filterwarnings"}}  # while a figure is drawn
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found = set(re.findall(rf"^(?:{changes})$", node.func.attr))
            assert found <= allowed.get(file, set()), f"{file}:{node.lineno}"
        for target in node.targets if isinstance(node, ast.Assign) else ():
            name = ast.unparse(target)
            assert not re.search(r"\.(raiseExceptions|excepthook|showwarning|handlers|propagate)$", name), name
            assert not re.match(r"[A-Z]\w*\.", name) or name in ("Sweep.folder", "Sweep.ready", "Sweep.told"), (
                f"{file}:{node.lineno} {name}"
            )
