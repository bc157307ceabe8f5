"""What tests of figures share: small recordings, the cortex, and what a figure says."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets
from brainfwd.records import Recording


@pytest.fixture(scope='session')
def eeg_channels():
    return datasets.load_lead_field('eeg').channels


@pytest.fixture(scope='session')
def meg_channels():
    return datasets.load_lead_field('meg').channels


@pytest.fixture(scope='session')
def sources():
    return datasets.load_lead_field('eeg').sources


@pytest.fixture(scope='session')
def cortex():
    return datasets.load_cortex()


def noise(channels, std, n_times=2000):
    """White noise of a standard deviation in SI per type of channel, at 500 Hz."""
    numbers = np.random.default_rng(0).standard_normal((n_times, len(channels)))
    return Recording(numbers * [std[kind] for kind in channels.types], channels, 2.0 * u.ms)


@pytest.fixture(scope='session')
def eeg(eeg_channels):
    return noise(eeg_channels, {'eeg': 10e-6})


@pytest.fixture(scope='session')
def meg(meg_channels):
    return noise(meg_channels, {'mag': 300e-15, 'grad': 50e-13})


@pytest.fixture
def fits():
    """Draws a figure; whether everything that is drawn lies inside."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def check(figure):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        box, (width, height) = figure.get_tightbbox(canvas.get_renderer()), figure.get_size_inches()
        edge = 0.01
        return box.x0 > -edge and box.y0 > -edge and box.x1 < width + edge and box.y1 < height + edge

    return check


@pytest.fixture
def texts():
    """Everything that is written in a figure."""
    from matplotlib.text import Text

    return lambda figure: [text.get_text() for text in figure.findobj(Text) if text.get_text()]
