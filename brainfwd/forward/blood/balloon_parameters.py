"""Published parameters of the balloon model, by name: never mixed."""

from typing import Any

import brainunit as u

from brainfwd._core import checks

__all__ = ['BALLOON_PARAMETERS', 'bold_parameters']

_FIRST = {'epsilon': 1.0 / u.second**2, 'echo_time': None}
"""The BOLD equation of Friston et al. (2000): 7 E0, 2, 2 E0 - 0.2."""
_REVISED = {'epsilon': 1.0 / u.second**2, 'echo_time': 40.0 * u.ms, 'nu_0': 40.3 * u.Hz, 'r_0': 25.0 * u.Hz}
"""The BOLD equation of Stephan et al. (2007), with the constants of 1.5 T."""

BALLOON_PARAMETERS: dict[str, dict[str, Any]] = {
    # Friston, Harrison & Penny (2003), table 1
    'friston2003': {
        'tau_s': 1 / 0.65 * u.second,
        'tau_f': 1 / 0.41 * u.second,
        'tau_0': 0.98 * u.second,
        'alpha': 0.32,
        'E_0': 0.34,
        'V_0': 0.02,
        **_FIRST,
    },
    # Friston, Mechelli, Turner & Price (2000), the illustrations; the Volterra kernel of The Virtual Brain has
    # tau_s, tau_f, E_0 (as k_1 = 5.6) and V_0
    'friston2000': {
        'tau_s': 0.8 * u.second,
        'tau_f': 0.4 * u.second,
        'tau_0': 1.0 * u.second,
        'alpha': 0.2,
        'E_0': 0.8,
        'V_0': 0.02,
        **_FIRST,
    },
    # tvb.analyzers.fmri_balloon of tvb-library 2.10, with its V0 of 4 percent as a fraction
    'tvb': {
        'tau_s': 1.54 * u.second,
        'tau_f': 1.44 * u.second,
        'tau_0': 0.98 * u.second,
        'alpha': 0.32,
        'E_0': 0.4,
        'V_0': 0.04,
        'ratio': 0.5,
        **_REVISED,
    },
    # spm_fx_fmri.m (revision 6855) and spm_gx_fmri.m (6262), the values before a fit, V0 of 4 percent as a fraction
    'spm12': {
        'tau_s': 1 / 0.64 * u.second,
        'tau_f': 1 / 0.32 * u.second,
        'tau_0': 2.0 * u.second,
        'alpha': 0.32,
        'E_0': 0.4,
        'V_0': 0.04,
        'ratio': 1.0,
        **_REVISED,
    },
}


def bold_parameters(name: str) -> dict[str, Any]:
    """The values of a published set, by the names of `BOLDSignal`: 'friston2003', 'friston2000', 'tvb' or 'spm12'."""
    return dict(BALLOON_PARAMETERS[checks.choice(name, BALLOON_PARAMETERS, 'a set of parameters')])
