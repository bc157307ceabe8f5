"""Schemes against problems whose solutions are known."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf
from brainfwd.integrate import SCHEMES

ORDERS = {'euler': 1, 'heun': 2, 'rk4': 4, 'exponential_euler': 1}


@pytest.fixture(autouse=True)
def _float64():
    brainstate.environ.set(precision=64)


def integrate(name, f, state, duration, steps):
    """``f(state, time)``; the state after ``steps`` steps."""

    def step(i, now):
        dt = duration / steps
        return SCHEMES[name](lambda stage, fraction: f(stage, (i + fraction) * dt), now, dt)

    return jax.jit(lambda state: jax.lax.fori_loop(0, steps, step, state))(state)


def order_of(name, f, state, duration, exact, steps):
    errors = []
    for n in (steps, 2 * steps):
        end = integrate(name, f, state, duration, n)
        errors.append(max(float(abs(u.get_mantissa(end[x]) - exact[x])) for x in state))
    return np.log2(errors[0] / errors[1])


def test_every_scheme_is_listed():
    assert {name: scheme.name for name, scheme in SCHEMES.items()} == {name: name for name in ORDERS}


@pytest.mark.parametrize('name', ORDERS)
def test_order_for_a_rotation_that_grows(name):
    # z' = (0.3 + 2 i) z
    def f(state, t):
        x, y = state['x'], state['y']
        return {'x': (0.3 * x - 2 * y) / u.second, 'y': (0.3 * y + 2 * x) / u.second}

    z = np.exp(0.3 + 2j)
    order = order_of(name, f, {'x': jnp.ones(()), 'y': jnp.zeros(())}, 1.0 * u.second, {'x': z.real, 'y': z.imag}, 20)
    assert order == pytest.approx(ORDERS[name], abs=0.15)


@pytest.mark.parametrize('name', ORDERS)
def test_order_for_an_equation_that_depends_on_time(name):
    # x' = -x + 2 exp(t), x(0) = 1: x = exp(t)
    def f(state, t):
        return {'x': (-state['x'] + 2 * jnp.exp(t / u.second)) / u.second}

    order = order_of(name, f, {'x': jnp.ones(())}, 1.0 * u.second, {'x': np.e}, 20)
    assert order == pytest.approx(ORDERS[name], abs=0.15)


def test_exponential_euler_is_second_order_for_a_variable_on_its_own():
    # there it is the exponential Rosenbrock scheme; x' = x (1 - x), x(0) = 0.2
    def f(state, t):
        return {'x': state['x'] * (1 - state['x']) / u.second}

    exact = 0.2 * np.exp(2) / (1 + 0.2 * (np.exp(2) - 1))
    order = order_of('exponential_euler', f, {'x': jnp.asarray(0.2)}, 2.0 * u.second, {'x': exact}, 40)
    assert order == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize('rate', [0.0, 1e-9, 0.4, 30.0])
def test_exponential_euler_is_exact_for_relaxation(rate):
    # x' = drive - rate x, at steps far longer than the time constant too
    def f(state, t):
        return {'x': 2.0 * u.mV / u.second - rate * u.Hz * state['x']}

    end = integrate('exponential_euler', f, {'x': 5.0 * u.mV}, 2.0 * u.second, 2)['x']
    decay = np.exp(-2 * rate)
    exact = 5 * decay + 2 * (2.0 if rate == 0 else -np.expm1(-2 * rate) / rate)
    assert end.unit == u.mV
    assert float(end.mantissa) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize('name', ORDERS)
def test_units_are_kept_and_changes_of_other_units_refused(name):
    state = {'x': 1.0 * u.mV}
    end = SCHEMES[name](lambda stage, _: {'x': stage['x'] / (1.0 * u.second)}, state, 10.0 * u.ms)
    assert end['x'].unit == u.mV
    assert float(end['x'].mantissa) == pytest.approx(1.01, abs=1e-4)
    with pytest.raises(bf.UnitError, match=r'dt \* dx/dt is the change of x, in mV; got'):
        SCHEMES[name](lambda stage, _: {'x': stage['x']}, state, 10.0 * u.ms)


@pytest.mark.parametrize('name', ['euler', 'heun'])
def test_additive_noise_is_added_once(name):
    # without a drift the step is the increment itself
    state = {'x': jnp.zeros(3), 'y': jnp.zeros(3)}
    increment = jnp.array([0.1, -2.0, 3.0])
    end = SCHEMES[name](
        lambda stage, _: {'x': 0.0 / u.second, 'y': 0.0 / u.second}, state, 1.0 * u.ms, {'x': increment}
    )
    np.testing.assert_array_equal(end['x'], increment)
    np.testing.assert_array_equal(end['y'], 0.0)


def test_stochastic_heun_is_its_formula():
    # Rumelin (1982): predictor x + f dt + dW, corrector with the mean of both slopes
    def f(stage, _):
        return {'x': -(stage['x'] ** 3) / u.second}

    x, dt, dw = 0.7, 0.1, 0.3
    predicted = x - dt * x**3 + dw
    expected = x - dt * (x**3 + predicted**3) / 2 + dw
    end = SCHEMES['heun'](f, {'x': jnp.asarray(x)}, dt * u.second, {'x': jnp.asarray(dw)})
    assert float(end['x']) == pytest.approx(expected, rel=1e-12)


def test_white_noise_is_for_schemes_that_carry_it():
    assert {name for name, scheme in SCHEMES.items() if scheme.stochastic} == {'euler', 'heun'}
