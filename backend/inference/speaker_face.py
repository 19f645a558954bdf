# SPDX-License-Identifier: GPL-3.0-or-later
"""A personal bundle's `face.npz`: the speaker's own face, the basis it moves in, and its texture; checked, since a user
may open a stranger's."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BundleError
from ..core.face import canonical_face
from ..core.types import Floats
from .bundle import FACE, Bundle

LARGEST_BYTES = 64 << 20
"""Unpacked; an atlas of 2048 texels a side takes 12 MB."""
SMALLEST_ATLAS, LARGEST_ATLAS = 32, 2048
MOST_COMPONENTS = 512
MM = 10.0


@dataclass(frozen=True)
class SpeakerFace:
    """One speaker's face."""

    neutral_cm: Floats
    """[468, 3] lips closed."""
    mean_mm: Floats
    """[1404] mean displacement."""
    components_mm: Floats
    """[K, 1404] displacement of a coefficient of 1."""
    uv: Floats
    """[468, 2] of the atlas, v upwards."""
    reference_atlas: NDArray[np.uint8] | None
    """[S, S, 3] sRGB, light taken out."""

    def displacement_cm(self, coefficients: Floats) -> Floats:
        """Return [T, 468, 3] of coefficients [T, K]."""
        flat = (coefficients @ self.components_mm + self.mean_mm) / np.float32(MM)
        return flat.reshape(len(coefficients), *self.neutral_cm.shape)


def read_face(bundle: Bundle) -> SpeakerFace:
    """Return the face of a bundle.

    Raises:
        BundleError: not plain arrays, of wrong shapes, or not finite numbers.
    """
    where = f"bundle {bundle.name}: {FACE}"
    arrays = _arrays(where, bundle.parts[FACE])
    vertices = len(canonical_face().neutral_cm)
    count = len(arrays["components_mm"]) if "components_mm" in arrays else 0
    shapes = {
        "neutral_cm": (vertices, 3),
        "mean_mm": (vertices * 3,),
        "components_mm": (min(count, MOST_COMPONENTS), vertices * 3),
        "uv": (vertices, 2),
    }
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise BundleError(f"{where}: {name} must be finite numbers of shape {shape}; get the bundle again")
    atlas = arrays.get("reference_atlas")
    if atlas is not None:
        _check_atlas(where, atlas)
    values = {name: np.asarray(arrays[name], np.float32) for name in shapes}
    return SpeakerFace(**values, reference_atlas=atlas)


def _arrays(where: str, data: bytes) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST_BYTES:
                raise BundleError(f"{where} unpacks to more than 64 MB; this is no bundle of ours")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except BundleError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on a stranger's bytes
        raise BundleError(f"{where} holds no plain arrays; get the bundle again") from error


def _check_atlas(where: str, atlas: NDArray[Any]) -> None:
    square = atlas.ndim == 3 and atlas.shape[0] == atlas.shape[1] and atlas.shape[2] == 3
    if not square or atlas.dtype != np.uint8 or not SMALLEST_ATLAS <= len(atlas) <= LARGEST_ATLAS:
        raise BundleError(f"{where}: reference_atlas must be [S, S, 3] bytes, S 32 to 2048; get the bundle again")
