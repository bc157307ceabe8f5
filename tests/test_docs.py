"""Every Python block of the README and of the docs runs, page by page and in order, and gives what stands below it."""

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
BLOCK = re.compile(r'^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?', flags=re.MULTILINE | re.DOTALL)
SHORTER = {'README.md': ('10 * u.second', '0.5 * u.second')}
"""What takes long is run for a shorter time."""


def run(page: Path) -> None:
    """Run the blocks of a page; a block of text right below one is all that it prints, or the error it ends with."""
    text = page.read_text(encoding='utf-8')
    if page.name in SHORTER:
        long, short = SHORTER[page.name]
        assert text.count(long) == 1
        text = text.replace(long, short)
    names = {'__name__': page.stem}
    for block in BLOCK.finditer(text):
        code, expected = block.groups()
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                line = text[: block.start(1)].count('\n')
                exec(compile('\n' * line + code, page.name, 'exec'), names)
        except Exception as error:
            if expected is None:
                raise
            printed.write(f'{type(error).__name__}: {error}')
        if expected is not None:
            got, wanted = ' '.join(printed.getvalue().split()), ' '.join(expected.split())
            assert doctest.OutputChecker().check_output(wanted, got, doctest.ELLIPSIS), (
                f'below line {line}:\n  {wanted}\nis\n  {got}'
            )


def has_code(page: Path) -> bool:
    return '```python' in page.read_text(encoding='utf-8')


@pytest.mark.parametrize('page', [page for page in PAGES if has_code(page)], ids=lambda page: page.name)
def test_runs(page, tmp_path):
    # in a process and a folder of its own, as readers do: pages define models, set the environment, write files
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    ran = subprocess.run(
        [sys.executable, __file__, str(page)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_index_leads_to_every_page():
    index = (ROOT / 'docs' / 'index.md').read_text(encoding='utf-8')
    linked = set(re.findall(r'\]\(([\w/]+\.md)\)', index))
    assert linked == {page.relative_to(ROOT / 'docs').as_posix() for page in PAGES[1:]} - {'index.md'}


if __name__ == '__main__':
    run(Path(sys.argv[1]))
