# SPDX-License-Identifier: GPL-3.0-or-later
import io
import json
import shutil
from hashlib import sha256

import numpy as np
import pytest

from backend.core.errors import BundleError
from backend.inference.bundle import find_bundle, open_bundle, shipped_bundles


@pytest.fixture
def bundle(tmp_path):
    """A copy of the shipped bundle to spoil."""
    return shutil.copytree(find_bundle("universal"), tmp_path / "mine-v1")


def change(folder, **values):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.update(values)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def sums(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))["sha256"]


def test_the_shipped_bundle_opens_by_name_and_by_folder(bundle):
    shipped = open_bundle()
    assert shipped.name in shipped_bundles()
    (bundle / "unknown.bin").write_bytes(b"ignored")
    assert open_bundle(bundle).model == shipped.model


def test_a_version_shipped_no_more_gives_way_to_the_newest():
    newest = find_bundle("universal")
    version = int(newest.name.rpartition("-v")[2])
    assert find_bundle(f"universal-v{version - 1}") == newest
    with pytest.raises(BundleError, match="no bundle"):
        find_bundle(f"universal-v{version + 1}")


def test_no_bundle_of_that_name():
    with pytest.raises(BundleError, match="shipped are: demo-speaker-v1, universal-live-v1, universal-v"):
        open_bundle("nobody")


def _bomb():
    packed = io.BytesIO()
    np.savez_compressed(packed, scale=np.zeros(1 << 20, np.float32))
    return packed.getvalue()


@pytest.mark.parametrize(("data", "words"), [(_bomb(), "unpacks"), (b"PK\x03\x04 no zip", "plain arrays")])
def test_statistics_that_unpack_badly_are_refused(bundle, data, words):
    (bundle / "statistics.npz").write_bytes(data)
    change(bundle, sha256=sums(bundle) | {"statistics.npz": sha256(data).hexdigest()})
    with pytest.raises(BundleError, match=words):
        open_bundle(bundle)


@pytest.mark.parametrize("schema", [None, 0, 2, "1", True])
def test_unknown_schemas_fail_with_those_accepted(bundle, schema):
    change(bundle, schema=schema)
    with pytest.raises(BundleError, match="accepts 1"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "face"}, "kind 'face'"),
        ({"features": {"sample_rate": 8000}}, "features"),
        ({"phones": ["sil"]}, "phones"),
        ({"context_frames": -1}, "context_frames"),
        ({"context_frames": 1e9}, "context_frames"),
        ({"decoder": 3}, "decoder"),
        ({"sha256": {}}, "sha256"),
    ],
)
def test_settings_that_do_not_fit_are_named(bundle, values, words):
    change(bundle, **values)
    with pytest.raises(BundleError, match=words):
        open_bundle(bundle)


@pytest.mark.parametrize("name", ["model.onnx", "statistics.npz"])
def test_a_changed_byte_is_found(bundle, name):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} does not match its checksum"):
        open_bundle(bundle)


def test_missing_parts_are_named(bundle):
    (bundle / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx cannot be read"):
        open_bundle(bundle)
    (bundle / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match="not JSON"):
        open_bundle(bundle)
    (bundle / "config.json").unlink()
    with pytest.raises(BundleError, match=r"config\.json cannot be read"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", ".hidden", "C:\\x"])
def test_paths_cannot_leave_the_folder(bundle, name):
    change(bundle, sha256={**sums(bundle), name: "0"})
    with pytest.raises(BundleError, match="not allowed"):
        open_bundle(bundle)


def test_links_cannot_leave_the_folder(bundle, tmp_path):
    (tmp_path / "secret").write_bytes((bundle / "model.onnx").read_bytes())
    (bundle / "model.onnx").unlink()
    (bundle / "model.onnx").symlink_to(tmp_path / "secret")
    with pytest.raises(BundleError, match="points out"):
        open_bundle(bundle)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_statistics_are_never_unpickled(bundle):
    for data in (b"\x80\x04}\x94.", _npz_with_object()):
        (bundle / "statistics.npz").write_bytes(data)
        change(bundle, sha256={**sums(bundle), "statistics.npz": sha256(data).hexdigest()})
        with pytest.raises(BundleError, match="no plain arrays"):
            open_bundle(bundle)


def _npz_with_object():
    file = io.BytesIO()
    np.savez(file, prior_mean=np.array([Trap()], object))
    return file.getvalue()
