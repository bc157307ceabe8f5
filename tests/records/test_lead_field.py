import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import LeadField


def test_gain_has_the_unit_of_its_channels(eeg, mixed, sources, rng):
    gain = rng.standard_normal((3, 4))
    field = LeadField(gain, eeg, sources)
    assert field.gain.unit == u.volt / (u.amp * u.meter)
    np.testing.assert_array_equal(field.gain.mantissa, gain)
    # 75 V/(A m) is 7.5e-8 V/(nA m)
    assert (75 * field.gain.unit).to_decimal(u.volt / (u.nA * u.meter)) == pytest.approx(7.5e-8)

    many = LeadField(rng.standard_normal((5, 4)), mixed, sources)
    assert set(many.gain) == {'grad', 'mag', 'eeg'}
    assert many.gain['grad'].unit == u.tesla / u.meter / (u.amp * u.meter)
    np.testing.assert_array_equal(many.gain['mag'].mantissa, many.gain_si[[1, 4]])


def test_from_quantity(eeg, sources):
    field = LeadField.from_quantity(np.full((3, 4), 2.0) * u.uvolt / (u.nA * u.meter), eeg, sources)
    np.testing.assert_allclose(field.gain_si, 2e3)
    with pytest.raises(UnitError, match='got T'):
        LeadField.from_quantity(np.ones((3, 4)) * u.tesla / (u.amp * u.meter), eeg, sources)


def test_fixed_is_the_gain_along_the_normals(eeg, sources, rng):
    free = LeadField(rng.standard_normal((3, 4, 3)), eeg, sources)
    assert free.orientation == 'free'
    fixed = free.fixed()
    assert fixed.orientation == 'fixed'
    # the normals of these sources are x, y, z, x
    np.testing.assert_allclose(fixed.gain_si, np.stack([free.gain_si[:, i, k] for i, k in enumerate((0, 1, 2, 0))], 1))
    assert fixed.fixed() is fixed


def test_what_is_derived_keeps_its_head(mixed, sources, rng):
    free = LeadField(rng.standard_normal((5, 4, 3)), mixed, sources)
    assert free.pick('meg').head == free.fixed().head == free.pick('eeg').fixed().head == free.head
    assert free.pick('meg').n_sensors == 4
    np.testing.assert_array_equal(free.pick('mag').gain_si, free.gain_si[[1, 4]])


def test_heads_are_told_apart_by_their_gain(eeg, sources, rng):
    gain = rng.standard_normal((3, 4))
    first, again, other = (LeadField(g, eeg, sources).head for g in (gain, gain.copy(), gain * (1 + 1e-12)))
    assert first == again != other
    assert LeadField(gain, eeg, sources, head='mine').head == 'mine'


def test_bad_input(eeg, sources):
    gain = np.ones((3, 4))
    with pytest.raises(UnitError, match=r'LeadField\.from_quantity'):
        LeadField(gain * u.volt, eeg, sources)
    with pytest.raises(ShapeError, match=r'\(3, 4\) or \(3, 4, 3\).*got \(4, 3\)'):
        LeadField(gain.T, eeg, sources)
    gain[1, 2] = np.inf
    with pytest.raises(ValueError, match=r'finite; got NaN or infinity in ' + eeg.names[1] + r'\.'):
        LeadField(gain, eeg, sources)
    with pytest.raises(ValueError, match=r'infinity in ' + eeg.names[1] + r'\.'):
        LeadField(np.stack([np.ones((3, 4)), gain, gain], axis=-1), eeg, sources)
