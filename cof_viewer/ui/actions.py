"""The one table of actions: menus, shortcuts, the shortcut sheet and the palette are all made from it.

One row adds one action. `run` gets the session, which changes the document, and the shell, which is the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cof_viewer.app.session import Session
from cof_viewer.ui import conditions as when
from cof_viewer.ui.conditions import Condition

MENUS: tuple[str, ...] = ("File", "Edit", "View", "Cine", "ECG", "Report", "Help")


class Shell(Protocol):
    """What the window itself can do."""

    def choose_study(self) -> None: ...
    def choose_ecg(self) -> None: ...
    def choose_export(self) -> None: ...
    def choose_report(self) -> None: ...
    def show_settings(self) -> None: ...
    def show_palette(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def show_about(self) -> None: ...
    def toggle_rail(self) -> None: ...
    def toggle_theme(self) -> None: ...
    def toggle_full_screen(self) -> None: ...
    def fill_window(self, panel: str) -> None: ...
    def restore_layout(self) -> None: ...
    def copy_picture(self) -> None: ...
    def copy_numbers(self) -> None: ...
    def escape(self) -> None: ...
    def close_window(self) -> None: ...


Run = Callable[[Session, Shell], object]


@dataclass(frozen=True)
class ActionSpec:
    """One action.

    Attributes:
        id: stable name.
        text: what menus and the palette call it; "…" where it asks for more.
        menu: menu it stands in, one of `MENUS`.
        run: what it does.
        shortcuts: in Qt's portable form, the first is shown.
        icon: name of an icon, or None.
        when: what it needs.
        checked: for what can be on or off: whether it is on.
        tip: a longer description, where the text alone does not tell.
        gap: whether a separator stands before it in the menu.
    """

    id: str
    text: str
    menu: str
    run: Run
    shortcuts: tuple[str, ...] = ()
    icon: str | None = None
    when: Condition = field(default=when.ALWAYS)
    checked: Callable[[Session], bool] | None = None
    tip: str = ""
    gap: bool = False


_FILE = (
    ActionSpec("open-study", "Open study…", "File", lambda _s, w: w.choose_study(), ("Ctrl+O",), "folder-open"),
    ActionSpec("open-ecg", "Open ECG…", "File", lambda _s, w: w.choose_ecg(), ("Ctrl+E",), "activity", when.STUDY),
    ActionSpec(
        "export",
        "Export…",
        "File",
        lambda _s, w: w.choose_export(),
        ("Ctrl+Shift+E",),
        "file-down",
        when.EXPORTABLE,
        tip="Write cine, labels, numbers and report into a folder",
        gap=True,
    ),
    ActionSpec("close-study", "Close study", "File", lambda s, _w: s.close_study(), ("Ctrl+W",), "x", when.STUDY),
    ActionSpec("quit", "Quit", "File", lambda _s, w: w.close_window(), ("Ctrl+Q",), "log-out", gap=True),
)

_EDIT = (
    ActionSpec("undo", "Undo", "Edit", lambda s, _w: s.undo(), ("Ctrl+Z",), "undo-2", when.UNDOABLE),
    ActionSpec("redo", "Redo", "Edit", lambda s, _w: s.redo(), ("Ctrl+Y", "Ctrl+Shift+Z"), "redo-2", when.REDOABLE),
    ActionSpec(
        "copy-picture",
        "Copy picture",
        "Edit",
        lambda _s, w: w.copy_picture(),
        ("Ctrl+C",),
        "camera",
        when.STUDY,
        tip="Put the slices as they are shown on the clipboard",
        gap=True,
    ),
    ActionSpec(
        "copy-numbers",
        "Copy numbers",
        "Edit",
        lambda _s, w: w.copy_numbers(),
        ("Ctrl+Shift+C",),
        "database",
        when.NUMBERS,
        tip="Put the table of numbers on the clipboard",
    ),
    ActionSpec("settings", "Settings…", "Edit", lambda _s, w: w.show_settings(), ("Ctrl+,",), "settings", gap=True),
)

_VIEW = (
    ActionSpec(
        "layout-single",
        "One slice",
        "View",
        lambda s, _w: s.set_layout("single"),
        ("1",),
        "square",
        when.STUDY,
        lambda s: s.view.layout == "single",
    ),
    ActionSpec(
        "layout-strip",
        "One slice and the film strip",
        "View",
        lambda s, _w: s.set_layout("strip"),
        ("2",),
        "gallery-vertical",
        when.STUDY,
        lambda s: s.view.layout == "strip",
    ),
    ActionSpec(
        "layout-grid",
        "All slices",
        "View",
        lambda s, _w: s.set_layout("grid"),
        ("3",),
        "grid-3x3",
        when.STUDY,
        lambda s: s.view.layout == "grid",
    ),
    ActionSpec(
        "layout-compare",
        "Measured beside generated",
        "View",
        lambda s, _w: s.set_layout("compare"),
        ("4",),
        "columns-2",
        when.BOTH,
        lambda s: s.view.layout == "compare",
    ),
    ActionSpec(
        "fill-slices",
        "Slices fill the window",
        "View",
        lambda _s, w: w.fill_window("slices"),
        ("5",),
        "maximize-2",
        when.STUDY,
        gap=True,
    ),
    ActionSpec(
        "fill-heart",
        "Heart fills the window",
        "View",
        lambda _s, w: w.fill_window("heart"),
        ("6",),
        "heart",
        when.STUDY,
    ),
    ActionSpec(
        "fill-ecg", "ECG fills the window", "View", lambda _s, w: w.fill_window("ecg"), ("7",), "activity", when.STUDY
    ),
    ActionSpec(
        "fill-curve",
        "Volume curve fills the window",
        "View",
        lambda _s, w: w.fill_window("curve"),
        ("8",),
        "scan",
        when.STUDY,
    ),
    ActionSpec("restore", "All panels", "View", lambda _s, w: w.restore_layout(), ("9",), "minimize-2", when.STUDY),
    ActionSpec(
        "contours",
        "Contours",
        "View",
        lambda s, _w: s.toggle_contours(),
        ("C",),
        "eye",
        when.STUDY,
        lambda s: s.view.contours,
        gap=True,
    ),
    ActionSpec(
        "overlays",
        "Letters and scale on pictures",
        "View",
        lambda s, _w: s.toggle_overlays(),
        ("H",),
        "crosshair",
        when.STUDY,
        lambda s: s.view.overlays,
    ),
    ActionSpec(
        "invert",
        "Invert",
        "View",
        lambda s, _w: s.toggle_invert(),
        ("I",),
        "contrast",
        when.STUDY,
        lambda s: s.view.invert,
        tip="Turn black and white round",
    ),
    ActionSpec(
        "window-auto",
        "Auto window",
        "View",
        lambda s, _w: s.window_preset("auto"),
        (),
        None,
        when.STUDY,
        lambda s: s.view.window_preset == "auto",
        gap=True,
    ),
    ActionSpec(
        "window-blood",
        "Blood–muscle window",
        "View",
        lambda s, _w: s.window_preset("blood-muscle"),
        (),
        None,
        when.LABELS,
        lambda s: s.view.window_preset == "blood-muscle",
    ),
    ActionSpec(
        "window-wide",
        "Wide window",
        "View",
        lambda s, _w: s.window_preset("wide"),
        (),
        None,
        when.STUDY,
        lambda s: s.view.window_preset == "wide",
    ),
    ActionSpec("fit", "Fit picture", "View", lambda s, _w: s.fit(), ("Z",), "scan", when.STUDY, gap=True),
    ActionSpec("reset", "Reset view", "View", lambda s, _w: s.reset_view(), ("R",), "refresh-cw", when.STUDY),
    ActionSpec(
        "slice-base",
        "Slice toward base",
        "View",
        lambda s, _w: s.step_slice(-1),
        ("Up",),
        "arrow-up",
        when.STUDY,
        gap=True,
    ),
    ActionSpec(
        "slice-apex", "Slice toward apex", "View", lambda s, _w: s.step_slice(1), ("Down",), "arrow-down", when.STUDY
    ),
    ActionSpec("rail", "Study rail", "View", lambda _s, w: w.toggle_rail(), ("Ctrl+B",), "panel-left", gap=True),
    ActionSpec("theme", "Dark or light", "View", lambda _s, w: w.toggle_theme(), (), "sun-moon"),
    ActionSpec("full-screen", "Full screen", "View", lambda _s, w: w.toggle_full_screen(), ("F11",), None),
)

_CINE = (
    ActionSpec(
        "play",
        "Play or pause",
        "Cine",
        lambda s, _w: s.toggle_play(),
        ("Space", "P"),
        "play",
        when.BEAT,
        lambda s: s.view.playing,
    ),
    ActionSpec(
        "previous-phase", "Previous phase", "Cine", lambda s, _w: s.step_phase(-1), ("Left",), "step-back", when.BEAT
    ),
    ActionSpec(
        "next-phase", "Next phase", "Cine", lambda s, _w: s.step_phase(1), ("Right",), "step-forward", when.BEAT
    ),
    ActionSpec("first-phase", "First phase", "Cine", lambda s, _w: s.first_phase(), ("Home",), "skip-back", when.BEAT),
    ActionSpec("last-phase", "Last phase", "Cine", lambda s, _w: s.last_phase(), ("End",), "skip-forward", when.BEAT),
    ActionSpec("jump-ed", "Jump to ED", "Cine", lambda s, _w: s.jump_ed(), ("D",), None, when.NUMBERS),
    ActionSpec("jump-es", "Jump to ES", "Cine", lambda s, _w: s.jump_es(), ("S",), None, when.NUMBERS),
    ActionSpec("slower", "Slower", "Cine", lambda s, _w: s.step_speed(-1), ("Alt+Left",), None, when.BEAT, gap=True),
    ActionSpec("faster", "Faster", "Cine", lambda s, _w: s.step_speed(1), ("Alt+Right",), None, when.BEAT),
    ActionSpec(
        "loop", "Loop", "Cine", lambda s, _w: s.toggle_loop(), ("L",), "repeat", when.BEAT, lambda s: s.view.loop
    ),
    ActionSpec(
        "set-ed", "Set ED here", "Cine", lambda s, _w: s.set_ed_here(), ("Alt+D",), None, when.NUMBERS, gap=True
    ),
    ActionSpec("set-es", "Set ES here", "Cine", lambda s, _w: s.set_es_here(), ("Alt+S",), None, when.NUMBERS),
    ActionSpec(
        "es-by-ecg",
        "Leave ES to the ECG",
        "Cine",
        lambda s, _w: s.set_es_time(None),
        (),
        None,
        when.ES_BY_HAND,
        tip="Generate without the time of ES that was set by hand",
    ),
    ActionSpec(
        "anchor-ed",
        "Anchor at ED",
        "Cine",
        lambda s, _w: s.set_anchor_phase("ed"),
        ("Alt+Shift+D",),
        None,
        when.STUDY,
        lambda s: s.case.anchor_phase == "ed",
        "Generate from end-diastole",
        gap=True,
    ),
    ActionSpec(
        "anchor-es",
        "Anchor at ES",
        "Cine",
        lambda s, _w: s.set_anchor_phase("es"),
        ("Alt+Shift+S",),
        None,
        when.STUDY,
        lambda s: s.case.anchor_phase == "es",
        "Generate from end-systole",
    ),
    ActionSpec(
        "anchor-here",
        "Anchor at this phase",
        "Cine",
        lambda s, _w: s.set_anchor_phase(s.phase_of("measured")),
        ("Alt+A",),
        None,
        when.STUDY,
        lambda s: isinstance(s.case.anchor_phase, int),
        "Generate from the phase that is shown",
    ),
    ActionSpec(
        "measure",
        "Measure",
        "Cine",
        lambda s, _w: s.measure(),
        ("M",),
        "ruler",
        when.MEASURABLE,
        gap=True,
        tip="Outline every phase and derive the numbers",
    ),
    ActionSpec(
        "generate",
        "Generate",
        "Cine",
        lambda s, _w: s.generate(),
        ("G",),
        "refresh-cw",
        when.GENERATABLE,
        tip="Make a beat from the anchor and the ECG",
    ),
    ActionSpec("cancel", "Cancel, leave the tool", "Cine", lambda _s, w: w.escape(), ("Esc",), "x"),
    ActionSpec(
        "show-measured",
        "Show measured",
        "Cine",
        lambda s, _w: s.show("measured"),
        (),
        None,
        when.STUDY,
        lambda s: s.result.shown == "measured",
        gap=True,
    ),
    ActionSpec(
        "flicker",
        "Flicker between measured and generated",
        "Cine",
        lambda s, _w: s.show("measured" if s.result.shown == "generated" else "generated"),
        ("F",),
        None,
        when.BOTH,
    ),
)

_ECG = (
    ActionSpec("change-ecg", "Choose another ECG…", "ECG", lambda _s, w: w.choose_ecg(), (), "activity", when.STUDY),
    ActionSpec(
        "ecg-large", "Read the ECG large", "ECG", lambda _s, w: w.fill_window("ecg"), (), "maximize-2", when.ECG
    ),
    ActionSpec(
        "rv-curve",
        "RV curve",
        "ECG",
        lambda s, _w: s.toggle_rv_curve(),
        ("Shift+R",),
        None,
        when.NUMBERS,
        lambda s: s.view.show_rv_curve,
        "Show the right ventricle under the ECG's marks",
    ),
)

_REPORT = (
    ActionSpec(
        "report",
        "Write report…",
        "Report",
        lambda _s, w: w.choose_report(),
        ("Ctrl+P",),
        "file-text",
        when.EXPORTABLE,
        tip="One page as PDF",
    ),
)

_HELP = (
    ActionSpec("shortcuts", "Shortcuts", "Help", lambda _s, w: w.show_shortcuts(), ("F1", "?"), "keyboard"),
    ActionSpec("palette", "Find an action…", "Help", lambda _s, w: w.show_palette(), ("Ctrl+K",), "search"),
    ActionSpec("about", "About COF Viewer", "Help", lambda _s, w: w.show_about(), (), "info", gap=True),
)

ACTIONS: tuple[ActionSpec, ...] = (*_FILE, *_EDIT, *_VIEW, *_CINE, *_ECG, *_REPORT, *_HELP)
"""Every action of the window, in the order of the menus."""


def action(action_id: str) -> ActionSpec:
    """The row of that id.

    Raises:
        KeyError: when there is none.
    """
    for spec in ACTIONS:
        if spec.id == action_id:
            return spec
    raise KeyError(action_id)
