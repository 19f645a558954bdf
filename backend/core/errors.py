# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of errors that a user is told about.

Anything raised that is not a `LipSyncError` is a bug and keeps its traceback.
"""


class LipSyncError(Exception):
    """A problem the user can mend: names what is wrong, where, and the remedy, in one line."""


class SoundError(LipSyncError):
    """The sound cannot be used: missing, unreadable, empty, damaged or with impossible samples."""


class VideoError(LipSyncError):
    """A video that nothing can be learnt from: unreadable, without picture, sound or face."""


class BundleError(LipSyncError):
    """A model bundle cannot be used: missing part, wrong checksum, unknown schema."""


class TimingError(LipSyncError):
    """A phone list, transcript or frame rate that makes no sense."""


class CurvesError(LipSyncError):
    """Animation curves that cannot be read, or are not of their sound."""


class MapError(LipSyncError):
    """A blendshape map that cannot be read or does not fit."""


class RigError(LipSyncError):
    """A character that cannot be animated, with the reason."""


class OutputError(LipSyncError):
    """A result that cannot be written: no space, no permission, unknown kind."""


class WorkerError(LipSyncError):
    """The prediction process ended or answered nonsense."""


class SynthesisError(LipSyncError):
    """Text that cannot be spoken: unknown voice, empty text, engine missing."""


class SheetError(LipSyncError):
    """A sheet of lines that cannot be run, or of which some lines came to nothing."""


class BlenderError(LipSyncError):
    """The Blender process of a batch could not start, died or took too long."""
