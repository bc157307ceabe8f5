"""One rule for colours: from zero where nothing is negative, otherwise the same to both sides of zero."""

from typing import Any

import numpy as np

__all__ = ['colour_bar', 'colour_scale']


def colour_scale(values: np.ndarray, on_surface: bool = False) -> tuple[Any, Any]:
    """Normalisation and colour map, perceptually uniform, or diverging and symmetric around zero.

    On a shaded surface zero is light, so that folds stay visible.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, Normalize

    finite = values[np.isfinite(values)]
    largest = float(abs(finite).max(initial=0.0)) or 1.0
    if (finite < 0).any():
        return Normalize(-largest, largest), colormaps['RdBu_r']
    if on_surface:
        # without the last, black part
        return Normalize(0.0, largest), ListedColormap(colormaps['magma_r'](np.linspace(0, 0.85, 256)))
    return Normalize(0.0, largest), colormaps['viridis']


def colour_bar(fig: Any, axes: Any, norm: Any, cmap: Any, label: str, unit: str, **options: Any) -> Any:
    """A colour bar beside ``axes``, with its unit and few digits."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    text = f'{label} ({unit})'.strip() if unit else label
    options = {'shrink': 0.8, 'aspect': 14, 'pad': 0.02, **options}
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-2, 4))
    ticks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
    return fig.colorbar(ScalarMappable(norm, cmap), ax=axes, label=text, format=formatter, ticks=ticks, **options)
