"""A file imports only from lower layers and from the base of its own package."""

import ast
from pathlib import Path

import pytest

import brainfwd

ROOT = Path(brainfwd.__file__).parent

LAYERS = {
    '_core': 0,
    'records': 1, 'integrate': 1, 'noise': 1,
    'nodes': 2, 'coupling': 2, 'stimuli': 2, 'forward': 2, 'inverse': 2, 'uncertainty': 2, 'metrics': 2,
    'network': 3,
    'simulator': 4,
    'fitting': 5, 'experiment': 5, 'study': 5,
    'datasets': 6, 'io': 6, 'plot': 6, 'report': 6,
    'demo': 7,
    'cli': 8,
}  # fmt: skip

# Most packages are families: a base and leaves that know nothing of each other. These are not: the core is one thing, a
# record is made of records, the loop is one thing, and layer 6 puts things together.
NO_FAMILY = {'_core', 'records', 'simulator', *(name for name, layer in LAYERS.items() if layer == 6)}

HEAVY = {'pandas', 'xarray', 'mne', 'matplotlib', 'tqdm', 'scipy', 'netCDF4', 'h5netcdf', 'ot'}


def package_of(top):
    return top.removesuffix('.py')


def imported(tree):
    """Names imported anywhere in a file, dotted; imports for type checkers do not count."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test).endswith('TYPE_CHECKING'):
        return
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        assert tree.level == 0, f'line {tree.lineno}: write the full name instead of a relative import'
        # `from package import file` imports the file too
        yield from (f'{tree.module}.{alias.name}' for alias in tree.names)
    for child in ast.iter_child_nodes(tree):
        yield from imported(child)


TREES = {path.relative_to(ROOT): ast.parse(path.read_text(encoding='utf-8')) for path in sorted(ROOT.rglob('*.py'))}
IMPORTS = {path: sorted(set(imported(tree))) for path, tree in TREES.items()}


def is_leaf(path):
    """A file that stands on its package's base.py; one that does not is a part of the base."""
    return any(name.startswith(f'brainfwd.{path.parts[0]}.base') for name in IMPORTS.get(path, ()))


def forbidden(path, name):
    """Why ``path`` may not import ``name``, a dotted name inside brainfwd; None when it may."""
    parts = name.split('.')[1:]
    here, there = package_of(path.parts[0]), package_of(parts[0])
    if there not in LAYERS:
        return f'{there} has no layer'
    if here != there:
        return None if LAYERS[there] < LAYERS[here] else f'{there} is no lower layer than {here}'
    if here in NO_FAMILY or path.name == '__init__.py':
        return None
    return f'{parts[1]} is a leaf of {here}' if is_leaf(Path(here) / f'{parts[1]}.py') else None


def test_every_package_has_a_layer():
    assert {package_of(path.parts[0]) for path in TREES} - {'__init__'} <= set(LAYERS)


def test_imports_go_down():
    public = Path('__init__.py')
    wrong = [
        f'{path}: imports {name}: {reason}'
        for path in TREES
        if path != public
        for name in IMPORTS[path]
        if name.startswith('brainfwd.')
        if (reason := forbidden(path, name))
    ]
    assert not wrong, '\n'.join(wrong)


def test_heavy_imports_stand_inside_functions():
    wrong = [
        f'{path}:{node.lineno}: {name}'
        for path, tree in TREES.items()
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        for name in imported(node)
        if name.split('.')[0] in HEAVY
    ]
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize(
    ('path', 'name', 'allowed'),
    [
        ('nodes/hopf.py', 'brainfwd._core.checks', True),
        ('nodes/hopf.py', 'brainfwd.integrate', True),
        ('nodes/hopf.py', 'brainfwd.nodes.base.NeuralMass', True),
        ('nodes/hopf.py', 'brainfwd.nodes.jansen_rit.JansenRitModel', False),
        ('nodes/hopf.py', 'brainfwd.coupling.base', False),
        ('nodes/hopf.py', 'brainfwd.network', False),
        ('records/lead_field.py', 'brainfwd.records.channels', True),
        ('_core/checks.py', 'brainfwd.records', False),
        ('network.py', 'brainfwd.nodes.base', True),
        ('simulator/monitors.py', 'brainfwd.network.Network', True),
        ('network.py', 'brainfwd.simulator', False),
    ],
)
def test_the_rule_itself(path, name, allowed):
    assert (forbidden(Path(path), name) is None) == allowed
