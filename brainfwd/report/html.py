"""A report in one HTML file: no scripts, nothing from elsewhere."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from brainfwd._core import checks
from brainfwd.report.figures import png

__all__ = ['Report']

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d5d9de; --soft: #57606a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14171b; --line: #3a4149; --soft: #a3acb6; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1.5rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .75rem 0; }
figure { margin: 1.5rem 0; break-inside: avoid; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; padding: 8px; }
figcaption { color: var(--soft); font-size: .92rem; max-width: 60rem; margin: .5rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem 1.1rem .35rem .25rem; border-bottom: 1px solid var(--line); text-align: left;
  white-space: nowrap; }
th { border-bottom-width: 2px; }
td.number, th.number { text-align: right; }
@media print {
  :root { --ink: #000; --paper: #fff; --line: #bbb; --soft: #333; color-scheme: light; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
}
"""


class Report:
    """Text, tables and figures, one after the other, in one HTML file.

    Nothing in it is interpreted: every text is escaped. Figures are PNGs inside the file.

    Parameters
    ----------
    title : str
        The heading.

    Examples
    --------
    >>> report = Report('Demo')
    >>> report.heading('Recordings').text('64 electrodes.').figure(fig, 'EEG at rest.', alt='Traces of 12 electrodes')
    >>> report.write('report.html')
    """

    def __init__(self, title: str):
        self.title = title
        self._parts: list[str] = []

    def heading(self, text: str) -> 'Report':
        """The heading of a section."""
        return self._add(f'<h2>{escape(text)}</h2>')

    def text(self, text: str) -> 'Report':
        """Paragraphs, with empty lines between them."""
        for paragraph in filter(None, map(str.strip, text.split('\n\n'))):
            self._add(f'<p>{escape(paragraph)}</p>')
        return self

    def table(self, rows: Iterable[Sequence[Any]], header: Sequence[str], caption: str) -> 'Report':
        """A table; columns of numbers are set to the right.

        Parameters
        ----------
        rows : iterable of sequences
            Cells as they are shown; units belong into the header.
        header : sequence of str
            A name for each column.
        caption : str
            What the table says.

        Raises
        ------
        ShapeError
            A row of another length than the header.
        """
        rows = [[str(cell) for cell in row] for row in rows]
        for row in rows:
            checks.shape_is(row, (len(header),), 'Report.table(rows), each as long as the header,')
        columns = list(zip(*rows, strict=True)) or [()] * len(header)
        kinds = [' class="number"' if cells and all(map(_is_number, cells)) else '' for cells in columns]
        head = ''.join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(header, kinds, strict=True))
        body = '\n'.join(
            f'<tr>{"".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))}</tr>'
            for row in rows
        )
        return self._add(
            f'<figure><figcaption>{escape(caption)}</figcaption>\n<div class="scroll"><table>\n'
            f'<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div></figure>'
        )

    def figure(self, figure: Any, caption: str, alt: str) -> 'Report':
        """A figure with a caption, and with a text for those who cannot see it.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or Path
            A PNG that was saved already is not drawn again.
        caption : str
            What the figure shows.
        alt : str
            The figure in words.
        """
        picture = figure.read_bytes() if isinstance(figure, Path) else png(figure)
        data = base64.b64encode(picture).decode('ascii')
        return self._add(
            f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{data}">\n'
            f'<figcaption>{escape(caption)}</figcaption></figure>'
        )

    def html(self) -> str:
        """The whole document."""
        title, body = escape(self.title), '\n'.join(self._parts)
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n'
            f'<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n'
        )

    def write(self, path: str | Path) -> Path:
        """Write the file and return where it is; one that is there is replaced."""
        path = Path(path)
        path.write_text(self.html(), encoding='utf-8')
        return path

    def _add(self, part: str) -> 'Report':
        self._parts.append(part)
        return self


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace('−', '-'))
    except ValueError:
        return False
    return True
