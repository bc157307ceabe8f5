"""Connectomes to and from The Virtual Brain."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, io
from brainfwd.records import Connectome

connectivity = pytest.importorskip('tvb.datatypes.connectivity')
pytestmark = pytest.mark.peers


@pytest.mark.parametrize('whole', [True, False])
def test_it_reads_what_is_written(tmp_path, whole):
    brain = datasets.load_connectome() if whole else datasets.load_connectome().cortical()
    theirs = connectivity.Connectivity.from_file(str(io.save_connectome(brain, tmp_path / 'brain.zip')))
    theirs.configure()
    np.testing.assert_array_equal(theirs.weights, brain.weights)
    np.testing.assert_array_equal(theirs.tract_lengths, brain.tract_lengths.to_decimal(u.mm))
    np.testing.assert_array_equal(theirs.centres, brain.centres.to_decimal(u.mm))
    np.testing.assert_array_equal(theirs.cortical, brain.is_cortical)
    assert tuple(theirs.region_labels) == brain.labels
    assert theirs.number_of_regions == brain.n_regions
    # delays in ms, from a speed in mm/ms
    theirs.speed = np.array([6.0])
    theirs.configure()
    np.testing.assert_allclose(theirs.delays, brain.delays(6 * u.meter / u.second).to_decimal(u.ms), rtol=1e-12)


def test_rows_are_targets_there_too(tmp_path):
    # the second region drives the first: what is summed up there is 3 x 20 per ms
    simulator, models = (pytest.importorskip(f'tvb.simulator.{name}') for name in ('simulator', 'models'))
    weights = np.array([[0.0, 3.0], [0.0, 0.0]])
    brain = Connectome(weights, np.zeros((2, 2)) * u.mm, ('A', 'B'), [1, 2], np.zeros((2, 3)) * u.mm)
    run = simulator.Simulator(
        model=models.Linear(gamma=np.array([0.0])),
        connectivity=connectivity.Connectivity.from_file(str(io.save_connectome(brain, tmp_path / 'brain.zip'))),
        coupling=simulator.coupling.Linear(a=np.array([1.0]), b=np.array([0.0])),
        integrator=simulator.integrators.EulerDeterministic(dt=0.1),
        monitors=(simulator.monitors.Raw(),),
        initial_conditions=np.array([10.0, 20.0])[None, None, :, None],
        simulation_length=1.0,
    )
    ((_, states),) = run.configure().run()
    np.testing.assert_allclose(states[-1, 0, :, 0], [10.0 + 3 * 20.0, 20.0])
    np.testing.assert_allclose(brain.weights @ [10.0, 20.0], [3 * 20.0, 0.0])
