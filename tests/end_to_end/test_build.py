# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the zip: everything a user needs, nothing only makers need, the same bytes every time."""

import hashlib
import tomllib
import zipfile

import pytest

import build_addon

pytestmark = pytest.mark.blender


def test_the_zip_holds_what_the_manifest_lists(extension_zip):
    with zipfile.ZipFile(extension_zip) as archive:
        names = set(archive.namelist())
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert manifest["id"] == "lipsync3d"
    assert manifest["version"] == build_addon.project()["version"]
    assert {wheel.removeprefix("./") for wheel in manifest["wheels"]} == {n for n in names if n.startswith("wheels/")}
    assert {"__init__.py", "LICENSE", "backend/core/data/canonical_face.npz"} <= names
    assert any(name.startswith("backend/bundles/") and name.endswith("model.onnx") for name in names)
    assert any(name.startswith("blendshape_maps/") for name in names)


def test_wheels_serve_both_pythons_and_leave_numpy_to_blender(extension_zip):
    with zipfile.ZipFile(extension_zip) as archive:
        wheels = [name.removeprefix("wheels/") for name in archive.namelist() if name.startswith("wheels/")]
    for package in ("onnxruntime", "soxr", "cffi"):
        tags = " ".join(wheel for wheel in wheels if wheel.startswith(package))
        assert "cp311" in tags
        assert "cp313" in tags or "abi3" in tags
    assert not [wheel for wheel in wheels if wheel.startswith(("numpy", "torch", "bpy"))]


def test_the_zip_leaves_makers_tools_out_and_stays_small(extension_zip):
    with zipfile.ZipFile(extension_zip) as archive:
        names = archive.namelist()
    makers = ("backend/training/", "backend/models/", "backend/core/authoring/", "tests/", "backend/dataset/")
    assert [name for name in names if name.startswith(makers) or "__pycache__" in name] == []
    assert extension_zip.stat().st_size < 150_000_000


def test_building_twice_gives_the_same_bytes(extension_zip, tmp_path):
    platform = next(p for p in build_addon.PLATFORMS if p.name == build_addon.this_platform())
    again = build_addon.make_zip(platform, tmp_path)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(extension_zip.read_bytes()).digest()


def test_blenders_own_validator_accepts_the_zip(extension_zip):
    pytest.importorskip("bpy")
    assert build_addon.validate(extension_zip) == "valid"


def test_the_development_link_follows_the_checkout(tmp_path, extension_zip):
    linked = build_addon.link(tmp_path / "user_default")
    assert (linked / "backend").resolve() == build_addon.CHECKOUT / "backend"
    assert (linked / "blender_manifest.toml").read_text() == zipfile.Path(
        extension_zip, "blender_manifest.toml"
    ).read_text()
