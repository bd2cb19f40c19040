"""What stands on the shortcut sheet: which actions share a line, and what is done with the mouse.

The keys themselves come from the action table, so the two cannot disagree; an action whose key stands nowhere here
fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SheetRow:
    """One line of the shortcut sheet: the words and the actions whose keys it shows, or keys of the mouse.

    Attributes:
        keys: words on key caps for what is done with the mouse.
        joined: how two actions' keys are joined: nothing, "or" or "–".
    """

    text: str
    actions: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    joined: str = ""


SHEET: tuple[tuple[str, tuple[SheetRow, ...]], ...] = (
    (
        "Time",
        (
            SheetRow("Play or pause", ("play",)),
            SheetRow("Previous, next phase", ("previous-phase", "next-phase")),
            SheetRow("First, last phase", ("first-phase", "last-phase")),
            SheetRow("Jump to ED, ES", ("jump-ed", "jump-es")),
            SheetRow("Slower, faster", ("slower", "faster"), joined="or"),
            SheetRow("Loop", ("loop",)),
        ),
    ),
    (
        "Study",
        (
            SheetRow("Open study", ("open-study",)),
            SheetRow("Open ECG", ("open-ecg",)),
            SheetRow("Close study", ("close-study",)),
            SheetRow("Find an action", ("palette",)),
            SheetRow("Study rail", ("rail",)),
            SheetRow("Undo, redo", ("undo", "redo"), joined="or"),
            SheetRow("Settings", ("settings",)),
            SheetRow("Shortcuts", ("shortcuts",)),
            SheetRow("Full screen", ("full-screen",)),
            SheetRow("Quit", ("quit",)),
        ),
    ),
    (
        "Slices",
        (
            SheetRow("Slice toward base, apex", ("slice-base", "slice-apex")),
            SheetRow("Slice layouts", ("layout-single", "layout-compare"), joined="–"),
            SheetRow("One panel, all panels", ("fill-slices", "restore"), joined="–"),
            SheetRow("Contours", ("contours",)),
            SheetRow("Letters and scale", ("overlays",)),
            SheetRow("Invert", ("invert",)),
            SheetRow("Fit, reset", ("fit", "reset")),
            SheetRow("Fill the window", keys=("Double-click",)),
        ),
    ),
    (
        "Cine",
        (
            SheetRow("Measure", ("measure",)),
            SheetRow("Generate", ("generate",)),
            SheetRow("Cancel, leave the tool", ("cancel",)),
            SheetRow("Flicker measured, generated", ("flicker",)),
            SheetRow("Set ED, ES here", ("set-ed", "set-es"), joined="or"),
            SheetRow("Anchor at ED, ES", ("anchor-ed", "anchor-es"), joined="or"),
            SheetRow("Anchor at this phase", ("anchor-here",)),
            SheetRow("RV curve", ("rv-curve",)),
        ),
    ),
    (
        "Mouse",
        (
            SheetRow("Window and level", keys=("Left", "drag")),
            SheetRow("Pan", keys=("Middle", "drag")),
            SheetRow("Zoom", keys=("Right", "drag")),
            SheetRow("Slice", keys=("Wheel",)),
            SheetRow("Phase", keys=("Shift", "wheel")),
            SheetRow("In the heart: turn", keys=("Left", "drag")),
            SheetRow("In the heart: pan", keys=("Shift", "drag")),
        ),
    ),
    (
        "Report",
        (
            SheetRow("Report", ("report",)),
            SheetRow("Export", ("export",)),
            SheetRow("Copy picture", ("copy-picture",)),
            SheetRow("Copy numbers", ("copy-numbers",)),
        ),
    ),
)
"""The shortcut sheet: groups by what the hand does, two groups a column."""
