"""CSV files as tables: what is read, and what is refused, with file, line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqexp.data.tables import Table, Writing, read


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(content: str | bytes, *columns: str, **how: object) -> Table:
    """The table of one file."""
    Path("f.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    (found,) = read("f.csv", dict.fromkeys(columns or ("a",), "inputs"), {}, Writing(**how))  # type: ignore[arg-type]
    return found


def refused(content: str | bytes, *columns: str, **how: object) -> str:
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the text is what is looked at)
        table(content, *columns, **how)
    return str(error.value)


PLAIN = "a,b\n1,2\n3.5,-4e1\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN + "\n\n",
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", ";").replace(".", ","),
        PLAIN.replace(",", " , "),
        '"a","b"\n"1","2"\n"3.5","-4e1"\n',
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-32"),
        'b,a,"a, b"\n2,1,x\n-40,3.5,"y\nz"\n',
        ",a,b\n0,1,2\n1,3.5,-40\n",
    ],
)
def test_one_table_in_many_spellings(content: str | bytes) -> None:
    found = table(content, "a", "b")
    np.testing.assert_array_equal(found.values, [[1, 2], [3.5, -40]])
    assert found.lines == [2, 3]


def test_a_row_stands_where_it_begins() -> None:
    found = table('a,b\n1,"x\ny"\n2,z\n')
    assert found.lines == [2, 4]
    assert found.at(1, "a") == "f.csv, line 4, column a:"


@pytest.mark.parametrize(
    ("content", "how", "value"),
    [
        ("a;b\n1,5;0\n", {}, 1.5),
        ("a;b\n1,5000;0\n", {}, 1.5),
        ("a;b\n0,500;0\n", {}, 0.5),  # no number begins with a group of 0
        ("a;b\n1,500;1234\n", {}, 1.5),  # a number of the file has no sign where thousands would have one
        ("a;b\n1,500;2,5\n", {}, 1.5),
        ("a;b\n1,500;1.234,5\n", {}, 1.5),
        ("a;b\n1,500;0,1\n", {"decimal": "comma"}, 1.5),
        ("a;b\n1,500;\n", {"decimal": ","}, 1.5),
        ("a;b\n1,500;\n", {"thousands": "comma"}, 1500),
        ("a;b\n1,234,567;\n", {}, 1234567),
        ("a;b\n1,234.5;\n", {}, 1234.5),
        ("a;b\n1.234,5;\n", {}, 1234.5),
        ("a,b\n1 234.5,\n", {"thousands": "space"}, 1234.5),
        ("a,b\n1'234.5,\n", {"thousands": "apostrophe"}, 1234.5),
        ("a,b\n1.500,1.25\n", {}, 1.5),
        ("a,b\n1.500,\n", {"thousands": "dot"}, 1500),
    ],
)
def test_signs_are_told_or_follow_from_the_file(content: str, how: dict[str, str], value: float) -> None:
    assert table(content, **how).values.tolist() == [[value]]


@pytest.mark.parametrize("text", ["1,500", "1.500", "12,345", "-1,500", "123.456"])
def test_signs_are_never_guessed(text: str) -> None:
    said = refused(f"a;b\n7;\n{text};x\n")
    assert said.startswith(f"f.csv, line 3, column a: '{text}' may be ")
    assert "data.decimal=" in said
    assert "data.thousands=" in said


def test_other_files_and_columns_tell_how_numbers_are_written() -> None:
    Path("1.csv").write_text("a;b\n1,500;x\n")
    Path("2.csv").write_text("b;a\nx;0,25\n")
    one, two = read("*.csv", {"a": "inputs"}, {}, Writing())
    assert (one.values.tolist(), two.values.tolist()) == ([[1.5]], [[0.25]])


def times(*texts: str, **how: object) -> Table:
    rows = "".join(f"{text},{place}\n" for place, text in enumerate(texts))
    return table(f"t,a\n{rows}", time="t", **how)


@pytest.mark.parametrize(
    "texts",
    [
        ("2024-01-30", "2024-01-31", "2024-02-01"),
        ("2024-01", "2024-02", "2024-03"),
        ("2024-01-31", "2024-02-29", "2024-03-31"),  # ends of months
        ("1999", "2000", "2001"),
        ("0.5", "1.0", "1.5"),
        ("2024-10-27T02:30+02:00", "2024-10-27T02:30+01:00", "2024-10-27T03:30+01:00"),  # the end of summer time
        ("2024-01-01 00:00:00.5", "2024-01-01 00:00:01.0", "2024-01-01 00:00:01.5"),
    ],
)
def test_even_steps_need_no_word(texts: tuple[str, ...]) -> None:
    found = times(*texts)
    assert (found.times, found.notes) == (list(texts), [])


def test_steps_that_are_not_even_are_named() -> None:
    (note,) = times("2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06").notes
    assert "1 step in time is not the usual 1 day: 2024-01-02 to 2024-01-05 (line 4), where 2 more rows would" in note
    (note,) = times("2024-01-01", "2024-01-02", "2024-01-05", "2024-01-11").notes
    assert "steps in time are between 1 day and 6 days, and no length is usual" in note
    assert times("9998-12-31", "9999-01-31", "9999-02-28").notes == []  # the end of what a date can be


@pytest.mark.parametrize("date_format", ["%d/%m/%Y", "%m/%d/%Y"])
def test_a_format_says_which_is_the_day(date_format: str) -> None:
    assert times("03/04/2024", "05/06/2024", date_format=date_format).times == ["03/04/2024", "05/06/2024"]


def test_rows_are_sorted_when_that_is_asked_for() -> None:
    found = times("2024-01-03", "2024-01-01", "2024-01-02", sort=True)
    assert (found.values.flatten().tolist(), found.lines) == ([1, 2, 0], [3, 4, 2])


@pytest.mark.parametrize(
    ("how", "values", "lines"),
    [
        ("forward", [1, 1, 1, 4, 4], [2, 3, 4, 5, 6]),
        ("drop", [1, 4], [2, 5]),
    ],
)
def test_gaps_are_filled_when_that_is_asked_for(how: str, values: list[float], lines: list[int]) -> None:
    found = table("a,b\n1,0\n,0\nNA,0\n4,0\n,0\n", fill=how, missing=("NA",))
    assert (found.values.flatten().tolist(), found.lines) == (values, lines)
    assert found.filled.sum() == (0 if how == "drop" else 3)
    assert found.dropped == (3 if how == "drop" else 0)


def test_interpolation_is_by_rows() -> None:
    assert table("a,b\n1,0\n,0\n,0\n4,0\n", fill="interpolate").values.flatten().tolist() == [1, 2, 3, 4]


def test_a_changed_file_is_read_again() -> None:
    assert table("a\n1\n").values.tolist() == [[1]]
    assert table("a\n22\n").values.tolist() == [[22]]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("fcsv", "no such file; did you mean f.csv?"),
        ("*.txt", "no file is called like this"),
        ("there/*.csv", "there is no folder there"),
        (".", "is a folder; data.path='./*.csv'"),
        (["f.csv", "f.csv"], "twice"),
        ([], "at least one"),
    ],
)
def test_a_path_that_names_no_file(path: str | list[str], words: str) -> None:
    table(PLAIN)
    with pytest.raises(ValueError, match=r"^path|^\.") as error:
        read(path, {"a": "inputs"}, {}, Writing())
    assert words in str(error.value)


def test_one_text_alone_does_not_say_how_all_others_are_read() -> None:
    rows = "\n".join(["10.013"] * 9)
    said = refused(f"a\n{rows}\n10,5\n", delimiter=";")
    assert "line 11, column a: '10,5' alone says that '10.013' is 10013 and not 10.013; data.thousands=dot says" in said
    assert table(f"a\n{rows}\n10,5\n", delimiter=";", thousands="dot").values[0, 0] == 10013
    found = table("a;b\n10.013;1,5\n10.013;2,25\n", "a")
    assert found.values[0, 0] == 10013
    assert found.notes == ["'10.013' is read as 10013, as columns that are not used are written."]


@pytest.mark.parametrize(
    ("content", "how", "said"),
    [
        (PLAIN, {"encoding": "rot13"}, "encoding must be one that Python knows"),
        (PLAIN, {"encoding": "hex"}, "encoding must be one that Python knows"),
        (PLAIN, {"encoding": "zlib"}, "encoding must be one that Python knows"),
        ('[{"a":1.0}]', {}, "f.csv: is JSON, and no CSV"),
        ("a,b\n,1\n,2\n", {}, "f.csv: the column a has no value in any row"),
        (f"a,b\n1,{'x' * 131073}\n", {}, "line 2: a field has more than 131,072 characters"),
    ],
)
def test_what_is_no_table_is_said(content: str, how: dict[str, object], said: str) -> None:
    message = refused(content, **how)
    assert said in message
    assert "data.fill" not in message


def test_what_is_no_file_is_said() -> None:
    Path("a.csv").write_text(PLAIN)
    Path("b.csv").symlink_to("nowhere")
    Path("c.csv").symlink_to("c.csv")
    for path, said in (
        ("*.csv", "b.csv: is a link to nowhere"),
        ("b.csv", "b.csv: is a link to nowhere"),
        ("c.csv", "c.csv: is a link to nowhere"),
        ("/dev/zero", "/dev/zero: is a device or a pipe"),
    ):
        with pytest.raises(ValueError, match=said):
            read(path, {"a": "inputs"}, {}, Writing())
