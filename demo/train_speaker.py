# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m demo.train_speaker`: film the demo speaker and train the bundle that ships as `demo-speaker-v1`.

The speaker is procedural (`backend/dataset/demo_speaker`), the voice is eSpeak NG's, the words are this project's own: the
weights carry nobody's likeness and nobody's terms but the project's. About twenty minutes on two processor cores.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from backend.commands.talk import print_bar
from backend.core.errors import LipSyncError
from backend.dataset.demo_speaker import DemoSettings, film
from backend.training.personal.settings import preset
from backend.training.personal.train import train

SPEAKER = DemoSettings(seed=3, seconds=160.0, size=480, fps=25.0)
SEED = 0
TERMS = "made by this project, GPL-3.0-or-later like its code; no person was filmed or recorded"
BUNDLE = Path("backend/bundles/demo-speaker-v1")


def main() -> int:
    """Film and train; 0 when the bundle is there."""
    parser = argparse.ArgumentParser(prog="python -m demo.train_speaker", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=BUNDLE, help=f"bundle folder to write ({BUNDLE})")
    parser.add_argument("--run", type=Path, default=Path("out/demo_speaker"), help="folder of the film and the run")
    options = parser.parse_args()
    video = options.run / "speaker.mp4"
    try:
        options.run.mkdir(parents=True, exist_ok=True)
        if not video.exists():
            film(SPEAKER, video, print_bar)
        settings = replace(preset("fast", SEED), terms=TERMS)
        made = train([video], options.output, options.run, settings, print_bar)
    except LipSyncError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    print(f"\n{made.bundle}: learnt from {made.minutes:.1f} min in {made.clips} clips")
    return 0


if __name__ == "__main__":
    sys.exit(main())
