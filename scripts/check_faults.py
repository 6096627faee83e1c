"""Is anything lost when a sweep is killed, or its disk fills up? Breaks sweeps for real and prints a Markdown table.

    python scripts/check_faults.py                         # every fault; twenty minutes on two cores
    python scripts/check_faults.py kill --times 50         # one of them
    python scripts/check_faults.py damaged nan --out table

After each fault the same command is given again until it ends by itself, and what it left is held against a sweep that
nobody disturbed: every score, `curves.csv` byte by byte, the arrays of `predictions.npz`, and TensorBoard's scalars,
one for each epoch. Exit status 1 if anything was lost, counted twice or different, or if a traceback was shown.

`full-disk` and `read-only` mount a small tmpfs, which needs root on Linux; `worker` needs `seqexp[parallel]`. Where
that is missing, the fault is left out and the table says so.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults import again, foreign, kills, machine, signals
from faults.outcome import Bench, NotHereError, Outcome

FAULTS: dict[str, Callable[[Bench], Outcome]] = {
    "kill": kills.kill,
    "kill-writing": kills.kill_writing,
    "full-disk": machine.full_disk,
    "two-at-once": kills.two_at_once,
    "read-only": machine.read_only,
    "damaged": machine.damaged,
    "nan": machine.nan,
    "memory": machine.memory,
    "worker": kills.worker,
    "subdir": again.subdir,
    "spelling": again.spelling,
    "early": again.early,
    "copied": again.copied,
    "gaps": again.gaps,
    "signals": signals.signals,
    "streams": signals.streams,
    "permissions": foreign.permissions,
    "fifos": foreign.fifos,
    "places": foreign.places,
    "hostile": foreign.hostile,
}

HEAD = (
    "| fault | how injected | times | runs lost | counted twice | different numbers | otherwise wrong | to repeat |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def attempt(name: str, folder: Path, options: argparse.Namespace) -> tuple[str, list[str]]:
    """Tries one fault.

    Returns:
        Its row of the table, and what is wrong.
    """
    times = f" --times {options.times}" if options.times and name.startswith("kill") else ""
    repeat = f"`python scripts/check_faults.py {name}{times}`"
    try:
        found = FAULTS[name](Bench(folder / name, options.times, options.seed))
    except NotHereError as reason:
        return f"| {name} | not tried: {reason} | 0 | – | – | – | – | {repeat} |", []
    counts = [found.lost, found.twice, found.different, len(found.wrong)]
    wrong = [f"{name}: {each}" for each in found.wrong] + [f"{name}: {counts}"] * any(counts)
    return f"| {' | '.join(map(str, [name, found.how, found.times, *counts, repeat]))} |", wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries the faults and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}; all where none is named")
    parser.add_argument("--times", type=int, help="how many kills (50) and kills while writing (42)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many faults at once; one for each core")
    parser.add_argument("--out", type=Path, help="a folder for faults.md")
    options = parser.parse_args(arguments)
    unknown = set(options.faults) - FAULTS.keys()
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    for number in (signal.SIGINT, signal.SIGHUP):  # a shell's & and nohup have them ignored, for all that is started
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    lines, wrong = [HEAD], []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="faults") as folder, ThreadPoolExecutor(options.jobs) as pool:
        for row, here in pool.map(lambda name: attempt(name, Path(folder), options), options.faults or FAULTS):
            lines.append(row)
            wrong += here
            print(row, flush=True)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "faults.md").write_text("\n".join(lines) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
