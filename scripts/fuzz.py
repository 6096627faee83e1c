"""Throws random command lines and damaged files at seqexp, and counts what is not as promised.

    python scripts/fuzz.py                        # 2,000 lines, 120 processes, 600 damaged files; half an hour
    python scripts/fuzz.py --short                # the form that the tests run
    python scripts/fuzz.py --tree ../other        # the code of another checkout
    python scripts/fuzz.py --seed 3 --case line:17  # one case again, with all that it said

Whatever is typed, and whatever lies on the disk, a command ends by itself with exit status 0; with 2 and one paragraph,
and then has written nothing; or, a sweep, with 1 where a run failed. It shows no traceback, hurts no finished run, runs
no code that a file names, and leaves the process as it was. Each case runs in an empty folder beside a finished sweep.
Prints the grammar's rules, a table of counts, and each distinct finding with the shortest line that shows it.
Exit status 1 if there is any, or if less than a third of the lines are valid.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fuzzing import damages, grammar, judge
from fuzzing.case import Case, Outcome
from fuzzing.judge import Finding
from fuzzing.pool import Pool

LINES, PROCESSES, DAMAGES = 2000, 120, 600
SHORT = (9, 0, 1)
TRIES = 12
"""So many shorter lines are tried for each finding."""


def cases(seed: int, lines: int, processes: int, damaged: int) -> list[Case]:
    """All cases of a seed: lines in one process, lines as processes, damaged files."""
    return [*grammar.lines(seed, lines), *grammar.lines(seed, processes, whole=True), *damages.damages(seed, damaged)]


def shorten(pool: Pool, findings: Sequence[Finding]) -> list[Finding]:
    """Takes arguments away from the lines that show findings, as long as they still do."""
    found = list(findings)
    for _ in range(TRIES):
        tries: list[tuple[int, Case]] = []
        for index, each in enumerate(found):
            if each.case.damage or each.case.whole or each.kind in ("hang", "killed"):
                continue
            arguments = each.case.arguments
            for left in range(len(arguments)):
                if arguments[left] not in ("trainer.enable_progress_bar=false", "--config-dir", "conf"):
                    fewer = (*arguments[:left], *arguments[left + 1 :])
                    tries.append((index, replace(each.case, arguments=fewer)))
        seen = {id(case): index for index, case in tries}
        better: dict[int, Finding] = {}
        for outcome in pool.run([case for _, case in tries], lambda outcome: None):
            index = seen[id(outcome.case)]
            same = [each for each in judge.judge(outcome) if each.mark == found[index].mark]
            if same:
                better.setdefault(index, same[0])
        if not better:
            break
        found = [better.get(index, each) for index, each in enumerate(found)]
    return found


def rules(drawn: Sequence[Case]) -> list[str]:
    """The grammar: each rule, what it says of itself, and how many cases it made."""
    count = Counter(each.kind for each in drawn)
    said = {rule.__name__: (rule.__doc__ or "").strip() for rule, _ in grammar.RULES}
    return [
        f"- {kind} ({number}): {said.get(kind, '--config-dir, or files of a finished run')}"
        for kind, number in count.most_common()
    ]


def report(outcomes: Sequence[Outcome], findings: Sequence[Finding], shortest: Sequence[Finding]) -> list[str]:
    """The tables, and the findings with their shortest lines."""
    text = judge.table(outcomes, findings)
    count = Counter(each.mark for each in findings)
    for each in shortest:
        text += ["", f"{each.mark} ({count[each.mark]} cases, such as {name(each.case)})", f"    {each.case.line}"]
        text += [f"    | {line}" for line in each.text.splitlines()]
    return text


def name(case: Case) -> str:
    """What `--case` takes."""
    return f"{'damage' if case.damage else 'process' if case.whole else 'line'}:{case.number}"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=Path(__file__).resolve().parents[1], help="the checkout to try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--short", action="store_true", help=f"{SHORT[0]} lines, {SHORT[1]} processes, {SHORT[2]} damages"
    )
    parser.add_argument("--lines", type=int, help=f"in one process; {LINES}")
    parser.add_argument("--processes", type=int, help=f"lines as processes; {PROCESSES}")
    parser.add_argument("--damages", type=int, help=f"damaged files; {DAMAGES}")
    parser.add_argument("--workers", type=int, help="how many processes run cases; 2, and 1 for the short form")
    parser.add_argument("--case", help="only this one, such as line:17, process:3, damage:9, and all that it says")
    parser.add_argument("--as-found", action="store_true", help="do not look for shorter lines")
    parser.add_argument("--out", type=Path, help="a file for the report, as well")
    options = parser.parse_args(arguments)
    for key, full, short in zip(("lines", "processes", "damages"), (LINES, PROCESSES, DAMAGES), SHORT, strict=True):
        if getattr(options, key) is None:
            setattr(options, key, short if options.short else full)
    options.workers = options.workers or (1 if options.short else 2)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the cases and prints the report."""
    options = parse(arguments)
    drawn = cases(options.seed, options.lines, options.processes, options.damages)
    if options.case:
        drawn = [each for each in drawn if name(each) == options.case]
    start, done = time.monotonic(), 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        for each in judge.judge(outcome):
            print(f"{name(outcome.case)} {each.mark}\n    {outcome.case.line[:400]}", file=sys.stderr, flush=True)
        if done % 100 == 0:
            print(f"{done} of {len(drawn)}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="fuzz") as folder,
        Pool(options.tree, Path(folder), options.workers) as pool,
    ):
        outcomes = pool.run(drawn, tell)
        findings = [each for outcome in outcomes for each in judge.judge(outcome)]
        shortest = judge.distinct(findings)
        if not options.as_found and not options.case:
            shortest = judge.distinct(shorten(pool, shortest))
    typed = [each for each in outcomes if not each.case.damage]
    valid = sum(each.status == 0 for each in typed)
    text = [f"seed {options.seed}, {pool.package}, {time.monotonic() - start:.0f} s", "", *rules(drawn), ""]
    text += [*report(outcomes, findings, shortest), ""]
    text.append(f"{len(typed)} lines, {valid} of them valid; {len(shortest)} distinct findings in {len(findings)}")
    if options.case:
        text += [f"{outcome}" for outcome in outcomes]
    slowest = sorted(outcomes, key=lambda each: -each.seconds)[:3]
    text += [f"slowest: {name(each.case)}, {each.seconds:.1f} s" for each in slowest]
    print("\n".join(text))
    if options.out:
        options.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    return int(bool(findings) or 3 * valid < len(typed))


if __name__ == "__main__":
    sys.exit(main())
