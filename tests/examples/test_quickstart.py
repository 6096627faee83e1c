"""The notebook runs as it stands, twice in a row: the second time nothing is trained."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


class OwnKernel(AsyncKernelManager):
    """The Python of these tests, whatever kernels are installed, quiet about its loopback connection."""

    @property
    def kernel_cmd(self) -> list[str]:
        return [sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        return [each.format(connection_file=self.connection_file) for each in self.kernel_cmd]


def executed(folder: Path) -> list[nbformat.NotebookNode]:
    """The outputs of all cells, run in a folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_manager_class=OwnKernel, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def said(outputs: list[nbformat.NotebookNode]) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[list[nbformat.NotebookNode]]:
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / "jupyter"))
        return [executed(folder), executed(folder)]


def test_it_shows_records_comparisons_and_pictures(twice: list[list[nbformat.NotebookNode]]) -> None:
    for outputs in twice:
        pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
        assert len(pages) == 2
        assert "test MSE" in pages[0]
        assert 'alt="forecast" src="data:image/png;base64,' in pages[0]
        assert 'alt="comparison" src="data:image/png;base64,' in pages[1]
        assert sum("image/png" in output.get("data", {}) for output in outputs) == 1


def test_nothing_complains_and_no_bar_is_drawn_into_a_cell(twice: list[list[nbformat.NotebookNode]]) -> None:
    for outputs in twice:
        assert not [output for output in outputs if output.get("name") == "stderr"]
        assert "\x1b" not in said(outputs)


def test_the_second_time_what_is_stored_comes_back(twice: list[list[nbformat.NotebookNode]]) -> None:
    first, second = twice
    assert said(first).count(" on sine · test MSE ") == 2
    assert said(second).count("there already: cell=") == 2
    assert " on sine · test MSE " not in said(second)
    shown = [[output.data["text/plain"] for output in outputs if "data" in output] for outputs in twice]
    assert shown[0] == shown[1]


def test_it_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
