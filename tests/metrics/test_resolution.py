"""Point spread, cross talk and their scores against closed forms; blocks against the whole matrix."""

import sys

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm, uV

PER_MOMENT = u.volt / (u.amp * u.meter)
BOTH = ('point spread', 'cross talk')


def _space(positions):
    n = len(positions)
    up = np.tile([0, 0, 1.0], (n, 1))
    return records.SourceSpace(positions * u.mm, up, np.ones(n) * u.mm**2, np.zeros(n), np.arange(n), np.zeros(n))


@pytest.fixture
def line():
    """Three sources at 0, 10 and 30 mm."""
    return _space(np.outer([0.0, 10, 30], [1.0, 0, 0]))


@pytest.fixture(scope='module')
def cloud():
    return _space(np.random.default_rng(0).uniform(-70, 70, (25, 3)))


@pytest.fixture(scope='module')
def gain():
    """Of seven sensors and 25 sources, free."""
    return np.random.default_rng(1).normal(size=(7, 25, 3))


def _minimum_norm(gain):
    flat = gain.reshape(len(gain), -1)
    kernel = flat.T @ np.linalg.inv(flat @ flat.T + np.eye(len(gain)))
    return kernel.reshape(*gain.shape[1:], len(gain))


@pytest.mark.parametrize('of', BOTH)
def test_perfect_resolution(cloud, of):
    scores = metrics.resolution(3 * np.eye(25), np.eye(25), cloud, of)
    assert scores.peak_error.unit == scores.dispersion.unit == u.mm
    assert np.array_equal(scores.peak_error.mantissa, np.zeros(25))
    assert np.allclose(scores.dispersion.mantissa, 0, atol=1e-5)  # the root of rounding
    assert np.allclose(scores.amplitude, 3)
    assert np.allclose(scores.peak_amplitude, 3)


def test_worked_out_by_hand(line):
    matrix = np.array([[2.0, 0, 1], [-3, 1, 0], [0, 0, 4]])
    assert np.array_equal(metrics.point_spread(matrix, np.eye(3), 0), [2, -3, 0])
    assert np.array_equal(metrics.cross_talk(matrix, np.eye(3), 0), [2, 0, 1])
    spread, talk = (metrics.resolution(matrix, np.eye(3), line, of) for of in BOTH)
    assert np.array_equal(spread.peak, [1, 1, 2])
    assert np.array_equal(talk.peak, [0, 0, 2])
    assert np.allclose(spread.peak_error.mantissa, [10, 0, 0])
    assert np.allclose(talk.peak_error.mantissa, [0, 10, 0])
    # powers 4, 9, 0 at 0, 10, 30 mm; 1 and 16 at 30 and 0 mm
    assert np.allclose(spread.dispersion.mantissa, np.sqrt([9 * 100 / 13, 0, 900 / 17]), atol=1e-5)
    assert np.allclose(talk.dispersion.mantissa, np.sqrt([900 / 5, 9 * 100 / 10, 0]), atol=1e-5)
    assert np.allclose(spread.amplitude, [2, 1, 4])
    assert np.allclose(talk.amplitude, [2, 1, 4])
    assert np.allclose(spread.peak_amplitude, [3, 1, 4])
    assert np.allclose(talk.peak_amplitude, [2, 3, 4])


def test_minimum_norm_is_symmetric(gain, cloud):
    fixed = gain[..., 0]
    kernel = _minimum_norm(fixed)
    every = np.arange(25)
    spread, talk = metrics.point_spread(kernel, fixed, every), metrics.cross_talk(kernel, fixed, every)
    assert np.allclose(spread, talk)
    for a, b in zip(*(metrics.resolution(kernel, fixed, cloud, of) for of in BOTH), strict=True):
        assert np.allclose(u.get_mantissa(a), u.get_mantissa(b))


@pytest.mark.parametrize('of', BOTH)
@pytest.mark.parametrize('answer', [1, 3])
@pytest.mark.parametrize('directions', [1, 3])
def test_blocks_and_the_whole_matrix(gain, cloud, of, answer, directions, monkeypatch):
    # seven sources at a time where there is one component and one direction: the last block is shorter
    monkeypatch.setattr(sys.modules['brainfwd.metrics.resolution'], '_BLOCK', 7 * 25)
    rng = np.random.default_rng(2)
    kernel = rng.normal(size=(25, answer, 7))
    gain = gain[..., :directions]
    given = (kernel if answer == 3 else kernel[:, 0]), (gain if directions == 3 else gain[..., 0])
    scores = metrics.resolution(*given, cloud, of)
    # the root mean square over any three directions at right angles
    axes = np.linalg.qr(rng.normal(size=(directions, directions)))[0]
    answers = np.einsum('jkm,mil,ld->jkid', kernel, gain, axes)
    maps = np.sqrt(np.square(answers).sum(axis=1).mean(axis=-1))
    maps = maps if of == 'point spread' else maps.T
    for i in range(25):
        estimate = maps[:, i]
        error = metrics.peak_localisation_error(estimate, cloud, i)
        spread = metrics.spatial_dispersion(estimate, cloud, i)
        expected = (estimate.argmax(), error.mantissa, spread.mantissa, estimate[i], estimate.max())
        assert np.allclose([u.get_mantissa(score)[i] for score in scores], expected)


def test_axes_of_free_orientations(gain):
    kernel = _minimum_norm(gain)
    matrix = np.einsum('jkm,mil->jkil', kernel, gain)
    assert np.allclose(metrics.point_spread(kernel, gain, 4), matrix[:, :, 4].transpose(2, 0, 1))
    assert np.allclose(metrics.cross_talk(kernel, gain, 4), matrix[4])
    at = np.array([[3, 0], [24, 3]])
    assert np.allclose(metrics.point_spread(kernel, gain, at)[1, 0], metrics.point_spread(kernel, gain, 24))
    assert metrics.point_spread(kernel, gain[..., 0], at).shape == (2, 2, 25, 3)
    assert metrics.point_spread(kernel[:, 0], gain, 0).shape == (3, 25)
    assert metrics.cross_talk(kernel, gain[..., 0], 0).shape == (3, 25)
    assert metrics.cross_talk(kernel[:, 0], gain, at).shape == (2, 2, 25, 3)


def test_units(gain, cloud):
    fixed = gain[..., 0]
    kernel = _minimum_norm(fixed)
    bare = metrics.resolution(kernel, fixed, cloud)
    fractions = metrics.resolution(kernel * 1e9 * nAm / u.volt, fixed * 1e-3 * uV / nAm, cloud)
    assert isinstance(fractions.amplitude, np.ndarray)
    assert np.allclose(fractions.amplitude, bare.amplitude)
    scores = metrics.resolution(kernel / u.volt, fixed * PER_MOMENT, cloud)
    assert scores.amplitude.unit == scores.peak_amplitude.unit == nAm**-1
    assert np.allclose(scores.amplitude.mantissa, 1e-9 * bare.amplitude)
    assert np.allclose(scores.dispersion.mantissa, bare.dispersion.mantissa)
    assert metrics.point_spread(kernel / u.volt, fixed * PER_MOMENT, 0).unit == nAm**-1


def test_types_of_channel_are_joined(gain, cloud):
    fixed = gain[..., 0]
    kernel = _minimum_norm(fixed)
    kernels = {'eeg': kernel[:, :3] * nAm / u.volt, 'mag': kernel[:, 3:] * nAm / u.ftesla}
    gains = {'mag': fixed[3:] * u.ftesla / nAm, 'eeg': fixed[:3] * u.volt / nAm}
    assert np.allclose(metrics.cross_talk(kernels, gains, 5), metrics.cross_talk(kernel, fixed, 5))
    scores, bare = metrics.resolution(kernels, gains, cloud), metrics.resolution(kernel, fixed, cloud)
    assert np.allclose(scores.dispersion.mantissa, bare.dispersion.mantissa)


@pytest.mark.parametrize('scale', [1e-13, 1e6])
def test_scale_does_not_matter(gain, cloud, scale):
    fixed = gain[..., 0]
    kernel = _minimum_norm(fixed)
    a, b = metrics.resolution(kernel / scale, fixed * scale, cloud), metrics.resolution(kernel, fixed, cloud)
    assert np.allclose(a.dispersion.mantissa, b.dispersion.mantissa)
    assert np.allclose(a.amplitude, b.amplitude)


def test_errors(gain, cloud):
    fixed = gain[..., 0]
    kernel = _minimum_norm(fixed)
    with pytest.raises(UnitError, match=r'resolution\(gain\) comes with its unit.*write lead_field\.gain'):
        metrics.resolution(kernel / u.volt, fixed, cloud)
    with pytest.raises(UnitError, match=r'point_spread\(kernel\) comes with its unit.*write solver\.kernel'):
        metrics.point_spread(kernel, fixed * PER_MOMENT, 0)
    with pytest.raises(UnitError, match=r'is a fraction, or per A m; got 1 / T times'):
        metrics.cross_talk(kernel / u.tesla, fixed * PER_MOMENT, 0)
    with pytest.raises(UnitError, match='one unit for all types'):
        metrics.cross_talk(
            {'eeg': kernel / u.volt, 'mag': kernel * nAm / u.tesla},
            {'eeg': fixed * PER_MOMENT, 'mag': fixed * u.tesla / nAm},
            0,
        )
    with pytest.raises(ValueError, match='of the same types of channel; got eeg and one array'):
        metrics.resolution({'eeg': kernel}, fixed, cloud)
    with pytest.raises(ShapeError, match=r'gain\) has shape \(sensors, sources\[, 3\]\); got \(7, 25, 2\)'):
        metrics.resolution(kernel, gain[..., :2], cloud)
    with pytest.raises(ShapeError, match=r'sensors and sources of the kernel, 7 and 25; got 6 and 25'):
        metrics.resolution(kernel, fixed[:6], cloud)
    with pytest.raises(ShapeError, match='got 24'):
        metrics.resolution(kernel[:24], fixed[:, :24], cloud)
    with pytest.raises(ValueError, match='finite'):
        metrics.resolution(kernel * np.nan, fixed, cloud)
    with pytest.raises(ValueError, match="Did you mean 'cross talk'"):
        metrics.resolution(kernel, fixed, cloud, 'cross-talk')
    with pytest.raises(ValueError, match=r'the point spread is zero everywhere, 3, 5'):
        metrics.resolution(kernel, fixed * ~np.isin(np.arange(25), (3, 5)), cloud)
    with pytest.raises(ValueError, match='0 to 24; got 25'):
        metrics.point_spread(kernel, fixed, 25)
    with pytest.raises(TypeError, match='an array of them; got bool'):
        metrics.cross_talk(kernel, fixed, np.arange(25) == 3)


def test_complex_kernels(gain, cloud):
    """Power is that of the real and of the imaginary part together."""
    rng = np.random.default_rng(4)
    kernel = rng.normal(size=(25, 7)) + 1j * rng.normal(size=(25, 7))
    fixed = gain[..., 0]
    matrix = kernel @ fixed
    assert np.allclose(metrics.point_spread(kernel, fixed, 4), matrix[:, 4])
    assert np.allclose(metrics.cross_talk(kernel * nAm / u.volt, fixed * u.volt / nAm, [4, 5]), matrix[4:6])
    for of, maps in zip(BOTH, (matrix, matrix.T), strict=True):
        scores = metrics.resolution(kernel, fixed, cloud, of)
        assert np.allclose(scores.amplitude, abs(np.diag(matrix)))
        assert np.allclose(scores.peak_amplitude, abs(maps).max(axis=0))
        assert np.allclose(scores.dispersion[3] / u.mm, metrics.spatial_dispersion(abs(maps[:, 3]), cloud, 3) / u.mm)


def test_swapped_and_others(gain, cloud):
    fixed = gain[..., 0] * PER_MOMENT
    kernel = _minimum_norm(gain[..., 0]) * nAm / u.volt
    eeg = records.Channels(tuple('abcdefg'), ('eeg',) * 7)
    head = records.LeadField(gain, eeg, cloud)
    for function in (metrics.point_spread, metrics.cross_talk):
        with pytest.raises(
            UnitError, match=rf'{function.__name__}: kernel and gain come swapped.*V.* and .*V.*: write'
        ):
            function(fixed, kernel, 3)
        with pytest.raises(TypeError, match='come swapped, LeadField and Quantity'):
            function(head, kernel, 3)
    with pytest.raises(UnitError, match='come swapped'):
        metrics.resolution({'eeg': fixed}, {'eeg': kernel / nAm}, cloud)
    with pytest.raises(UnitError, match=r'gain\) is in V/\(A m\), .*got 1 / V: write lead_field\.gain'):
        metrics.point_spread(kernel, kernel / nAm, 3)
    with pytest.raises(
        TypeError, match=r'sources\) is a brainfwd\.records\.SourceSpace; got LeadField: write lead_field\.s'
    ):
        metrics.resolution(kernel, fixed, head)
    with pytest.raises(TypeError, match='got LeadField: write lead_field'):
        metrics.spatial_dispersion(np.ones(25), head, 3)
    with pytest.raises(TypeError, match=r'point_spread\(gain\) is what lead_field\.gain gives, .*; got SourceSpace'):
        metrics.point_spread(kernel, cloud, 3)
    with pytest.raises(TypeError, match=r'kernel\) is what solver\.kernel gives, .*; got Channels'):
        metrics.point_spread(eeg, fixed, 3)
    for a, b in zip(metrics.resolution(kernel, head, cloud), metrics.resolution(kernel, head.gain, cloud), strict=True):
        assert np.array_equal(u.get_mantissa(a), u.get_mantissa(b))
