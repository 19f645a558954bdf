# SPDX-License-Identifier: GPL-3.0-or-later
"""House rules that a linter does not know: sizes, licence lines, bulk keys, one version, no private places."""

import ast
import re
import statistics
import subprocess
import tomllib

import pytest

from .sources import CHECKOUT, sources, under

SIZE_LIMIT_LINES = 300
FUNCTION_LIMIT_LINES = 60
PRINTING = ("backend/cli.py", "backend/commands/talk.py", "backend/__main__.py", "build_addon.py", "benchmarks/", "demo/", "tests/")


def calls(source, name):
    """Line numbers of calls of a function or method of that name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            called = node.func
            if name in (getattr(called, "id", None), getattr(called, "attr", None)):
                yield node.lineno


def functions(source):
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node):
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_every_file_names_its_licence():
    assert [s.name for s in sources() if s.text and not s.text.startswith("# SPDX-License-Identifier: GPL-3.0")] == []


def test_files_stay_short(record_property):
    lines = {source.name: source.text.count("\n") for source in sources()}
    record_property("median_file_lines", statistics.median(lines.values()))
    assert {name: count for name, count in lines.items() if count > SIZE_LIMIT_LINES} == {}
    assert statistics.median(lines.values()) <= 140


def test_functions_stay_short():
    sizes = {f"{s.name}:{node.name}": length(node) for s in sources() for node in functions(s)}
    assert {name: size for name, size in sizes.items() if size > FUNCTION_LIMIT_LINES} == {}
    assert sum(size < 30 for size in sizes.values()) >= 0.9 * len(sizes)


def test_only_the_terminal_prints():
    """In the add-on, the two modules that serve a terminal write through `print` as well."""
    allowed = (*PRINTING, "blender_addon/__main__.py", "blender_addon/headless")
    silent = [source for source in sources() if not source.name.startswith(allowed)]
    main = [source for source in silent if "if __name__ ==" not in source.text]  # scripts print too
    assert [f"{s.name}:{line}" for s in main for line in calls(s, "print")] == []


def test_keys_are_written_in_bulk():
    shipped = under("backend/", "blender_addon/")
    assert [f"{s.name}:{line}" for s in shipped for line in calls(s, "keyframe_insert")] == []


def test_no_bare_except_and_no_vague_rooms():
    bare = [
        f"{s.name}:{node.lineno}"
        for s in sources()
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    vague = [s.name for s in sources() if re.search(r"(^|/)(utils?|helpers?|managers?|common|misc)(\.py|/)", s.name)]
    assert (bare, vague) == ([], [])


def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [CHECKOUT / name for name in done.stdout.split("\n") if name and (CHECKOUT / name).is_file()]


def test_no_machine_paths():
    """Somebody's folders mean nothing elsewhere. Texts only; licences and data are not ours to read."""
    private = re.compile(r"/(?:work|opt|home|root|Users)/[A-Za-z0-9_.-]+")
    texts = {".py", ".md", ".toml", ".json", ".sh", ".yml", ".yaml", ".csv", ""}
    wrong = [
        f"{path.relative_to(CHECKOUT)}: {found.group()}"
        for path in tracked()
        if path.suffix in texts and path.name != "LICENSE"
        for found in [private.search(path.read_text(encoding="utf-8"))]
        if found
    ]
    assert wrong == []


def test_tracked_files_stay_small():
    """A checkout is quick to clone: the bundle is the one big thing."""
    big = {str(p.relative_to(CHECKOUT)): p.stat().st_size for p in tracked() if p.stat().st_size > 1_000_000}
    assert {name: size for name, size in big.items() if not name.startswith("backend/bundles/")} == {}
    bundles = sum(p.stat().st_size for p in tracked() if "bundles" in p.parts)
    assert bundles < 10_000_000


def test_the_version_is_stated_once():
    """pyproject states it; what must repeat it (the manifest Blender reads, the worker's hello) agrees."""
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    manifest = tomllib.loads((CHECKOUT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8"))
    stated = {
        f"{s.name}: {found}"
        for s in under("backend/", "blender_addon/", "build_addon.py")
        for found in re.findall(r"""(?:VERSION|__version__)\s*(?::\s*\w+\s*)?=\s*["'](\d+\.\d+\.\d+)["']""", s.text)
    }
    assert manifest["version"] == version
    assert all(line.endswith(version) for line in stated)
    assert len(stated) <= 1
