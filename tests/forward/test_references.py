"""Sensors against any reference: lead field, noise and what is recorded."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.forward import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.records import Channels, Recording, rank_of

MOMENT = u.nA * u.meter
REFERENCES = ['average', 'Cz', ('Fz', 'Oz')]


@pytest.mark.parametrize('reference', REFERENCES, ids=str)
def test_a_model_against_a_reference_is_one_of_a_head_against_it(eeg_head, regions, density, reference, rng):
    options = dict(dipole_scale=density, snr_db=10.0, seed=0)
    model = EEGLeadFieldModel.from_lead_field(eeg_head, regions, reference=reference, **options)
    other = EEGLeadFieldModel.from_lead_field(eeg_head.referenced(reference), regions, reference=None, **options)
    plain = EEGLeadFieldModel.from_lead_field(eeg_head, regions, reference=None, **options)
    np.testing.assert_allclose(model.L.mantissa, other.L.mantissa, atol=1e-12 * abs(plain.L.mantissa).max())

    # what it shows is what the plain one shows, against the reference
    x = rng.normal(size=(200, 3)) * u.mV
    clean = recorded(model, model.project(x))
    expected = recorded(plain, plain.project(x)).referenced(reference)
    np.testing.assert_allclose(clean.data_si, expected.data_si, atol=1e-5 * abs(expected.data_si).max())

    # and so is its noise, whose size is measured against the reference too
    model.fix_noise(clean)
    noisy = model.recording(model.update(x))
    noise = noisy.data_si - clean.data_si
    back = noise - noise @ _weights(reference)
    np.testing.assert_allclose(back, noise, atol=1e-5 * abs(noise).max())
    assert rank_of(noisy) == rank_of(noisy.noise_cov) == {'eeg': 3}
    ratio = clean.data_si.var(axis=0, ddof=1).sum() / np.trace(model.noise_cov.matrix_si)
    assert 10 * np.log10(ratio) == pytest.approx(10.0)


def recorded(model, values):
    return Recording.from_quantity(values, model.channels, model.sampling_period)


def _weights(reference):
    names = ('Fz', 'Cz', 'Pz', 'Oz') if reference == 'average' else np.atleast_1d(reference)
    column = np.isin(['Fz', 'Cz', 'Pz', 'Oz'], names) / len(names)
    return np.tile(column[:, None], 4)


def test_magnetometers_have_none(rng):
    channels = Channels(('M1', 'Fz', 'M2', 'Cz'), ('mag', 'eeg', 'mag', 'eeg'))
    L = {'mag': rng.normal(size=(3, 2)) * u.tesla / MOMENT, 'eeg': rng.normal(size=(3, 2)) * u.volt / MOMENT}
    model = LeadFieldModel(L=L, channels=channels, reference='Cz')
    np.testing.assert_array_equal(model.L['mag'].mantissa, L['mag'].mantissa)
    np.testing.assert_allclose(model.L['eeg'].mantissa[:, 0], L['eeg'].mantissa @ [1, -1])
    assert (model.L['eeg'].mantissa[:, 1] == 0).all()


def test_electrodes_that_are_not_there(eeg_head, meg_head, regions):
    with pytest.raises(ValueError, match=r"EEGLeadFieldModel\(reference=\.\.\.\) .* there is no 'cz': near are 'Cz'"):
        EEGLeadFieldModel.from_lead_field(eeg_head, regions, reference='cz')
    with pytest.raises(ValueError, match=r"MEGLeadFieldModel\(reference=\.\.\.\)='Cz' is a reference of EEG"):
        MEGLeadFieldModel.from_lead_field(meg_head, regions, reference='Cz')
