# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in the file a character's controls are keyed: shape keys, custom properties, bones, and what drives a shape."""

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.core.errors import RigError
from ..backend.retarget.maps import BoneChannel


@dataclass(frozen=True)
class Owner:
    """A datablock that is animated; a name survives undo, a reference does not."""

    kind: str
    """`KEY` or `OBJECT`, as Blender names its types of datablocks."""
    name: str

    def find(self) -> bpy.types.Key | bpy.types.Object:
        """Return the datablock.

        Raises:
            RigError: it is gone.
        """
        found = (bpy.data.shape_keys if self.kind == "KEY" else bpy.data.objects).get((self.name, None))
        if found is None:
            raise RigError(f"{self.name!r} is gone since the lip-sync began; run it again")
        return found


@dataclass(frozen=True)
class Place:
    """One thing that a track is written to."""

    owner: Owner
    path: str
    """Data path from the owner: of the number, or of the pose bone."""
    index: int = 0
    """Of an array."""
    bone: BoneChannel | None = None
    """What of the bone, where the place itself says it (a driver's source); else the map's control does."""
    table: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """What the driven shape should be, ascending, and what its driver's source is then."""

    def keyed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what to key here so that the control has these values [T]."""
        return values if self.table is None else np.interp(values, *self.table).astype(np.float32)

    @property
    def rest(self) -> float:
        """What is keyed here where the control rests."""
        return 0.0 if self.table is None else float(np.interp(0.0, *self.table))

    def check(self) -> None:
        """Make sure that it is still there.

        Raises:
            RigError: it is not.
        """
        owner = self.owner.find()
        try:
            owner.path_resolve(self.path)
        except ValueError as error:
            raise RigError(f"{self.path} of {owner.name!r} changed during the lip-sync; run it again") from error


def shape_path(name: str) -> str:
    """Return the path of a shape key's value."""
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def bone_path(name: str) -> str:
    """Return the path of a pose bone."""
    return f'pose.bones["{bpy.utils.escape_identifier(name)}"]'


def property_path(name: str) -> str:
    """Return the path of a custom property, to be put behind that of its bone."""
    return f'["{bpy.utils.escape_identifier(name)}"]'


def set_number(owner: bpy.types.ID, path: str, index: int, value: float) -> None:
    """Set a number of a datablock by its data path."""
    stem, is_property, name = path.rpartition('["')
    if is_property and path.endswith('"]'):
        holder = owner.path_resolve(stem) if stem else owner
        name = bpy.utils.unescape_identifier(name[:-2])
        holder[name] = type(holder[name])(value)
        owner.update_tag()  # Blender does not see such a change by itself
        return
    stem, _, name = path.rpartition(".")
    holder = owner.path_resolve(stem) if stem else owner
    if hasattr(getattr(holder, name), "__len__"):
        getattr(holder, name)[index] = value
    else:
        setattr(holder, name, value)
