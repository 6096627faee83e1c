"""What an outcome says of the program: findings, by kind, and the report of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fuzzing.case import Case, Outcome

KINDS: dict[str, str] = {
    "traceback": "a traceback was shown, or an error left `main`",
    "hang": "it did not end",
    "killed": "the process died",
    "status": "an exit status other than 0, 2, or 1 for a failed run of a sweep",
    "written though refused": "exit status 2, and something was written",
    "result lost or changed": "a file of a finished run beside it changed or went",
    "not one paragraph": "exit status 2, and the error is empty or has several lines",
    "failed late": "a run of a sweep failed by what could have been refused before",
    "wrong": "another promise about the files was not kept",
    "code was run": "a file made the program run something, or write elsewhere",
    "secret kept": "a value of the environment stands in a file, or in a name",
    "state left": "the process is not as it was before",
}
"""The kinds of findings, each of which must have none."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as promised.

    Attributes:
        kind: of `KINDS`.
        mark: what makes it the same as another one.
        text: what was seen.
        case: where.
    """

    kind: str
    mark: str
    text: str
    case: Case


def judge(outcome: Outcome) -> list[Finding]:
    """All that is wrong with an outcome."""
    return [Finding(kind, f"{kind}: {mark}", text, outcome.case) for kind, mark, text in _wrong(outcome)]


def _wrong(outcome: Outcome) -> Iterator[tuple[str, str, str]]:
    """Yields kind, mark and text."""
    said = f"{outcome.out}\n{outcome.err}"
    for name in outcome.hurt[:1]:
        yield "result lost or changed", _file(name), ", ".join(map(_file, outcome.hurt))
    for each in outcome.ran:
        yield "code was run", _plain(each.replace(_home(each), "")), each
    for each in outcome.secret[:1]:
        yield "secret kept", _file(each), ", ".join(outcome.secret)
    for each in outcome.leaked:
        if each.startswith("log ") and re.search(
            r"--info|-i |hydra/\w+_logging|hydra\.\w+_logging|hydra\.verbose", outcome.case.line
        ):
            continue  # Hydra's own, asked for
        if each.startswith("random's") and "shuffle(" in outcome.case.line:
            continue  # Hydra's, too
        yield "state left", each.split(":")[0], each
    if outcome.hung:
        yield "hang", _plain(outcome.hung.partition(", in ")[2]), outcome.hung
        return
    if outcome.died:
        yield "killed", _plain(outcome.died), outcome.died
        return
    if "returned nan values in its" in outcome.raised:
        return  # trainer.detect_anomaly is there to end a training by this error
    if outcome.raised:
        yield "traceback", _crash(outcome.raised), _tail(outcome.raised)
        return
    if found := re.search(
        r"Traceback \(most recent call last\)|Logging error|Exception ignored|Fatal Python error", said
    ):
        text = said[found.start() :]
        yield "traceback", _crash(text), _tail(text)
        return
    for each in outcome.missed:
        yield "wrong", _plain(each), each
    if outcome.status == 2:
        if outcome.written and not (outcome.case.damage and "cannot be written" in outcome.err):
            yield "written though refused", _plain(outcome.err)[:60], f"{outcome.written[:4]} {outcome.err[:300]}"
        lines = outcome.err.strip().splitlines()
        if len(lines) != 1:
            mark = (
                "nothing said" if not lines else "a usage" if lines[0].startswith("usage:") else _plain(lines[0])[:60]
            )
            yield "not one paragraph", mark, outcome.err[:500] or "(nothing)"
    elif outcome.status == 1:
        if outcome.case.damage and outcome.case.program == "seqexp":
            return  # a run that cannot be written, a record that cannot be read: both are said
        late = re.search(r"failed: (\w+): (.*)", said)
        if late:
            yield "failed late", _plain(f"{late[1]} {late[2]}")[:60], late[0][:400]
        else:
            yield "status", _plain(outcome.err)[:60], f"1 without a failed run: {outcome.err[:400]}"
    elif outcome.status != 0:
        yield "status", str(outcome.status), f"{outcome.status}: {outcome.err[:400]}"


def _crash(text: str) -> str:
    """The error's class and its last frame in the package, else its last frame."""
    frames = re.findall(r'File "([^"]+)", line \d+, in (\S+)', text)
    own = [(path, name) for path, name in frames if "/seqexp/" in path or path.startswith("seqexp/")]
    path, name = (own or frames or [("nowhere", "")])[-1]
    error = re.findall(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning|Exit|\w+))(?::|$)", text, re.MULTILINE)
    last = frames[-1][1] if frames else ""
    return f"{error[-1] if error else '?'} in {path.rpartition('/')[2]}:{name} < {last}"


def _tail(text: str) -> str:
    """The last lines of a traceback."""
    lines = [line for line in text.strip().splitlines() if set(line.strip()) - set("^~")]
    return "\n".join(line[:300] for line in lines[-5:])


def _plain(text: str) -> str:
    """A message without what differs from case to case: numbers, paths, quoted parts."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", text)
    return " ".join(re.sub(r"[/\w.-]*/[^\s:]+", "PATH", re.sub(r"\d+", "9", text)).split())[:120]


def _home(text: str) -> str:
    found = re.search(r"/\S*/home", text)
    return found[0] if found else "\x00"


def _file(path: str) -> str:
    """A run's file without its folders' names."""
    parts = path.split("/")
    return (
        "/".join(parts[-2:]) if parts[-2:-1] in (["checkpoints"], [".hydra"]) else re.sub(r"\d{6,}.*", "*", parts[-1])
    )


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One finding of each mark, that of the shortest line, shortest first."""
    best: dict[str, Finding] = {}
    for each in findings:
        if each.mark not in best or len(each.case.line) < len(best[each.mark].case.line):
            best[each.mark] = each
    return sorted(best.values(), key=lambda each: (len(each.case.line), each.mark))


def table(outcomes: Sequence[Outcome], findings: Sequence[Finding]) -> list[str]:
    """How many cases of each kind there were, and how many findings of each kind, as Markdown."""
    groups = {
        "lines in one process": [each for each in outcomes if not each.case.whole and not each.case.damage],
        "lines as processes": [each for each in outcomes if each.case.whole],
        "damaged files": [each for each in outcomes if each.case.damage],
    }
    text = [
        "| | cases | exit 0 | exit 2 | exit 1 | cases with a finding |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    hit = {id(each.case) for each in findings}
    for name, group in groups.items():
        status = Counter(each.status for each in group)
        wrong = sum(id(each.case) in hit for each in group)
        text.append(f"| {name} | {len(group)} | {status[0]} | {status[2]} | {status[1]} | {wrong} |")
    text += ["", "| must be none | what | cases | distinct |", "| --- | --- | ---: | ---: |"]
    for kind, what in KINDS.items():
        here = [each for each in findings if each.kind == kind]
        count = len({id(each.case) for each in here})
        text.append(f"| {kind} | {what} | {count} | {len({each.mark for each in here})} |")
    return text
