"""The theme that every widget asks: colours by token, sizes by density, fonts by role.

It is one object for the window. `changed` says that colours or density are others now; widgets then read them again.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette

from cof_viewer.app.paths import resources_dir
from cof_viewer.ui.tokens import PALETTES, TYPE, Density, Mode

FAMILY = "Inter"


def load_fonts() -> None:
    """Make the fonts that ship known to Qt; where they are missing the platform's own font is used."""
    folder = resources_dir() / "fonts"
    if FAMILY not in QFontDatabase.families():
        for path in sorted(folder.glob("*.ttf")):
            QFontDatabase.addApplicationFont(str(path))


class Theme(QObject):
    """Colours, sizes and fonts of the window.

    Attributes:
        changed: emitted after mode or density changed.
    """

    changed = Signal()

    def __init__(self, mode: Mode = "dark", density: Density = "compact") -> None:
        """Start with one palette and one density; needs a QGuiApplication for the fonts."""
        super().__init__()
        self._mode: Mode = mode
        self._density: Density = density
        load_fonts()

    @property
    def mode(self) -> Mode:
        """Dark or light."""
        return self._mode

    @property
    def density(self) -> Density:
        """Compact or comfortable."""
        return self._density

    @property
    def comfortable(self) -> bool:
        """Whether the larger of two sizes applies."""
        return self._density == "comfortable"

    def set_mode(self, mode: Mode) -> None:
        """Change the palette."""
        if mode != self._mode:
            self._mode = mode
            self.changed.emit()

    def set_density(self, density: Density) -> None:
        """Change the sizes."""
        if density != self._density:
            self._density = density
            self.changed.emit()

    def color(self, token: str, alpha: float | None = None) -> QColor:
        """Colour of a token of DESIGN section 2.

        Args:
            token: such as "endo", "panel", "t2".
            alpha: 0 to 1, replaces the token's own opacity.
        """
        color = QColor(PALETTES[self._mode][token])
        if alpha is not None:
            color.setAlphaF(alpha)
        return color

    def css(self, token: str) -> str:
        """The token as a style sheet writes it."""
        return self.color(token).name(QColor.NameFormat.HexArgb)

    def px(self, compact: float, comfortable: float | None = None) -> int:
        """A length in logical pixels; the second value applies when the density is comfortable."""
        return round(self.pxf(compact, comfortable))

    def pxf(self, compact: float, comfortable: float | None = None) -> float:
        """As `px`, unrounded, for pens."""
        return comfortable if self.comfortable and comfortable is not None else compact

    def font(self, role: str = "base", *, bold: bool = False, tabular: bool = False) -> QFont:
        """Inter in one of the roles of DESIGN section 2.

        Args:
            role: hero, preview, start, name, base, small, micro or overlay.
            bold: weight 600 where the role itself is regular.
            tabular: figures of equal width; for numbers only, prose gets wide hyphens.
        """
        compact, comfortable, weight, space, space_comfortable = TYPE[role]
        font = QFont(FAMILY)
        font.setPointSizeF(self.pxf(compact, comfortable) * 72.0 / _dots_per_inch())
        font.setWeight(QFont.Weight.DemiBold if bold or weight == 600 else QFont.Weight.Normal)
        spacing = self.pxf(space, space_comfortable)
        if spacing:
            font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, spacing)
        if tabular:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def palette(self) -> QPalette:
        """Qt's own palette in our colours, for what no style sheet reaches."""
        palette = QPalette()
        roles = {
            QPalette.ColorRole.Window: "panel",
            QPalette.ColorRole.Base: "win",
            QPalette.ColorRole.AlternateBase: "panel",
            QPalette.ColorRole.Button: "raised",
            QPalette.ColorRole.WindowText: "t1",
            QPalette.ColorRole.Text: "t1",
            QPalette.ColorRole.ButtonText: "t1",
            QPalette.ColorRole.BrightText: "red",
            QPalette.ColorRole.PlaceholderText: "t3",
            QPalette.ColorRole.ToolTipBase: "raised",
            QPalette.ColorRole.ToolTipText: "t1",
            QPalette.ColorRole.Highlight: "accent",
            QPalette.ColorRole.HighlightedText: "on_accent",
            QPalette.ColorRole.Link: "cursor",
            QPalette.ColorRole.Mid: "line2",
            QPalette.ColorRole.Dark: "line",
            QPalette.ColorRole.Shadow: "gap",
        }
        for role, token in roles.items():
            palette.setColor(role, self.color(token))
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("off"))
        return palette


def _dots_per_inch() -> float:
    """Logical dots per inch by which Qt turns points into pixels (96 on most desktops, 72 on macOS)."""
    screen = QGuiApplication.primaryScreen()
    return float(screen.logicalDotsPerInchY()) if screen is not None else 96.0
