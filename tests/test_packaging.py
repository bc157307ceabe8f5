"""What a newcomer types, and what is promised about versions."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']

COMMANDS = re.findall(r'^<!-- (\w+) -->\n```bash\n(.*?)\n```$', README, flags=re.MULTILINE | re.DOTALL)


def test_the_readme_has_two_commands_of_one_line():
    assert [name for name, _ in COMMANDS] == ['demo', 'tests']
    for _, command in COMMANDS:
        assert '\n' not in command
        # complete on a fresh machine: makes the environment it uses
        assert command.startswith('python3 -m venv .venv && ')
        extra = re.search(r"'\.\[(\w+)\]'", command)[1]
        assert extra in PROJECT['optional-dependencies']
    assert README.count('```bash') == len(COMMANDS)


def test_lower_bounds_are_those_that_are_tried():
    tried = [
        line.replace('==', '>=')
        for line in (ROOT / '.ci' / 'lowest.txt').read_text(encoding='utf-8').splitlines()
        if not line.startswith('#')
    ]
    assert sorted(tried) == sorted(PROJECT['dependencies'])


@pytest.mark.parametrize(
    'page', sorted(ROOT.glob('*.md')) + sorted((ROOT / 'docs').rglob('*.md')), ids=lambda p: p.name
)
def test_links_lead_somewhere(page):
    links = re.findall(r'\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)', page.read_text(encoding='utf-8'))
    assert [link for link in links if not (page.parent / link).exists()] == []
