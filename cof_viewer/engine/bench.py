"""How long the engine takes, how much memory, and how fast it stops: the figures of `cof-viewer bench engine`.

Every figure is taken on the wall clock and in processor seconds, because a busy machine makes the first useless.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.image import Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.domain.study import Study

if TYPE_CHECKING:
    from cof_viewer.engine.engine import Engine

_LOADS = 3
_SETTLED_S = 0.05


@dataclass(frozen=True)
class Timing:
    """One thing that was done several times.

    Attributes:
        name: what.
        wall_s: seconds on the clock, one a repeat; `cpu_s`: seconds of processor time over all threads.
        target_s: what is asked of it on two free cores; None where nothing is.
    """

    name: str
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...] = ()
    target_s: float | None = None

    @property
    def median_s(self) -> float:
        """Median on the clock."""
        return float(np.median(self.wall_s))

    @property
    def p95_s(self) -> float:
        """95th percentile on the clock."""
        return float(np.percentile(self.wall_s, 95))

    @property
    def median_cpu_s(self) -> float | None:
        """Median of processor time."""
        return float(np.median(self.cpu_s)) if self.cpu_s else None


@dataclass(frozen=True)
class Share:
    """One step of a whole generation from the volume: seconds and its part of the whole (0 to 1)."""

    name: str
    wall_s: float
    share: float


@dataclass(frozen=True)
class BenchReport:
    """Everything that was measured.

    Attributes:
        timings: in the order they were taken.
        steps: shares of one generation, the rest as "other".
        peak_generate_mb: peak memory of the process (10⁶ bytes) after generating; None where the platform tells none.
        peak_mb: peak after measuring the cine too.
        device: "cpu" or "cuda".
        threads: of torch.
    """

    timings: tuple[Timing, ...]
    steps: tuple[Share, ...]
    peak_generate_mb: float | None
    peak_mb: float | None
    device: str
    threads: int


@dataclass(frozen=True)
class BenchCase:
    """What is generated from.

    Attributes:
        anchor: ED.
        ecg: of the same patient; `other_ecg` another one, for live use.
        study: with the cine that is measured; called for when needed, so that it does not count before.
    """

    anchor: Volume
    ecg: Ecg
    other_ecg: Ecg
    study: Callable[[], Study]


def bench_engine(
    models: Path,
    device: str,
    case: BenchCase,
    *,
    phases: int,
    members: int,
    repeats: int,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
) -> BenchReport:
    """Measure loading, segmenting, preparing, generating, live use, stopping and measuring a cine, in this order.

    Args:
        models: folder of the weights.
        device: "auto", "cpu" or "cuda".
        case: see `BenchCase`.
        phases: T of generated beats.
        members: of the generated beats; 16 are timed too.
        repeats: of each thing, after one that does not count.
        progress: told what is being measured.
        cancel: looked at between repeats.

    Raises:
        UserError: weights are missing, or there is no heart in the case.
        Cancelled: somebody asked to stop.
    """
    import torch

    from cof_viewer.engine.engine import Engine

    bench = _Bench(repeats, progress, cancel)
    bench.time("load the engine", lambda: Engine.load(models, device), 2.0, repeats=min(repeats, _LOADS))
    engine = Engine.load(models, device)
    bench.time("segment one volume", lambda: engine.segment(case.anchor), 0.6)
    bench.time("prepare an anchor", lambda: engine.prepare(case.anchor))

    own = _Others(case.ecg)

    def whole(count: int) -> object:
        return engine.generate(_unseen(case.anchor), own.next(), phases=phases, members=count, anchor_phase="ed")

    for count in dict.fromkeys((members, 16)):
        name = f"anchor + ECG -> beat, {count} member{'s' * (count > 1)}"
        bench.time(name, functools.partial(whole, count), {1: 1.0, 16: 3.0}.get(count))
    prepared = engine.prepare(case.anchor)
    others = _Others(case.other_ecg)

    def curve() -> object:
        return engine.live(prepared, others.next(), phases=phases, anchor_phase="ed")

    bench.time("live: another ECG -> curve", curve, 0.2)
    bench.time(
        "live: another ECG -> whole cine",
        lambda: engine.generate(prepared, others.next(), phases=phases, anchor_phase="ed"),
        0.6,
    )
    steps = _steps(engine, lambda: whole(members))
    bench.timings.append(_stopping(lambda token: _run_until(engine, case, phases, token), bench))
    peak_generate = peak_memory_mb()
    study = case.study()
    bench.time("measure the cine", lambda: engine.measure(study), 10.0, repeats=1, warm=False)
    kind = engine.info.device
    return BenchReport(tuple(bench.timings), steps, peak_generate, peak_memory_mb(), kind, torch.get_num_threads())


def _unseen(volume: Volume) -> Volume:
    """The same stack as another object: an engine keeps what it made of the last one, which must not count."""
    return replace(volume)


class _Others:
    """ECGs that the engine has not heard yet: one record, each time louder by a thousandth."""

    def __init__(self, ecg: Ecg) -> None:
        self._ecg, self._count = ecg, 0

    def next(self) -> Ecg:
        """Another one."""
        self._count += 1
        return replace(self._ecg, signal_mv=self._ecg.signal_mv * np.float32(1 + 0.001 * self._count))


def peak_memory_mb() -> float | None:
    """Most memory that the process has held at once, in 10⁶ bytes; None where the platform does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:
        return _windows_peak_mb()
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit / 1e6


def _windows_peak_mb() -> float | None:
    """PeakWorkingSetSize by the system's own call."""
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("PageFaultCount", ctypes.c_uint32),
            *((f"size{k}", ctypes.c_size_t) for k in range(8)),
        )

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel: Any = getattr(ctypes, "windll", None)
    if kernel is None:
        return None
    kernel.kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.kernel32.GetCurrentProcess())
    if not kernel.kernel32.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb):
        return None
    return float(counters.size0) / 1e6


class _Bench:
    """Times things one after another."""

    def __init__(self, repeats: int, progress: Progress, cancel: CancelToken) -> None:
        self.timings: list[Timing] = []
        self._repeats, self._progress, self._cancel = repeats, progress, cancel

    def time(
        self,
        name: str,
        work: Callable[[], object],
        target_s: float | None = None,
        *,
        repeats: int | None = None,
        warm: bool = True,
    ) -> None:
        """Do something once uncounted, where `warm`, and then several times."""
        walls, processor = [], []
        self.tell(name)
        if warm:
            work()
        for _ in range(repeats or self._repeats):
            self.tell(name)
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            walls.append(time.perf_counter() - wall)
            processor.append(time.process_time() - cpu)
        self.timings.append(Timing(name, tuple(walls), tuple(processor), target_s))

    def tell(self, name: str) -> None:
        """Say what is next; stop here if somebody asked to."""
        self._cancel.raise_if_cancelled()
        self._progress(min(0.95, len(self.timings) / 9), f"Timing: {name}")

    @property
    def repeats(self) -> int:
        """How often."""
        return self._repeats


def _run_until(engine: Engine, case: BenchCase, phases: int, token: CancelToken) -> None:
    with contextlib.suppress(Cancelled):
        engine.generate(_unseen(case.anchor), case.ecg, phases=phases, anchor_phase="ed", cancel=token)


def _stopping(run: Callable[[CancelToken], None], bench: _Bench) -> Timing:
    """From the moment a token is set to the end of the generation, at moments spread over its whole length."""
    whole = next(t for t in bench.timings if t.name.startswith("anchor + ECG")).median_s
    walls = []
    for k in range(bench.repeats):
        bench.tell("cancel until it stops")
        token = CancelToken()
        worker = threading.Thread(target=run, args=(token,), name="bench-cancel")
        worker.start()
        worker.join(_SETTLED_S + whole * (k + 0.5) / bench.repeats)
        ended = not worker.is_alive()
        began = time.perf_counter()
        token.cancel()
        worker.join()
        if not ended:
            walls.append(time.perf_counter() - began)
    return Timing("cancel until it stops", tuple(walls) or (0.0,), (), 0.2)


def _steps(engine: Engine, run: Callable[[], object]) -> tuple[Share, ...]:
    """Where one run's time goes, by the outermost named step."""
    watch = _Stopwatch()
    with watch.on(engine):
        began = time.perf_counter()
        run()
        whole = time.perf_counter() - began
    spent = {**watch.spent, "other": whole - sum(watch.spent.values())}
    return tuple(Share(name, seconds, seconds / whole) for name, seconds in spent.items())


class _Stopwatch:
    """Puts a clock round the engine's inner doors for a while; within a named step, others do not count."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._inside = False

    @contextlib.contextmanager
    def on(self, engine: Engine) -> Iterator[None]:
        """Clock the doors of this engine."""
        with contextlib.ExitStack() as stack:
            for step, owner, name in _doors(engine):
                if hasattr(owner, name):
                    before = getattr(owner, name)
                    setattr(owner, name, self._clocked(step, before))
                    stack.callback(setattr, owner, name, before)
            yield

    def _clocked(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        self.spent.setdefault(step, 0.0)

        def clocked(*arguments: Any, **options: Any) -> Any:
            if self._inside:
                return work(*arguments, **options)
            self._inside, began = True, time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                self._inside = False
                self.spent[step] += time.perf_counter() - began

        return clocked


def _doors(engine: Engine) -> tuple[tuple[str, Any, str], ...]:
    """Step, owner and name of what is clocked, in the order of a generation."""
    from cof_viewer.engine import anchor, generate, live, plan
    from cof_viewer.engine import engine as door
    from cof_viewer.engine.generator import Generator

    return (
        ("read the ECG", live, "representative_beat"),
        ("locate, orient", engine._segmenter, "pose"),
        ("segment", engine._segmenter, "canonical_shares"),
        ("segment", anchor, "shares_in_scanner"),
        ("prepare", anchor, "prepared_from_labels"),
        ("encode the ECG", live, "encode"),
        ("draw", Generator, "draw"),
        ("motion", plan.Members, "motion"),
        ("motion", door, "live_beat"),
        ("warp", generate, "ScannerWarp"),
        ("warp", generate, "warp_beat"),
        ("count", generate, "function_from_labels"),
        ("judge", generate, "beat_flags"),
    )
