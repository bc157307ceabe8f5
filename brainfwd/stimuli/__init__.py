"""Stimuli: what is given to a network, in time and over regions."""

from brainfwd.stimuli.base import Amplitude, Stimulus, TimeCourse
from brainfwd.stimuli.data import Data
from brainfwd.stimuli.noise import Noise
from brainfwd.stimuli.pulse import Pulse
from brainfwd.stimuli.pulse_train import PulseTrain
from brainfwd.stimuli.ramp import Ramp
from brainfwd.stimuli.sine import Sine
from brainfwd.stimuli.step import Step

__all__ = ['Amplitude', 'Data', 'Noise', 'Pulse', 'PulseTrain', 'Ramp', 'Sine', 'Step', 'Stimulus', 'TimeCourse']
