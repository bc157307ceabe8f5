"""Reports: one HTML file that holds everything."""

from brainfwd.report.figures import save_figure
from brainfwd.report.html import Report

__all__ = ['Report', 'save_figure']
