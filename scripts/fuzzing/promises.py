"""What must be true of the files after a command line has ended: read from the disk alone, in any version."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

from fuzzing.case import Case, Outcome

SWEEP = "outputs/beside"
LOOKS = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help", "--version", "-sc", "--shell-completion")
"""Flags that show something and run nothing."""


def broken(case: Case, outcome: Outcome, place: Path, ready: Path) -> list[str]:
    """The promises that were not kept.

    Args:
        case: what was tried.
        outcome: what came of it.
        place: the case's folder; what it wrote is named below it.
        ready: the home that every case gets a copy of; beside its sweep lies `wanted.json`, rows of the comparison.
    """
    found: list[str] = []
    if outcome.hung or outcome.died or outcome.raised:
        return found
    if case.rest and outcome.status == 0:
        found += _rest(place / "a/home", json.loads((ready / "wanted.json").read_text()))
    compared = case.program == "seqexp.compare" and os.access(place / "a/home" / SWEEP, os.W_OK)
    if case.rest and outcome.status and compared:
        found.append(f"no comparison of the runs that were not damaged: exit status {outcome.status}")
    if case.program == "run" and outcome.status == 0:
        if any(each in case.arguments for each in ("experiment=equal_parameters", "experiment=rnn_vs_lstm")):
            found.append("an experiment that is a sweep was run as one run")
        if not any(Path(path).name == "result.json" for path in outcome.written):
            found.append("run() returned, and no result was written")
    if case.program == "seqexp" and outcome.status == 0:
        looks = any(each.split("=")[0] in LOOKS for each in case.arguments)
        dry = any(each.replace('"', "").startswith("sweep.dry=") and "true" in each.lower() for each in case.arguments)
        new = [path for path in outcome.written if Path(path).name == "result.json"]
        if looks and outcome.written:
            found.append("something was written where nothing was to be run")
        if dry and new:
            found.append("a dry run wrote a result")
        if not looks and not dry and not new and "there already" not in outcome.out:
            found.append("exit 0, and no result was written")
    for path in outcome.written:
        if Path(path).name in ("result.json", "comparison.json", "claim.json") and (place / path).is_file():
            found += _strict(place / path, path)
    return found


def _strict(path: Path, name: str) -> list[str]:
    """JSON as other programs read it: no NaN, no lone surrogates."""

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        json.dumps(json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)).encode()
    except (ValueError, RecursionError) as error:
        return [f"{Path(name).name} is not strict JSON ({type(error).__name__})"]
    return []


def _rest(home: Path, wanted: list[list[str]]) -> list[str]:
    """The rows of lstm and gru must be there: only the run of the rnn was damaged."""
    table = home / SWEEP / "comparison.csv"
    try:
        rows = list(csv.DictReader(table.read_text(encoding="utf-8", errors="replace").splitlines()))
    except (OSError, csv.Error) as error:
        return [f"no table of the rest ({type(error).__name__})"]
    there = {(row.get("cell"), row.get("seed"), row.get("test_mse")) for row in rows}
    lost = [each for each in wanted if tuple(each) not in there]
    return (
        [f"runs that were not damaged are missing in the comparison: {len(lost)} of {len(wanted)} rows"] if lost else []
    )
