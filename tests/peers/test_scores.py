"""Scores of maps, against those of scikit-learn and of CaliBrain."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics, records

pytestmark = pytest.mark.peers


@pytest.fixture(scope='module')
def some():
    """Places in mm, maps with ties and zeros, and which sources were active."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) * 50, rng.integers(-4, 5, size=(5, 60)) / 2, rng.uniform(size=60) < 0.2


def test_scikit_learn(some):
    theirs = pytest.importorskip('sklearn.metrics')
    _, maps, active = some
    for each, threshold in ((each, threshold) for each in maps for threshold in (0.2, 0.5, 1.0)):
        ours = metrics.precision_recall(each, active, threshold=threshold)
        selected = abs(each) >= threshold * abs(each).max()
        precision, recall, f1, _ = theirs.precision_recall_fscore_support(
            active, selected, average='binary', zero_division=np.nan
        )
        assert list(ours) == pytest.approx([precision, recall, f1])
        assert metrics.auc(each, active) == pytest.approx(theirs.roc_auc_score(active, abs(each)))


@pytest.mark.parametrize('mode', ['pointwise', 'aggregated'])
def test_calibrain_earth_movers_distance(some, mode):
    """Its masses are norms, or means, over time; places in mm as they are."""
    evaluation = pytest.importorskip('calibrain.metric_evaluation')
    pytest.importorskip('ot')
    from calibrain.uncertainty_estimation import UncertaintyEstimator

    places, maps, active = some
    n = len(places)
    truth, estimate = np.where(active, 1.0, 0.0) * [[1], [2], [2], [-1], [1]], maps
    sources = records.SourceSpace(
        places * u.mm, np.tile([0, 0, 1.0], (n, 1)), np.ones(n) * u.mm**2, np.zeros(n), np.arange(n), np.zeros(n)
    )
    score = evaluation.MetricEvaluator(UncertaintyEstimator())
    theirs = score.emd(x_true=truth.T, x_hat=estimate.T, coords=places, setting='fixed', mode=mode)
    mass = (lambda x: np.linalg.norm(x, axis=0)) if mode == 'pointwise' else (lambda x: x.mean(axis=0))
    assert metrics.earth_movers_distance(mass(estimate), sources, mass(truth)).mantissa == pytest.approx(theirs)
    assert theirs > 1
