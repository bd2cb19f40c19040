"""How the document works in the background: jobs, what becomes of their results, and what the user is told.

A job captures what it needs when it is asked for. When it ends, its result is applied through `dispatch`, or dropped
if another study was opened, or a newer job of its kind was asked for, meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from psygnal import Signal

from cof_viewer.app.bugs import log_bug
from cof_viewer.app.jobs import ENGINE_LANE, Job, JobRunner
from cof_viewer.app.looking import Looking
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import CancelToken, Progress

T = TypeVar("T")
Importance = Literal["info", "warning", "error"]


class Working(Looking):
    """Jobs of the document.

    Signals:
        busy_changed: a job was taken or has ended.
        progress_changed: fraction and words of the foremost job.
        message: a sentence for the user, and its `Importance`.
    """

    busy_changed = Signal()
    progress_changed = Signal(float, str)
    message = Signal(str, str)

    def __init__(self, runner: JobRunner) -> None:
        """Start idle."""
        super().__init__()
        self._runner = runner
        self._epoch = 0
        """Rises with every study: what belongs to an earlier one is dropped."""
        self._newest: dict[str, int] = {}
        self._closed = False
        self._runner.changed.connect(self._tell_busy)

    @property
    def busy(self) -> Job[object] | None:
        """The foremost job: the engine's if it has one, else the oldest."""
        jobs = sorted(self._runner.active, key=lambda job: (job.lane != ENGINE_LANE, job.serial))
        return jobs[0] if jobs else None

    def cancel(self) -> None:
        """Ask everything that runs to stop."""
        self._runner.cancel_all()

    def wait_idle(self, timeout_s: float = 60.0) -> bool:
        """Wait until no job is left (for scripts and tests; the window never waits)."""
        return self._runner.wait_idle(timeout_s)

    def close(self) -> None:
        """End the session: cancel what runs and wait for its threads. Nothing can be asked for afterwards."""
        self._closed = True
        self._runner.shutdown()

    def _submit(
        self,
        name: str,
        kind: str,
        work: Callable[[Progress, CancelToken], T],
        apply: Callable[[T], None],
        lane: str = ENGINE_LANE,
        *,
        outlives_study: bool = False,
    ) -> Job[T]:
        """Queue a job whose result is applied unless it has become stale.

        Args:
            name: for the user.
            kind: a newer job of the same kind makes the result of an older one stale.
            work: runs on the lane's worker.
            apply: takes the result, where `dispatch` says.
            lane: see `JobRunner`.
            outlives_study: the result counts also when another study was opened meanwhile.
        """
        epoch = None if outlives_study else self._epoch
        with self._lock:
            ticket = self._newest.get(kind, 0) + 1
            self._newest[kind] = ticket

        def finish(result: T) -> None:
            self._post(epoch, lambda: apply(result) if outlives_study or self._newest[kind] == ticket else None)

        return self._runner.submit(
            name,
            work,
            lane=lane,
            kind=kind,
            on_progress=lambda _fraction, _words: self.dispatch(self._tell_progress),
            on_finished=finish,
            on_failed=lambda error: self._post(epoch, lambda: self._tell_failure(name, error)),
        )

    def _post(self, epoch: int | None, change: Callable[[], object]) -> None:
        """Apply a change where `dispatch` says, unless it belongs to a study that is no longer open."""

        def apply() -> None:
            if not self._closed and epoch in (None, self._epoch):
                change()

        self.dispatch(apply)

    def _cancel_kinds(self, *kinds: str) -> None:
        """Stop the jobs of these kinds that wait or run."""
        for job in self._runner.active:
            if job.kind in kinds:
                job.cancel()

    def _refused(self, obstacle: str | None) -> bool:
        """Tell the user what stands in the way, if anything does."""
        if obstacle is not None:
            self.message.emit(obstacle, "warning")
        return obstacle is not None

    def _tell_busy(self) -> None:
        self.dispatch(self.busy_changed.emit)

    def _tell_progress(self) -> None:
        job = self.busy
        if job is not None:
            self.progress_changed.emit(job.fraction, job.words)

    def _tell_failure(self, name: str, error: Exception) -> None:
        if isinstance(error, Cancelled):
            return
        if isinstance(error, UserError):
            self.message.emit(error.sentence, "error")
        elif isinstance(error, MemoryError):
            self.message.emit("Not enough memory. Make fewer members, or close other programs.", "error")
        else:
            log = log_bug(error, self._secrets())
            where = f'The details are in "{log}".' if log else "Its details could not be written."
            self.message.emit(f"{name} stopped at a fault of this program. {where}", "error")

    def _secrets(self) -> tuple[str, ...]:
        """Words that may name the patient and must not reach a log."""
        study = self.case.study
        if study is None:
            return ()
        named = (study.patient.name, study.patient.patient_id, study.path, study.description)
        return tuple(word for word in named if word)
