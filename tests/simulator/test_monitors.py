"""Monitors by themselves."""

import brainunit as u

import brainfwd as bf


def mean_field(network):
    return network.read('output').mean(axis=-1)


def test_repr_says_what_is_read_from_where_and_when():
    assert repr(bf.Monitor('y0')) == "Monitor('y0')"
    averaged = bf.Monitor(mean_field, sampling_period=2.0 * u.ms, average=True)
    assert repr(averaged) == f'Monitor(mean_field, sampling_period={2.0 * u.ms}, average=True)'
    bold = bf.BOLDSignal(3, tr=2.0 * u.second)
    said = repr(bf.Monitor(bold, source='power'))
    assert said == f"Monitor({bold!r}, source='power', sampling_period={2.0 * u.second})"
