# SPDX-License-Identifier: GPL-3.0-or-later
"""Authors the canonical face: closes its lips and gives it the 52 ARKit blendshapes as displacement fields.

`python -m backend.core.authoring --canonical OBJ -o FILE` writes the data file that `backend.core.face` reads. Nothing
here runs when a face is animated. Numpy only.
"""
