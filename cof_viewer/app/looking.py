"""The commands that only change how the case is looked at. They are quick, and none can be undone."""

from __future__ import annotations

from typing import get_args

from cof_viewer.app.document import Document
from cof_viewer.app.state import LAYOUTS, SPEEDS, Layout, Shown, ViewState, Window, WindowPreset
from cof_viewer.app.windowing import auto_window, blood_muscle_window, wide_window

ZOOM_RANGE = (0.25, 20.0)


class Looking(Document):
    """Moving through phases and slices, playing, grey window, layout, zoom."""

    # -- phases and slices ---------------------------------------------------------------------------------------

    def set_phase(self, phase: int) -> None:
        """Show a phase, 0-based; beyond the ends it is held at them."""
        self._change_view(phase=min(max(phase, 0), max(self.phases - 1, 0)))
        self._set_clock()

    def step_phase(self, steps: int) -> None:
        """Go some phases on or back, round the beat."""
        if self.phases:
            self.set_phase((self.view.phase + steps) % self.phases)

    def first_phase(self) -> None:
        """Show the first phase."""
        self.set_phase(0)

    def last_phase(self) -> None:
        """Show the last phase."""
        self.set_phase(self.phases - 1)

    def jump_ed(self) -> None:
        """Show end-diastole, where it is known."""
        if self.function is not None and self.function.ed_phase is not None:
            self.set_phase(self.function.ed_phase)

    def jump_es(self) -> None:
        """Show end-systole, where it is known."""
        if self.function is not None and self.function.es_phase is not None:
            self.set_phase(self.function.es_phase)

    def set_slice(self, index: int) -> None:
        """Show a slice, 0-based, base first; beyond the ends it is held at them."""
        self._change_view(slice=min(max(index, 0), max(self.slices - 1, 0)))

    def step_slice(self, steps: int) -> None:
        """Go some slices towards the apex (negative: the base)."""
        self.set_slice(self.view.slice + steps)

    def show(self, shown: Shown) -> None:
        """Show the measured or the generated cine; nothing happens where there is none."""
        if shown not in get_args(Shown):
            raise ValueError(f"{shown!r} can't be shown")
        if self.cine_of(shown) is not None and shown != self.result.shown:
            self._change_result(shown=shown)

    # -- playing -------------------------------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Start or stop playing; from the last phase without loop it starts over."""
        if self.phases < 2:
            return
        starting = not self.view.playing
        if starting and not self.view.loop and self.view.phase == self.phases - 1:
            self.set_phase(0)
        self._set_clock()
        self._change_view(playing=starting)

    def stop(self) -> None:
        """Stop playing."""
        self._change_view(playing=False)

    def set_speed(self, speed: float) -> None:
        """Play at a multiple of the patient's own beat.

        Raises:
            ValueError: when it is none of `SPEEDS`.
        """
        if speed not in SPEEDS:
            raise ValueError(f"the speed must be one of {SPEEDS}, is {speed}")
        self._change_view(speed=speed)

    def step_speed(self, steps: int) -> None:
        """Play faster or slower by some steps of `SPEEDS`."""
        place = SPEEDS.index(self.view.speed) + steps
        self.set_speed(SPEEDS[min(max(place, 0), len(SPEEDS) - 1)])

    def toggle_loop(self) -> None:
        """Play the beat again and again, or once."""
        self._change_view(loop=not self.view.loop)

    def tick(self, elapsed_s: float) -> None:
        """Let time pass while playing: the phase that is due is shown, those in between are dropped.

        Args:
            elapsed_s: time since the last tick by a steady clock, not by counting pictures.
        """
        if not self.view.playing or self.phases < 2:
            return
        phase, ended = self._clock.advance(
            elapsed_s * 1000.0 * self.view.speed, phases=self.phases, rr_ms=self.play_rr_ms, loop=self.view.loop
        )
        if ended:
            self._change_view(phase=phase, playing=False)
        else:
            self._change_view(phase=phase)

    # -- picture -------------------------------------------------------------------------------------------------

    def toggle_contours(self) -> None:
        """Show or hide the contours."""
        self._change_view(contours=not self.view.contours)

    def toggle_overlays(self) -> None:
        """Show or hide everything that lies over the picture: letters, scale, corners."""
        self._change_view(overlays=not self.view.overlays)

    def toggle_invert(self) -> None:
        """Turn black and white round."""
        self._change_view(invert=not self.view.invert)

    def toggle_rv_curve(self) -> None:
        """Show or hide the right ventricle's curve."""
        self._change_view(show_rv_curve=not self.view.show_rv_curve)

    def set_window(self, centre: float, width: float) -> None:
        """Set the grey window, in the picture's units."""
        self._change_view(window=Window(centre, max(width, 1e-6)), window_preset="own")

    def window_preset(self, preset: WindowPreset) -> None:
        """Set the grey window by a preset; it is the same for the measured and the generated cine.

        `blood-muscle` needs labels; before they are known nothing happens.
        """
        window = self._preset_window(preset)
        if window is not None:
            self._change_view(window=window, window_preset=preset)

    def _preset_window(self, preset: WindowPreset) -> Window | None:
        cine, labels = self.measured_cine, self.labels_of("measured")
        if labels is None and self.generated_cine is not None:
            cine, labels = self.generated_cine, self.labels_of("generated")
        if cine is None:
            return None
        if preset == "wide":
            return wide_window(cine.data)
        if preset == "blood-muscle":
            return blood_muscle_window(cine.data, labels.data) if labels is not None else None
        if preset == "auto":
            return auto_window(cine.data, labels.data if labels is not None else None)
        raise ValueError(f"{preset!r} is no preset")

    def set_layout(self, layout: Layout) -> None:
        """Lay the slices out: one, one and the strip, all, or generated beside measured.

        Raises:
            ValueError: when there is no such layout.
        """
        if layout not in LAYOUTS:
            raise ValueError(f"{layout!r} is no layout")
        self._change_view(layout=layout)

    def set_zoom_pan(self, zoom: float, pan: tuple[float, float]) -> None:
        """Zoom (1 fits) and shift the picture, in picture pixels (x, y)."""
        low, high = ZOOM_RANGE
        self._change_view(zoom=min(max(zoom, low), high), pan=(float(pan[0]), float(pan[1])))

    def fit(self) -> None:
        """Show the whole picture."""
        self._change_view(zoom=1.0, pan=(0.0, 0.0))

    def reset_view(self) -> None:
        """Zoom, shift, window and inversion as on opening; slice, phase and layout stay."""
        fresh = ViewState()
        window = self._preset_window("auto") or fresh.window
        self._change_view(zoom=1.0, pan=(0.0, 0.0), invert=False, window=window, window_preset="auto")
