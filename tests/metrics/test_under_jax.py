"""Every analysis compiles, batches and differentiates, with the numbers it has in NumPy; and refuses the same input."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError

PERIOD = 4 * u.ms
BAND = (8 * u.Hz, 30 * u.Hz)
SHORT = {'segment': 0.2 * u.second}
TARGET = np.random.default_rng(9).uniform(-1, 1, size=(3, 3))

# of (times, regions), an array of numbers
SMOOTH = {
    'power_spectrum': lambda x: metrics.power_spectrum(x, PERIOD, **SHORT).density.mantissa,
    'band_power': lambda x: metrics.band_power(x, PERIOD, BAND, **SHORT),
    'peak_frequency': lambda x: metrics.peak_frequency(x, PERIOD, BAND, **SHORT).mantissa,
    'functional_connectivity': metrics.functional_connectivity,
    'functional_connectivity_dynamics': lambda x: metrics.functional_connectivity_dynamics(
        x, PERIOD, window=0.2 * u.second, step=0.08 * u.second
    ),
    'envelope': lambda x: abs(metrics.analytic_signal(x, PERIOD, band=BAND)),
    'phase_locking_value': lambda x: metrics.phase_locking_value(x, PERIOD, band=BAND),
    'envelope_correlation': lambda x: metrics.envelope_correlation(x, PERIOD, band=BAND),
    'envelope_correlation, orthogonalised': lambda x: metrics.envelope_correlation(
        x, PERIOD, band=BAND, orthogonalize=True, log=True
    ),
    'kuramoto_order_parameter': lambda x: metrics.kuramoto_order_parameter(x, PERIOD, band=BAND),
    'synchrony': lambda x: metrics.synchrony(x, PERIOD, band=BAND),
    'metastability': lambda x: metrics.metastability(x, PERIOD, band=BAND),
    'correlation': lambda x: metrics.correlation(x, x[::-1]),
    'time_course_error': lambda x: sum(metrics.time_course_error(x, 2 * x[::-1])),
    'leakage': lambda x: metrics.leakage(x, x[::-1]),
    'cancellation': lambda x: metrics.cancellation(x, 2 * x + x[::-1], x),
    'matrix_correlation': lambda x: metrics.matrix_correlation(x[:3], TARGET),
    'wasserstein_distance': lambda x: metrics.wasserstein_distance(x[:3], TARGET),
}
COUNTED = {
    'phase_lag_index': lambda x: metrics.phase_lag_index(x, PERIOD, band=BAND),
    'kolmogorov_smirnov_distance': lambda x: metrics.kolmogorov_smirnov_distance(x[:3], TARGET),
}
ALL = {**SMOOTH, **COUNTED}


@pytest.fixture(scope='module')
def x():
    return np.random.default_rng(0).normal(size=(2, 150, 3))


@pytest.mark.parametrize('name', ALL)
def test_compiled_and_batched_as_in_numpy(name, x):
    measure = ALL[name]
    batched = jax.jit(jax.vmap(measure))(jnp.asarray(x, jnp.float32))
    assert batched.dtype == jnp.float32
    for series, compiled in zip(x, batched, strict=True):
        plain = measure(series)
        assert isinstance(plain, np.ndarray | np.floating)
        assert plain.dtype == np.float64
        np.testing.assert_allclose(compiled, plain, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize('name', SMOOTH)
def test_gradient(name, x):
    """Along a direction, against central differences of the numbers of NumPy."""
    brainstate.environ.set(precision=64)
    measure, rng = SMOOTH[name], np.random.default_rng(1)
    weights, direction = rng.normal(size=np.shape(measure(x[0]))), rng.normal(size=x[0].shape)
    gradient = jax.jit(jax.grad(lambda series: (measure(series) * weights).sum()))(x[0])
    h = 1e-6
    expected = ((measure(x[0] + h * direction) - measure(x[0] - h * direction)) * weights).sum() / (2 * h)
    assert (gradient * direction).sum() == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert abs(expected) > 1e-4


def test_as_a_loss_of_quantities(x):
    """The step that brings a simulation nearer to a target goes downhill."""
    target = metrics.functional_connectivity(x[1])

    def loss(series):
        return 1 - metrics.matrix_correlation(metrics.functional_connectivity(series * u.mV), target)

    before, slope = jax.jit(jax.value_and_grad(loss))(jnp.asarray(x[0], jnp.float32))
    after = loss(x[0] - 0.1 * np.asarray(slope) / np.linalg.norm(slope))
    assert after < before - 1e-3


def test_units_under_jit(x):
    series = jnp.asarray(x[0], jnp.float32) * u.mV
    power = jax.jit(lambda s: metrics.band_power(s, PERIOD, BAND, **SHORT))(series)
    assert u.have_same_dim(power.unit, u.mV**2)
    z = jax.jit(lambda s: metrics.analytic_signal(s, PERIOD, band=BAND))(series)
    assert z.unit == u.mV
    spectrum = jax.jit(lambda s: metrics.power_spectrum(s, PERIOD, **SHORT))(series)
    assert spectrum.frequencies.unit == u.Hz
    assert u.have_same_dim(spectrum.density.unit, u.mV**2 / u.Hz)


OF_SERIES = {
    name: getattr(metrics, name)
    for name in (
        'functional_connectivity', 'analytic_signal', 'phase_locking_value', 'phase_lag_index', 'envelope_correlation',
        'kuramoto_order_parameter', 'synchrony', 'metastability',
    )
}  # fmt: skip
OF_SERIES['functional_connectivity_dynamics'] = lambda x: metrics.functional_connectivity_dynamics(
    x, PERIOD, window=0.2 * u.second, step=0.08 * u.second
)


@pytest.mark.parametrize('name', OF_SERIES)
def test_bad_series(name, x):
    measure = OF_SERIES[name]
    with pytest.raises(
        ShapeError, match=rf'{name}\(data\) has shape \(\.\.\., times, regions\), at least 2 times; got'
    ):
        measure(x[0, :1])
    with pytest.raises(ShapeError, match=r'got \(150,\)'):
        jax.jit(measure)(x[0, :, 0])
    with pytest.raises(ValueError, match=rf'{name}\(data\) must be finite; got 1 value\(s\) .* index \(5, 2\)'):
        measure(np.where(np.arange(450).reshape(150, 3) == 17, np.nan, x[0]))
    with pytest.raises(ValueError, match=rf'{name}\(data\).* varies in time; got a constant at region 1'):
        measure(x[0] * [1, 0, 1])
    with pytest.raises(ShapeError, match=rf'{name}\(data\) is an array of numbers'):
        measure(np.full((5, 3), 'a'))


@pytest.mark.parametrize('name', [name for name in OF_SERIES if name != 'functional_connectivity_dynamics'])
def test_records(name, x):
    """Channels of several types as one series, in their order."""
    channels = records.Channels(('E1', 'M1', 'E2'), ('eeg', 'mag', 'eeg'))
    recording = records.Recording(x[0] * [1e-6, 1e-13, 1e-6], channels, PERIOD)
    measure, atol = OF_SERIES[name], 1e-18 if name == 'analytic_signal' else 1e-12
    expected = measure(x[0] * [1e-6, 1e-13, 1e-6])
    np.testing.assert_allclose(measure(recording), expected, atol=atol)
    np.testing.assert_allclose(measure(recording.data), expected, atol=atol)
    sources = records.SourceSpace(
        np.zeros((3, 3)) * u.mm,
        np.tile([0, 0, 1.0], (3, 1)),
        np.ones(3) * u.mm**2,
        np.zeros(3),
        np.arange(3),
        [1, 2, 3],
    )
    estimate = measure(records.SourceEstimate(x[0] * u.nA * u.meter, sources, PERIOD))
    np.testing.assert_allclose(u.get_mantissa(estimate), measure(x[0]), atol=1e-12)
