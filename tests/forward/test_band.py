"""The filters of the loop against scipy's, and against what Butterworth filters do."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from brainfwd._core.checks import UnitError
from brainfwd.forward.lead_field.band import Butterworth, band_edges

CASES = [
    ('low', 4, 200.0, 0.1),
    ('low', 4, 40.0, 0.1),
    ('low', 2, 30.0, 0.5),
    ('high', 2, 0.5, 2.0),
    ('high', 4, 5.0, 1.0),
]


def run(design, x, dt_ms, dtype):
    def step(state, value):
        return design(state, value, dt_ms * u.ms)

    x = jnp.asarray(x, dtype)
    return np.asarray(jax.lax.scan(step, design.initial(x.shape[1:], dtype), x)[1], np.float64)


def reference(kind, order, hertz, dt_ms, x):
    sos = signal.butter(order, hertz, kind, fs=1e3 / dt_ms, output='sos')
    return signal.sosfilt(sos, x, axis=0, zi=signal.sosfilt_zi(sos)[:, :, None] * x[0])[0]


@pytest.mark.parametrize(('kind', 'order', 'hertz', 'dt_ms'), CASES)
def test_agrees_with_scipy(kind, order, hertz, dt_ms, rng):
    x = 7.6 + np.cumsum(rng.normal(size=(3000, 2)), axis=0) * 0.1
    expected = reference(kind, order, hertz, dt_ms, x)
    with jax.enable_x64(True):
        np.testing.assert_allclose(run(Butterworth(kind, order, hertz), x, dt_ms, jnp.float64), expected, atol=1e-10)
    np.testing.assert_allclose(run(Butterworth(kind, order, hertz), x, dt_ms, jnp.float32), expected, atol=1e-4)


def test_float32_keeps_a_rhythm_on_an_offset():
    # 40 Hz at steps of 0.1 ms: in float32 the direct form is wrong by 1e-3 here
    t = np.arange(20000) * 1e-4
    x = (7.6 + np.sin(2 * np.pi * 10 * t))[:, None]
    error = run(Butterworth('low', 4, 40.0), x, 0.1, jnp.float32) - reference('low', 4, 40.0, 0.1, x)
    assert abs(error).max() < 2e-5


def test_steady_states_are_exact():
    x = np.full((50, 1), 7.6, np.float32)
    assert (run(Butterworth('low', 4, 200.0), x, 0.1, jnp.float32) == x).all()
    assert (run(Butterworth('high', 2, 0.5), x, 2.0, jnp.float32) == 0).all()


def test_gain_is_that_of_a_butterworth_filter():
    # 400 Hz sampling of a 0.1 ms loop: corner 160 Hz, half the sampling rate 200 Hz
    impulse = np.zeros((20001, 1))
    impulse[1] = 1.0
    with jax.enable_x64(True):
        response = run(Butterworth('low', 4, 160.0), impulse, 0.1, jnp.float64)[1:, 0]
    gain = abs(np.fft.rfft(response))
    hertz = np.fft.rfftfreq(20000, 1e-4)

    def at(frequency):
        return 20 * np.log10(gain[np.argmin(abs(hertz - frequency))])

    assert abs(at(40.0)) < 1e-3
    assert abs(at(80.0)) < 0.02
    assert at(160.0) == pytest.approx(-10 * np.log10(2), abs=1e-6)
    for beyond in (200.0, 320.0, 390.0):
        assert at(beyond) == pytest.approx(-10 * np.log10(1 + (beyond / 160) ** 8), abs=0.3)


def test_edges():
    assert band_edges(0.5 * u.Hz, 'auto', 2 * u.ms, 'Model') == (0.5, pytest.approx(200.0))
    assert band_edges(None, None, 2 * u.ms, 'Model') == (None, None)
    assert band_edges(None, 0.1 * u.kHz, 2 * u.ms, 'Model') == (None, pytest.approx(100.0))


@pytest.mark.parametrize(
    ('high', 'low', 'error', 'says'),
    [
        (0.5 * u.Hz, 250 * u.Hz, ValueError, 'half the sampling rate, 250 Hz'),
        (300 * u.Hz, None, ValueError, 'half the sampling rate, 250 Hz'),
        (0 * u.Hz, None, ValueError, 'between 0'),
        (40 * u.Hz, 30 * u.Hz, ValueError, 'below the low_pass, 30 Hz; got 40 Hz'),
        (40 * u.Hz, 40 * u.Hz, ValueError, 'below the low_pass'),
        (0.5, 'auto', UnitError, r'write 0.5 \* u.Hz'),
        (0.5 * u.Hz, 'none', ValueError, "'auto'"),
        (0.5 * u.ms, 'auto', UnitError, 'in Hz; got ms'),
    ],
)
def test_edges_that_make_no_band(high, low, error, says):
    with pytest.raises(error, match=says):
        band_edges(high, low, 2 * u.ms, 'Model')
