"""One network of Hopf oscillators as each package runs it; `simulation.py` times them.

A variant takes a `Problem` and returns a function that runs it for so many steps and gives x at the end, (regions,) or
(batch, regions).
"""

import contextlib
import functools
import io
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

A, K, HERTZ, DT, SPEED = 0.1, 0.2, 10.0, 0.1, 6.0  # dimensionless, dimensionless, Hz, ms, mm/ms
OMEGA = 2 * np.pi * HERTZ / 1000
SAMPLE = 100
"""Steps between samples, where a package can leave out those between."""


class Problem(NamedTuple):
    """What is simulated: plain arrays, [target, source]."""

    weights: np.ndarray
    lengths: np.ndarray
    """Tract lengths in mm."""
    start: np.ndarray
    """x at the beginning and before; y is 0."""
    delayed: bool
    scheme: str = 'euler'
    batch: int | None = None

    @property
    def steps(self) -> np.ndarray:
        """Delays in steps."""
        return np.rint(self.lengths / SPEED / DT).astype(np.int32) if self.delayed else np.zeros_like(self.lengths, int)

    @property
    def laplacian(self) -> np.ndarray:
        """Its product with x is the sum of the differences."""
        return self.weights - np.diag(self.weights.sum(axis=1))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of x."""
        return self.start.shape if self.batch is None else (self.batch, *self.start.shape)


class Unsupported(Exception):
    """What a package does not do; said in the table."""


Run = Callable[[int], np.ndarray]


def brainfwd(problem: Problem) -> Run:
    """`Simulator.run`."""
    import brainunit as u

    import brainfwd as bf

    tracts = {'tract_lengths': problem.lengths * u.mm, 'conduction_speed': SPEED * u.mm / u.ms}
    node = bf.HopfOscillator(
        len(problem.start), a=A, frequency=HERTZ * u.Hz, init_x=problem.start, method=problem.scheme
    )
    network = bf.Network(node, bf.DiffusiveCoupling(problem.weights, k=K, **(tracts if problem.delayed else {})))
    simulator = bf.Simulator(network, dt=DT * u.ms)
    batch = {} if problem.batch is None else {'batch_size': problem.batch}

    def run(steps: int) -> np.ndarray:
        return simulator.run(steps * DT * u.ms, sampling_period=SAMPLE * DT * u.ms, **batch)['output'][..., -1, :]

    return run


def by_hand(problem: Problem) -> Run:
    """One `jax.lax.scan` over arrays without units.

    Without delays a matrix product. With delays, R^2 values gathered from a ring at every step; the ring is held twice,
    so that no index wraps. The fastest of some twenty ways to write this down; with weights and delays as arguments,
    new ones would not compile again, and a step would take up to a third longer.
    """
    import jax
    import jax.numpy as jnp

    steps_back = np.maximum(problem.steps.T, 1)  # a region is not connected with itself
    delays, length = jnp.asarray(steps_back), steps_back.max() + 1
    weights = jnp.asarray(problem.weights, jnp.float32)
    strength = weights.sum(axis=1)

    def slope(x, y, total):
        growth = A - x * x - y * y
        return growth * x - OMEGA * y + K * (total - strength * x), growth * y + OMEGA * x

    def advance(x, y, now, then):
        dx, dy = slope(x, y, now(x))
        next_x, next_y = x + DT * dx, y + DT * dy
        if problem.scheme == 'euler':
            return next_x, next_y
        ex, ey = slope(next_x, next_y, then(next_x))
        return x + DT / 2 * (dx + ex), y + DT / 2 * (dy + ey)

    def at_once(carry, _):
        x, y = advance(*carry, *[lambda x: weights @ x] * 2)
        return (x, y), x

    def delayed(carry, step):
        x, y, ring, *now = carry
        newest = step % length + length
        ring = ring.at[:, newest - length].set(x).at[:, newest].set(x)

        def total(later):
            past = jnp.take_along_axis(ring, newest + later - delays, axis=1, mode='promise_in_bounds')
            # less x first: XLA then gathers before it sums, faster by four alone, slower by nine in a batch
            if problem.batch is None:
                return (weights.T * (past - x)).sum(axis=0) + strength * x
            return (weights.T * past).sum(axis=0)

        if problem.scheme == 'euler':
            x, y = advance(x, y, lambda _: total(0), None)
            return (x, y, ring), x
        then = total(1)  # known already, as no connected pair is without delay
        x, y = advance(x, y, lambda _: now[0], lambda _: then)
        return (x, y, ring, then), x

    def sample(carry, block):
        carry, x = jax.lax.scan(delayed if problem.delayed else at_once, carry, block)
        return carry, x[-1]

    def simulate(start, steps):
        carry = start, jnp.zeros_like(start)
        if problem.delayed:
            carry += (jnp.tile(start[:, None], 2 * length),)
            carry += (weights @ start,) if problem.scheme == 'heun' else ()
        return jax.lax.scan(sample, carry, jnp.arange(steps).reshape(-1, SAMPLE))[1]

    compiled = jax.jit(simulate if problem.batch is None else jax.vmap(simulate, (0, None), 1), static_argnums=1)
    start = jnp.asarray(np.broadcast_to(problem.start, problem.shape), jnp.float32)
    return lambda steps: np.asarray(compiled(start, steps))[-1]


def brainmass(problem: Problem) -> Run:
    """Its network in its own loop, compiled once: its Simulator compiles at every run, and has no batch of networks."""
    import brainstate
    import brainunit as u
    import jax
    import jax.numpy as jnp

    brainmass = import_module('brainmass')
    brainstate.environ.set(dt=DT * u.ms)
    begin = jnp.asarray(problem.start, jnp.float32)

    def started(shape: Any, *_: Any, **__: Any) -> jax.Array:
        return jnp.broadcast_to(begin, shape)

    node = brainmass.HopfStep(len(problem.start), a=A, w=OMEGA, method=problem.scheme, init_x=started)
    tracts = {'distance': problem.steps * DT, 'speed': 1.0} if problem.delayed else {}
    network = brainmass.Network(node, conn=problem.weights, coupled_var='x', k=K, delay_init=started, **tracts)

    def step(i):
        with brainstate.environ.context(i=i, t=i * DT * u.ms):
            network.update()

    def sample(block):
        brainstate.transform.for_loop(step, block)
        return node.x.value

    def simulate(start, steps):
        nonlocal begin
        begin = start
        brainstate.nn.init_all_states(network)
        return brainstate.transform.for_loop(sample, jnp.arange(steps).reshape(-1, SAMPLE))

    compiled = jax.jit(simulate if problem.batch is None else jax.vmap(simulate, (0, None), 1), static_argnums=1)
    start = jnp.broadcast_to(begin, problem.shape)
    return lambda steps: np.asarray(compiled(start, steps))[-1]


def tvboptim(problem: Problem, laplacian: bool = False) -> Run:
    """`prepare` under `jax.jit`, and the coupling that is named for it, with the fastest of its three histories.

    That coupling makes R^2 differences at every step. With ``laplacian``, the same sum as a linear coupling.
    """
    import jax
    import jax.numpy as jnp

    package = 'tvboptim.experimental.network_dynamics'
    core, couplings, dynamics, graph, solvers = (
        import_module(package + part) for part in ('', '.coupling', '.dynamics.tvb', '.graph', '.solvers')
    )
    kind = ('Delayed' if problem.delayed else '') + ('Linear' if laplacian else 'Difference') + 'Coupling'
    coupling = getattr(couplings, kind)(
        incoming_states='x',
        G=K,
        **({} if laplacian else {'local_states': 'x'}),
        **({'buffer_strategy': 'preallocated'} if problem.delayed else {}),
    )
    weights = jnp.asarray(problem.laplacian if laplacian else problem.weights, jnp.float32)
    if problem.delayed:
        wires = graph.DenseDelayGraph(weights, jnp.asarray(problem.steps * DT, jnp.float32))
    else:
        wires = graph.DenseGraph(weights)
    # its Hopf takes delayed coupling into x and y; what is called instant is into x alone, and may be delayed too
    node = dynamics.SupHopf(a=A, omega=OMEGA, VARIABLES_OF_INTEREST=('x',))
    network = core.Network(node, {'instant': coupling}, wires)
    solver = {'euler': solvers.Euler, 'heun': solvers.Heun}[problem.scheme]()
    start = jnp.asarray(np.stack([problem.start, np.zeros_like(problem.start)]), jnp.float32)

    @functools.cache
    def prepared(steps: int) -> Callable:
        solve, config = core.prepare(network, solver, t0=0.0, t1=(steps - 0.5) * DT, dt=DT)
        if problem.delayed:
            past = config.initial_state.coupling.instant
            past.history = past.history.at[: problem.steps.max() + 2].set(start[:1])

        def simulate(start):  # with the configuration as an argument, differences take twice as long
            run = config.copy()
            run.initial_state.dynamics = start
            return solve(run).ys[SAMPLE - 1 :: SAMPLE, 0]

        return jax.jit(simulate if problem.batch is None else jax.vmap(simulate, 0, 1))

    begin = jnp.broadcast_to(start, (*problem.shape[:-1], *start.shape))
    return lambda steps: np.asarray(prepared(steps)(begin))[-1]


def vbjax(problem: Problem) -> Run:
    """Its loops over a derivative that its user writes, with its product for the differences and its delays."""
    import jax
    import jax.numpy as jnp

    vb = import_module('vbjax')
    n, weights = len(problem.start), jnp.asarray(problem.weights, jnp.float32)
    start = jnp.asarray(np.stack([problem.start, np.zeros(n)]), jnp.float32)

    def slope(state, coupled):
        x, y = state
        growth = A - x * x - y * y
        return jnp.array([growth * x - OMEGA * y + coupled, growth * y + OMEGA * x])

    if problem.delayed:
        if problem.scheme != 'heun':
            raise Unsupported('with delays its loop is Heun')
        # in the middle of a step, as it rounds down; its weights are [source, target]
        delays = vb.make_delay_helper(weights.T, jnp.asarray((problem.steps + 0.5) * DT * SPEED), DT, SPEED)
        longest, strength = int(delays.max_lag), weights.sum(axis=1)

        def coupled(past, state, time, _):
            return slope(state, K * (vb.delay_apply(delays, time, past)[0] - strength * state[0]))

        go_on = vb.make_continuation(
            vb.make_dde(DT, longest, coupled)[1], SAMPLE, longest, n, n_svar=2, stochastic=False
        )

        def run(steps: int) -> np.ndarray:
            past, samples = jnp.tile(start, (longest + 1 + SAMPLE, 1, 1)), []
            for _ in range(steps // SAMPLE):
                past, states = go_on(past, None, None)
                samples.append(states[-1, 0])
            return np.asarray(jnp.stack(samples))[-1]

        return run

    differences = vb.make_diff_cfun(weights, K)
    loop = vb.make_ode(DT, lambda state, _: slope(state, differences(state[0])), method=problem.scheme)[1]

    def simulate(start, steps):
        return loop(start, jnp.arange(steps), None)[SAMPLE - 1 :: SAMPLE, 0]

    compiled = jax.jit(simulate if problem.batch is None else jax.vmap(simulate, (0, None), 1), static_argnums=1)
    start = jnp.broadcast_to(start, (*problem.shape[:-1], *start.shape))
    return lambda steps: np.asarray(compiled(start, steps))[-1]


def neurolib(problem: Problem) -> Run:
    """`Model.run`: numba, in double precision, one core; the same code with delays of zero."""
    if problem.batch is not None:
        raise Unsupported('single runs only')
    if problem.scheme != 'euler':
        raise Unsupported('Euler only')
    hopf = import_module('neurolib.models.hopf')
    model = hopf.HopfModel(Cmat=problem.weights, Dmat=problem.lengths, seed=0)
    model.params.update(
        dt=DT,
        sampling_dt=SAMPLE * DT,
        coupling='diffusive',
        signalV=SPEED if problem.delayed else 0.0,
        K_gl=K,
        a=A,
        w=OMEGA,
        xs_init=problem.start[:, None],
        ys_init=np.zeros((len(problem.start), 1)),
    )

    def run(steps: int) -> np.ndarray:
        model.params['duration'] = steps * DT
        model.run()
        return model.state['x'][:, -1]

    return run


class Variant(NamedTuple):
    """A row of the table."""

    module: str
    """To import before anything is timed."""
    make: Callable[[Problem], Run]
    bits: int = 32


VARIANTS = {
    'brainfwd': Variant('brainfwd', brainfwd),
    'by hand': Variant('jax', by_hand),
    'brainmass': Variant('brainmass', brainmass),
    'tvboptim': Variant('tvboptim.experimental.network_dynamics', tvboptim),
    'tvboptim, linear': Variant('tvboptim.experimental.network_dynamics', functools.partial(tvboptim, laplacian=True)),
    'vbjax': Variant('vbjax', vbjax),
    'neurolib': Variant('neurolib.models.hopf', neurolib, bits=64),
}


def serve(name: str, pipe: Connection) -> None:
    """Build and run a variant on request, in a process of its own, until the pipe is closed.

    Says on which device first. Then a `Problem` is built, and a number of steps is run; the answer is the seconds it
    took, and x at the end or what is unsupported.
    """
    run: Run | None = None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(EOFError):
        warnings.simplefilter('ignore')
        import_module(VARIANTS[name].module)
        device = 'cpu'
        if 'jax' in sys.modules:
            import jax

            jax.jit(lambda x: x + 1)(1.0)  # the first compilation of a process takes longer
            device = jax.devices()[0].device_kind
        pipe.send(device)
        while True:
            request: Any = pipe.recv()
            begin, answer = time.perf_counter(), None
            try:
                if isinstance(request, Problem):
                    run = VARIANTS[name].make(request)
                else:
                    assert run is not None
                    answer = run(request)
            except Unsupported as error:
                answer = error
            except Exception as error:
                # whatever a package raises is a cell of the table, and the others go on
                answer = Unsupported(f'fails: {type(error).__name__}: {str(error).splitlines()[0]}')
            pipe.send((time.perf_counter() - begin, answer))
