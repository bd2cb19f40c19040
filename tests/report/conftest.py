"""A report whose words can be read back."""

import pytest

from cof_viewer.report import document
from cof_viewer.report.facts import ReportFacts
from cof_viewer.report.page import Page


@pytest.fixture
def words_of(monkeypatch):
    """Render a report; gives the words of its last drawing, upright ones too, and how many pages it has."""

    def read(study, outcome, ecg=None, beat=None, **options):
        written = []
        plain, upright = Page.text, Page.upright

        def text(self, x, y, words, *args, **kwargs):
            written.append(words)
            return plain(self, x, y, words, *args, **kwargs)

        def down(self, x, y, words, *args, **kwargs):
            written.append(words)
            upright(self, x, y, words, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(Page, "text", text)
            patch.setattr(Page, "upright", down)
            content = document.render(ReportFacts(study, outcome, ecg, beat, **options))
        return written, content.count(b"/Type /Page\n") + content.count(b"/Type /Page ")

    return read
