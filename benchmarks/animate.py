# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost of `python -m backend animate`: processor time, start, memory; each run is a process of its own."""

import os
import subprocess
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.speech.synthesis import synthesise

from .figure import Figure

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = (
    "Every morning the baker opens his shop before sunrise, mixes flour with water, and waits. "
    "By eight o'clock the first people come for bread; some of them stay to talk about the weather, "
    "and nobody ever leaves without a small piece of plum cake."
)
SPEED_SOUND_S, HOUR_S, SHORT_S = 300.0, 3600.0, 10.0


@dataclass(frozen=True)
class Cost:
    """What one run of the command took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def speed(folder: Path) -> Figure:
    """Seconds of sound per second of one core, start-up taken off."""
    short, long = (run_animate(speech(folder, length), folder) for length in (SHORT_S, SPEED_SOUND_S))
    ratio = (SPEED_SOUND_S - SHORT_S) / (long.cpu_s - short.cpu_s)
    return Figure("animate --quality fast, without start-up, one core", ratio, "x real time", 40.0, at_least=True)


def start(folder: Path) -> Figure:
    """Seconds from the start of the process to curves on disk, best of three."""
    sound = speech(folder, SHORT_S)
    best = min(run_animate(sound, folder).wall_s for _ in range(3))
    return Figure("process start to curves, 10 s of sound", best, "s", 2.5)


def memory(folder: Path) -> Figure:
    """Peak resident memory with an hour of sound."""
    cost = run_animate(speech(folder, HOUR_S), folder)
    return Figure(f"peak memory, 1 h of sound ({cost.wall_s:.0f} s)", cost.peak_mb, "MB", 1000.0)


def speech(folder: Path, length_s: float) -> Path:
    """Write synthetic speech of a length, the same text again and again; return the file."""
    path = folder / f"speech-{length_s:g}s.wav"
    if not path.exists():
        samples, sample_rate, _ = synthesise(TEXT)
        block = np.concatenate([samples, np.zeros(sample_rate // 2, np.float32)])
        pcm = (block * 32767).astype("<i2")
        left = round(length_s * sample_rate)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            while left > 0:
                file.writeframesraw(pcm[:left].tobytes())
                left -= len(pcm)
    return path


def run_animate(sound: Path, folder: Path, bundle: str = "universal") -> Cost:
    """Run the command on one thread and wait for it."""
    output = folder / "curves.json"
    command = [
        sys.executable,
        "-m",
        "backend",
        "animate",
        str(sound),
        "-q",
        "--quality",
        "fast",
        "-o",
        str(output),
        "--bundle",
        bundle,
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    wall_s, process.returncode = time.perf_counter() - began, status
    if status:
        raise SystemExit(f"animate failed on {sound.name} (status {status})")
    peak_mb = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, peak_mb)
