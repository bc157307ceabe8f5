"""From MNE-Python's objects to records, and back."""

import inspect
from collections.abc import Callable
from typing import Any

from brainfwd.io import mne_channels, mne_covariances, mne_forwards, mne_recordings, mne_sources
from brainfwd.io.mne_channels import need_mne, quiet
from brainfwd.records import Channels, LeadField, NoiseCovariance, Recording, SourceEstimate, SourceSpace

__all__ = ['from_mne', 'to_mne']

_TO: dict[type, Callable[..., Any]] = {
    Channels: mne_channels.info_of,
    LeadField: mne_forwards.forward,
    NoiseCovariance: mne_covariances.covariance,
    Recording: mne_recordings.recorded,
    SourceSpace: mne_sources.source_spaces,
    SourceEstimate: mne_sources.estimate,
}


def from_mne(given: Any, **options: Any) -> Any:
    r"""The record of an object of MNE-Python, in SI units, in the head frame.

    Channels are found by name. Those marked bad, and all but EEG, magnetometers and gradiometers, are left out.

    ======================== ======================= ========================================================
    object                   record                  options
    ======================== ======================= ========================================================
    ``Info``                 `Channels`
    ``Raw``, ``Evoked``      `Recording`             ``apply_proj``
    ``Covariance``           `NoiseCovariance`       ``info`` (needed), ``apply_proj``, ``rank``
    ``Forward``              `LeadField`             ``info``, ``labels``, ``areas``, ``sources``
    ``SourceSpaces``         `SourceSpace`           ``trans``, ``labels``, ``areas``
    ``SourceEstimate``,      `SourceEstimate`        ``sources``, ``unit`` (both needed), ``method``
    ``VolSourceEstimate``
    ======================== ======================= ========================================================

    Parameters
    ----------
    given : object of MNE-Python
        What to convert.
    apply_proj : bool
        Apply the projectors of the Info (and of the covariance), among them the average reference of EEG if it is one;
        True by default. A lead field needs none: the whitener of a projected covariance takes the same directions off
        it.
    info : mne.Info
        Of the data: which channels are good, and their projectors. The good ones of it are what is returned.
    rank : None, 'info' or dict
        As in ``mne.compute_rank``; None counts the eigenvalues. After the average reference.
    labels : sequence of mne.Label, or dict of region id to mne.Label
        The region of each source; ids are 0, 1, ... for a sequence, and -1 for sources in no label. All -1 when left
        out. Of surfaces alone.
    areas : Quantity
        (sources,) mm2. When left out, those of the patches of cortex that MNE keeps for each source, and 0 in a
        volume, whose sources stand for no area.
    sources : SourceSpace
        The sources as a record, with regions and areas: what `to_mne` was given.
    trans : mne.Transform
        Between MRI and head, for source spaces in MRI coordinates.
    unit : Unit
        Of the estimate: ``u.amp * u.meter`` or ``u.UNITLESS``. Moments are given in nA m.
    method : str
        The solver it comes from.

    Returns
    -------
    Channels, Recording, NoiseCovariance, LeadField, SourceSpace or SourceEstimate

    Raises
    ------
    TypeError, ValueError, UnitError
        Another object; an option of another one; channels or vertices that are missing, by name; no channel left.
    """
    mne = need_mne()
    # vectors and mixtures too, so that their reader can say what to make of them
    estimates = (mne.SourceEstimate, mne.VectorSourceEstimate, mne.VolSourceEstimate, mne.VolVectorSourceEstimate)
    readers = (
        (mne.Info, mne_channels.channels_of),
        (mne.io.BaseRaw, mne_recordings.raw_recording),
        (mne.Evoked, mne_recordings.evoked_recording),
        (mne.Covariance, mne_covariances.noise_covariance),
        (mne.Forward, mne_forwards.lead_field),
        (mne.SourceSpaces, mne_sources.sources_of),
        ((*estimates, mne.MixedSourceEstimate), mne_sources.source_estimate),
    )
    for kind, reader in readers:
        if isinstance(given, kind):
            return _call(reader, 'from_mne', given, options)
    hint = ': write from_mne(epochs.average()), or one of each epoch' if isinstance(given, mne.BaseEpochs) else ''
    raise TypeError(
        f'from_mne takes Info, Raw, Evoked, Covariance, Forward, SourceSpaces or SourceEstimate of MNE-Python; '
        f'got {type(given).__name__}{hint}.'
    )


def to_mne(record: Any, **options: Any) -> Any:
    """The object of MNE-Python of a record.

    ======================== ======================= ========================================================
    record                   object                  options
    ======================== ======================= ========================================================
    `Channels`               ``Info``                ``sampling_period`` (needed), ``like``
    `Recording`              ``Raw`` or ``Evoked``   ``kind``, ``like``, ``comment``
    `NoiseCovariance`        ``Covariance``
    `LeadField`              ``Forward``             ``subject``
    `SourceSpace`            ``SourceSpaces``        ``subject``
    `SourceEstimate`         ``SourceEstimate``,     ``subject``
                             ``VolSourceEstimate``
    ======================== ======================= ========================================================

    Parameters
    ----------
    record : Channels, Recording, NoiseCovariance, LeadField, SourceSpace or SourceEstimate
        What to convert.
    sampling_period : Quantity
        Time between samples, which an Info has and `Channels` do not; a `Recording` brings its own.
    kind : {'raw', 'evoked'}
        Evoked data may start at any time and be an average of several repetitions.
    like : mne.Info
        Take projectors, digitised points, subject and all else from this one, of the channels of the record by name.
        When left out, the device lies where the head does.
    comment : str
        Of an Evoked.
    subject : str
        FreeSurfer's name of the subject whose vertices they are.

    Returns
    -------
    Info, RawArray, EvokedArray, Covariance, Forward, SourceSpaces, SourceEstimate or VolSourceEstimate of MNE-Python

    Raises
    ------
    TypeError, ValueError, UnitError
        Another object; an option of another record; a recording that Raw cannot hold; a vertex that comes twice; an
        estimate in another unit than that of a moment.

    Notes
    -----
    Sources of the kind ``'surface'`` become two surfaces; those of the kind ``'volume'`` one discrete source space, as
    MNE-Python calls a grid without an MRI. It has sources sorted by hemisphere and vertex: those in another order are
    sorted, with a warning, and ``from_mne(..., sources=record.sources)`` brings the order of the record back.
    """
    if type(record) not in _TO:
        raise TypeError(f'to_mne takes {", ".join(kind.__name__ for kind in _TO)}; got {type(record).__name__}.')
    sources = record if isinstance(record, SourceSpace) else getattr(record, 'sources', None)
    if sources is not None:
        mne_sources.warn_of_order(sources)
    return _call(_TO[type(record)], 'to_mne', record, options)


def _call(convert: Callable[..., Any], where: str, given: Any, options: dict[str, Any]) -> Any:
    allowed = [name for name, p in inspect.signature(convert).parameters.items() if p.kind is p.KEYWORD_ONLY]
    wrong = [name for name in options if name not in allowed]
    if wrong:
        takes = f'the options {", ".join(allowed)}' if allowed else 'no options'
        raise TypeError(f'{where}({type(given).__name__}, ...) takes {takes}; got {", ".join(wrong)}.')
    with quiet():
        return convert(given, **options)
