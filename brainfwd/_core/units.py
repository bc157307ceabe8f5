"""Units of the field that brainunit does not name."""

import brainunit as u

uV = u.uvolt
fT = u.ftesla
pT = u.ptesla
nAm = u.nA * u.meter

__all__ = ['fT', 'nAm', 'pT', 'uV']
