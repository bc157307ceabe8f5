"""The list of models says what the classes declare."""

import pytest

import brainfwd as bf
from brainfwd import nodes

MODELS = bf.list_models()


def test_every_public_model_is_listed_once_and_in_order():
    public = sorted(name for name in nodes.__all__ if isinstance(getattr(nodes, name), type))
    assert [model.name for model in MODELS] == [name for name in public if name not in ('Group', 'NeuralMass')]


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model.name)
def test_each_says_what_its_class_declares(model):
    cls = getattr(bf, model.name)
    assert model.variables == tuple(cls.variables)
    assert model.inputs == tuple(cls.inputs)
    assert cls.__doc__.startswith(model.meaning)
    assert model.meaning.endswith(').')


def test_units_of_outputs():
    units = {model.name: model.output for model in MODELS}
    assert units['JansenRitModel'] == 'mV'
    assert units['MontbrioPazoRoxinModel'] == 'Hz'
    assert units['HopfOscillator'] == '1'


def test_models_of_users_are_not_listed():
    class Mine(bf.JansenRitModel):
        r"""Of one's own."""

    assert bf.list_models() == MODELS


def test_table():
    lines = repr(MODELS).splitlines()
    assert len(lines) == len(MODELS) + 1
    assert lines[0].split() == ['name', 'output', 'variables', 'inputs', 'meaning']
    assert lines[1].split()[:4] == ['EpileptorModel', '1', 'x1', 'y1']
    assert len({line.index(model.meaning) for line, model in zip(lines[1:], MODELS, strict=True)}) == 1
