"""The notebooks run from top to bottom, and are stored without what they print."""

from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / 'notebooks').glob('*.ipynb'))


def test_numbered_from_one():
    assert [path.name[:3] for path in NOTEBOOKS] == [f'{i:02d}_' for i in range(1, len(NOTEBOOKS) + 1)]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == 'code']


def test_stored_without_outputs(notebook):
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))


def test_runs(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.delenv('MPLBACKEND', raising=False)  # the kernel has its own
    nbclient.NotebookClient(notebook, timeout=120, resources={'metadata': {'path': str(tmp_path)}}).execute()
    for cell in code_cells(notebook):
        if 'bf.plot.' in cell.source:
            assert any('image/png' in output.get('data', {}) for output in cell.outputs), cell.source
