"""What `cof-viewer train` knows of every model: where its configs lie, what it needs, how its training is called.

All trainers have one shape: `main(config, out, *, resume, ...)` and `publish(run, models, about)`. They are imported
when they are asked for, and of the options each gets those that its `main` takes.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cof_viewer
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import CancelToken, Progress

_LEARNING = "cof_viewer.learning"


@dataclass(frozen=True)
class Order:
    """One training that was asked for.

    Attributes:
        config: JSON file.
        out: folder for checkpoint and logs.
        resume: go on from the folder's checkpoint.
        smoke: a training of a few steps on a few patients, to see that everything works.
        data: folder with `mri/` and `ecg/`, or one of these itself; None takes COF_DATA.
        cohort: a store of cases.
        models: weights that the training leans on (segmenter, encoder).
        accelerator: what to compute on, by Lightning Fabric's name.
        devices: how many of them, as one.
    """

    config: Path
    out: Path
    resume: bool
    smoke: bool
    data: Path | None
    cohort: Path | None
    models: Path
    accelerator: str = "auto"
    devices: int = 1


@dataclass(frozen=True)
class Trainer:
    """One model.

    Attributes:
        name: on the command line.
        package: below `cof_viewer.learning`.
        config: the shipped config; `smoke` the small one.
        module: of the package that holds `main`; `publisher` the one that holds `publish`.
        data: the folder of the data it reads, "mri" or "ecg"; "" where it takes the whole.
        task: what the config's `task` must be, or the form of its network; "" where configs have none.
        needs_cohort: whether it can't learn without a store of cases.
    """

    name: str
    package: str
    config: str
    smoke: str = "smoke.json"
    module: str = "train"
    publisher: str = "publish"
    data: str = "mri"
    task: str = ""
    needs_cohort: bool = False

    def shipped_config(self, smoke: bool) -> Path:
        """The config that is taken where none is given."""
        return Path(cof_viewer.__file__).parent / "learning" / self.package / "configs" / self._file(smoke)

    def _file(self, smoke: bool) -> str:
        return self.smoke if smoke else self.config

    def check_is_there(self) -> None:
        """Make sure that this version has the trainer, before anything long begins.

        Raises:
            UserError: it has not.
        """
        if self._main() is None or not self.shipped_config(False).is_file():
            raise UserError(f"The {self.name} can't be trained with this version of the program.", code="trainer")

    def check_config(self, path: Path) -> None:
        """Read a config for its mistakes alone.

        Raises:
            UserError: there is no such file, it is not JSON, or names something that this training does not know.
        """
        if not path.is_file():
            raise UserError(f'There is no config "{path}". Check its name.', code="config")
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            reader = self._reader()
            if reader is not None:
                reader(path)
        except (ValueError, TypeError, KeyError, AttributeError, UnicodeDecodeError) as error:
            raise UserError(f'The config "{path}" can\'t be used: {error}.', code="config") from error
        network = raw.get("network", {}) if isinstance(raw, dict) else {}
        found = raw.get("task", network.get("form", self.task)) if isinstance(raw, dict) else ""
        if self.task and found != self.task:
            raise UserError(f'The config "{path}" is of the {found or "?"}, not of the {self.task}.', code="config")

    def learns_from_cohort(self) -> bool:
        """Whether the trainer takes a store of cases."""
        main = self._main()
        return main is not None and bool({"cohort", "store"} & set(inspect.signature(main).parameters))

    def train(self, order: Order, progress: Progress, cancel: CancelToken) -> None:
        """Run the training; see the trainers' own `main`.

        Raises:
            UserError: what it learns from is missing.
            Cancelled: `cancel` was set; the checkpoint is there.
        """
        from cof_viewer.learning.devices import Devices, computing_on
        from cof_viewer.learning.watching import watched

        main = self._main()
        assert main is not None
        wished: dict[str, Any] = {
            "resume": order.resume,
            "data": self._data_folder(order.data),
            "cohort": order.cohort,
            "store": order.cohort,
            "models": order.models,
        }
        if self.package == "registration":
            from cof_viewer.cli.registration_beats import prepared_beats

            wished["cases"] = prepared_beats(order, wished["data"], progress, cancel)
        taken = inspect.signature(main).parameters
        if order.cohort is not None and not self.learns_from_cohort():
            raise UserError(f"The {self.name} does not learn from a store of cases. Leave out --cohort.", code="option")
        with watched(progress, cancel), computing_on(Devices(order.accelerator, order.devices)):
            main(order.config, order.out, **{name: value for name, value in wished.items() if name in taken})

    def publish(self, run: Path, models: Path, about: dict[str, Any]) -> Any:
        """Write a finished training's weights and their entry (a `WeightsEntry`) into a folder of models.

        Raises:
            UserError: this version can't.
        """
        publish = _found(f"{_LEARNING}.{self.package}.{self.publisher}", "publish")
        if publish is None:
            raise UserError(f"The {self.name} can't be published with this version of the program.", code="trainer")
        return publish(run, models, about)

    def _main(self) -> Callable[..., Any] | None:
        main = _found(f"{_LEARNING}.{self.package}.{self.module}", "main")
        return main if main is not None and "config" in inspect.signature(main).parameters else None

    def _reader(self) -> Callable[[Path], Any] | None:
        reader: Callable[[Path], Any] | None = _found(f"{_LEARNING}.{self.package}.config", "read_config")
        return reader

    def _data_folder(self, given: Path | None) -> Path | None:
        """The folder that the trainer reads, of the one that was given.

        Raises:
            UserError: neither it nor its subfolder holds the data.
        """
        if given is None or not self.data:
            return given
        witness = {"mri": "manifest.csv", "ecg": "records.csv"}[self.data]
        for folder in (given / self.data, given):
            if (folder / witness).is_file():
                return folder
        raise UserError(
            f'"{given}" holds no data to learn from: neither "{self.data}/{witness}" nor "{witness}" is in it.',
            code="no-data",
        )


TRAINERS: tuple[Trainer, ...] = (  # in order of dependence: each leans on those before it
    Trainer("localiser", "segmenter", "localiser.json", smoke="smoke_localiser.json", task="localiser"),
    Trainer("pose", "segmenter", "pose.json", smoke="smoke_pose.json", task="pose"),
    Trainer("segmenter", "segmenter", "segmenter.json", task="segmenter"),
    Trainer("registration", "registration", "registration.json"),
    Trainer("ecg", "ecg", "ecg_encoder.json", module="pretrain", publisher="pretrain", data="ecg"),
    Trainer("flow", "flow", "flow.json", publisher="train", data=""),
    Trainer("packed", "packed", "packed.json", data="", task="flow", needs_cohort=True),
    Trainer(
        "diffusion", "packed", "diffusion.json", "smoke_diffusion.json", data="", task="diffusion", needs_cohort=True
    ),
    Trainer("assessor", "assessor", "assessor.json"),
)


def _found(module: str, name: str) -> Any:
    """A name of a module, or None where there is no such module or no such name."""
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except ModuleNotFoundError:  # not even its package
        return None
    return getattr(importlib.import_module(module), name, None)
