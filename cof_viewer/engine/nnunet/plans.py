"""What an nnU-Net v2 model folder says of its network and of the pictures that it wants.

Read from `plans.json` and `dataset.json` as nnU-Net 2.x writes them (MIC-DKFZ/nnUNet, `PlansManager` and
`ConfigurationManager`): plans that describe the network under "architecture", and the older ones that name it by
"UNet_class_name". Axes are (slice, row, column) after `transpose_forward`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label

_NETWORKS = {"PlainConvUNet": False, "ResidualEncoderUNet": True}
_NORMS = ("InstanceNorm", "BatchNorm")
_ACTIVATIONS = ("LeakyReLU", "ReLU")
_SCHEMES = ("ZScoreNormalization", "CTNormalization", "RescaleTo01Normalization", "NoNormalization")
_OLD_SCHEMES = {"ZScore": "ZScoreNormalization", "CT": "CTNormalization", "rescale_to_0_1": "RescaleTo01Normalization"}
_NAMES: Mapping[Label, tuple[str, ...]] = {
    Label.LV: ("lv", "lvc", "lvbp", "lvcavity", "leftventricle", "leftventricularcavity", "leftventriclecavity"),
    Label.MYO: ("myo", "mlv", "lvm", "lvmyo", "myocardium", "lvmyocardium", "leftventricularmyocardium"),
    Label.RV: ("rv", "rvc", "rvbp", "rvcavity", "rightventricle", "rightventricularcavity", "rightventriclecavity"),
}


@dataclass(frozen=True)
class UNetShape:
    """The network of a plan.

    Attributes:
        residual: a residual encoder (ResidualEncoderUNet), else a plain one (PlainConvUNet).
        dimensions: 2 or 3.
        features: channels of every stage, full resolution first.
        kernels: of every stage, one number an axis; `strides` likewise, the first usually 1.
        encoder: convolutions (plain) or blocks (residual) of every stage; `decoder` one number fewer.
        bias: whether convolutions have one.
        norm: "InstanceNorm" or "BatchNorm"; `eps` and `affine` of it.
        activation: "LeakyReLU" or "ReLU"; `slope` of the leaky one.
        classes: maps given back, background included.
    """

    residual: bool
    dimensions: int
    features: tuple[int, ...]
    kernels: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    bias: bool
    norm: str
    eps: float
    affine: bool
    activation: str
    slope: float
    classes: int


@dataclass(frozen=True)
class NnUNetPlan:
    """How pictures are prepared, cut and read for one configuration.

    Attributes:
        configuration: "2d", "3d_fullres" or "3d_lowres".
        shape: of the network.
        patch: (slices,) rows, columns of a window.
        spacing_mm: that pictures are resampled to, as `patch`; 2-D networks leave the slices where they are.
        transpose: order of the picture's axes for the network.
        scheme: name of the intensity normalisation.
        masked: whether it looks at voxels other than 0 only.
        intensities: mean, std, percentile_00_5 and percentile_99_5 of the training data, for CTNormalization.
        orders: of the splines that resample pictures, in plane and across slices.
        separate: whether slices are resampled apart from the plane; None: where voxels are longer than 3 to 1.
        classes: of the network's maps, which are LV, myocardium, RV.
    """

    configuration: str
    shape: UNetShape
    patch: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    transpose: tuple[int, int, int]
    scheme: str
    masked: bool
    intensities: dict[str, float]
    orders: tuple[int, int]
    separate: bool | None
    classes: tuple[int, int, int]

    def values(self) -> dict[str, Any]:
        """Plain values, as JSON keeps them."""
        return asdict(self)


def plan_from_values(values: Mapping[str, Any]) -> NnUNetPlan:
    """The inverse of `NnUNetPlan.values`, also after a trip through JSON."""
    raw = {name: _frozen(value) for name, value in values.items()}
    shape = UNetShape(**{name: _frozen(value) for name, value in values["shape"].items()})
    return NnUNetPlan(**{**raw, "shape": shape, "intensities": dict(values["intensities"])})


def read_plan(
    plans: Mapping[str, Any],
    dataset: Mapping[str, Any],
    configuration: str,
    labels: Mapping[Label, int] | None = None,
) -> NnUNetPlan:
    """The plan of one configuration.

    Args:
        plans: content of `plans.json`.
        dataset: content of `dataset.json`.
        configuration: that the checkpoint was trained in.
        labels: which of the data set's labels are LV, myocardium and RV, where their names do not tell.

    Raises:
        UserError: the plan needs something that is not built here, or the labels are not understood.
    """
    try:
        settings = _settings(plans, configuration)
        return _plan(plans, dataset, configuration, settings, labels)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"The nnU-Net plan lacks or garbles {error}. Give the folder as nnU-Net v2 wrote it.", code="nnunet"
        ) from error


def _plan(
    plans: Mapping[str, Any],
    dataset: Mapping[str, Any],
    configuration: str,
    settings: Mapping[str, Any],
    labels: Mapping[Label, int] | None,
) -> NnUNetPlan:
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    if len(channels) != 1:
        raise _unfit(f"it wants {len(channels)} pictures of every slice")
    known = _numbers(dataset["labels"])
    scheme = _OLD_SCHEMES.get(settings["normalization_schemes"][0], settings["normalization_schemes"][0])
    if scheme not in _SCHEMES:
        raise _unfit(f'its normalisation "{scheme}" is not known')
    resampling = dict(settings.get("resampling_fn_data_kwargs") or {})
    intensities = (plans.get("foreground_intensity_properties_per_channel") or {}).get("0", {})
    z, y, x = (int(axis) for axis in plans.get("transpose_forward", (0, 1, 2)))
    return NnUNetPlan(
        configuration=configuration,
        shape=_shape(settings, len(known)),
        patch=tuple(int(n) for n in settings["patch_size"]),
        spacing_mm=tuple(float(n) for n in settings["spacing"]),
        transpose=(z, y, x),
        scheme=scheme,
        masked=bool(settings["use_mask_for_norm"][0]),
        intensities={name: float(value) for name, value in intensities.items()},
        orders=(int(resampling.get("order", 3)), int(resampling.get("order_z", 0))),
        separate=resampling.get("force_separate_z"),
        classes=_classes(known, labels),
    )


def _settings(plans: Mapping[str, Any], configuration: str) -> dict[str, Any]:
    """A configuration with what it inherits."""
    own = dict(plans["configurations"][configuration])
    if "previous_stage" in own:
        raise _unfit("it is the second stage of a cascade")
    parent = own.pop("inherits_from", None)
    return _settings(plans, parent) | own if parent else own


def _numbers(labels: Mapping[str, Any]) -> dict[str, int]:
    """The labels by name, without the one to be ignored; they must count from 0."""
    if any(isinstance(value, list | tuple) for value in labels.values()):
        raise _unfit("it was trained on regions, not on labels")
    known = {name: int(value) for name, value in labels.items() if name != "ignore"}
    if sorted(known.values()) != list(range(len(known))):
        raise _unfit("its labels do not count from 0")
    return known


def _classes(known: Mapping[str, int], given: Mapping[Label, int] | None) -> tuple[int, int, int]:
    by_name = {"".join(c for c in name.lower() if c.isalnum()): value for name, value in known.items()}
    found = {}
    for label, names in _NAMES.items():
        matching = [by_name[name] for name in names if name in by_name]
        value = given[label] if given else (matching[0] if len(matching) == 1 else -1)
        if value not in known.values() or value == 0:
            listed = ", ".join(f"{name} {number}" for name, number in known.items())
            raise UserError(
                f"Which of the labels ({listed}) are LV, myocardium and RV can't be told. "
                "Say it, such as --labels LV=3,Myo=2,RV=1.",
                code="nnunet",
            )
        found[label] = value
    return found[Label.LV], found[Label.MYO], found[Label.RV]


def _shape(settings: Mapping[str, Any], classes: int) -> UNetShape:
    dimensions = len(settings["patch_size"])
    name, values = _architecture(settings)
    if name not in _NETWORKS:
        raise _unfit(f'its network "{name}" is not known')
    norm, activation = (_last_word(values[key]) for key in ("norm_op", "nonlin"))
    norm = norm.removesuffix(f"{dimensions}d")
    if norm not in _NORMS or activation not in _ACTIVATIONS or values.get("nonlin_first"):
        raise _unfit(f"its layers {norm} and {activation} are not known")
    stages = int(values["n_stages"])
    norm_values, activation_values = (dict(values.get(f"{key}_kwargs") or {}) for key in ("norm_op", "nonlin"))
    residual = _NETWORKS[name]
    return UNetShape(
        residual=residual,
        dimensions=dimensions,
        features=_each(values["features_per_stage"], stages),
        kernels=_each_axis(values["kernel_sizes"], stages, dimensions),
        strides=_each_axis(values["strides"], stages, dimensions),
        encoder=_each(values["n_blocks_per_stage" if residual else "n_conv_per_stage"], stages),
        decoder=_each(values["n_conv_per_stage_decoder"], stages - 1),
        bias=bool(values.get("conv_bias", False)),
        norm=norm,
        eps=float(norm_values.get("eps", 1e-5)),
        affine=bool(norm_values.get("affine", norm == "BatchNorm")),
        activation=activation,
        slope=float(activation_values.get("negative_slope", 0.01)),
        classes=classes,
    )


def _architecture(settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Name and arguments of the network; plans before nnU-Net 2.3 are brought to the newer form."""
    if "architecture" in settings:
        told = settings["architecture"]
        return _last_word(told["network_class_name"]), told["arch_kwargs"]
    name, stages = settings["UNet_class_name"], len(settings["n_conv_per_stage_encoder"])
    base, most = int(settings["UNet_base_num_features"]), int(settings["unet_max_num_features"])
    each = "n_blocks_per_stage" if name == "ResidualEncoderUNet" else "n_conv_per_stage"
    return name, {
        "n_stages": stages,
        "features_per_stage": [min(base * 2**stage, most) for stage in range(stages)],
        "kernel_sizes": settings["conv_kernel_sizes"],
        "strides": settings["pool_op_kernel_sizes"],
        each: settings["n_conv_per_stage_encoder"],
        "n_conv_per_stage_decoder": settings["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": f"InstanceNorm{len(settings['patch_size'])}d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": "LeakyReLU",
    }


def _each(value: int | Sequence[int], count: int) -> tuple[int, ...]:
    found = (int(value),) * count if isinstance(value, int) else tuple(int(n) for n in value)
    if len(found) != count:
        raise ValueError(f"{len(found)} numbers for {count} stages")
    return found


def _each_axis(value: Any, stages: int, dimensions: int) -> tuple[tuple[int, ...], ...]:
    listed = [value] * stages if isinstance(value, int) else list(value)
    if len(listed) != stages:
        raise ValueError(f"{len(listed)} sizes for {stages} stages")
    return tuple(_each(item, dimensions) for item in listed)


def _last_word(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _unfit(why: str) -> UserError:
    return UserError(f"This nnU-Net model can't be used: {why}.", code="nnunet")
