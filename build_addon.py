# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the Blender extension: one installable zip a platform, with the wheels it needs inside.

`stage` lays out the extension's tree; the zips, the development link and the tests all use it. The wheels are
those of pyproject's `inference` and `speech` extras, resolved by pip for each platform against the numpy that
Blender ships, so that a range no Blender can satisfy fails here and not in a user's Preferences. Standard
library only, except that pip does the downloading.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from build_words import MODEL_FOLDER, share_model

CHECKOUT = Path(__file__).resolve().parent
CACHE = CHECKOUT / "build" / "wheels"
EXTENSION_ID = "lipsync3d"
WHEEL_EXTRAS = ("inference", "speech", "words")

NUMPY_OF_BLENDER = {"3.11": "1.24.3", "3.13": "2.2.6"}
"""Python of Blender -> the oldest numpy such a Blender ships (4.2 and 5.1); the wheels must accept it."""

LEFT_OUT = frozenset({"numpy", "sympy", "mpmath", "coloredlogs", "humanfriendly", "sounddevice"})
"""Blender brings numpy; sounddevice is pocketsphinx's microphone, which is not used; the others serve only the
conversion tools of older ONNX Runtimes (macOS on Intel)."""

NOT_SHIPPED = frozenset(
    {"training", "models", "tracking", "normalise", "dataset", "dubbing", "authoring", "tests", "__pycache__"}
    | {MODEL_FOLDER}
)
"""Folders of the checkout that only makers of bundles and of the project need, and the word model."""

ZIP_LIMIT_BYTES = 150_000_000
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Platform:
    """One operating system and processor, as Blender and as pip name it."""

    name: str
    """Blender's name, in the manifest and in the zip's name."""
    pip_tags: tuple[str, ...]
    """Newest first. ONNX Runtime sets them: its wheels want glibc 2.28, macOS 14, or macOS 13 on Intel."""


PLATFORMS = (
    Platform("linux-x64", ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")),
    Platform("windows-x64", ("win_amd64",)),
    Platform("macos-arm64", ("macosx_14_0_arm64",)),
    Platform("macos-x64", ("macosx_13_0_x86_64",)),
)


class BuildError(Exception):
    """What stopped the build, in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line asks for; 0 when all of it is made."""
    parser = argparse.ArgumentParser(prog="build_addon.py", description="Build the Blender extension.")
    names = [platform.name for platform in PLATFORMS]
    parser.add_argument("--platform", action="append", choices=names, help="only this one (may be repeated)")
    parser.add_argument("--output", type=Path, help="folder of the zips (dist), or with --link of the extensions")
    parser.add_argument("--link", action="store_true", help="link this checkout into Blender instead of zipping")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.link:
            print(f"linked {link(chosen.output)}; enable it in Preferences > Add-ons, then restart Blender")
            return 0
        for platform in PLATFORMS:
            if not chosen.platform or platform.name in chosen.platform:
                path = make_zip(platform, chosen.output or CHECKOUT / "dist")
                print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  {validate(path)}")
    except (BuildError, OSError) as error:
        print(f"build_addon.py: {error}", file=sys.stderr)
        return 1
    return 0


def stage(target: Path, platform: Platform, *, link_sources: bool = False) -> Path:
    """Lay out the extension in `target`, replacing what is there.

    Args:
        target: folder that becomes the extension's root.
        platform: whose wheels go in.
        link_sources: link the checkout's files instead of copying them, so that edits show at once.

    Returns:
        The target.
    """
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    place = _link if link_sources else _copy
    for source in sorted((CHECKOUT / "blender_addon").iterdir()):
        if source.name not in NOT_SHIPPED | {"blender_manifest.toml"}:
            place(source, target / source.name)
    for name in ("backend", "blendshape_maps", "LICENSE"):
        place(CHECKOUT / name, target / name)
    wheels = download_wheels(platform)
    model = wheels[0].parent / MODEL_FOLDER
    if link_sources:  # the linked backend is the checkout itself, which git keeps the model out of
        _link_again(model, CHECKOUT / "backend" / "inference" / MODEL_FOLDER)
    else:
        shutil.copytree(model, target / "backend" / "inference" / MODEL_FOLDER)
    (target / "wheels").mkdir()
    for wheel in wheels:
        place(wheel, target / "wheels" / wheel.name)
    (target / "blender_manifest.toml").write_text(manifest(platform, [w.name for w in wheels]), encoding="utf-8")
    return target


def manifest(platform: Platform, wheels: Sequence[str]) -> str:
    """Return the checkout's manifest with the version, the platform and the wheels filled in."""
    text = (CHECKOUT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8")
    text, found = re.subn(r'(?m)^version = ".*"$', f'version = "{project()["version"]}"', text)
    if found != 1:
        raise BuildError('blender_addon/blender_manifest.toml: needs exactly one line `version = "..."`')
    text = re.sub(r"(?ms)^(platforms|wheels) = \[.*?\]\n", "", text)
    listed = "".join(f'  "./wheels/{name}",\n' for name in wheels)
    generated = f'platforms = ["{platform.name}"]\nwheels = [\n{listed}]\n'
    table = re.search(r"(?m)^\[", text)  # keys after a table's head would belong to that table
    at = table.start() if table else len(text)
    return text[:at] + generated + "\n" + text[at:]


def project() -> dict[str, object]:
    """Return pyproject's [project] table, where the version and the requirements are stated."""
    table: dict[str, object] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def download_wheels(platform: Platform) -> list[Path]:
    """Return the wheels for `platform`, both Pythons together, sorted by name; downloaded once.

    Raises:
        BuildError: pip finds no set of wheels that fits Blender's numpy.
    """
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    requirements = [line for extra in WHEEL_EXTRAS for line in extras[extra]]
    recipe = repr((requirements, platform, sorted(NUMPY_OF_BLENDER.items()), sorted(LEFT_OUT)))
    folder = CACHE / f"{platform.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
        for python, numpy in NUMPY_OF_BLENDER.items():
            _pip_download(partial, platform, python, [*requirements, f"numpy=={numpy}"])
        for wheel in partial.iterdir():
            if wheel.name.split("-")[0].lower() in LEFT_OUT:
                wheel.unlink()
        share_model(partial)
        if folder.is_dir():  # another build was quicker
            shutil.rmtree(partial)
        else:
            partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def _pip_download(folder: Path, platform: Platform, python: str, requirements: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, "--dest", str(folder)]
    for tag in platform.pip_tags:
        command += ["--platform", tag]
    done = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr[-300:]]
        raise BuildError(f"no wheels for {platform.name}, Python {python}: {reason[-1]}")


def make_zip(platform: Platform, folder: Path) -> Path:
    """Return the extension's zip for `platform`: the same bytes from the same sources, whenever it is built."""
    tree = stage(CHECKOUT / "build" / "stage" / platform.name / EXTENSION_ID, platform)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{EXTENSION_ID}-{project()['version']}-{platform.name}.zip"
    beside = path.with_suffix(".zip.partial")
    with zipfile.ZipFile(beside, "w") as archive:
        for file in sorted(file for file in tree.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(tree).as_posix(), ZIP_TIME)
            entry.external_attr = 0o644 << 16
            packed = file.suffix in {".whl", ".npz", ".png"}  # compressed already
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    beside.replace(path)
    if path.stat().st_size > ZIP_LIMIT_BYTES:
        raise BuildError(f"{path.name} is over {ZIP_LIMIT_BYTES / 1e6:.0f} MB; ship less, or name what grew")
    return path


def validate(path: Path) -> str:
    """Return the verdict of Blender's own validator on a zip, in a word or two; a refusal is a `BuildError`."""
    bpy = importlib.util.find_spec("bpy")
    scripts = (
        sorted(Path(str(bpy.origin)).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")) if bpy else []
    )
    if not scripts:
        return "not validated: no bpy in this Python"
    command = [sys.executable, str(scripts[-1]), "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"Blender's validator refuses {path.name}: {(done.stdout + done.stderr).strip()[-500:]}")
    return "valid"


def link(repository: Path | None) -> Path:
    """Link this checkout into an extensions repository folder of the user's Blender; return the extension."""
    platform = next(platform for platform in PLATFORMS if platform.name == this_platform())
    if repository is None:
        found = sorted(
            user_extension_folders(), key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)]
        )
        if not found:
            raise BuildError("no Blender 4.2 or newer has run here; start it once, or name the folder with --output")
        repository = found[-1] / "user_default"
    return stage(repository / EXTENSION_ID, platform, link_sources=True)


def this_platform() -> str:
    """Return Blender's name of the platform this runs on."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = os.uname().machine if hasattr(os, "uname") else "x86_64"
    return f"{system}-{'arm64' if machine in {'arm64', 'aarch64'} else 'x64'}"


def user_extension_folders() -> Iterator[Path]:
    """Yield the extensions folder of each Blender version that has run here."""
    home = Path.home()
    roots = {
        "win32": Path(os.environ.get("APPDATA", home)) / "Blender Foundation" / "Blender",
        "darwin": home / "Library" / "Application Support" / "Blender",
    }
    root = roots.get(sys.platform, home / ".config" / "blender")
    for folder in root.glob("[0-9]*.[0-9]*"):
        if _version(folder / "extensions") >= [4, 2]:
            yield folder / "extensions"


def _link_again(source: Path, target: Path) -> None:
    if target.is_symlink() or not target.exists():
        target.unlink(missing_ok=True)
        _link(source, target)


def _version(extensions: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", extensions.parent.name)]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_SHIPPED, "*.pyc", ".*"))
    else:
        shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    target.symlink_to(source.resolve(), target_is_directory=source.is_dir())


if __name__ == "__main__":
    sys.exit(main())
