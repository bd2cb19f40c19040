"""The few dialogs: choosing a study, exporting, another anchor phase, settings, about."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

import cof_viewer
from cof_viewer.app.session import Session
from cof_viewer.app.settings import ROWS, SettingRow, Value
from cof_viewer.ui.panels.start import RESEARCH_ONLY
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import PushButton
from cof_viewer.ui.widgets.panel import ThemedLabel

KIND_WORDS = {
    "cine": "Cine (NIfTI)",
    "labels": "Labels (NIfTI)",
    "anchor": "Anchor (NIfTI)",
    "function": "Numbers (JSON)",
    "curve": "Volume curve (CSV)",
    "report": "Report (PDF)",
}


class Dialog(QDialog):
    """A dialog in the theme: content above, buttons at the lower right.

    Attributes:
        content: layout to fill.
    """

    def __init__(self, theme: Theme, title: str, accept: str, parent: QWidget | None = None) -> None:
        """Build with a title and the words of the main button; an empty `accept` leaves only Close."""
        super().__init__(parent)
        self.theme = theme
        self.setWindowTitle(title)
        self.setFont(theme.font("base"))
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(ThemedLabel(theme, title, role="name"))
        self.content = QVBoxLayout()
        self.content.setSpacing(8)
        column.addLayout(self.content)
        column.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        cancel = PushButton(theme, "Cancel" if accept else "Close")
        cancel.clicked.connect(self.reject)
        buttons.addWidget(cancel)
        self.accept_button = PushButton(theme, accept, primary=True)
        self.accept_button.clicked.connect(self.accept)
        self.accept_button.setVisible(bool(accept))
        buttons.addWidget(self.accept_button)
        column.addLayout(buttons)


class _Whole(QIntValidator):
    """Whole numbers within limits, and nothing at all where that is allowed."""

    def __init__(self, low: int, high: int, optional: bool, parent: QWidget) -> None:
        super().__init__(low, high, parent)
        self._optional = optional

    def validate(self, text: str, place: int) -> object:
        if not text and self._optional:
            return self.State.Acceptable, text, place
        return super().validate(text, place)


class NumberField(QLineEdit):
    """A whole number between two limits; where it is optional, an empty field means "by itself"."""

    def __init__(self, low: int, high: int, value: int | None, *, optional: bool = False) -> None:
        """Show a value."""
        super().__init__("" if value is None else str(value))
        self.setValidator(_Whole(low, high, optional, self))
        self.setPlaceholderText("By itself" if optional else f"{low} to {high}")
        self.setToolTip(f"{low} to {high}")

    @property
    def number(self) -> int | None:
        """What stands in the field; None where it is empty."""
        return int(self.text()) if self.text() else None


class StudyDialog(QFileDialog):
    """Takes a folder or a file, since a study may be either."""

    def __init__(self, parent: QWidget | None, start: str) -> None:
        """Begin in a folder."""
        super().__init__(parent, "Open study", start)
        self.setOption(QFileDialog.Option.DontUseNativeDialog)
        self.setFileMode(QFileDialog.FileMode.Directory)
        self.setOption(QFileDialog.Option.ShowDirsOnly, False)
        self.setLabelText(QFileDialog.DialogLabel.Accept, "Open")
        self.setLabelText(QFileDialog.DialogLabel.FileName, "Folder or file:")
        for name in ("fileTypeCombo", "fileTypeLabel"):  # would say "Directories" although files may be taken too
            part = self.findChild(QWidget, name)
            if part is not None:
                part.hide()
        self.chosen: Path | None = None

    def accept(self) -> None:
        """Take what is chosen if it is there."""
        named = self.selectedFiles()
        path = Path(named[0]) if named else None
        if path is not None and path.exists():
            self.chosen = path
            QDialog.accept(self)


class ExportDialog(Dialog):
    """Which files, and into which folder."""

    def __init__(self, theme: Theme, folder: Path, kinds: tuple[str, ...], marked: str, parent: QWidget) -> None:
        """Offer the kinds that exist.

        Args:
            theme: the window's.
            folder: proposed folder.
            kinds: names of `app.export` that can be written now.
            marked: one sentence about what is written, such as that it is generated.
            parent: the window.
        """
        super().__init__(theme, "Export", "Export", parent)
        self.setMinimumWidth(460)
        self.content.addWidget(ThemedLabel(theme, marked, color="t2", wrap=True))
        self._boxes = {kind: QCheckBox(KIND_WORDS[kind]) for kind in kinds}
        grid = QGridLayout()
        grid.setVerticalSpacing(8)
        for place, box in enumerate(self._boxes.values()):
            box.setChecked(True)
            box.toggled.connect(self._refresh)
            grid.addWidget(box, place // 2, place % 2)
        self.content.addLayout(grid)
        row = QHBoxLayout()
        self.field = QLineEdit(str(folder))
        self.field.textChanged.connect(self._refresh)
        browse = PushButton(theme, "Folder…")
        browse.clicked.connect(self._browse)
        row.addWidget(self.field, 1)
        row.addWidget(browse)
        self.content.addWidget(ThemedLabel(theme, "Folder", role="small", color="t3"))
        self.content.addLayout(row)

    @property
    def folder(self) -> Path:
        """The folder that was named."""
        return Path(self.field.text().strip())

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that were chosen."""
        return tuple(kind for kind, box in self._boxes.items() if box.isChecked())

    def _refresh(self) -> None:
        self.accept_button.setEnabled(bool(self.kinds) and bool(self.field.text().strip()))

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export folder", str(self.folder))
        if chosen:
            self.field.setText(chosen)


class AnchorDialog(Dialog):
    """Another anchor phase than ED or ES."""

    def __init__(self, theme: Theme, phases: int, current: int, parent: QWidget) -> None:
        """Offer the phases 1 to `phases`; `current` is 0-based."""
        super().__init__(theme, "Anchor phase", "Use this phase", parent)
        self.content.addWidget(ThemedLabel(theme, "The beat is generated from this phase.", color="t2"))
        self._field = NumberField(1, max(phases, 1), current + 1)
        self._field.textChanged.connect(lambda: self.accept_button.setEnabled(self._field.hasAcceptableInput()))
        self.content.addWidget(self._field)

    @property
    def phase(self) -> int:
        """The chosen phase, 0-based."""
        return (self._field.number or 1) - 1


class SettingsDialog(Dialog):
    """One line a row of the settings table; every change counts at once."""

    def __init__(self, theme: Theme, session: Session, parent: QWidget) -> None:
        """Build from `app.settings.ROWS`."""
        super().__init__(theme, "Settings", "", parent)
        self._session = session
        self.setMinimumWidth(460)
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for line, row in enumerate(ROWS):
            label = ThemedLabel(theme, row.label, color="t2")
            label.setToolTip(row.help)
            grid.addWidget(label, line, 0)
            control = self._control(row)
            control.setObjectName(row.name)
            control.setToolTip(row.help)
            control.setAccessibleName(row.label)
            grid.addWidget(control, line, 1)
        self.content.addLayout(grid)

    def _set(self, name: str, value: Value) -> None:
        self._session.update_settings(**{name: value})

    def _control(self, row: SettingRow) -> QWidget:
        value = getattr(self._session.settings, row.name)
        if row.choices:
            return self._choices(row, value)
        if row.kind is bool:
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(lambda on: self._set(row.name, bool(on)))
            return box
        if row.kind is int:
            return self._number(row, value)
        field = QLineEdit(str(value or ""))
        field.editingFinished.connect(lambda: self._set(row.name, field.text()))
        return field

    def _choices(self, row: SettingRow, value: Value) -> QComboBox:
        control = QComboBox()
        for choice in row.choices:
            control.addItem(str(choice).capitalize(), choice)
        control.setCurrentIndex(control.findData(value))
        control.currentIndexChanged.connect(lambda _index: self._set(row.name, control.currentData()))
        return control

    def _number(self, row: SettingRow, value: Value) -> NumberField:
        low, high = row.low if row.low is not None else 0, row.high if row.high is not None else 10**9
        field = NumberField(low, high, value if isinstance(value, int) else None, optional=row.optional)
        field.editingFinished.connect(lambda: self._set(row.name, field.number))
        return field


class AboutDialog(Dialog):
    """What it is, what it is not, and what it stands on."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        """Build the text."""
        super().__init__(theme, "COF Viewer", "", parent)
        self.setMinimumWidth(420)
        for text, color in (
            (f"Version {cof_viewer.__version__}", "t2"),
            ("Cardiac MRI and a 12-lead ECG in, a moving heart with its numbers out (Chain of Flow).", "t1"),
            (RESEARCH_ONLY, "t1"),
            ("Generated pictures and numbers are marked Generated, with dashed lines, wherever they appear.", "t2"),
            ("Code: Apache-2.0. Font: Inter (OFL). Icons: Lucide (ISC).", "t3"),
        ):
            label = ThemedLabel(theme, text, color=color, wrap=True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.content.addWidget(label)
