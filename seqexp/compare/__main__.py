"""The verb `compare`: `seqexp compare FOLDER...`, also `python -m seqexp.compare` and `seqexp-compare`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from seqexp.compare.comparison import compare, page_of, written
from seqexp.compare.keys import CompareError
from seqexp.compare.report import problems_text
from seqexp.config import options
from seqexp.config.kinds import check_figure
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.config.names import check_place
from seqexp.record.files import printable
from seqexp.show.console import prepare_output
from seqexp.show.paragraphs import put


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison of some folders and writes its files.

    Args:
        arguments: the command line without the program's name, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where there is nothing to compare or no place to write.
    """
    prepare_output()
    given = options.strict(_parser()).parse_args(arguments)
    out: Path | None = given.out or (given.folders[0] if len(given.folders) == 1 else None)
    try:
        current_folder()
        figure = {"width": given.figure_width, "font": given.figure_font, "format": given.figure_format.split(",")}
        check_figure(figure)
        if given.out is not None:
            check_place(given.out)
        with refusing_paths():
            comparison = compare(*given.folders, by=given.by, margin=given.margin)
        if not comparison.sections:
            problems = [
                f"{title}: {'; '.join(lines)}" for title, lines in problems_text(comparison.failed, comparison.broken)
            ]
            raise CompareError(f"No finished run to compare. {'. '.join(problems)}")
        comparison.render(Console())
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            paths = comparison.write(out, page=page_of(figure))
            put(Console(), printable(written(out, paths)), indent=2)
        else:
            put(Console(), "No files are written: --out FOLDER says where to.")
    except (CompareError, ConfigError) as error:
        refuse(ConfigError(str(error)))
    except OSError as error:
        refuse(ConfigError(f"{out}: the comparison's files cannot be written there ({error.strerror})"))
    return 0


def _parser() -> ArgumentParser:
    parser = options.parser("compare", "Compare runs: tables and verdicts on the console, files in the folder.")
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path, help="a sweep, or any folder of runs")
    parser.add_argument("--out", type=Path, help="where files go (default: FOLDER; none where there are several)")
    parser.add_argument(
        "--by", metavar="KEY,...", help="the swept keys that are compared (default: as the sweep was asked, or cell)"
    )
    parser.add_argument(
        "--margin",
        metavar="SHARE",
        help="scores that differ by less count as alike, such as 2%% (default: as the sweep was asked)",
    )
    parser.add_argument("--figure-width", metavar="INCHES", type=float, help="of figures, such as 3.4")
    parser.add_argument("--figure-font", metavar="POINTS", type=float, help="size of letters in figures")
    parser.add_argument(
        "--figure-format", metavar="KIND,...", default="png,svg", help="png, svg, pdf (default: png,svg)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
