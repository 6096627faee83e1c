"""Series that were measured: five that come with statsmodels, all declared to be in the public domain there."""

from __future__ import annotations

import csv
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seqexp.data import installed
from seqexp.data.fixed import FixedSeries

Floats = npt.NDArray[np.float64]


class Recorded(FixedSeries):
    """One recorded series, a column of numbers: its last `window` values predict the one `horizon` steps on.

    There is one series for all seeds. Its split is chronological; with `data.folds` seeds have test periods that follow
    each other. The series is scaled for a network by its training rows, and scores are in squares of its own unit.

    Attributes:
        file: of statsmodels, below its folder of data sets.
        count: how many values it has.

    Args:
        window: T, values that a prediction may read.
        horizon: how many steps after the window the target lies; 1 is the next value.
        season: steps after which the series about repeats itself; None where it does not.
        scaling: none, standard, minmax, log or difference, see `seqexp.scaling.Scaling`.

    Raises:
        ValueError: a setting is out of range, or statsmodels is not installed.
    """

    file: ClassVar[str]
    count: ClassVar[int]

    def __init__(self, window: int, horizon: int, season: int | None, scaling: str) -> None:
        path = installed.find("statsmodels", "statsmodels", f"datasets/{self.file}")
        with path.open(encoding="utf-8", newline="") as file:
            values = self.values(list(csv.reader(file))[1:])
        if values.shape != (self.count,):
            raise ValueError(f"{self.file} of statsmodels has {values.size:,} values, and not {self.count:,}")
        name = self.file.partition("/")[0]
        super().__init__(values[:, None], [name], [name], [name], window, horizon, scaling, season)

    @abstractmethod
    def values(self, rows: list[list[str]]) -> Floats:
        """The series, (L,), from the rows of the file below its head."""


class Sunspots(Recorded):
    """Sunspots of a year, 1700 to 2008: 309 values, which rise and fall in some 11 years.

        inputs  [1700  1701 ... 1711]   target 1712
        inputs  [1701  1702 ... 1712]   target 1713

    Maxima differ, and no cycle is like the one before. A constant guess scores the variance, about 1,500 until 1979.
    What papers call the average relative variance is the MSE by 1,535 (a number quoted from memory).

    Source: statsmodels' `sunspots`, from the National Geophysical Data Center (mean relative numbers, as before their
    revision of 2015). For one year ahead A. S. Weigend, B. A. Huberman, D. E. Rumelhart, "Predicting the future: a
    connectionist approach", International Journal of Neural Systems 1 (1990), and before them H. Tong and K. S. Lim.
    """

    file, count = "sunspots/sunspots.csv", 309

    def values(self, rows: list[list[str]]) -> Floats:
        """Column 2, after the year."""
        return np.array([float(row[1]) for row in rows])


class Co2(Recorded):
    """Carbon dioxide in the air of Mauna Loa by weeks, March 1958 to December 2001, in ppm: 2,284 values.

        inputs  [week 1  week 2 ... week 104]   target week 105
        inputs  [week 2  week 3 ... week 105]   target week 106

    A trend, and a season of a year, 52 weeks. A constant guess lies far below all of the test period, as the series
    rises; a network that learns from its values, and not from their changes, does as badly there.

    59 weeks have no value, the last of them in August 1985; with one split all are trained on. Each is filled, and a
    note says so.

    Source: statsmodels' `co2`, from C. D. Keeling, T. P. Whorf, "Atmospheric CO2 concentrations derived from flask air
    samples at sites in the SIO network" (2004).

    Args:
        window: T, values that a prediction may read.
        horizon: how many weeks after the window the target lies; 1 is the next.
        season: weeks after which the series about repeats itself; None where it does not.
        scaling: none, standard, minmax, log or difference, see `seqexp.scaling.Scaling`.
        fill: of weeks without a value: forward is the last value before; interpolate is on the straight line from there
            to the next value, so that a window may hold something of what comes after it.

    Raises:
        ValueError: a setting is out of range, or statsmodels is not installed.
    """

    file, count = "co2/co2.csv", 2284

    def __init__(self, window: int, horizon: int, season: int | None, scaling: str, fill: str) -> None:
        if fill not in ("forward", "interpolate"):
            raise ValueError(f"fill must be forward or interpolate, got {fill!r}")
        self.fill = fill
        super().__init__(window, horizon, season, scaling)

    def values(self, rows: list[list[str]]) -> Floats:
        """Column 2, after the date."""
        weeks = np.arange(len(rows))
        known = np.array([bool(row[1].strip()) for row in rows])
        measured = np.array([float(row[1]) for row, is_known in zip(rows, known, strict=True) if is_known])
        self.gaps = len(rows) - len(measured)
        filled: Floats = measured[known.cumsum() - 1]
        if self.fill == "interpolate":
            filled = np.interp(weeks, weeks[known], measured)
        return filled

    def notes(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Says how gaps were filled, beside what is said of every series."""
        how = "the value before" if self.fill == "forward" else "a straight line between the values before and after"
        text = f"{self.gaps} of {self.count:,} weeks have no value, the last in August 1985; each is filled by {how}."
        return [*super().notes(bounds), text]


class ElNino(Recorded):
    """Temperature of the sea off Peru by months, 1950 to 2010, in degrees Celsius: 732 values.

        inputs  [Jan 1950  Feb 1950 ... Dec 1951]   target Jan 1952
        inputs  [Feb 1950  Mar 1950 ... Jan 1952]   target Feb 1952

    A season of 12 months, and years that are warmer (El Nino). A constant guess scores the variance, mostly the
    season's.

    Source: statsmodels' `elnino`, from the National Oceanic and Atmospheric Administration (ERSST.V3B, Nino 1+2).
    """

    file, count = "elnino/elnino.csv", 732

    def values(self, rows: list[list[str]]) -> Floats:
        """The months of a year stand beside each other, after the year."""
        return np.array([float(each) for row in rows for each in row[1:]])


class Nile(Recorded):
    """Water that the Nile carried in a year at Aswan, 1871 to 1970, in 10^8 cubic metres: 100 values.

        inputs  [1871  1872 ... 1880]   target 1881
        inputs  [1872  1873 ... 1881]   target 1882

    A lesson: since a dam was begun in 1898, one year tells next to nothing of the next. A constant guess scores about
    the variance, and nothing is shown to be better. Whoever reports a network's score on such a series should have the
    mean beside it.

    Source: statsmodels' `nile`, from G. W. Cobb, "The problem of the Nile: conditional solution to a changepoint
    problem", Biometrika 65 (1978).
    """

    file, count = "nile/nile.csv", 100

    def values(self, rows: list[list[str]]) -> Floats:
        """Column 2, after the year."""
        return np.array([float(row[1]) for row in rows])


class ElecEquip(Recorded):
    """Turnover of makers of electrical equipment in the euro area by months, 1995 to 2016, an index: 257 values.

        inputs  [Jan 1995  Feb 1995 ... Dec 1996]   target Jan 1997
        inputs  [Feb 1995  Mar 1995 ... Jan 1997]   target Feb 1997

    A season of 12 months, a trend, and the fall of 2008. A constant guess scores how far the test period has moved away
    from the training's mean.

    Source: statsmodels' `elec_equip`, from Eurostat (STS.M.I7.W.TOVT.NS0016.4.000, not seasonally adjusted).
    """

    file, count = "elec_equip/elec_equip.csv", 257

    def values(self, rows: list[list[str]]) -> Floats:
        """Column 2, after the date."""
        return np.array([float(row[1]) for row in rows])
