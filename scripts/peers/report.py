"""How results are told: the machine, Markdown tables, JSON files, and the curves of growth."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peers.measure import Noise, run


def describe_machine(python_jax: str | None) -> dict[str, str]:
    """Date, versions, processor and cores; the version of jax where there is an interpreter that has it."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "lightning", "numpy")}
    if python_jax is not None:
        versions["jax"] = run([python_jax, "-c", "import jax; print(jax.__version__)"]).stdout.strip()
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "python": platform.python_version(),
        **versions,
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
    }


def _processor() -> str:
    """The model's name as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    fields = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in fields if key.strip() == "model name"), platform.machine())


@dataclasses.dataclass
class Report:
    """What came out of one table.

    Attributes:
        title: its heading.
        tables: each a header row and further rows, of text.
        notes: paragraphs under the tables.
        raw: every single measurement, by row and side.
        curves: what a picture shows, see `draw`; there is none where this is empty.
    """

    title: str
    tables: list[list[list[str]]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    raw: dict[str, Any] = dataclasses.field(default_factory=dict)
    curves: dict[str, dict[str, list[tuple[float, float]]]] = dataclasses.field(default_factory=dict)

    def markdown(self, machine: Mapping[str, str], noise: Noise) -> str:
        """Everything as Markdown."""
        told = ", ".join(
            value if name in ("date", "processor") else f"{name} {value}" for name, value in machine.items()
        )
        parts = [f"## {self.title}", f"`{_command()}` · {told}", *map(_table, self.tables), *self.notes, str(noise)]
        return "\n\n".join(parts) + "\n"

    def write(self, stem: Path, machine: Mapping[str, str], noise: Noise) -> None:
        """Writes `stem`.md and .json, and .png if there are curves."""
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".md").write_text(self.markdown(machine, noise), encoding="utf-8")
        content = {
            "title": self.title,
            "command": _command(),
            "machine": machine,
            "noise": {"seconds": noise.seconds, "spread": noise.spread, "load": noise.load},
            "measured": self.raw,
        }
        stem.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        if self.curves:
            draw(self.curves, stem.with_suffix(".png"))


def _command() -> str:
    return " ".join(["python", *sys.argv])


def _table(rows: Sequence[Sequence[str]]) -> str:
    header, *body = rows
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *body))


def draw(curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], path: Path) -> None:
    """Draws time against size, log-log, one panel for each axis and one line for each cell.

    Thin grey lines grow linearly, so that a curve that climbs across them grows faster.

    Args:
        curves: axis -> cell -> points (size, milliseconds).
        path: of the PNG.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    points = {axis: [point for line in lines.values() for point in line] for axis, lines in curves.items()}
    times = [milliseconds for line in points.values() for _, milliseconds in line]
    if not times:
        return
    figure = Figure(figsize=(2.8 * len(curves), 3.6), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for panel, (axis, lines) in zip(panels, curves.items(), strict=True):
        low, high = (extreme((size for size, _ in points[axis]), default=1) for extreme in (min, max))
        for power in range(40):
            guide = min(times) * (low / high) * 4.0**power
            panel.plot([low, high], [guide, guide * high / low], color="0.88", linewidth=0.8, zorder=0)
        for cell, line in lines.items():
            panel.plot(*zip(*line, strict=True), marker="o", markersize=3, label=cell)
        panel.set(xscale="log", yscale="log", title=axis, xlabel=axis.split(",")[0])
        panel.set_ylim(min(times) / 1.5, max(times) * 1.5)
        for ruler in (panel.xaxis, panel.yaxis):
            ruler.set_major_formatter(StrMethodFormatter("{x:g}"))
            ruler.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("milliseconds per training step")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=150)
