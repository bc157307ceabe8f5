"""Reports: one file, nothing from elsewhere, nothing interpreted."""

import base64
from html.parser import HTMLParser

import pytest

from brainfwd._core.checks import ShapeError
from brainfwd.report import Report, save_figure


class Page(HTMLParser):
    """Tags, attributes and text of a page; an error when they are not nested."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {'meta', 'img'}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def some_figure():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


@pytest.fixture
def report():
    return (
        Report('Rest & <drive>')
        .heading('A <b>')
        .text('One.\n\nTwo <script>alert(1)</script> & three.')
        .table([['sLORETA', '3.5', '-0.9'], ['"dSPM"', '14', '0.8']], ['solver', 'error (mm)', 'r'], 'Scores')
        .figure(some_figure(), 'A line > 0', alt='a "line"')
    )


def test_everything_is_there_and_nothing_is_interpreted(report, tmp_path):
    page = Page(report.write(tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert 'script' not in page.tags
    assert page.tags.count('p') == 2
    for text in ('Rest & <drive>', 'A <b>', 'Two <script>alert(1)</script> & three.', '"dSPM"', 'Scores', 'A line > 0'):
        assert text in page.text
    assert ('alt', 'a "line"') in page.attributes


def test_nothing_comes_from_elsewhere(report):
    page = Page(report.html())
    links = [value for name, value in page.attributes if name in {'src', 'href'}]
    assert len(links) == 1
    kind, data = links[0].split(',')
    assert kind == 'data:image/png;base64'
    assert base64.b64decode(data).startswith(b'\x89PNG')
    assert 'http' not in report.html()
    assert 'url(' not in report.html()


def test_columns_of_numbers_stand_right(report):
    html = report.html()
    assert '<td class="number">-0.9</td>' in html
    assert '<td>sLORETA</td>' in html
    assert '<th scope="col" class="number">error (mm)</th>' in html


def test_a_row_as_long_as_the_header():
    with pytest.raises(ShapeError, match='as long as the header'):
        Report('x').table([['a', 'b']], ['one'], 'caption')


def test_a_saved_figure_is_taken_as_it_is(tmp_path):
    path = save_figure(some_figure(), tmp_path / 'a.png')
    html = Report('x').figure(path, 'caption', 'alt').html()
    assert base64.b64encode(path.read_bytes()).decode() in html


def test_save_figure(tmp_path):
    assert save_figure(some_figure(), tmp_path / 'a.png').read_bytes().startswith(b'\x89PNG')
    with pytest.raises(FileNotFoundError, match='there is no'):
        save_figure(some_figure(), tmp_path / 'nowhere' / 'a.png')
