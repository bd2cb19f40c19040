"""A folder of nnU-Net v2's layout becomes weights of ours; what can't be used is said in one sentence."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.engine.nnunet.adopt import adopt, is_nnunet, read_folder
from cof_viewer.engine.nnunet.network import NnUNet, own_weights
from cof_viewer.engine.nnunet.plans import plan_from_values, read_plan
from cof_viewer.engine.nnunet.segmenter import NnUNetSegmenter
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.engine.weights import load_weights, read_entries
from tests.conftest import ROOT
from tests.engine.nnunet.folder import DATASET, as_listed, make_folder, plans

KINDS = [(2, False), (2, True), (3, False), (3, True)]


@pytest.mark.parametrize(("dimensions", "residual"), KINDS)
def test_a_folder_is_read_and_computes_what_its_network_computed(tmp_path: Path, dimensions: int, residual: bool):
    folder = make_folder(tmp_path, dimensions, residual=residual)
    model = read_folder(folder)
    assert (model.trainer, model.dataset, list(model.folds)) == ("nnUNetTrainer", "Dataset027_ACDC", ["0"])
    assert model.plan.classes == (3, 2, 1)
    torch.manual_seed(0)
    original = NnUNet(model.plan.shape)
    read = NnUNet(model.plan.shape)
    read.load_state_dict(model.folds["0"])
    images = torch.randn(1, 1, *model.plan.patch)
    assert torch.equal(original.eval()(images), read.eval()(images))


def test_names_and_shapes_are_those_of_dynamic_network_architectures():
    """The names that its PlainConvUNet and ResidualEncoderUNet (0.4.4) give for these plans."""
    plain, residual = (NnUNet(read_plan(plans(2, residual=r), DATASET, "2d").shape).state_dict() for r in (False, True))
    listed = as_listed(plain)
    assert tuple(listed["encoder.stages.1.0.convs.0.all_modules.0.weight"].shape) == (8, 4, 3, 3)
    assert tuple(listed["decoder.encoder.stages.0.0.convs.1.norm.bias"].shape) == (4,)
    assert tuple(plain["decoder.transpconvs.0.weight"].shape) == (16, 8, 2, 2)
    assert tuple(plain["decoder.stages.0.convs.0.conv.weight"].shape) == (8, 16, 3, 3)
    assert tuple(plain["decoder.seg_layers.1.weight"].shape) == (4, 4, 1, 1)
    assert own_weights(listed).keys() == plain.keys()
    assert tuple(residual["encoder.stem.convs.0.conv.weight"].shape) == (4, 1, 3, 3)
    assert tuple(residual["encoder.stages.1.blocks.0.conv1.conv.weight"].shape) == (8, 4, 3, 3)
    assert tuple(residual["encoder.stages.1.blocks.0.skip.1.conv.weight"].shape) == (8, 4, 1, 1)
    assert "encoder.stages.1.blocks.0.skip.1.conv.bias" not in residual
    assert "encoder.stages.0.blocks.0.skip.0.conv.weight" not in residual


def test_old_plans_name_the_network_by_its_class():
    told = plans(3, residual=False)
    settings = told["configurations"]["3d_fullres"]
    del settings["architecture"]
    settings |= {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "unet_max_num_features": 10,
        "n_conv_per_stage_encoder": [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2],
        "conv_kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
        "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
    }
    shape = read_plan(told, DATASET, "3d_fullres").shape
    assert shape.features == (4, 8, 10)
    assert (shape.norm, shape.activation, shape.bias, shape.residual) == ("InstanceNorm", "LeakyReLU", True, False)


def test_a_plan_survives_json_and_inherits():
    told = plans(3, residual=True)
    told["configurations"]["3d_larger"] = {"inherits_from": "3d_fullres", "patch_size": [6, 96, 96]}
    plan = read_plan(told, DATASET, "3d_larger")
    assert plan.patch == (6, 96, 96)
    assert plan_from_values(json.loads(json.dumps(plan.values()))) == plan


def test_the_models_folder_with_it_is_loaded_like_any_other(tmp_path: Path):
    folder = make_folder(tmp_path, 3, residual=True, folds=("0", "1"))
    assert is_nnunet(folder)
    out = tmp_path / "models"
    entry = adopt(read_folder(folder, ("0", "1")), ROOT / "models", out)
    assert (out / entry.card).read_text().startswith("# segmenter")
    assert read_entries(out).keys() == read_entries(ROOT / "models").keys()
    assert load_weights(out, "segmenter")[1].config["folds"] == ["0", "1"]
    loaded = Segmenter.load(out)
    assert isinstance(loaded, NnUNetSegmenter)
    first, second = (NnUNet(read_folder(folder, (fold,)).plan.shape) for fold in "01")
    first.load_state_dict(read_folder(folder, ("0",)).folds["0"])
    second.load_state_dict(read_folder(folder, ("1",)).folds["1"])
    images = torch.randn(1, 1, 6, 64, 48)
    for network, theirs in zip(loaded._networks, (first, second), strict=True):
        assert torch.equal(network(images), theirs.eval()(images))
    with pytest.raises(UserError, match="not empty"):
        adopt(read_folder(folder), ROOT / "models", out)


def test_labels_by_unknown_names_are_asked_for():
    dataset = DATASET | {"labels": {"background": 0, "a": 1, "b": 2, "c": 3}}
    with pytest.raises(UserError, match=r"a 1, b 2, c 3"):
        read_plan(plans(2, residual=False), dataset, "2d")
    given = {Label.LV: 2, Label.MYO: 3, Label.RV: 1}
    assert read_plan(plans(2, residual=False), dataset, "2d", given).classes == (2, 3, 1)
    with pytest.raises(UserError, match="can't be told"):
        read_plan(plans(2, residual=False), dataset, "2d", given | {Label.LV: 7})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p, d: d.update(channel_names={"0": "T1", "1": "T2"}), "2 pictures"),
        (lambda p, d: d.update(labels={"background": 0, "heart": [1, 2, 3]}), "regions"),
        (lambda p, d: p["configurations"]["2d"].update(normalization_schemes=["RGBTo01Normalization"]), "RGBTo01"),
        (lambda p, d: p["configurations"]["2d"].update(previous_stage="3d_lowres"), "cascade"),
        (lambda p, d: p["configurations"]["2d"]["architecture"].update(network_class_name="a.Primus"), "Primus"),
        (lambda p, d: p["configurations"]["2d"].pop("spacing"), "spacing"),
        (lambda p, d: p["configurations"].pop("2d"), "2d"),
    ],
)
def test_what_can_not_be_used_is_said(change, sentence):
    told, dataset = plans(2, residual=False), json.loads(json.dumps(DATASET))
    change(told, dataset)
    with pytest.raises(UserError, match=sentence):
        read_plan(told, dataset, "2d")


def test_bad_folders_are_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"plans\.json"):
        read_folder(tmp_path)
    folder = make_folder(tmp_path)
    with pytest.raises(UserError, match="fold_3"):
        read_folder(folder, ("3",))
    path = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=False)
    content["network_weights"].pop("decoder.seg_layers.1.weight")
    torch.save(content, path)
    with pytest.raises(UserError, match=r"decoder\.seg_layers\.1\.weight"):
        read_folder(folder)
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match="damaged"):
        read_folder(folder)


class _Evil:
    def __reduce__(self):
        return (Path.touch, (Path("was-run"),))


def test_a_checkpoint_is_data_and_nothing_in_it_is_run(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = make_folder(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=False)
    torch.save(content | {"logging": _Evil()}, path)
    with pytest.raises(UserError, match="more than plain data"):
        read_folder(folder)
    path.write_bytes(pickle.dumps(_Evil()))
    with pytest.raises(UserError, match="more than plain data"):
        read_folder(folder)
    assert not (tmp_path / "was-run").exists()
