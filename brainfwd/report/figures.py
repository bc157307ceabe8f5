"""Figures as files."""

import io
from pathlib import Path
from typing import Any

__all__ = ['png', 'save_figure']

_DPI = 130


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a matplotlib figure to a file on a white ground; the ending says the format.

    Raises
    ------
    OSError
        A folder that does not exist or cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f'save_figure(path) is in a folder that exists; there is no {path.parent}.')
    figure.savefig(path, dpi=_DPI, facecolor='white')
    return path


def png(figure: Any) -> bytes:
    """The bytes of a PNG of a matplotlib figure on a white ground."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=_DPI, facecolor='white')
    return buffer.getvalue()
