# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: the core knows neither Blender nor torch, and no import points up."""

import subprocess
import sys
from pathlib import Path

import pytest

from .sources import CHECKOUT, sources, under

PARTS = {
    "core": set(),
    "audio": {"core"},
    "speech": {"core", "audio"},
    "motion": {"core", "speech"},
    "retarget": {"core"},
    "fit": {"core", "retarget", "tracking"},
    "tracking": {"core"},
    "normalise": {"core"},
    "inference": {"core", "audio", "speech", "motion", "retarget"},
    "models": {"core", "audio", "speech", "motion", "retarget"},
    "dataset": {"core", "audio", "speech", "motion", "retarget", "tracking", "normalise"},
    "dubbing": {"core", "audio", "tracking", "normalise", "dataset", "inference"},
}
"""Part of the backend -> the parts it may know. Parts that are not named (training, batch, cli) may know them all."""

HEAVY = {
    "bpy": ("blender_addon/",),
    "mathutils": ("blender_addon/",),
    "torch": ("backend/models/", "backend/training/"),
    "mediapipe": ("backend/tracking/landmarks.py",),
    "av": ("backend/tracking/", "backend/dataset/"),
    "cv2": ("backend/tracking/", "backend/normalise/", "backend/dataset/", "backend/dubbing/"),
    "onnxruntime": ("backend/audio/", "backend/speech/", "backend/inference/", "backend/models/", "backend/training/"),
    "soundfile": ("backend/audio/", "backend/speech/", "backend/inference/", "backend/training/"),
    "soxr": ("backend/audio/", "backend/speech/", "backend/inference/", "backend/training/"),
    "espeakng_loader": ("backend/speech/", "backend/training/"),
    "piper": ("backend/speech/",),
    "pocketsphinx": ("backend/inference/words.py", "backend/training/"),
    "scipy": ("backend/training/", "backend/models/"),
    "matplotlib": ("backend/training/",),
    "distributed": ("backend/batch/executors.py",),
}
"""Package -> where it may be imported (the demo, tests and benchmarks use the system from outside: anything)."""

FOR_ADDON = (
    "backend.core",
    "backend.fit",
    "backend.retarget",
    "backend.inference.protocol",
    "backend.inference.worker",
)


def shipped():
    return under("backend/", "blender_addon/")


def test_heavy_packages_stay_in_their_rooms():
    wrong = [
        f"{source.name}: {module}"
        for source in shipped()
        for module, _ in source.imports
        if (rooms := HEAVY.get(module.split(".")[0])) and not source.name.startswith(rooms)
    ]
    assert wrong == []


def test_backend_imports_never_point_up():
    wrong = []
    for source in under("backend/"):
        part = source.path.relative_to(CHECKOUT / "backend").parts[0]
        for module, _ in source.imports:
            names = module.split(".")
            if part in PARTS and names[0] == "backend" and len(names) > 1:
                known = PARTS[part] | {part}
                if (CHECKOUT / "backend" / names[1]).exists() and names[1] not in known:
                    wrong.append(f"{source.name}: {module}")
    assert wrong == []


def test_backend_imports_itself_only_relatively():
    wrong = [
        f"{source.name}: {module}"
        for source in under("backend/")
        for module, level in source.imports
        if module.split(".")[0] in {"backend", "blender_addon"} and level == 0
    ]
    assert wrong == []


def test_addon_sees_only_its_part_of_the_backend():
    wrong = []
    for source in under("blender_addon/"):
        for module, level in source.imports:
            inner = module.removeprefix("blender_addon.")
            if level == 0 and inner.startswith("backend"):
                wrong.append(f"{source.name}: {module} (relative, or it breaks inside the extension)")
            if inner.startswith("backend.") and not inner.startswith(FOR_ADDON) and inner != "backend.inference":
                wrong.append(f"{source.name}: {inner}")
    assert wrong == []


def test_the_job_client_runs_without_blender():
    clients = under("blender_addon/jobs/client.py")
    assert clients
    assert [m for source in clients for m, _ in source.imports if m.split(".")[0] in {"bpy", "mathutils"}] == []


FOR_EVERYONE = (
    "backend/core/", "backend/fit/", "backend/motion/", "backend/retarget/", "backend/inference/protocol.py"
)  # fmt: skip


def modules_for_everyone():
    """Backend modules that must import with numpy alone."""
    return [
        ".".join(source.path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
        for source in under(*FOR_EVERYONE)
        if not source.name.startswith("backend/core/authoring/")
    ]


def test_core_imports_with_everything_heavy_blocked():
    program = (
        f"import sys\nfor name in {sorted(HEAVY)!r}: sys.modules[name] = None\n"
        f"import importlib\nfor name in {modules_for_everyone()!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_prediction_never_imports_torch_or_blender():
    program = (
        "import sys\nfor name in ('torch', 'bpy', 'scipy', 'matplotlib', 'mediapipe'): sys.modules[name] = None\n"
        "import backend.cli, backend.inference.worker\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("word", ["pickle", "cPickle", "dill", "joblib", "shelve", "marshal"])
def test_nothing_loads_pickled_objects(word):
    assert [s.name for s in sources() if any(m.split(".")[0] == word for m, _ in s.imports)] == []


def test_arrays_are_read_without_pickle():
    here = Path(__file__).name
    assert [s.name for s in sources() if "allow_pickle=True" in s.text and not s.name.endswith(here)] == []
