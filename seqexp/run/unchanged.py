"""Whether the data of a finished run are still what it was trained and tested on, and what to do where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqexp.data import files
from seqexp.data.module import PopulationData
from seqexp.record.own import READING
from seqexp.record.record import Record, RecordError


class OtherDataError(RecordError):
    """The data of a run are not there any more, or are others.

    Attributes:
        reason: the same in a clause.
    """

    def __init__(self, folder: Path, reason: str, more: str) -> None:
        super().__init__(f"{folder}: {reason}. {more.removesuffix('.')}")
        self.reason = reason


def check_there(folder: Path, record: Record, data: Mapping[str, Any]) -> None:
    """Refuses files that are not there any more.

    Args:
        folder: of the run.
        record: of the run.
        data: its settings of the data, with paths as they are seen from here.

    Raises:
        OtherDataError: there is no such file.
    """
    path = data.get("path")
    if data.get("_target_") not in READING or not path:
        return
    try:
        files.find(path)
    except ValueError as error:
        before, text = _contents(record.data_notes), str(error).partition("; did you mean")[0]  # no other file is meant
        raise OtherDataError(
            folder,
            f"the data that the run was trained on are not there: data.{text}",
            f"Put the file back as it was{f': {before}' if before else ''}",
        ) from None


def check_unchanged(folder: Path, record: Record, data: PopulationData) -> None:
    """Refuses data that are others by now.

    Args:
        folder: of the run.
        record: of the run.
        data: what its task makes now.

    Raises:
        OtherDataError: they are not those that the run was trained and tested on.
    """
    if record.data_hash in (None, data.data_hash):
        return
    path, now = record.config["data"].get("path"), data.notes
    before, after = (_contents(each) for each in (record.data_notes, now))
    if path and before != after:
        paths = path if isinstance(path, str) else f"[{','.join(path)}]"
        raise OtherDataError(
            folder,
            f"data.path={paths} is not what the run was trained on",
            f"Before: {before or 'not recorded.'} Now: {after} Put the file back as it was, "
            "or train another run on it as it is",
        )
    raise OtherDataError(
        folder,
        "its task makes other data here than those that it was trained and tested on",
        "Another version of the program, of a package or of Python may make others; result.json has the `versions`",
    )


def _contents(notes: list[str]) -> str:
    """What is said of the contents of files."""
    return " ".join(each for each in notes if "SHA-256" in each)
