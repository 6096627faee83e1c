"""How fast is seqexp, beside its rivals and this machine's limits? One command for each table, Markdown out.

    python scripts/bench.py peers         # or training, single, startup, growth, limit, threads, fresh, cells, gpu
    python scripts/bench.py all --short              # everyday's form of every table, about two minutes
    python scripts/bench.py training --against HEAD~9 --rounds 15   # this checkout beside another revision
    python scripts/bench.py peers --works mini --cells rnn gru --rounds 5

Works: `full`, 30 seeds × 100 epochs full batch of `lab_sine` (784 windows of 20, 16 units, Adam); `mini`, 30 seeds ×
20 epochs of 24 batches of 32, on 768 windows. Every side trains on as many windows, for as many steps, and is tested
on the same 98; seqexp also validates after every epoch, on what lies between. The rivals are in `scripts/peers`:
`loop` one torch.nn loop per seed, one thread; `fork` two such processes; `vmap` torch.func, all cores; `jax` the whole
training as one jitted program, all cores. That needs `pip install -c constraints.txt -e '.[bench]'`, or
`--python-jax` with an interpreter that has jax; its column is left out otherwise.

Writes TABLE.md, TABLE.json (every single measurement) and, where there is a curve, TABLE.png into `--out`.
"""

from __future__ import annotations

import argparse
import functools
import math
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from peers import against, sides
from peers import cells as all_cells
from peers.measure import SCRIPTS, Measured, Noise, interleave, median, ratio, run
from peers.report import Report, describe_machine
from peers.sides import Side
from peers.work import ALL_CELLS, CELLS, WORKS

NO_JAX = (
    "Without jax: `pip install -c constraints.txt -e '.[bench]'`, or `--python-jax` with an interpreter that has it."
)


class Options(argparse.Namespace):
    """The command line.

    Attributes:
        python_jax: an interpreter that has jax, if there is one.
        against: another revision, in place of the rivals.
    """

    table: str
    short: bool
    rounds: int
    out: Path
    cells: list[str]
    works: list[str]
    steps: list[int]
    seeds: int
    python_jax: str | None
    against: str | None

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Every work with every cell."""
        return [(work, cell) for work in self.works for cell in self.cells]

    @property
    def threads(self) -> list[int]:
        """Numbers of threads that are compared: one, and all cores."""
        return sorted({1, sides.cores()})


def peers(options: Options, noise: Noise) -> Report:
    """Whole processes, imports and compilation included, with all of seqexp's features on."""
    report = Report(f"Whole processes: seconds from start to exit, {options.seeds} seeds", notes=_notes(options))
    names = ["loop", *([] if options.short else ["fork"]), "vmap", *(["jax"] if options.python_jax else [])]
    times = [["work, cell", "seqexp", *(f"{name} (ratio to seqexp)" for name in names)]]
    scores = [["mean test MSE", "seqexp", *names]]
    for work, cell in options.rows:
        own = sides.seqexp(work, cell, options.seeds)
        rivals = {"loop": sides.loop(work, cell, options.seeds)}
        if not options.short:
            rivals["fork"] = sides.loop(work, cell, options.seeds, processes=2)
        rivals["vmap"] = sides.vmap(work, cell, options.seeds, 1 if options.short else sides.cores())
        if options.python_jax:
            rivals["jax"] = sides.jax(options.python_jax, work, cell, options.seeds)
        found = interleave({"seqexp": own, **rivals}, options.rounds, noise)
        cells = [f"{median(found[name]):.1f} ({ratio(found[name], found['seqexp']):.2f}×)" for name in names]
        times.append([f"{work} {cell}", f"{median(found['seqexp']):.1f}", *cells])
        scores.append([f"{work} {cell}", *(f"{median(each, 'test_mse'):.4f}" for each in found.values())])
        report.raw[f"{work} {cell}"] = found
    report.tables = [times, scores]
    report.notes.append(
        "Whether all have learnt the same: seqexp draws its noise by another generator than its rivals do, so that the "
        "scores agree up to chance only, and it keeps each seed's best weights on validation, where they keep the last."
    )
    return report


def training(options: Options, noise: Noise) -> Report:
    """Training only, with one thread and with all cores."""
    if options.against is not None:
        return revisions(options, noise, options.against)
    notes = [
        "*Trainer* is `train_seconds` of a run of `python -m seqexp`, validation and all callbacks included; with more "
        "than one thread it may choose fewer. *bare* is the same model and optimiser in a minimal loop. The ratios are "
        "Trainer's throughput over that side's, so above 1 the Trainer is ahead. jax is without its compile time.",
        *_notes(options),
    ]
    report = Report(f"Training only: milliseconds per seed, {options.seeds} seeds", notes=notes)
    names = ["bare", *(["jax"] if options.python_jax else []), *([] if options.short else ["vmap", "loop"])]
    header = ["threads, work, cell", "Trainer", *(f"{name} (ratio)" for name in names)]
    rows = [header + (["jax compile, s"] if options.python_jax else [])]
    for threads in options.threads[:1] if options.short else options.threads:
        for work, cell in options.rows:
            same = (work, cell, options.seeds, threads)
            compared = {"Trainer": sides.seqexp(*same), "bare": sides.bare(*same)}
            if options.python_jax:
                compared["jax"] = sides.jax(options.python_jax, *same)
            if not options.short:
                compared |= {"vmap": sides.vmap(*same), "loop": sides.loop(*same)}
            found = interleave(compared, options.rounds, noise)
            each = {name: 1e3 * median(found[name], "train_seconds") / options.seeds for name in found}
            cells = [
                f"{each[name]:.1f} ({ratio(found[name], found['Trainer'], 'train_seconds'):.2f}×)" for name in names
            ]
            compiled = [f"{median(found['jax'], 'compile_seconds'):.1f}"] if options.python_jax else []
            rows.append([f"{threads} {work} {cell}", f"{each['Trainer']:.1f}", *cells, *compiled])
            report.raw[f"{threads} {work} {cell}"] = found
    report.tables = [rows]
    return report


def revisions(options: Options, noise: Noise, revision: str) -> Report:
    """Training only, this checkout beside another revision of it."""
    notes = [
        f"`train_seconds` of `python -m seqexp` here over that at {revision}, with one thread: the median over "
        f"{options.rounds} pairs, and its 95 % interval by order statistics. Below 1 this checkout is faster."
    ]
    report = Report(f"Training beside {revision}: milliseconds per seed, {options.seeds} seeds", notes=notes)
    rows = [["work, cell", "here", revision, "here / there", "95 % interval"]]
    with against.tree_of(revision) as tree:
        for work, cell in options.rows:
            trees = {"here": SCRIPTS.parent, "there": tree}
            compared = {name: against.side(path, work, cell, options.seeds, 1) for name, path in trees.items()}
            found = interleave(compared, options.rounds, noise)
            each = [f"{1e3 * median(found[name], 'train_seconds') / options.seeds:.1f}" for name in compared]
            middle, low, high = against.median_interval(found["here"], found["there"], "train_seconds")
            rows.append([f"{work} {cell}", *each, f"{middle:.3f}×", f"{low:.3f}–{high:.3f}"])
            report.raw[f"{work} {cell}"] = found
    report.tables = [rows]
    return report


def single(options: Options, noise: Noise) -> Report:
    """One seed with everything on, against the plain loop."""
    report = Report("One seed with everything on: milliseconds per epoch, training only")
    rows = [["work, cell", "seqexp, num_seeds=1", "plain loop", "seqexp / loop"]]
    for work, cell in options.rows:
        compared = {"seqexp": sides.seqexp(work, cell, 1), "loop": sides.loop(work, cell, 1)}
        found = interleave(compared, options.rounds, noise)
        own, plain = (1e3 * median(found[name], "train_seconds") / WORKS[work].epochs for name in found)
        slower = ratio(found["seqexp"], found["loop"], "train_seconds")
        rows.append([f"{work} {cell}", f"{own:.2f}", f"{plain:.2f}", f"{slower:.2f}×"])
        report.raw[f"{work} {cell}"] = found
    report.tables = [rows]
    return report


def startup(options: Options, noise: Noise) -> Report:
    """What is waited for before anything is trained."""
    python, module = sys.executable, [sys.executable, "-m", "seqexp"]
    completion = {"COMP_LINE": "seqexp cell=", "COMP_POINT": "12"}
    commands: dict[str, tuple[list[str], dict[str, str]]] = {
        "python -c 'import hydra'": ([python, "-c", "import hydra"], {}),
        "python -m seqexp --help": ([*module, "--help"], {}),
        "python -m seqexp --cfg job": ([*module, "--cfg", "job"], {}),
        "python -m seqexp -sc query=bash": ([*module, "-sc", "query=bash"], completion),
        "python -c 'import torch, lightning.pytorch'": ([python, "-c", "import torch, lightning.pytorch"], {}),
    }
    compared: dict[str, Side] = {name: _timed(*command) for name, command in commands.items()}
    defaults = "python -m seqexp, less its training"
    compared[defaults] = _untrained
    found = interleave(compared, options.rounds, noise)
    rows = [["command", "seconds", "imports of torch, lightning, matplotlib"]]
    for name, measured in found.items():
        loaded = _imports(*commands[name]) if "-m seqexp -" in name else set()
        heavy = ", ".join(sorted(loaded & {"torch", "lightning", "matplotlib"})) or "none"
        rows.append([f"`{name}`", f"{median(measured):.2f}", heavy if "-m seqexp -" in name else ""])
    imports = found["python -c 'import torch, lightning.pytorch'"]
    added = [{"seconds": own["seconds"] - base["seconds"]} for own, base in zip(found[defaults], imports, strict=True)]
    more = median(added)
    than = f"{abs(more):.2f} s {'less' if more < 0 else 'more'} than those two imports alone"
    note = f"Less its training, a run of the defaults takes {than}."
    return Report("Start-up: whole processes", [rows], [note], {**found, "added": added})


def fresh(options: Options, noise: Noise) -> Report:
    """Batches that are drawn anew for every step, beside as many of a training split that is made once."""
    rows = [["cell", "fixed", "fresh", "fresh / fixed"]]
    report = Report(f"Fresh batches: milliseconds of CPU time per step, bare loop, {options.seeds} seeds")
    for cell in options.cells:
        arguments = ("--cell", cell, "--seeds", str(options.seeds), *(["--turns", "10"] if options.short else []))
        side = functools.partial(sides.run_program, "streamed", *arguments, threads=1, passive=True)
        found = interleave({"streamed": side}, options.rounds, noise)["streamed"]
        each = [f"{1e3 * median(found, name):.2f}" for name in ("fixed_seconds", "fresh_seconds")]
        rows.append([cell, *each, f"{median(found, 'ratio'):.2f}×"])
        report.raw[cell] = found
    report.tables = [rows]
    report.notes.append(
        "`adding`: 100 values, batches of 32 sequences, 16 units. The two sides take turns of 16 steps in one process, "
        "and train one model; the ratio is the median over turns, and over rounds."
    )
    return report


def cells(options: Options, noise: Noise) -> Report:
    """A training step of every cell."""
    sizes = [size for size in all_cells.SIZES if size[0] in options.steps]
    return all_cells.cells(options.cells, options.python_jax, sizes, options.rounds, noise)


def _timed(command: Sequence[str], environment: dict[str, str]) -> Side:
    return lambda: {"seconds": run(command, environment=environment).seconds}


def _untrained() -> Measured:
    measured = sides.run_seqexp([])
    return {"seconds": measured["seconds"] - measured["train_seconds"], "train_seconds": measured["train_seconds"]}


def _imports(command: Sequence[str], environment: dict[str, str]) -> set[str]:
    """The top-level packages that a Python command imports."""
    told = run([command[0], "-X", "importtime", *command[1:]], environment=environment).stderr
    return set(re.findall(r"^import time:.*\| +(\w+)$", told, re.MULTILINE))


def growth(options: Options, noise: Noise) -> Report:
    """A bare training step against each of its sizes, and the memory of whole runs."""
    report = Report("Growth: one bare training step (forward, backward, update), one thread")
    rows = [["axis, cell", "from", "to", "ms at each end", "µs per sequence and step of time", "exponent", "worst"]]
    for cell in options.cells:
        arguments = ("--cell", cell, *(["--short"] if options.short else []))
        side = functools.partial(sides.run_program, "growth", *arguments, threads=1, passive=True)
        report.raw[cell] = interleave({"growth": side}, options.rounds, noise)["growth"]
        points = _middle([each["points"] for each in report.raw[cell]])
        for axis in dict.fromkeys(point["axis"] for point in points):
            mine = [point for point in points if point["axis"] == axis]
            line = [(point["value"], point["milliseconds"]) for point in mine if "milliseconds" in point]
            report.curves.setdefault(axis, {})[cell] = line
            report.notes += [f"{axis} = {p['value']}, {cell}: {p['missing']}" for p in mine if "missing" in p]
            if len(line) > 1:
                rows.append([f"{axis}, {cell}", *_growth_row([each for each in mine if "milliseconds" in each])])
    report.tables = [rows, _memory(options, report)]
    report.notes.insert(
        0,
        "The other sizes are S=30 seeds, N=32 sequences, T=20 steps, H=16 units. The exponent is the slope of "
        "log time over log size, *worst* the largest between two neighbouring points; 1 is linear. The matrix products "
        "of H units cost H², so against H an exponent up to 2 is linear in the work. "
        "Grey lines in the picture grow linearly.",
    )
    return report


def _middle(rounds: Sequence[Sequence[Measured]]) -> list[Measured]:
    """The points of a curve with their median time over rounds; a point that is missing once is missing."""
    points = []
    for same in zip(*rounds, strict=True):
        lacking = [each for each in same if "missing" in each]
        points.append(lacking[0] if lacking else {**same[0], "milliseconds": median(same, "milliseconds")})
    return points


def _growth_row(points: Sequence[Measured]) -> list[str]:
    """Ends, times, cost per sequence and step, and the exponents of one curve."""
    first, last = points[0], points[-1]
    per = [1e3 * each["milliseconds"] / (each["S"] * each["N"] * each["T"]) for each in (first, last)]
    x = [math.log(each["value"]) for each in points]
    y = [math.log(each["milliseconds"]) for each in points]
    slopes = [(d - b) / (c - a) for (a, b), (c, d) in pairwise(zip(x, y, strict=True))]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    worst = max(range(len(slopes)), key=slopes.__getitem__)
    return [
        str(first["value"]),
        str(last["value"]),
        f"{first['milliseconds']:.3g} … {last['milliseconds']:.3g}",
        f"{per[0]:.3g} … {per[1]:.3g}",
        f"{slope:.2f}",
        f"{slopes[worst]:.2f} ({points[worst]['value']} to {points[worst + 1]['value']})",
    ]


def _memory(options: Options, report: Report) -> list[list[str]]:
    """Peak resident memory of whole runs."""
    rows = [["command", "peak resident MiB", "seconds"]]
    commands = [["num_seeds=30"]]
    for cell in [] if options.short else options.cells:
        commands.append(["experiment=lab_sine", f"cell={cell}", "num_seeds=1000", "trainer.max_epochs=3"])
    for command in commands:
        told = " ".join(["python -m seqexp", *command])
        try:
            measured = sides.run_seqexp([*command, *(["trainer.max_epochs=3"] if options.short else [])])
        except RuntimeError as error:  # refused, or killed for want of memory
            report.raw[told] = {"failed": str(error)}
            report.notes.append(f"`{told}` failed: {str(error).splitlines()[-1]}")
            continue
        rows.append([f"`{told}`", f"{measured['peak_mib']:.0f}", f"{measured['seconds']:.1f}"])
        report.raw[told] = measured
    return rows


def limit(options: Options, noise: Noise) -> Report:
    """Achieved arithmetic beside what the matrix products of this machine reach."""
    report = Report(f"Limit: a bare training step, {options.seeds} seeds, one thread")
    header = ["work, cell", "ms per step", "its products alone, ms", "share of products", "share of the rest"]
    rows = [[*header, "GFLOP/s of the step", "of its products alone", "of a large product", "step / large"]]
    for work, cell in options.rows:
        arguments = ("--work", work, "--cell", cell, "--seeds", str(options.seeds))
        side = functools.partial(sides.run_program, "limit", *arguments, threads=1, passive=True)
        found = interleave({"limit": side}, options.rounds, noise)["limit"]
        step, products = median(found, "step_seconds"), median(found, "product_seconds")
        share = products / step
        rates = [found[0]["needed_flop"] / step, found[0]["executed_flop"] / products, median(found, "peak")]
        shares = [f"{share:.0%}", f"{1 - share:.0%}"]
        speeds = [*(f"{rate / 1e9:.1f}" for rate in rates), f"{rates[0] / rates[2]:.0%}"]
        rows.append([f"{work} {cell}", f"{1e3 * step:.2f}", f"{1e3 * products:.2f}", *shares, *speeds])
        report.raw[f"{work} {cell}"] = found
    report.tables = [rows]
    report.notes.append(
        "The products of one real step are caught as torch carries them out, then repeated alone on the same tensors. "
        "The step's FLOP are those that the equations need (three products of G·H × (I + H) per sequence and step of "
        "time); those of its products alone are what was carried out, padding and biases included. "
        "The rest is elementwise passes and the overhead of their calls. A large product is 2048 × 2048, float32."
    )
    return report


def threads(options: Options, noise: Noise) -> Report:
    """One run that must take each number of threads, and one left to its own choice."""
    report = Report(f"Threads: milliseconds per seed, training only, through the Trainer, {options.seeds} seeds")
    names = [f"all of {count}" for count in options.threads]
    rows = [["work, cell", "own choice", *(f"{name} (ratio)" for name in names), "own choice / best of these"]]
    for work, cell in options.rows:
        compared = {"own choice": sides.seqexp(work, cell, options.seeds)}
        for name, count in zip(names, options.threads, strict=True):
            compared[name] = sides.seqexp(work, cell, options.seeds, count, all_of_them=True)
        found = interleave(compared, options.rounds, noise)
        each = {name: 1e3 * median(found[name], "train_seconds") / options.seeds for name in found}
        own = found["own choice"]
        cells = [f"{each[name]:.1f} ({ratio(found[name], own, 'train_seconds'):.2f}×)" for name in names]
        best = min(names, key=each.__getitem__)
        worse = f"{ratio(own, found[best], 'train_seconds'):.2f}"
        rows.append([f"{work} {cell}", f"{each['own choice']:.1f}", *cells, worse])
        report.raw[f"{work} {cell}"] = found
    report.tables = [rows]
    return report


def gpu(options: Options, noise: Noise) -> Report:
    """The training table on CUDA, with nn.LSTM on cuDNN, and very many seeds."""
    report = Report(f"GPU: milliseconds per seed, training only, {options.seeds} seeds")
    asked = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    device = run([sys.executable, "-c", asked]).stdout.strip()
    noise.sample()
    if not device:
        report.notes.append("torch finds no CUDA device here; nothing was measured.")
        return report
    report.title += f", {device}"
    rows = [["work, cell", "Trainer", "bare", "vmap", "loop (torch.nn on cuDNN)"]]
    for work, cell in options.rows:
        same, cores = (work, cell, options.seeds), sides.cores()
        compared = {
            "Trainer": sides.seqexp(*same, extra=["trainer=gpu"]),
            "bare": sides.bare(*same, threads=cores, device="cuda"),
            "vmap": sides.vmap(*same, threads=cores, device="cuda"),
            "loop": sides.loop(*same, device="cuda"),
        }
        found = interleave(compared, options.rounds, noise)
        each = [1e3 * median(measured, "train_seconds") / options.seeds for measured in found.values()]
        rows.append([f"{work} {cell}", *(f"{value:.2f}" for value in each)])
        report.raw[f"{work} {cell}"] = found
    many = [["seeds, work, cell", "bare: ms per seed", "seconds in all"]]
    for work, cell in options.rows:
        for seeds in (1, 10, 100, 1000, 10_000):
            side = sides.bare(work, cell, seeds, sides.cores(), "cuda")
            found = interleave({"bare": side}, 1, noise)
            seconds = median(found["bare"], "train_seconds")
            many.append([f"{seeds} {work} {cell}", f"{1e3 * seconds / seeds:.3g}", f"{seconds:.2f}"])
            report.raw[f"{seeds} seeds, {work} {cell}"] = found
    report.tables = [rows, many]
    return report


def _notes(options: Options) -> list[str]:
    return [] if options.python_jax else [NO_JAX]


TABLES: dict[str, Callable[[Options, Noise], Report]] = {
    "peers": peers,
    "training": training,
    "single": single,
    "startup": startup,
    "growth": growth,
    "limit": limit,
    "threads": threads,
    "fresh": fresh,
    "cells": cells,
    "gpu": gpu,
}


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*TABLES, "all"])
    parser.add_argument(
        "--short", action="store_true", help="one round, few seeds, the rnn at full batch, fewer rivals"
    )
    parser.add_argument("--rounds", type=int, help="3 if not given, or 1 if short")
    parser.add_argument("--seeds", type=int, help="30 if not given, or 10 if short")
    parser.add_argument("--cells", nargs="+", choices=ALL_CELLS, help="all if not given")
    steps = [size[0] for size in all_cells.SIZES]
    parser.add_argument("--steps", nargs="+", type=int, choices=steps, help="cells: all if not given, or the least")
    parser.add_argument("--works", nargs="+", choices=list(WORKS), help="both if not given")
    parser.add_argument("--out", type=Path, default=Path("outputs/bench"))
    parser.add_argument("--against", metavar="REVISION", help="training: beside this revision, not beside rivals")
    parser.add_argument("--python-jax", metavar="PATH", help="an interpreter that has jax, if this one has not")
    options = parser.parse_args(arguments, namespace=Options())
    options.rounds = options.rounds or (1 if options.short else 3)
    options.seeds = options.seeds or (10 if options.short else 30)
    known = ALL_CELLS if options.table == "cells" else CELLS
    options.cells = options.cells or (["rnn"] if options.short else list(known))
    if unknown := set(options.cells) - set(known):
        parser.error(f"{options.table} --cells: only {', '.join(known)}, got {', '.join(sorted(unknown))}")
    options.steps = options.steps or (steps[:1] if options.short else steps)
    options.works = options.works or (["full"] if options.short else list(WORKS))
    python_jax = options.python_jax or sys.executable
    has_jax = subprocess.run([python_jax, "-c", "import jax"], capture_output=True).returncode == 0
    if options.python_jax and not has_jax:
        parser.error(f"--python-jax {python_jax}: has no jax")
    options.python_jax = python_jax if has_jax else None
    return options


def main() -> None:
    """Measures, prints and writes the tables."""
    options = parse()
    machine = describe_machine(options.python_jax)
    for name in TABLES if options.table == "all" else [options.table]:
        sys.stderr.write(f"{name}\n")
        noise = Noise()
        report = TABLES[name](options, noise)
        print(report.markdown(machine, noise), flush=True)
        report.write(options.out / name, machine, noise)


if __name__ == "__main__":
    main()
