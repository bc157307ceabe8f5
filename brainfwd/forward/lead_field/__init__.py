"""From regions to EEG and MEG sensors."""

from brainfwd.forward.lead_field.eeg import EEGLeadFieldModel
from brainfwd.forward.lead_field.meg import MEGLeadFieldModel
from brainfwd.forward.lead_field.model import LeadFieldModel

__all__ = ['EEGLeadFieldModel', 'LeadFieldModel', 'MEGLeadFieldModel']
