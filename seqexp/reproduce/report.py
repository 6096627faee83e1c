"""How a table that was run again is told: a line for each row, and a Markdown page with what made it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqexp.record.record import Record
from seqexp.reproduce.measure import guesses
from seqexp.reproduce.published import SOLVED, Published
from seqexp.reproduce.reproduce import Reproduced, settings

HEADER = ("", "published, or held against", "ours (95 % interval)", "seeds", "without a network", "verdict")


def line(found: Reproduced) -> str:
    """One row in a line."""
    name, theirs, ours, seeds, guess, said = cells(found)
    without = f" · {guess}, without a network" if found.guess else ""
    source = "held against" if found.row.held_against else "published"
    return f"{name}: {source} {theirs} · ours {ours}, {seeds} seeds{without} · {said}"


def cells(found: Reproduced) -> list[str]:
    """One row of the table."""
    ours, guess = found.ours, found.guess
    interval = "" if math.isnan(ours.low) else f" ({number(ours.low)} to {number(ours.high)})"
    said = found.verdict if found.verdict != "cannot be told apart" else f"cannot be told apart with {ours.seeds} seeds"
    trials = f"{found.row.trials} trials" if found.row.trials else ""
    beside = ", ".join(filter(None, (found.row.held_against, trials)))
    return [
        found.row.name,
        number(found.row.published) + f" ({beside})" * bool(beside),
        number(ours.value) + interval,
        str(ours.seeds),
        f"{guess.name} {number(guess.value)}" if guess else "\N{EN DASH}",
        said,
    ]


def number(value: float) -> str:
    """Four digits at most."""
    return f"{value:.4g}"


SHORT = "This is the shorter form: it trains less than the table asks for, and its verdicts are of that alone."


def notes(found: Sequence[Reproduced], short: bool) -> list[str]:
    """What a reader must not miss: a shorter form, seeds without a number, and guesses that beat what is published."""
    said = [SHORT] if short else []
    for each in found:
        lost = len(each.record.seeds) - each.ours.seeds
        if lost and not each.ours.seeds:
            said.append(f"{each.row.name}: no seed has such a number, and nothing is said of it.")
        elif lost:
            said.append(
                f"{each.row.name}: {lost} of {len(each.record.seeds)} seeds have no such number, and what is said of "
                "it is said of the others."
            )
        guess, row = each.guess, each.row
        if guess is None or guess.value == row.published or (guess.value > row.published) != row.higher_is_better:
            continue
        whose = f"of {row.held_against}" if row.held_against else f"that is published for {row.name}"
        said.append(
            f"{guess.name}, which needs no network, has {number(guess.value)} here: better than the "
            f"{number(row.published)} {whose}."
        )
    return list(dict.fromkeys(said))


def page(name: str, title: str, table: Published, found: Sequence[Reproduced], command: str, short: bool) -> str:
    """The Markdown page: the table, the protocol, and what made it."""
    rows = [HEADER, ("---",) * len(HEADER), *(cells(each) for each in found)]
    parts = [
        f"# {name}: {title}",
        f"{table.paper}. Read in: {table.read}.",
        f"The numbers are {table.unit}.",
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        *notes(found, short),
        *_without(found),
        table.protocol,
        _meaning(found),
        made_by(command, list({each.record.folder: each.record for each in found}.values())),
        "\n".join(
            f"- {each.row.name}: `{' '.join(settings(table, each.row, short))}`, seeds {_seeds(each)}" for each in found
        ),
    ]
    return "\n\n".join(parts) + "\n"


def made_by(command: str, records: Sequence[Record]) -> str:
    """What made a page: the command, the code, and how long it took."""
    record = records[0]
    code = "" if record.git is None else f", commit {str(record.git.get('commit'))[:12]}"
    versions = ", ".join(
        f"{package} {record.versions[package]}" for package in ("torch",) if package in record.versions
    )
    seconds = sum(each.train_seconds for each in records)
    return f"Made by `{command}`{code}, {versions}, {record.device}; {seconds:.0f} s of training."


def _without(found: Sequence[Reproduced]) -> list[str]:
    """All guesses, by the rows that they stand beside."""
    rows: dict[str, list[str]] = {}
    for each in found:
        if known := guesses(each.row, each.record):
            rows.setdefault(", ".join(f"{name} {number(value)}" for name, value in known.items()), []).append(
                each.row.name
            )
    return [f"Without a network, beside {', '.join(names)}: {known}." for known, names in rows.items()]


def _meaning(found: Sequence[Reproduced]) -> str:
    margins = sorted({each.row.margin for each in found})
    if len(margins) == 1:
        near = f"than {number(margins[0])}"
    else:
        near = "than its margin, " + ", ".join(f"{number(each.row.margin)} for {each.row.name}" for each in found)
    tested = [each.row.name for each in found if each.row.measure == SOLVED and each.row.trials]
    share = f" Fisher's exact test decides instead, for {', '.join(tested)}." if tested else ""
    return (
        f"*Agrees*: all of our interval is nearer to the number that it is held against {near}. *Better*, *worse*: it "
        f"does not agree, and the interval leaves that number out.{share} *Cannot be told apart*: neither."
    )


def _seeds(found: Reproduced) -> str:
    seeds = found.record.seeds
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
