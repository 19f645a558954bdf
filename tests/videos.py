# SPDX-License-Identifier: GPL-3.0-or-later
"""Small videos with known times, sound and faces, made for the tests."""

import struct
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

MILLISECOND = Fraction(1, 1000)
SOUND_RATE = 48_000


@cache
def speaker_frames(seed=7, count=16, size=256):
    """Frames of the demo speaker and the clip they are of."""
    demo = pytest.importorskip("backend.dataset.demo_speaker", reason="needs lipsync3d[tracking,speech]")
    clip = demo.demo_clip(demo.DemoSettings(seed=seed, seconds=count / 25, size=size))
    return [clip.frame(index) for index in range(count)], clip


def write_video(path, pictures, times_s, sound=None, sound_start_s=0.0, gop=12):
    """Write pictures at their times, and mono sound at 48 kHz, in the container that the ending names."""
    av = pytest.importorskip("av", reason="needs lipsync3d[tracking]")
    with av.open(str(path), "w") as container:
        height, width = pictures[0].shape[:2]
        video = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt, video.gop_size = width, height, "yuv420p", gop
        video.codec_context.time_base = video.time_base = MILLISECOND
        audio = None
        if sound is not None:
            audio = container.add_stream(
                "aac" if path.suffix == ".mp4" else "pcm_s16le", rate=SOUND_RATE, layout="mono"
            )
        for picture, time_s in zip(pictures, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), MILLISECOND
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio:
            block = av.AudioFrame.from_ndarray((np.asarray(sound)[None] * 32767).astype(np.int16), "s16", "mono")
            block.sample_rate, block.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
            block.pts = round(sound_start_s * SOUND_RATE)
            for piece in (block, None):
                container.mux(audio.encode(piece))
    return path


def write_sound(path, sound):
    """Write a file with sound alone."""
    av = pytest.importorskip("av", reason="needs lipsync3d[tracking]")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=SOUND_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((np.asarray(sound)[None] * 32767).astype(np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = SOUND_RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_flag(path, quarter_turns=1):
    """Set the rotation flag of an MP4 as a phone held upright does (ISO 14496-12, matrix of the first `tkhd`)."""
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns % 4]
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    matrix = [cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30]
    data[place : place + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def hum(seconds, frequency_hz=220.0):
    """A quiet tone [N] at 48 kHz."""
    return 0.2 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE)
