"""Every solver is a function of gain and covariances: to be compiled, batched and differentiated."""

import operator
import warnings

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

from brainfwd import records
from brainfwd.inverse import GammaMAP

STEP = 1e-6
# of one component the same as others: as SLORETA, as LCMV, and as LCMV of a real part; or steps of the same kind
REPEATED = {
    'SLORETA block fixed',
    'LCMV unit-noise-gain fixed',
    'LCMV unit-noise-gain free',
    'DICS fixed',
    'DICS free',
    'GammaMAP loose',
    *(f'GammaMAP level {orientation}' for orientation in GammaMAP.orientations),
    'BayesianMinimumNorm loose',
    'BayesianMinimumNorm free',
}


def _noises(noise_cov):
    """Of full rank; of equal eigenvalues; of EEG against its average; of fewer samples than sensors."""
    matrix, channels = noise_cov.matrix_si, noise_cov.channels
    mean = {kind: np.diagonal(matrix)[channels.indices(kind)].mean() for kind in channels.kinds}
    eeg = np.array(channels.types) == 'eeg'
    # of MEG and of EEG apart, so that no path takes directions from one to the other
    kept = np.repeat([~eeg, eeg], (7, 6), axis=0).T
    samples = np.linalg.cholesky(matrix) @ np.random.default_rng(5).normal(size=kept.shape) * kept
    return [
        noise_cov,
        records.NoiseCovariance(np.diag([mean[kind] for kind in channels.types]), channels),
        noise_cov.referenced('average') if eeg.any() else records.NoiseCovariance(2 * matrix, channels),
        records.NoiseCovariance(samples @ samples.T / 7, channels),
    ]


class _Path:
    """What a solver is fitted to, each a function of a number, along which no rank changes."""

    def __init__(self, lead_field, covariances, seed):
        rng, channels = np.random.default_rng(seed), lead_field.channels
        self.start = {'lead_field': lead_field, **covariances}
        self.growth = 0.3 * rng.normal(size=lead_field.gain_si.shape)
        std = np.sqrt(np.diagonal(covariances['noise_cov'].matrix_si))
        eeg = np.array(channels.types) == 'eeg'
        within = np.divide.outer(std, std) * np.equal.outer(eeg, eeg)
        self.mixing = {name: 0.3 * rng.normal(size=within.shape) * within for name in covariances}

    def at(self, name, t):
        given = self.start[name]
        if name == 'lead_field':
            return records.LeadField(given.gain_si * (1 + t * self.growth), given.channels, given.sources).gain
        mixing = np.eye(len(given.channels)) + t * self.mixing[name]
        return type(given)(mixing @ given.matrix_si @ mixing.T, given.channels).matrix

    def slope(self, name):
        """By which what is held changes, in the order of a pytree."""
        ends = (jax.tree.leaves(self.at(name, t)) for t in (-STEP, STEP))
        return [(ahead - behind) / (2 * STEP) for behind, ahead in zip(*ends, strict=True)]


def _score(kernel, y):
    """A number that all of the kernel goes into."""
    answer = sum(u.get_mantissa(kernel[kind]) @ y[kind].mantissa for kind in y)
    return (answer.real * np.random.default_rng(7).normal(size=answer.shape)).sum()


def _relative(a, b):
    return max(
        np.linalg.norm(np.asarray(x) - y) / np.linalg.norm(y)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def _rounded(x):
    return x.astype('c8' if np.iscomplexobj(x) else 'f4')


@pytest.mark.parametrize(
    ('kinds', 'orientation'),
    [('meg', 'fixed'), ('meg', 'loose'), ('meg', 'free'), ('meg', 'vector'), ('both', 'fixed')],
)
def test_kernels_of_a_batch_and_their_gradients(kinds, orientation, cases, make, problem, data, data_cov):
    """In float32 as NumPy computes them in float64: compiled, for several noises at once.

    Solvers are compiled together, for they share code, and compiling is what the test takes its time for: all of them
    where sensors are whitened together, one where some are apart.
    """
    lead_field, noise_cov = problem(kinds, orientation, n=5)
    y = records.values(data(lead_field, ()), lead_field.channels)
    # of loose orientation the normals are needed, and only a LeadField has them
    held = {'lead_field': lead_field} if orientation == 'loose' else {}
    names = [name for name in cases if name.endswith(orientation) and name not in REPEATED]
    names = names if kinds == 'meg' else names[:1]
    paths = {
        name: [
            _Path(lead_field, {'noise_cov': n, **data_cov(make(name), n)}, i) for i, n in enumerate(_noises(noise_cov))
        ]
        for name in names
    }

    def arguments(path):
        return {name: path.at(name, 0.0) for name in path.start if name not in held}

    def differentiated(batch):
        def score(name, given):
            kernel = make(name).kernel_for(**held, **given)
            return _score(kernel, y), kernel

        return {
            name: jax.grad(lambda given, name=name: score(name, given), has_aux=True)(batch[name]) for name in names
        }

    batch = {name: jax.tree.map(lambda *x: _rounded(np.stack(x)), *map(arguments, paths[name])) for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        compiled = jax.jit(jax.vmap(differentiated)).lower(batch).compile({'xla_backend_optimization_level': 0})
        results = jax.tree.map(np.asarray, compiled(batch))
    for name in names:
        solver = make(name)
        for i, path in enumerate(paths[name]):
            gradients, kernel = jax.tree.map(operator.itemgetter(i), results[name])
            given = arguments(path)
            assert {leaf.dtype for leaf in jax.tree.leaves(kernel)} <= {np.dtype('f4'), np.dtype('c8')}
            rounded = jax.tree.map(_rounded, given)
            assert _relative(kernel, solver.kernel_for(**held, **rounded)) < 1e-6, (name, i)
            for what, gradient in gradients.items():
                scores = [
                    _score(solver.kernel_for(**held, **given | {what: path.at(what, t)}), y) for t in (-STEP, STEP)
                ]
                terms = [(g * d).real for g, d in zip(jax.tree.leaves(gradient), path.slope(what), strict=True)]
                error = sum(term.sum() for term in terms) - (scores[1] - scores[0]) / (2 * STEP)
                assert abs(error) < 1e-5 * sum(abs(term).sum() for term in terms), (name, i, what)


@pytest.mark.parametrize(
    ('name', 'settings'), [('MinimumNorm loose', ('snr', 'depth', 'loose')), ('LCMV nai free', ('reg',))]
)
def test_gradient_with_respect_to_settings(name, settings, make, problem, data, data_cov):
    lead_field, noise_cov = problem('both', n=5)
    y = records.values(data(lead_field, ()), lead_field.channels)
    solver = make(name)
    extra = data_cov(solver, noise_cov)

    def score():
        return _score(solver.kernel_for(lead_field, noise_cov, **extra), y)

    gradient = brainstate.transform.jit(
        brainstate.transform.grad(score, {each: vars(solver)[each] for each in settings})
    )()
    for each in settings:
        value, ends = float(getattr(solver, each)), []
        for t in (-STEP, STEP):
            setattr(solver, each, value + t)
            ends.append(score())
        setattr(solver, each, value)
        assert gradient[each] == pytest.approx((ends[1] - ends[0]) / (2 * STEP), rel=1e-5)
