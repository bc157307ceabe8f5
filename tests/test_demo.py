"""The command, once, with short segments: what it prints, writes and refuses."""

import contextlib
import io
import re

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd import cli
from brainfwd.demo import run


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """The folder of a demo with segments of 9 s, and what it printed."""
    out = tmp_path_factory.mktemp('demo') / 'made' / 'by the demo'
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main(['demo', '--out', str(out), '--duration', '9', '--seed', '3']) == 0
    return out, printed.getvalue()


def test_it_prints_a_table_of_scores(demo):
    _, printed = demo
    assert 'localisation error (mm)' in printed
    assert 'AUC' in printed
    assert 'recovered' not in printed
    assert len(re.findall(r'(?m)^[LR]\.\w+ +(?:minimum norm|dSPM|sLORETA) +\d+\.\d +[01]\.\d\d', printed)) == 9


@pytest.mark.parametrize(('name', 'kinds'), [('eeg', {'eeg': 64}), ('meg', {'grad': 204, 'mag': 102})])
def test_recordings_come_back_with_their_units(demo, name, kinds):
    recording = bf.io.load_recording(demo[0] / f'{name}.nc')
    assert {kind: recording.channels.types.count(kind) for kind in recording.channels.kinds} == kinds
    assert recording.sampling_period == 2 * u.ms
    assert recording.n_times == 4 * 4500
    assert np.allclose(np.diff(recording.times.to_decimal(u.ms)), 2)
    for kind in kinds:
        spread = recording.pick(kind).data.std()
        assert (
            0.1 * run.SENSOR_NOISE[kind] * (250 * u.Hz) ** 0.5
            < spread
            < 10 * run.SENSOR_NOISE[kind] * (250 * u.Hz) ** 0.5
        )


def test_files_say_their_units(demo):
    import xarray

    with xarray.open_dataset(demo[0] / 'regions.nc', engine='h5netcdf', decode_times=False) as regions:
        assert regions['output'].attrs['units'] == 'mV'
        assert regions.sizes['region'] == 68
    with xarray.open_dataset(demo[0] / 'bold.nc', engine='h5netcdf', decode_times=False) as bold:
        assert bold.sizes['time'] == 150
        assert np.isfinite(bold['bold'].values).all()
        assert 0.001 < bold['bold'].values.std() < 0.02


def test_the_report_shows_every_figure_and_needs_nothing_else(demo):
    out, _ = demo
    html = (out / 'report.html').read_text(encoding='utf-8')
    figures = list(out.glob('*.png'))
    assert len(figures) == 12
    assert html.count('src="data:image/png;base64,') == len(figures)
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    assert '<script' not in html


def test_regions_are_superficial_large_and_drawn_by_the_seed():
    brain = bf.datasets.load_connectome().cortical()
    head = bf.datasets.load_lead_field('eeg')
    superficial = run.superficial_regions(brain, head)
    areas = head.sources.areas.to_decimal(u.mm**2)
    for label in superficial:
        assert areas[head.sources.in_region(brain.region_ids[brain.index(label)])].sum() > 1000
    assert not {'L.IN', 'R.IN', 'L.PHIG', 'R.EC'} & set(superficial)  # insula, parahippocampal, entorhinal: deep
    drawn = [run.regions_to_drive(brain, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 3
    assert set(drawn[0]) <= set(superficial)


def test_a_folder_that_cannot_be_written_is_refused_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, 'eeg_experiment', lambda brain: pytest.fail('computed before the folder was tried'))
    (tmp_path / 'file').touch()
    assert cli.main(['demo', '--out', str(tmp_path / 'file' / 'out')]) == 1
    assert '--out is a folder that can be written' in capsys.readouterr().err


def test_what_is_not_installed_is_refused_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, 'eeg_experiment', lambda brain: pytest.fail('computed before the imports were tried'))
    monkeypatch.setattr('brainfwd.demo.output.find_spec', lambda name: None if name == 'xarray' else object())
    assert cli.main(['demo', '--out', str(tmp_path)]) == 1
    assert "the demo needs xarray: pip install 'brainfwd[demo]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['--duration', '3'], '9 to 3600 seconds'),
        (['--duration', 'long'], "a number of seconds; got 'long'"),
        (['--duration', '9.0005'], 'a multiple of 2 ms'),
        (['--duration', 'nan'], '9 to 3600 seconds'),
        (['--seed', '-1'], 'a whole number from 0'),
        (['--seed', '1.5'], 'a whole number from 0'),
    ],
)
def test_options_that_cannot_be(arguments, said, capsys):
    with pytest.raises(SystemExit, match='2'):
        cli.main(['demo', *arguments])
    assert said in capsys.readouterr().err
