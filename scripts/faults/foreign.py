"""Files that are not a sweep's own to read or write, folders with odd names, and files that want to run code."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from fuzzing import privileges, strangers
from fuzzing.case import Case
from fuzzing.case import Outcome as Tried
from fuzzing.pool import Pool

from faults.outcome import Bench, Outcome
from faults.sweep import CHECKOUT, PLAIN, SMALL, Done, Sweep, end, start
from seqexp.record.record import RESULT

FIFOS = (
    *("checkpoints/last.ckpt", "checkpoints/best.ckpt", "seqexp.log", "claim.json", RESULT, ".lock", "curves.csv"),
    *("predictions.npz", ".hydra/config.yaml", "events.out.tfevents.1.x"),
)
ODD_NAMES = ("~", "~x", "a::b", "a b", "é", "a'b", "100%", "[x]", "a:b", "-x", "#x", "a=b,c")
"""Names of folders that a shell, a URL, TensorBoard or Hydra's grammar may take for something else."""

NO_LOCKS = """
import errno, fcntl
def flock(*arguments):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = fcntl.lockf = flock
from seqexp.__main__ import main
main()
"""
GONE = """
import os, sys, tempfile
home = tempfile.mkdtemp()
os.chdir(home)
os.rmdir(home)
from seqexp.__main__ import main
main()
"""
SECONDS = 90
"""A command of a small sweep that takes longer hangs."""


def permissions(bench: Bench) -> Outcome:
    """Goes on with sweeps in which some files may not be written, or are another user's."""
    outcome = Outcome(
        "finished runs at 0444, their `.hydra` at 0444, `.lock` of another user, and a comparison's files"
    )
    original = bench.original()

    def freeze(*names: str) -> Callable[[Path], None]:
        def spoil(run: Path) -> None:
            for path in [path for name in names for path in run.glob(name)]:
                path.chmod(0o555 if path.is_dir() else 0o444)

        return spoil

    def anothers(run: Path) -> None:
        os.chown(run / ".lock", 12345, 12345)
        (run / ".lock").chmod(0o600)

    ways: dict[str, Callable[[Path], None]] = {
        ".hydra": freeze(".hydra/*", ".hydra"),
        "a finished run": freeze("**/*", "**"),
        "a run's lock": anothers,
        "the sweep's lock": lambda run: anothers(run.parent),
        "comparison": freeze("../comparison*", "../comparison/*", "../curves.*"),
    }
    for name, spoil in ways.items():
        if "lock" in name and os.geteuid() != 0:
            continue
        sweep = bench.sweep()
        sweep.run()
        spoil(next(sweep.folder.glob("*cell=lstm*")))
        before = sweep.finished()
        done = end(sweep.start(preexec_fn=privileges.drop), SECONDS)
        outcome.times += 1
        _expect_harmless(outcome, done, name)
        outcome.count_again(sweep, before)
        for path in (sweep.folder, *sweep.folder.rglob("*")):
            path.chmod(0o755)
            os.chown(path, os.geteuid(), os.getegid())
        outcome.settle(sweep, original)
    return outcome


def fifos(bench: Bench) -> Outcome:
    """Puts a pipe, which never ends, in place of each file of a run, finished and not."""
    outcome = Outcome(f"a FIFO in place of each of {len(FIFOS)} files of a run, finished and unfinished")
    original = bench.original()
    whole = bench.sweep()
    whole.run()
    for name in FIFOS:
        for is_finished in (True, False):
            if name == RESULT and not is_finished:
                continue
            sweep = bench.sweep()
            shutil.copytree(whole.home, sweep.home)
            run = next(sweep.folder.glob("*cell=lstm*"))
            if not is_finished:
                (run / RESULT).unlink()
            (run / name).unlink(missing_ok=True)
            os.mkfifo(run / name)
            before = sweep.finished()
            done = end(sweep.start(), SECONDS)
            outcome.times += 1
            when = f"{name}, {'finished' if is_finished else 'unfinished'}"
            _expect_harmless(outcome, done, when)
            outcome.count_again(sweep, before)
            if (run / name).is_fifo():
                (run / name).unlink()
            if not is_finished or name in (RESULT, "claim.json"):
                outcome.settle(sweep, original)
    return outcome


def places(bench: Bench) -> Outcome:
    """Puts results in folders with odd names, where there are no locks, and where there is no folder at all."""
    outcome = Outcome(f"folders called {', '.join(f'`{name}`' for name in ODD_NAMES)}; no locks (ENOLCK); no folder")
    original = bench.original()
    for name in ODD_NAMES:
        home = bench.folder / "odd" / name
        sweep = Sweep(home, PLAIN)
        outcome.times += 1
        if "::" in name:  # refused wherever it stands in the path; see seqexp/config/names.py
            outcome.expect_paragraph(sweep.run(), f"below {name}")
            outcome.expect(not sweep.folder.exists(), f"below {name}: written though refused")
        else:
            outcome.settle(sweep, original)
        quoted = "'" + name.replace("'", "\\'") + "/x'"
        done = end(start(bench.folder / "in", ("-m", "seqexp", f"hydra.run.dir={quoted}", *SMALL)), SECONDS)
        outcome.times += 1
        outcome.expect_clear(done, name)
        if done.status == 0:
            outcome.expect((bench.folder / "in" / name / "x" / RESULT).is_file(), f"{name}: the result is elsewhere")
        else:
            outcome.expect_paragraph(done, name)
    sweep = bench.sweep()
    done = end(sweep.start(code=("-c", NO_LOCKS)), SECONDS)
    _expect_harmless(outcome, done, "no locks")
    if done.status == 0:
        outcome.check(sweep, original, {})
    outcome.expect_paragraph(end(start(bench.folder, ("-c", GONE, *SMALL)), SECONDS), "the working directory is gone")
    outcome.times += 2
    return outcome


def hostile(bench: Bench) -> Outcome:
    """Gives every file of a stranger's that is meant to run code, alone and in each place of a sweep."""
    texts = [strangers.CALLBACK.replace("{_target_: %s}", "{" + each + "}") for each in strangers.ATTACKS]
    texts += [strangers.GLOBAL + each for each in strangers.HYDRA_ATTACKS]
    outcome = Outcome(f"`--config-dir` with {len(texts)} experiments that reach for code, files or the environment")
    lines = (("experiment=mine",), ("--multirun", "experiment=mine,ok"), ("--multirun", "experiment=ok,mine"))
    short = ("num_seeds=1", "trainer.max_epochs=1", "data.length=60", "trainer.enable_progress_bar=false")
    cases = [
        Case(number, "hostile", "seqexp", ("--config-dir", "conf", *line, *short), strangers.experiment(text))
        for number, (text, line) in enumerate((text, line) for text in texts for line in lines)
    ]
    bench.folder.mkdir(parents=True, exist_ok=True)

    def look(tried: Tried) -> None:
        case = tried.case
        when = f"{case.files['conf/experiment/mine.yaml']!r} {' '.join(case.arguments[2:-4])}"
        outcome.times += 1
        outcome.different += len(tried.hurt)
        outcome.expect(not tried.ran, f"{when}: {', '.join(tried.ran)}")
        outcome.expect(not tried.secret, f"{when}: a value of the environment stands in {tried.secret[:2]}")
        outcome.expect("a/home/victim" not in tried.written, f"{when}: emptied another file")
        outcome.expect(tried.status in (0, 1, 2) and not tried.raised, f"{when}: {tried.status} {tried.raised[-500:]}")

    with Pool(CHECKOUT, bench.folder, 1) as pool:
        pool.run(cases, look)
    return outcome


def _expect_harmless(outcome: Outcome, done: Done, when: str) -> None:
    """A command may do its work, fail with a line for a run, or refuse; it may not hang or show a traceback."""
    outcome.expect(done.status is not None, f"{when}: it hangs")
    outcome.expect(done.status in (0, 1, 2, None), f"{when}: status {done.status}")
    outcome.expect_clear(done, when)
