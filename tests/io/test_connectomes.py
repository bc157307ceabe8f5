"""Connectomes as a zip of The Virtual Brain, and as a folder of CSV files."""

import bz2
import zipfile

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, io
from brainfwd._core.checks import UnitError
from brainfwd.records import Connectome


@pytest.fixture
def brain():
    """Directed, with numbers that have no short decimal form, and a region without a centre."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 3)) * 40
    centres[1] = np.nan
    return Connectome(
        rng.uniform(size=(3, 3)),
        rng.uniform(0, 0.1, (3, 3)) * u.meter,
        ('L.A', 'Thal', 'R.A'),
        [1001, 10, 2001],
        centres * u.mm,
        [True, False, True],
        np.corrcoef(rng.normal(size=(3, 9))),
    )


def assert_same(one, other, lost=()):
    for name in {'weights', 'tract_lengths', 'region_ids', 'centres', 'is_cortical', 'functional_connectivity'} - set(
        lost
    ):
        a, b = (getattr(each, name) for each in (one, other))
        assert (a is None) == (b is None), name
        if a is not None:
            assert u.get_unit(a) == u.get_unit(b)
            np.testing.assert_array_equal(u.get_mantissa(a), u.get_mantissa(b), err_msg=name)
    assert one.labels == other.labels


def test_folder_loses_nothing(brain, tmp_path):
    assert io.save_connectome(brain, tmp_path / 'brain') == tmp_path / 'brain'
    assert_same(io.load_connectome(tmp_path / 'brain'), brain)
    shipped = datasets.load_connectome()
    io.save_connectome(shipped, tmp_path / 'shipped')
    assert_same(io.load_connectome(str(tmp_path / 'shipped')), shipped)


def test_names_may_be_anything_in_a_folder(tmp_path):
    names = ('Área, "left"', ' # 2\n', 'ß\tx')
    given = Connectome(np.ones((3, 3)), np.ones((3, 3)) * u.mm, names, [3, 1, 2])
    io.save_connectome(given, tmp_path / 'brain')
    assert_same(io.load_connectome(tmp_path / 'brain'), given)


def test_what_is_not_there_is_not_read(brain, tmp_path):
    io.save_connectome(brain, tmp_path / 'brain')
    bare = Connectome(brain.weights, brain.tract_lengths, brain.labels, brain.region_ids)
    io.save_connectome(bare, tmp_path / 'brain', overwrite=True)
    assert_same(io.load_connectome(tmp_path / 'brain'), bare)


@pytest.mark.parametrize(('name', 'file'), [('brain', 'brain/weights.csv'), ('brain.zip', 'brain.zip')])
def test_what_is_there_is_replaced_when_asked_to(brain, tmp_path, name, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    notes = (tmp_path / file).with_name('notes.csv')
    for path in (tmp_path / file, notes):
        path.write_text('of somebody')
    with pytest.raises(FileExistsError, match=rf'{file} already: write overwrite=True'):
        io.save_connectome(brain, tmp_path / name)
    assert [path.read_text() for path in (tmp_path / file, notes)] == ['of somebody'] * 2
    assert sorted(tmp_path.rglob('*.*')) == sorted([tmp_path / file, notes])
    io.save_connectome(brain, tmp_path / name, overwrite=True)
    assert np.array_equal(io.load_connectome(tmp_path / name).weights, brain.weights)
    assert notes.read_text() == 'of somebody'


def test_a_file_is_no_folder(brain, tmp_path):
    (tmp_path / 'brain').write_text('of somebody')
    (tmp_path / 'folder.zip').mkdir()
    for name, what in (('brain', 'is a folder'), ('folder.zip', 'is a zip')):
        with pytest.raises(FileExistsError, match=what):
            io.save_connectome(brain, tmp_path / name, overwrite=True)


def test_zip_loses_ids_and_functional_connectivity_alone(brain, tmp_path):
    io.save_connectome(brain, tmp_path / 'brain.zip')
    back = io.load_connectome(tmp_path / 'brain.zip')
    assert_same(back, brain, lost=('region_ids', 'functional_connectivity'))
    np.testing.assert_array_equal(back.region_ids, [0, 1, 2])
    bare = Connectome(brain.weights, brain.tract_lengths, brain.labels, range(3))
    io.save_connectome(bare, tmp_path / 'BARE.ZIP')
    assert_same(io.load_connectome(tmp_path / 'BARE.ZIP'), bare)


ZIP = {
    'weights.txt': '0 2\n.5 0\n',
    'tract_lengths.txt': '# mm\n0 20.5\n\n1e1 0\n',
    'centres.txt': 'lA -10 2 3 cortex\nrA\t10 2 3.5\n',
}


def write_zip(path, **changes):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, text in (ZIP | changes).items():
            if text is not None:
                archive.writestr(name, text)
    return path


def test_a_zip_written_by_others(tmp_path):
    plain = io.load_connectome(
        write_zip(tmp_path / 'plain.zip', **{'areas.txt': '1\n2\n', 'hemispheres.txt': '0\n1\n'})
    )
    np.testing.assert_array_equal(plain.weights, [[0, 2], [0.5, 0]])
    np.testing.assert_array_equal(plain.tract_lengths.mantissa, [[0, 20.5], [10, 0]])
    np.testing.assert_array_equal(plain.centres.to_decimal(u.mm), [[-10, 2, 3], [10, 2, 3.5]])
    assert plain.labels == ('lA', 'rA')
    assert plain.is_cortical.all()
    packed = {f'connectivity_2/{name}.bz2': bz2.compress(text.encode()) for name, text in ZIP.items()}
    packed |= dict.fromkeys(ZIP) | {
        '__MACOSX/weights.txt': '?',
        'connectivity_2/cortical.txt.bz2': bz2.compress(b'1 0'),
    }
    assert_same(io.load_connectome(write_zip(tmp_path / 'packed.zip', **packed)), plain, lost=('is_cortical',))
    assert io.load_connectome(tmp_path / 'packed.zip').is_cortical.tolist() == [True, False]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'weights.txt': None}, "one file with 'weight' in its name; got tract_lengths.txt, centres.txt"),
        ({'weights_2.txt': '1'}, "one file with 'weight' in its name; got weights.txt, weights_2.txt"),
        ({'weights.txt': '0 x\n1 0\n'}, "weights.txt, line 1, holds numbers; got 'x'"),
        ({'weights.txt': '0 1\n1 nan\n'}, 'weights.txt, line 2, holds finite numbers; got nan'),
        ({'weights.txt': '0 1\n\n-1 0\n'}, 'weights.txt, line 3, holds no negative numbers; got -1'),
        ({'weights.txt': '0 1\n1\n'}, 'weights.txt, line 2, has 1 cells; line 1 has 2'),
        ({'weights.txt': '0 1\n'}, r'weights.txt has a row and a column for each of 2 regions; got \(1, 2\)'),
        ({'weights.txt': ''}, r'weights.txt has a row and a column for each of 2 regions; got \(0,\)'),
        ({'weights.txt': b'\xff\xfe'}, 'weights.txt is text in UTF-8'),
        ({'tract_lengths.txt': '0 1 2\n1 0 2\n2 2 0\n'}, r'tract_lengths.txt .* 2 regions; got \(3, 3\)'),
        ({'centres.txt': 'A 1 2 3\n\nA 1 2 3\n'}, "centres.txt, line 3, names 'A', as line 1 does"),
        ({'centres.txt': 'A 1 2 3\nB 1 2\n'}, 'centres.txt, line 2, is a name without blanks and x, y, z'),
        ({'centres.txt': 'A 1 2 3\nleft B 2 3\n'}, "centres.txt, line 2, holds numbers; got 'B'"),
        ({'cortical.txt': '1\n2\n'}, 'cortical.txt holds 0 or 1 for each of 2 regions'),
        ({'cortical.txt': '1\n'}, 'cortical.txt holds 0 or 1 for each of 2 regions; got 1 numbers'),
    ],
)
def test_zips_that_are_wrong(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf'brain\.zip.*{message}'):
        io.load_connectome(write_zip(tmp_path / 'brain.zip', **changes))


def test_names_that_a_zip_cannot_hold(brain, tmp_path):
    for name in ('left thalamus', 'A#1', ''):
        wrong = Connectome(brain.weights, brain.tract_lengths, ('A', name, 'B'), range(3))
        with pytest.raises(ValueError, match='words without'):
            io.save_connectome(wrong, tmp_path / 'brain.zip')


REGIONS = 'label,region_id,x_mm,y_mm,z_mm,is_cortical\nA,5,1,2,3,true\nB,7,,,,0\n'
WEIGHTS = 'target\\source,A,B\nA,0,2\nB,.5,0\n'
FOLDER = {'regions': REGIONS, 'weights': WEIGHTS, 'tract_lengths': 'target (cm),A,B\nA,0,2\nB,1,0\n'}


def write_folder(path, **changes):
    path.mkdir()
    for name, text in (FOLDER | changes).items():
        if text is not None:
            (path / f'{name}.csv').write_text(text, encoding='utf-8-sig')
    return path


def test_a_folder_written_by_others(tmp_path):
    brain = io.load_connectome(write_folder(tmp_path / 'brain'))
    np.testing.assert_array_equal(brain.weights, [[0, 2], [0.5, 0]])
    # the unit is that of the first cell
    np.testing.assert_array_equal(brain.tract_lengths.to_decimal(u.mm), [[0, 20], [10, 0]])
    np.testing.assert_array_equal(brain.centres.mantissa, [[1, 2, 3], [np.nan] * 3])
    assert (brain.labels, brain.region_ids.tolist(), brain.is_cortical.tolist()) == (('A', 'B'), [5, 7], [True, False])
    small = io.load_connectome(write_folder(tmp_path / 'small', regions='region_id,label\n5,A\n7,B\n'))
    assert small.centres is None
    assert small.is_cortical.all()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'regions': 'label\nA\nB\n'}, r"regions\.csv, line 1, has a column 'region_id'; got label"),
        ({'regions': 'label,region_id,x_mm\nA,1,2\nB,2,3\n'}, r"regions\.csv, line 1, has a column 'y_mm'"),
        ({'regions': 'label,region_id\nA,1\nA,2\n'}, r"regions\.csv, line 3, names 'A', as line 2 does"),
        ({'regions': 'label,region_id\nA,1\n,2\n'}, r'regions\.csv, line 3, names a region; got an empty name'),
        ({'regions': 'label,region_id\nA,1.5\nB,2\n'}, r'regions\.csv: region_id are whole numbers'),
        ({'regions': 'label,region_id\nA,1\nB\n'}, r'regions\.csv, line 3, has 1 cells; line 1 has 2'),
        ({'regions': 'label,region_id,is_cortical\nA,1,1\nB,2,yes\n'}, r"line 3: is_cortical is 1 or 0; got 'yes'"),
        ({'regions': 'label;region_id\nA;1\nB;2\n'}, r"has a column 'label'; got label;region_id"),
        ({'regions': 'label,region_id\n'}, r'regions\.csv has a line of names and one for each region; got 1 lines'),
        ({'weights': WEIGHTS.replace('A,B', 'B,A')}, r"weights\.csv, line 1, names .* 'A'; got 'B'"),
        ({'weights': WEIGHTS.replace('A,B', 'A,B,C')}, r'weights\.csv, line 1, names 2 regions; got 3'),
        ({'weights': WEIGHTS.replace('\nB', '\nC')}, r"weights\.csv, line 3, names .* 'B'; got 'C'"),
        ({'weights': WEIGHTS.replace('.5', '')}, r"weights\.csv, line 3, holds numbers; got ''"),
        ({'weights': WEIGHTS + 'C,1,1\n'}, r'weights\.csv has a row and a column for each of 2 regions; got \(3, 2\)'),
        ({'weights': WEIGHTS.replace('A,0,2', 'A,0,-2')}, r'weights\.csv, line 2, holds no negative numbers; got -2'),
        ({'functional_connectivity': ',A,B\nA,1,inf\nB,1,1\n'}, r'functional_connectivity\.csv, line 2, .* finite'),
    ],
)
def test_folders_that_are_wrong(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        io.load_connectome(write_folder(tmp_path / 'brain', **changes))
    assert str(tmp_path / 'brain') in str(caught.value)


@pytest.mark.parametrize(('corner', 'got'), [('target', 'none'), ('target (s)', 's'), ('(ell)', 'names no unit')])
def test_lengths_have_a_unit(tmp_path, corner, got):
    folder = write_folder(tmp_path / 'brain', tract_lengths=FOLDER['tract_lengths'].replace('target (cm)', corner))
    with pytest.raises(UnitError, match=got):
        io.load_connectome(folder)


def test_files_that_are_not_there(brain, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'brain is a folder of CSV files; there is no such folder'):
        io.load_connectome(tmp_path / 'brain')
    with pytest.raises(FileNotFoundError, match=r'brain\.zip holds a connectome; there is no such file'):
        io.load_connectome(tmp_path / 'brain.zip')
    with pytest.raises(FileNotFoundError, match=r'tract_lengths\.csv holds .*; there is no such file'):
        io.load_connectome(write_folder(tmp_path / 'brain', tract_lengths=None))
    with pytest.raises(FileNotFoundError, match='lies in a folder that exists'):
        io.save_connectome(brain, tmp_path / 'nowhere' / 'brain')
    (tmp_path / 'text.zip').write_text('no zip')
    with pytest.raises(ValueError, match='another kind of file'):
        io.load_connectome(tmp_path / 'text.zip')
    with pytest.raises(TypeError, match='is a Connectome; got int'):
        io.save_connectome(3, tmp_path / 'brain.zip')
