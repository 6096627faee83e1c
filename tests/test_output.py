"""Output that cannot be written stops no work, and files that are not ours are refused or left alone."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.config.mistakes import ConfigError, exit_if_trouble, trouble
from seqexp.config.names import check_place
from seqexp.record import lock, tidy
from seqexp.record.record import RESULT, find
from seqexp.run.log import check_folder
from seqexp.show.console import prepare_output
from seqexp.terminal import ERRORS

Command = Callable[..., Any]
TINY = ("num_seeds=2", "trainer.max_epochs=1", "data.length=120")
SWEEP = ("--multirun", "cell=rnn,lstm", "sweep.name=s", *TINY)


# What the streams cannot take


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_what_an_encoding_lacks_is_spelt_readably(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    prepare_output()
    shown = "→ 0.6× ± 1 – … \udcff ☃".encode(encoding, ERRORS).decode(encoding)
    assert "?" not in shown
    plain = shown.translate({0x2192: "->", 0xD7: "x", 0xB1: "+/-", 0x2013: "-", 0x2026: "...", 0x2603: "\\u2603"})
    assert plain == "-> 0.6x +/- 1 - ... \\udcff \\u2603"


def own_stream(monkeypatch: pytest.MonkeyPatch, number: int, unbuffered: bool = False) -> None:
    """Makes a file descriptor the process's standard output, as the interpreter does at its start."""
    raw: Any = io.FileIO(number, "w", closefd=False)
    binary = raw if unbuffered else io.BufferedWriter(raw)
    stream = io.TextIOWrapper(binary, encoding="ascii", write_through=unbuffered)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "__stdout__", stream)


def test_a_pipe_that_nobody_reads_and_a_full_device_take_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for number in (writer, full):
        own_stream(monkeypatch, number)
        prepare_output()
        for _ in range(3):
            sys.stdout.write("→" * 20_000 + "\n")
            sys.stdout.flush()
        os.close(number)
        sys.stdout.write("and a descriptor that is closed\n")
        sys.stdout.flush()


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_slow_reader_gets_everything(monkeypatch: pytest.MonkeyPatch, unbuffered: bool) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # as some terminals leave theirs
    count = [sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"]
    child = subprocess.Popen(count, stdin=reader, stdout=subprocess.PIPE)
    os.close(reader)
    own_stream(monkeypatch, writer, unbuffered)
    prepare_output()
    sys.stdout.write("x" * 1_000_000)
    sys.stdout.flush()
    os.close(writer)
    assert child.communicate()[0] == b"1000000\n"


def test_a_stream_that_is_not_there_is_replaced_and_a_stranger_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    other = io.StringIO()
    monkeypatch.setattr(sys, "stderr", other)
    prepare_output()
    sys.stdout.write("→\n")
    sys.stdout.close()
    assert sys.stderr is other


FAULTS = {
    "ascii, and a reader that leaves": ("| head -1", {"PYTHONIOENCODING": "ascii"}, "rnn on sine | test MSE "),
    "C without UTF-8, full, and closed": (
        *("> /dev/full 2>&-", {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}, ""),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sweep_is_trained_and_compared_whatever_becomes_of_its_output(
    fault: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    ending, more, first = FAULTS[fault]
    line = f"set -o pipefail; {sys.executable} -m seqexp {' '.join(SWEEP)} {ending}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env={**environment, **more}, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii").startswith(first)
    folder = tmp_path / "outputs" / "s"
    assert len(list(find(folder))) == 2
    assert "±" in (folder / "comparison.md").read_text(encoding="utf-8")


def test_a_launchers_worker_says_what_it_can(tmp_path: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    command = [sys.executable, "-m", "seqexp", *SWEEP, "cell=lstm", *launcher]
    more = {**environment, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=more, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"lstm on sine | test MSE" in done.stdout
    assert b"+/-" in done.stdout
    assert b"->" in done.stdout


# Names of folders


@pytest.mark.parametrize(
    "name", ["~/x", "~", "~root/x", "a::b", "x/a::b/y", "a\nb", "a\x1b[31m", "a\udcffb", "x" * 256, "é" * 128 + "/y"]
)
def test_a_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_place(Path(name))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["x", "a~b/~", "a:b", "a b", "é/☃", "/tmp/x", "../x", "a%20#?&b"])
def test_other_names_are_not(name: str) -> None:
    check_place(Path(name))


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["x" * 200] * 21)])
def test_a_path_that_is_too_long_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"File name too long|may have 255 bytes"):
        check_folder(Path(name))


@pytest.mark.parametrize("name", ['"a::b/x"', '"~/x"', '"a\nb"'])
def test_the_program_refuses_such_a_folder_in_one_paragraph(name: str, command: Command) -> None:
    done = command(*TINY, f"hydra.run.dir={name}")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("seqexp: ")
    assert done.err.count("\n") == 1
    assert list(Path.cwd().iterdir()) == []


def test_a_current_folder_that_is_gone_is_refused(command: Command, tmp_path: Path) -> None:
    from seqexp.compare.__main__ import main as compare

    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        done = command(*TINY)
        with pytest.raises(SystemExit) as end:
            compare(["."])
    finally:
        os.chdir(tmp_path)
    assert (done.status, end.value.code) == (2, 2)
    assert done.err.startswith("seqexp: the current folder cannot be used (No such file or directory)")


# What stands in a folder


def fifo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir(parents=True)


def file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")


STRANGE = [
    *((fifo, name) for name in (RESULT, "claim.json", "seqexp.log", lock.LOCK, "anything", ".hydra/config.yaml")),
    *((fifo, name) for name in ("checkpoints/last.ckpt", "checkpoints/.last.ckpt.part", "comparison/x")),
    *((folder, name) for name in (RESULT, "claim.json", "seqexp.log", lock.LOCK, "curves.csv", "comparison.md")),
    *((folder, name) for name in ("checkpoints/last.ckpt", ".hydra/config.yaml")),
    *((file, name) for name in tidy.SUBFOLDERS),
    (file, "."),
]


@pytest.mark.parametrize(("make", "name"), STRANGE)
def test_what_cannot_be_ours_is_refused_and_stays(make: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    place = tmp_path / "run"
    make(place / name)
    with pytest.raises(ConfigError, match=str(place)):
        tidy.refuse_strange(place)
    assert (place / name).exists()


def test_what_is_ours_is_not(train: Callable[..., Any]) -> None:
    _, place = train("checkpoint.every_seconds=0")
    tidy.refuse_strange(place)
    tidy.refuse_strange(place / "not there")


@pytest.mark.parametrize("name", ["cell=lstm", ""], ids=["run", "sweep"])
def test_a_sweep_with_a_pipe_in_it_is_refused_and_does_not_hang(name: str, command: Command) -> None:
    assert command(*SWEEP).status == 0
    place = next(Path("outputs/s").glob(name)) if name else Path("outputs/s")
    (place / RESULT).unlink(missing_ok=True)
    (place / lock.LOCK).unlink()
    fifo(place / lock.LOCK)
    before = {path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()}
    done = command(*SWEEP)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert {path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()} == before


# What the system says


NAMED = [errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT]
NAMELESS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.ESTALE]


@pytest.mark.parametrize("error", [*(OSError(each, os.strerror(each), "f") for each in NAMED + NAMELESS)])
def test_what_the_system_says_of_a_file_is_one_line(error: OSError, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        exit_if_trouble(error)
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith(f"seqexp: f: {error.strerror}. ")


def test_other_errors_are_the_programs_own() -> None:
    for error in (OSError(errno.EINVAL, "Invalid argument"), OSError("no number"), ValueError("x"), BlockingIOError()):
        assert trouble(error) is None
    for number in NAMELESS:
        assert trouble(OSError(number, os.strerror(number))) == f"a file could not be written: {os.strerror(number)}"


# What another user owns; root may do everything, so root gives that up

PROGRAM = [sys.executable, "-m", "seqexp"]
if os.geteuid() == 0:
    PROGRAM = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *PROGRAM]


@pytest.mark.skipif(shutil.which(PROGRAM[0]) is None, reason="root, and there is no setpriv to be less than that")
def test_a_finished_run_need_not_be_ours_to_write_and_an_unfinished_one_has_to(
    command: Command, environment: dict[str, str]
) -> None:
    def again(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*PROGRAM, *SWEEP, *more], env=environment, capture_output=True, text=True)

    assert command(*SWEEP).status == 0
    done, other = (next(Path("outputs/s").glob(f"cell={cell}")) for cell in ("rnn", "lstm"))
    (other / RESULT).unlink()
    Path("outputs/s", lock.LOCK).unlink()  # this process holds it to its end
    for path in [*(done / ".hydra").iterdir(), done / ".hydra", done]:
        path.chmod(0o555 if path == done else 0o444)
    (other / ".hydra").chmod(0o444)
    try:
        refused = again()
        (other / ".hydra").chmod(0o755)
        ended = again()
    finally:
        for path in (done, done / ".hydra", other / ".hydra"):
            path.chmod(0o755)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"seqexp: {other / '.hydra'}: is not ours to read and write (Permission denied)\n"
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "there already: cell=rnn" in ended.stdout
    assert "lstm on sine" in ended.stdout
