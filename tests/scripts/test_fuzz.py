"""scripts/fuzz.py: its short form finds nothing, and what it is to find, it finds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import fuzz
from fuzzing import files, grammar, judge, promises, spoil, strangers, values
from fuzzing.case import Case, Chance, Outcome
from fuzzing.damages import FILES
from fuzzing.pool import Pool

CHECKOUT = Path(__file__).parents[2]
CRASH = 'Traceback (most recent call last):\n  File "/x/seqexp/run.py", line 3, in run\n    f()\nOSError: no\n'
DAMAGE = (("outputs/beside/cell=rnn/result.json", "empty", 0),)
LINE = Case(0, "number", arguments=("seed=1",))


def test_the_short_form_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status = fuzz.main(["--short", "--as-found"])
    said = capsys.readouterr()
    assert status == 0, said.out


def test_a_seed_gives_the_same_cases_and_another_seed_others() -> None:
    assert fuzz.cases(0, 50, 3, 20) == fuzz.cases(0, 50, 3, 20)
    assert fuzz.cases(0, 50, 3, 20) != fuzz.cases(1, 50, 3, 20)
    assert all(Case.from_json(each.to_json()) == each for each in fuzz.cases(0, 50, 3, 20))


def test_the_full_form_reaches_every_rule_every_flag_and_every_damage() -> None:
    drawn = fuzz.cases(0, fuzz.LINES, fuzz.PROCESSES, fuzz.DAMAGES)
    assert {rule.__name__ for rule, _ in grammar.RULES} <= {each.kind for each in drawn}
    typed = {each.split("=")[0].lstrip("+~") for case in drawn for each in case.arguments}
    assert {f"trainer.{name}" for name in values.TRAINER} | set(values.HYDRA) <= typed
    assert {how for case in drawn for _, how, _ in case.damage} >= spoil.ALL.keys()
    hostile = {text for case in drawn for text in case.files.values()}
    assert {strangers.GLOBAL + each for each in strangers.HYDRA_ATTACKS} <= hostile


def test_what_is_dealt_has_its_turn_before_anything_has_its_second() -> None:
    chance = Chance(0)
    assert sorted(chance.deal("abc", "letters") for _ in range(6)) == list("aabbcc")


@pytest.mark.parametrize(
    ("outcome", "kinds"),
    [
        (Outcome(LINE, 0, out="a line\n"), set()),
        (Outcome(LINE, 2, err="seqexp: seed must be >= 0, got -1\n"), set()),
        (Outcome(LINE, 2, err=""), {"not one paragraph"}),
        (Outcome(LINE, 2, err="one\ntwo\n"), {"not one paragraph"}),
        (Outcome(LINE, 2, err="seqexp: no\n", written=["a/home/outputs"]), {"written though refused"}),
        (Outcome(LINE, 1, raised=CRASH), {"traceback"}),
        (Outcome(LINE, 1, err=CRASH), {"traceback"}),
        (Outcome(LINE, 0, out=CRASH), {"traceback"}),
        (Outcome(LINE, 1, err="failed: ValueError: no → x\n"), {"failed late"}),
        (Outcome(LINE, 1, err="no\n"), {"status"}),
        (Outcome(LINE, 120), {"status"}),
        (Outcome(Case(0, "damaged files", damage=DAMAGE), 1, err="failed: no\n"), set()),
        (Outcome(Case(0, "damaged files", "seqexp.compare", damage=DAMAGE), 1, err="no\n"), {"status"}),
        (Outcome(LINE, None, hung="waits, in x"), {"hang"}),
        (Outcome(LINE, None, died="SIGSEGV"), {"killed"}),
        (Outcome(LINE, 0, hurt=["outputs/beside/x/result.json"]), {"result lost or changed"}),
        (Outcome(LINE, 0, ran=["started mkdir"]), {"code was run"}),
        (Outcome(LINE, 0, secret=["result.json"]), {"secret kept"}),
        (Outcome(LINE, 0, leaked=["working directory: a -> b"]), {"state left"}),
        (Outcome(LINE, 0, missed=["exit 0, and no result was written"]), {"wrong"}),
    ],
)
def test_an_outcome_is_judged(outcome: Outcome, kinds: set[str]) -> None:
    assert {each.kind for each in judge.judge(outcome)} == kinds


def test_the_same_crash_is_one_finding_and_the_shortest_line_shows_it() -> None:
    longer = Outcome(Case(1, "number", arguments=("seed=1", "num_seeds=2")), 1, raised=CRASH)
    found = judge.distinct([*judge.judge(longer), *judge.judge(Outcome(LINE, 1, raised=CRASH))])
    assert [each.case for each in found] == [LINE]


@pytest.mark.parametrize("name", [name for name in FILES if "." in name and "*" not in name and "ckpt" not in name])
def test_a_file_of_any_kind_can_be_damaged_in_every_way_that_it_may_be(name: str, tmp_path: Path) -> None:
    content = {
        "result.json": b'{"status": "done", "cell": "rnn", "data": "sine", "seeds": [0], "test_mse": [1.0], "a": {}}',
        "claim.json": b'{"family": "x", "seed": 0, "num_seeds": 1}',
        "curves.csv": b"epoch,seed,train_mse\n0,0,1.0\n1,0,0.5\n",
    }.get(name, b"some bytes\n")
    for number, how in enumerate(FILES[name][0]):
        folder = tmp_path / str(number)
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        assert spoil.damage(folder, name, how, number) == path
        path.parent.chmod(0o755)


class Answer:
    """A program that does wrong things when it is told to, in place of seqexp."""

    CODE = """
import os, sys, time
def main():
    what = sys.argv[1]
    if what == "crash": raise ValueError("no")
    if what == "hang": os.read(os.pipe()[0], 1)
    if what == "die": os.kill(os.getpid(), 9)
    if what == "refuse": sys.stderr.write("seqexp: no\\n"); sys.exit(2)
    if what == "leave": os.environ["LEFT"] = "1"; os.mkdir("left"); sys.stderr.write("seqexp: no\\n"); sys.exit(2)
    if what == "hurt": open("outputs/beside/cell=rnn/result.json", "w").close()
    if what == "run": os.system("true")
    if what == "secret": open("kept", "w").write(os.environ["SEQEXP_FUZZ_SECRET"])
    if what == "change": open("outputs/beside/cell=rnn/result.json", "w").write(os.environ["SEQEXP_FUZZ_SECRET"])
    if what == "name": os.mkdir(os.environ["SEQEXP_FUZZ_SECRET"])
    if what == "logging": __import__("logging").raiseExceptions = False
    if what == "elsewhere": open("ELSEWHERE", "w").close()
"""


def test_a_worker_sees_what_a_program_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tree" / "seqexp"
    for place in (package, package / "run", package / "compare"):
        place.mkdir(parents=True)
        (place / "__init__.py").touch()
        (place / "__main__.py").write_text(Answer.CODE.replace("ELSEWHERE", str(tmp_path / "elsewhere")))
    run = tmp_path / "root" / "ready" / "outputs" / "beside" / "cell=rnn"
    run.mkdir(parents=True)
    (run / "result.json").write_text("{}")
    monkeypatch.setattr("fuzzing.pool.STILL_SECONDS", 2)
    wanted = {
        "refuse": set(), "crash": {"traceback"}, "hang": {"hang"}, "die": {"killed"}, "run": {"code was run", "wrong"},
        "leave": {"written though refused", "state left"}, "hurt": {"result lost or changed", "wrong"},
        "secret": {"secret kept", "wrong"}, "name": {"secret kept", "wrong"}, "logging": {"state left", "wrong"},
        "change": {"result lost or changed", "secret kept", "wrong"}, "elsewhere": {"code was run", "wrong"},
    }  # fmt: skip
    with Pool(tmp_path / "tree", tmp_path / "root", 1) as pool:
        outcomes = pool.run([Case(0, "x", arguments=(what,)) for what in wanted], lambda outcome: None)
    found = {each.case.arguments[0]: {finding.kind for finding in judge.judge(each)} for each in outcomes}
    assert found == wanted


def test_a_comparison_must_hold_every_run_that_was_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(0, "damaged files", "seqexp.compare", damage=DAMAGE, rest=True)
    sweep = tmp_path / "a/home/outputs/beside"
    sweep.mkdir(parents=True)
    (tmp_path / "wanted.json").write_text('[["lstm", "0", "0.5"]]')

    def missed(status: int) -> int:
        return len(promises.broken(case, Outcome(case, status), tmp_path, tmp_path))

    assert (missed(0), missed(1), missed(2)) == (1, 1, 1)
    (sweep / "comparison.csv").write_text("cell,seed,test_mse\nlstm,0,0.5\n")
    assert (missed(0), missed(1), missed(2)) == (0, 1, 1)
    (sweep / "comparison.csv").write_text("cell,seed,test_mse\nlstm,0,0.6\n")
    assert missed(0) == 1
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert missed(2) == 0  # there is no place for a comparison


def test_what_is_no_file_is_written(tmp_path: Path) -> None:
    for path, text in files.THEIRS.items():
        files.write(tmp_path, path, text)
    files.write(tmp_path, "fifo", "!fifo")
    files.write(tmp_path, "bytes", "!hex:ff00")
    assert (tmp_path / "fifo").is_fifo()
    assert (tmp_path / "bytes").read_bytes() == b"\xff\x00"
    assert (tmp_path / "stranger/__init__.py").read_text().startswith("import os\n")
