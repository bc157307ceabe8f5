r"""The delay equation :math:`\dot x(t) = -x(t - 1)`, x = 1 for t <= 0: a polynomial on every interval.

.. math:: x(t) = \sum_{k=0}^{\lfloor t \rfloor + 1} \frac{(-1)^k}{k!} (t - k + 1)^k
"""

import math

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf


def exact(t):
    return sum((-1) ** k * (t - k + 1) ** k / math.factorial(k) for k in range(math.floor(t) + 2))


def solved(linear, method, steps_per_second, duration=4, coupling=None, **options):
    coupling = coupling or bf.AdditiveCoupling([[1.0]], k=-1.0 * u.Hz, delays=1 * u.second)
    network = bf.Network(linear(1, method=method, init_x=1.0 * u.mV), coupling, **options)
    dt = 1 / steps_per_second * u.second
    result = bf.Simulator(network, dt=dt).run(duration * u.second, sampling_period=0.125 * u.second)
    return np.round(result.times.mantissa, 6), np.asarray(result['output'].mantissa)[:, 0]


def test_the_solution_itself():
    assert [exact(t) for t in (0, 1, 1.5, 2)] == [1, 0, -0.375, -0.5]


@pytest.mark.parametrize('steps', [8, 1000])
def test_heun(linear, steps):
    times, x = solved(linear, 'heun', steps)
    x = dict(zip(times, x, strict=True))
    # exact on the first two intervals, where the slope is constant and linear
    for t, expected in ((0.5, 0.5), (1.0, 0.0), (1.5, -0.375), (2.0, -0.5)):
        assert x[t] == pytest.approx(expected, abs=2e-6 if steps == 8 else 2e-5)
    if steps == 1000:
        np.testing.assert_allclose(list(x.values()), [exact(t) for t in times], atol=2e-5)


# RK4 reads history in the middle of a step, where it is linear between the steps
@pytest.mark.parametrize(('method', 'order'), [('euler', 1), ('heun', 2), ('rk4', 2), ('exponential_euler', 1)])
def test_order(linear, method, order):
    brainstate.environ.set(precision=64)
    errors = []
    for steps in (16, 32):
        times, x = solved(linear, method, steps)
        errors.append(abs(x - [exact(t) for t in times]).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize(('method', 'order'), [('heun', 1), ('rk4', 1)])
def test_coupling_held_over_a_step_is_first_order(linear, method, order):
    brainstate.environ.set(precision=64)
    errors = []
    for steps in (16, 32):
        times, x = solved(linear, method, steps, hold_coupling=True)
        errors.append(abs(x - [exact(t) for t in times]).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_a_delay_of_a_part_of_a_step_is_the_nearest_step(linear):
    near = bf.AdditiveCoupling([[1.0]], k=-1.0 * u.Hz, delays=1.02 * u.second)
    np.testing.assert_array_equal(solved(linear, 'heun', 16, coupling=near)[1], solved(linear, 'heun', 16)[1])
