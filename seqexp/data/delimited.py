"""Text files of rows and columns: decoded and split, nothing being guessed or repaired."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from pathlib import Path
from typing import NamedTuple

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
"""Those that are looked for, by the words by which `data.delimiter` can name them."""

WORDS = {**DELIMITERS, "space": " "}

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like that of utf-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""How a file may begin, and the encoding that it then has."""

BINARY = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\x1f\x8b": "compressed by gzip",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF file",
}
"""How files begin that are often taken for text."""

NUMBER = re.compile(r"[+-]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
NO_DELIMITER = "\x1f"  # occurs in no text that `_decode` lets pass


class Rows(NamedTuple):
    """One file as text.

    Attributes:
        path: as it was named.
        names: of the columns, from line 1.
        cells: of each row one text for each column, without blanks around it.
        lines: the line on which each row begins, counted from 1; a quoted text may hold line ends.
    """

    path: str
    names: list[str]
    cells: list[list[str]]
    lines: list[int]

    def at(self, row: int, column: str) -> str:
        """The beginning of a message about one value."""
        return f"{self.path}, line {self.lines[row]}, column {column or 1}:"


def read(path: str, encoding: str | None, delimiter: str | None) -> Rows:
    """Reads one file.

    Args:
        path: of the file.
        encoding: such as latin-1; None is UTF-8, or what a byte order mark at the beginning says.
        delimiter: one character, or a word of `DELIMITERS`; None for the one by which line 1 can be split, if all other
            lines then have as many fields.

    Raises:
        ValueError: the file cannot be read, is not text in that encoding, or not a table; what, and on which line.
    """
    delimiter = None if delimiter is None else WORDS.get(delimiter, delimiter.replace("\\t", "\t"))
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum()):
        raise ValueError(f"delimiter must be one character, or one of {', '.join(WORDS)}, or null, got {delimiter!r}")
    text = _decode(path, encoding)
    if not text.strip():
        raise ValueError(f"{path}: the file is empty; line 1 must hold the names of the columns, and each line a row")
    rows, lines = _split(path, text, delimiter or _delimiter(path, text))
    names = _named(path, rows[0])
    if not rows[1:]:
        raise ValueError(f"{path}: there is no row below line 1, which holds the names {', '.join(names)}")
    return Rows(path, names, rows[1:], lines[1:])


def _decode(path: str, encoding: str | None) -> str:
    """The text of a file, without a byte order mark."""
    if Path(path).is_dir():
        raise ValueError(f"{path}: is a folder; data.path='{path.rstrip('/')}/*.csv' reads each CSV file in it")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from None
    for start, kind in BINARY.items():
        if content.startswith(start):
            raise ValueError(f"{path}: is {kind}, and no text; export it as CSV")
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None)
    used = marked or encoding or "utf-8"
    try:
        asked = codecs.lookup(encoding or used).name
        b"a".decode(asked, "ignore")  # of hex, zlib and such a codec says that it is none of texts
    except (LookupError, UnicodeError):
        raise ValueError(f"encoding must be one that Python knows, such as utf-8 or latin-1, got {encoding}") from None
    if marked and not asked.startswith(family := codecs.lookup(marked).name.removesuffix("-sig")):
        raise ValueError(f"encoding is {encoding}, but {path} begins with the byte order mark of {family}")
    try:
        text = content.decode(used)
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = content.count(b"\n", 0, place) + 1
        raise ValueError(
            f"{path}, line {line}: byte 0x{content[place]:02x} at position {place} of the file, counted from 0, has no "
            f"meaning in {used}; data.encoding names another, such as latin-1 or cp1252"
        ) from None
    if _is_json(text):
        raise ValueError(f"{path}: is JSON, and no CSV; line 1 must hold the names of the columns, and each line a row")
    if found := re.search(r"[\x00-\x08\x0e-\x1f]", text):
        line = text.count("\n", 0, found.start()) + 1
        hint = "; it may be UTF-16 without a mark, data.encoding=utf-16-le or utf-16-be" if "\0" in text else ""
        raise ValueError(f"{path}, line {line}: holds the control character {found[0]!r}, so it is no text{hint}")
    return text


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _delimiter(path: str, text: str) -> str:
    """The one character that splits line 1, and every other line into as many fields."""
    head = re.split(r"\r\n|\n|\r", text, maxsplit=1)[0]
    found: dict[str, int] = {}
    for each in DELIMITERS.values():
        try:
            fields = next(csv.reader([head], delimiter=each, strict=True), [])
        except csv.Error:
            continue
        if len(fields) > 1:
            found[each] = len(fields)
    if len(found) < 2:
        return next(iter(found), NO_DELIMITER)
    fitting = []
    for each in found:
        try:
            _split(path, text, each)
        except ValueError:
            continue
        fitting.append(each)
    if len(fitting) == 1:
        return fitting[0]
    words = [f"{word} (into {found[each]})" for word, each in DELIMITERS.items() if each in found]
    fits = "each of them fits all other lines" if fitting else "none of them fits all other lines"
    raise ValueError(f"{path}, line 1: can be split by {' or '.join(words)}, and {fits}; data.delimiter says which")


def _split(path: str, text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The rows, line 1 being the first, and the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    rows, lines, line = [], [], 1
    try:
        for fields in reader:
            rows.append([each.strip() for each in fields])
            lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {_quoting(error)}") from None
    while rows and not any(rows[-1]) and len(rows[-1]) < 2:  # empty lines at the end
        rows.pop()
        lines.pop()
    count = len(rows[0])
    if not any(rows[0]):
        raise ValueError(f"{path}, line 1: is empty, and must hold the names of the columns")
    for row, line in zip(rows, lines, strict=False):
        if count == 1 and not row:
            row.append("")
        if len(row) != count:
            raise ValueError(f"{path}, line {line}: {_ragged(row, rows[0], delimiter)}")
        if count == 1 and delimiter == NO_DELIMITER and (inside := _inside(row[0])):
            raise ValueError(
                f"{path}, line {line}: holds {row[0]!r}, which {inside} splits into several fields, and line 1 names "
                f"one column, {rows[0][0]}; data.delimiter={inside} says that it does"
            )
    return rows, lines


def _ragged(row: list[str], names: list[str], delimiter: str) -> str:
    """What is wrong with a row of another length than line 1."""
    word = next((word for word, each in WORDS.items() if each == delimiter), repr(delimiter))
    head = f"line 1 names {len(names)} columns (delimiter {word})"
    if not any(row):
        return f"is empty, and {head}; a row without values has its delimiters"
    if len(row) < len(names):
        return (
            f"has {len(row)} field{'s' if len(row) > 1 else ''}, and {head}; the column {names[len(row)]} has no field"
        )
    return f"has {len(row)} fields, and {head}; {row[len(names)]!r} is the first field after column {names[-1]}"


def _inside(text: str) -> str | None:
    """The word of a delimiter that a field of an only column seems to hold."""
    for word, each in DELIMITERS.items():
        if each in text and not NUMBER.fullmatch(text):
            return word
    return None


def _quoting(error: csv.Error) -> str:
    """What Python says of quotes, in plain words."""
    text = str(error)
    if "field limit" in text:
        return (
            f'a field has more than {csv.field_size_limit():,} characters, which are not read; or a quoted text (") '
            "begins in this row and does not end"
        )
    if "unexpected end" in text:
        return 'a quoted text (") begins in this row and does not end'
    if "expected after" in text:
        return 'a quoted text (") ends amid a field; a quote within such a text is doubled ("")'
    return text


def _named(path: str, names: list[str]) -> list[str]:
    """The names of line 1, checked; the first may be missing, as where pandas or R write the number of each row."""
    if all(NUMBER.fullmatch(each) for each in names if each):
        raise ValueError(
            f"{path}, line 1: holds the numbers {', '.join(names)}, and must hold the names of the columns"
        )
    for place, name in enumerate(names):
        if not name and place:
            end = "; a delimiter at the end of a line makes one more column" if place == len(names) - 1 else ""
            raise ValueError(f"{path}, line 1: column {place + 1} of {len(names)} has no name{end}")
        if name in names[:place]:
            raise ValueError(
                f"{path}, line 1: the columns {names.index(name) + 1} and {place + 1} are both called {name}"
            )
    return names
