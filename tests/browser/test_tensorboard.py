"""What a person sees who opens TensorBoard in a browser: `make browser` runs it, and leaves a picture of each page.

It drives TensorBoard's page as it is in 2.21, in Debian's Chromium; no other test starts a browser.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; see make browser")
if CHROMIUM is None:
    pytest.skip("no Chromium is installed: apt install chromium", allow_module_level=True)

SHOTS = Path(os.environ.get("SHOTS", "outputs/browser")).absolute()
"""Where the pictures go."""

PAGES = ("timeseries", "scalars", "custom_scalars", "images", "text", "hparams")
QUIET = "trainer.enable_progress_bar=false"
SHORT = ("data.length=300", "num_seeds=3", QUIET)
FOUR = ("cell=rnn,lstm", "data=sine,sum", "num_seeds=3", "trainer.max_epochs=30", QUIET)
THREE = (
    ("cell=rnn,lstm", "data=sine", "trainer.max_epochs=8", *SHORT),
    ("cell=rnn,gru,mgu", "data=sine", "optimizer.lr=0.003,0.01", "trainer.max_epochs=4", *SHORT),
    ("cell=rnn,lstm", "data=parity", "data.steps_per_epoch=5", "trainer.max_epochs=3", "num_seeds=3", QUIET),
)
INSTRUMENTS = ("gradient_lag", "memory", "spectrum", "states")
MEASURED = (
    "cell=rnn,lstm", "data=delay", "data.length=30", "data.steps_per_epoch=20", "cell.hidden_size=8", "num_seeds=3",
    "trainer.max_epochs=3", "checkpoint.weights=6", f"diagnostic=[{','.join(INSTRUMENTS)}]", QUIET,
)  # fmt: skip
OWN_COLORS = {"lstm": "#0072B2", "rnn": "#D55E00"}


class Seen:
    """TensorBoard over a folder, in a browser 1500 pixels wide.

    Args:
        page: of the browser.
        address: of TensorBoard.
        name: of the pictures' folder.
    """

    def __init__(self, page: Any, address: str, name: str) -> None:
        self.page, self.address, self.shots = page, address, SHOTS / name

    def open(self, tab: str, waits_for: str, before: str = "", after: str = "") -> None:
        """Opens one of TensorBoard's pages, waits for what is to be seen there, and takes a picture.

        Args:
            tab: of the page.
            waits_for: a selector.
            before: what its address has before the tab.
            after: what it has behind it.
        """
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}{before}#{tab}{after}")
        self.page.locator(waits_for).first.wait_for(timeout=60_000)
        self.page.wait_for_timeout(2_500)  # charts are drawn when their numbers have come
        self.page.screenshot(path=self.shots / f"{tab}.png")

    def texts(self, selector: str) -> list[str]:
        """What the elements say, without their styles, blanks joined."""
        script = """elements => elements.map(element => {
            const walk = node => node.nodeType === Node.TEXT_NODE ? node.data
                : ['STYLE', 'SCRIPT', 'TEMPLATE'].includes(node.tagName) ? ''
                : [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].map(walk).join('')
            return walk(element).replace(/\\s+/g, ' ').trim()
        })"""
        return [text for text in self.page.locator(selector).evaluate_all(script) if text]

    def pictures(self, cards: str) -> list[dict[str, Any]]:
        """Of each card its text, and of its picture how wide it is, how wide it is shown, and all colours but few."""
        script = """async cards => Promise.all(cards.map(async card => {
            const find = node => node.tagName === 'IMG' ? node
                : [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].map(find).find(each => each)
            const picture = find(card)
            await picture.decode()
            const canvas = document.createElement('canvas')
            const wide = canvas.width = picture.naturalWidth, high = canvas.height = picture.naturalHeight
            const context = canvas.getContext('2d')
            context.drawImage(picture, 0, 0)
            const pixels = new Uint32Array(context.getImageData(0, 0, wide, high).data.buffer)
            const counts = new Map()
            for (const each of pixels) counts.set(each, (counts.get(each) ?? 0) + 1)
            const hex = each => '#' + [0, 8, 16].map(at => (each >> at & 255).toString(16).padStart(2, '0')).join('')
            const colors = [...counts].filter(([, count]) => count > 20).map(([each]) => hex(each).toUpperCase())
            return {wide, shown: picture.clientWidth, colors}
        }))"""
        found = self.page.locator(cards)
        return [
            {"text": text, **picture}
            for text, picture in zip(self.texts(cards), found.evaluate_all(script), strict=True)
        ]

    def table(self) -> list[dict[str, str]]:
        """HPARAMS: a row for each run."""
        cells = self.texts("vaadin-grid-cell-content")
        names = [each for each in cells[: cells.index("kept/test") + 5] if each != "Show Metrics"]
        values = [each for each in cells[len(names) + 1 :] if each != "Show Metrics"]
        starts = [index for index, each in enumerate(values) if "=" in each]
        return [
            dict(zip(names, values[start:end], strict=False))
            for start, end in zip(starts, [*starts[1:], None], strict=True)
        ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as play:
        flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        started = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


def seen(browser: Any, home: Path, name: str, sweeps: tuple[tuple[str, ...], ...], whole: bool) -> Iterator[Seen]:
    """Trains, starts `board` (on `outputs`, or on the one sweep in it), and opens a browser."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    for sweep in sweeps:
        command = [sys.executable, "-m", "seqexp", "--multirun", *sweep]
        subprocess.run(command, cwd=home, env=environment, check=True, stdout=subprocess.DEVNULL)
    folder = home / "outputs" if whole else next((home / "outputs").iterdir())
    command = [sys.executable, "-m", "seqexp", "board", str(folder)]
    server = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
        assert found is not None
        (SHOTS / name).mkdir(parents=True, exist_ok=True)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        yield Seen(page, found[0], name)
        page.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
        server.stdout.close()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def four(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The sweep's own folder, which its last line names: two cells, two tasks."""
    yield from seen(browser, tmp_path_factory.mktemp("four"), "one sweep", (FOUR,), whole=False)


@pytest.fixture(scope="module")
def three(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """`outputs` with three sweeps of other tasks, epochs and scores."""
    yield from seen(browser, tmp_path_factory.mktemp("three"), "three sweeps", THREE, whole=True)


@pytest.fixture(scope="module")
def measured(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A sweep whose runs were measured by instruments, also along training."""
    yield from seen(browser, tmp_path_factory.mktemp("measured"), "instruments", (MEASURED,), whole=False)


def check_names_are_uncut(page: Seen) -> list[str]:
    cells = "runs-data-table tb-data-table-content-cell.table-column-run"
    widths = page.page.locator(cells).evaluate_all(
        "cells => cells.map(each => [each.innerText, each.scrollWidth, each.clientWidth])"
    )
    assert [text for text, needs, has in widths if needs > has] == []
    return [str(text) for text, _, _ in widths]


def test_time_series_opens_on_the_comparison(four: Seen) -> None:
    four.open("timeseries", "scalar-card line-chart-axis text")
    first = four.texts("scalar-card")[0]
    assert first.startswith("comparison/sine: val MSE")
    lines = re.findall(r"comparison/(?:lstm|rnn)", four.page.locator("scalar-card").first.inner_text())
    assert lines == ["comparison/lstm", "comparison/rnn"]
    ticks = four.page.locator("scalar-card").first.locator(".y-axis line-chart-axis text").all_text_contents()
    assert ticks
    assert max(float(each.replace("\N{MINUS SIGN}", "-")) for each in ticks) < 0.1


def test_names_of_runs_are_what_varies_and_are_not_cut(four: Seen) -> None:
    four.open("timeseries", "runs-data-table tb-data-table-content-cell")
    runs = [f"cell={cell},data={data}" for cell in ("lstm", "rnn") for data in ("sine", "sum")]
    assert check_names_are_uncut(four) == [*runs, "comparison", "comparison/lstm", "comparison/rnn"]


def test_scalars_open_on_the_comparison(four: Seen) -> None:
    four.open("scalars", "tf-scalar-card")
    headings = four.texts("tf-category-paginated-view .heading")
    assert headings[0].startswith("comparison")
    assert headings[-1].startswith(("~band", "work"))


def test_custom_scalars_have_a_chart_for_each_task_and_split_with_cells_by_name(four: Seen) -> None:
    four.open("custom_scalars", "tf-custom-scalar-margin-chart-card")
    headings = [re.sub(r" \d+$", "", each) for each in four.texts("tf-category-paginated-view .heading")]
    assert headings == ["sine: MSE", "sum: MSE", "sine: MSE, every run", "sum: MSE, every run"]
    charts = four.texts("tf-custom-scalar-margin-chart-card")
    for chart, (task, split) in zip(charts, [(t, s) for t in ("sine", "sum") for s in SPLITS], strict=True):
        assert chart.startswith(f"{task}: {split} MSE"), chart
        assert {*re.findall(r"\((comparison/\w+)\)", chart)} == {"comparison/lstm", "comparison/rnn"}


SPLITS = ("val", "test", "train")


def test_images_open_on_the_comparison(four: Seen) -> None:
    four.open("images", "tf-image-loader img")
    headings = four.texts("tf-card-heading")
    assert headings[0].startswith("comparison pictures/sine")
    assert four.texts("tf-category-paginated-view .heading")[-1].startswith("view")


def test_the_first_text_is_the_verdict_and_no_box_cuts_it(four: Seen) -> None:
    four.open("text", "tf-markdown-view")
    assert four.texts("tf-markdown-view")[0].startswith("On sine, ")
    box = four.page.locator("tf-markdown-view").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 1000


def test_hparams_show_what_was_swept_and_the_kept_weights_scores(four: Seen) -> None:
    four.open("hparams", "vaadin-grid-cell-content")
    rows = four.table()
    assert "enable_progress_bar" not in rows[0]
    assert list(rows[0])[1:3] == ["cell", "data"]
    assert {(row["cell"], row["data"]) for row in rows} == {(c, d) for c in ("rnn", "lstm") for d in ("sine", "sum")}
    for row in rows:
        assert 0 < float(row["kept/test"]) < 30
        assert 0 < float(row["kept/val"]) < 30
    for name in ("kept/test", "kept/val"):
        box = four.page.locator("vaadin-grid-cell-content").get_by_text(name, exact=True).first.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] < 1500, f"{name} is beyond the edge of the window"


def test_parallel_coordinates_have_titles_apart(four: Seen) -> None:
    four.open("hparams", "vaadin-grid-cell-content")
    four.page.get_by_text("Parallel Coordinates View", exact=False).first.click()
    four.page.wait_for_timeout(2_000)
    four.page.screenshot(path=four.shots / "hparams, parallel coordinates.png")
    titles = "tf-hparams-parallel-coords-plot .axis-title"
    boxes = four.page.locator(titles).evaluate_all(
        "titles => titles.map(each => each.getBoundingClientRect().toJSON())"
    )
    across = sorted((box["left"], box["right"]) for box in boxes)
    assert len(across) > 5
    assert all(end <= start for (_, end), (start, _) in pairwise(across))


def test_three_sweeps_stay_apart_and_by_name(three: Seen) -> None:
    for tab, waits_for in zip(PAGES[:2], ("scalar-card line-chart-axis text", "tf-scalar-card"), strict=True):
        three.open(tab, waits_for)
    three.open("custom_scalars", "tf-custom-scalar-margin-chart-card")
    headings = [re.sub(r" \d+$", "", each) for each in three.texts("tf-category-paginated-view .heading")]
    assert {"sine: MSE", "parity: cross-entropy in nats"} <= {*headings}
    charts = three.texts("tf-custom-scalar-margin-chart-card")
    first = re.findall(r"\((\S+/comparison/\w+)\)", charts[0])
    assert sorted(each.rpartition("/")[2] for each in first) == ["gru", "lstm", "mgu", "rnn", "rnn"]
    assert {each.partition("_")[0] for each in first} == {"rnn-lstm", "rnn-gru-mgu"}


def test_pictures_texts_and_scores_of_three_sweeps(three: Seen) -> None:
    three.open("images", "tf-image-loader img")
    assert three.texts("tf-card-heading")[0].startswith("comparison pictures/")
    three.open("text", "tf-markdown-view")
    assert re.match(r"On (sine|parity), ", three.texts("tf-markdown-view")[0])
    three.open("hparams", "vaadin-grid-cell-content")
    rows = three.table()
    assert len(rows) == 10
    assert all(float(row["kept/test"]) > 0 for row in rows)


def check_instruments(pictures: list[dict[str, Any]]) -> None:
    """There is one picture of each instrument for the comparison and for each run, in the colours of its cells."""
    assert len(pictures) == len(INSTRUMENTS) * 3
    for name in INSTRUMENTS:
        (both,) = [each for each in pictures if f"comparison pictures, diagnostics/{name}" in each["text"]]
        own = [each for each in pictures if f"view/{name}" in each["text"]]
        assert len(own) == 2, name
        cells = [(each, re.search(r"cell=(lstm|rnn)", each["text"])) for each in own]
        assert {found[1] for _, found in cells if found} == {"lstm", "rnn"}, name
        drawn = [(both, {"lstm", "rnn"}), *((each, {found[1]}) for each, found in cells if found)]
        for picture, of in drawn if name != "states" else []:  # whose colours are those of a scale
            assert {cell for cell, color in OWN_COLORS.items() if color in picture["colors"]} == of, picture["text"]


def test_pictures_of_instruments_are_under_images_in_the_colours_of_their_cells(measured: Seen) -> None:
    measured.open("images", "tf-image-loader img", after=f"&tagFilter=({'|'.join(INSTRUMENTS)})$")
    cards = "tf-category-paginated-view:first-of-type tf-image-loader"
    measured.page.wait_for_timeout(3_000)
    pictures = measured.pictures(cards)
    check_instruments(pictures)
    for each in pictures:
        assert each["wide"] == 2 * each["shown"], f"{each['text']} is not drawn for the width in which it is shown"
    headings = [re.sub(r" \d+$", "", each) for each in measured.texts("tf-category-paginated-view .heading")]
    assert headings[1:] == [
        "comparison pictures", *(f"comparison pictures, {name}" for name in GROUPS_OF_PICTURES), "view"
    ]  # fmt: skip


GROUPS_OF_PICTURES = ("curves", "diagnostics", "differences", "forecasts")


def test_pictures_of_instruments_are_in_time_series(measured: Seen) -> None:
    measured.open("timeseries", "image-card img", before=f"?tagFilter=({'|'.join(INSTRUMENTS)})$")
    assert measured.texts("image-card")[0].startswith("comparison pictures, diagnostics/gradient_lag")
    assert measured.page.locator("scalar-card").count() == 0, "what instruments measure is no curve"


def test_numbers_of_instruments_stand_in_the_tables_under_text(measured: Seen) -> None:
    measured.open("text", "tf-markdown-view")
    assert any("memory capacity" in each for each in measured.texts("tf-markdown-view"))
