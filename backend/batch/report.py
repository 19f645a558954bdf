# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of every line: `report.json` for programs, `report.html` for people; both stay in the output folder.

The page works offline and wherever the folder is moved; every word of the sheet in it is escaped.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..core.version import VERSION
from .placing import OutputFolder
from .runner import DONE, FAILED, FLAGGED, LEFT, LineState, Tally

JSON, HTML = "report.json", "report.html"
FORMAT, FORMAT_VERSION = "lipsync3d.batch", 1
FACTS = ("duration_s", "confidence", "closures", "closed", "bundle", "findings", "notes")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#222;background:#fafaf8}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;
border-bottom:1px solid #ddd}th{position:sticky;top:0;background:#fafaf8}img{display:block;height:48px}
audio{width:14rem;height:2rem}video{width:14rem}td.say{max-width:24rem;overflow-wrap:anywhere}
.done{color:#27632a}.flagged{color:#8a5a00}.failed{color:#a11}.left{color:#666}.small{color:#666;font-size:.85em}
"""


def write_reports(folder: OutputFolder, tally: Tally) -> None:
    """Write both reports.

    Raises:
        OutputError: the folder cannot be written to.
    """
    lines = [line_record(state, folder.root) for _, state in sorted(tally.states.items())]
    told = {"format": FORMAT, "version": FORMAT_VERSION, "made_with": VERSION, "made": _now(), **_counts(tally)}
    text = json.dumps(told | {"stopped": tally.stopped, "lines": lines}, indent=1, ensure_ascii=False)
    folder.write(JSON, text + "\n")
    folder.write(HTML, "\n".join(_page(tally, lines)) + "\n")


def line_record(state: LineState, root: Path) -> dict[str, Any]:
    """Return what the report says of a line, as JSON."""
    told: dict[str, Any] = {"id": state.id, "line": state.number, "state": state.state}
    if state.error:
        told["error"] = state.error
    if state.line is not None:
        told["text"] = state.line.text or state.line.transcript
        told["language"] = state.line.language or state.line.voice
    record = state.record
    if record is not None:
        told |= {name: record.facts[name] for name in FACTS if name in record.facts}
        told["outputs"] = {kind: path for kind, path in record.outputs.items() if kind != "strip"}
        told["strip"] = record.outputs.get("strip", "")
        told["sound"] = record.outputs.get("wav", "") or _relative(state, root)
        told["sha256"] = record.sums
    return told


def _relative(state: LineState, root: Path) -> str:
    """Return where a recorded sound lies, as seen from the report; empty where no relative path leads there."""
    if state.line is None or state.line.sound is None:
        return ""
    try:
        return Path(os.path.relpath(state.line.sound.resolve(), root.resolve())).as_posix()
    except ValueError:  # on another drive
        return ""


def _counts(tally: Tally) -> dict[str, Any]:
    return {"counts": {state: tally.count(state) for state in (DONE, FLAGGED, FAILED, LEFT)}}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _page(tally: Tally, lines: list[dict[str, Any]]) -> Iterator[str]:
    counts = ", ".join(f"{tally.count(state)} {state}" for state in (DONE, FLAGGED, FAILED, LEFT) if tally.count(state))
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch report</title>'
    yield f"<style>{STYLE}</style></head><body><h1>Batch report</h1>"
    yield f"<p>{len(lines)} lines: {counts}. <span class=small>{_text(_now())}, lipsync3d {VERSION}</span></p>"
    if tally.stopped:
        yield f"<p class=failed>It stopped early: {_text(tally.stopped)}</p>"
    yield "<table><thead><tr><th>Line<th>State<th>What is said<th>Face<th>Listen<th>Check<th>Files</tr></thead><tbody>"
    bad_first = {FAILED: 0, FLAGGED: 1, LEFT: 2, DONE: 3}
    for one in sorted(lines, key=lambda line: (bad_first[line["state"]], line["line"])):
        yield _row(one)
    yield "</tbody></table></body></html>"


def _row(one: dict[str, Any]) -> str:
    state = one["state"]
    cells = [
        f"{_text(one['id'])}<br><span class=small>line {one['line']}</span>",
        f"<span class={state}>{state}</span>",
        f"{_text(one.get('text', ''))}<br><span class=small>{_text(one.get('language', ''))}</span>",
        f'<img loading=lazy alt="" src="{_link(one["strip"])}">' if one.get("strip") else "",
        _listen(one),
        _check(one),
        "<br>".join(f'<a href="{_link(path)}">{_text(kind)}</a>' for kind, path in one.get("outputs", {}).items()),
    ]
    return "<tr>" + "".join(f"<td{' class=say' if at in (2, 5) else ''}>{cell}" for at, cell in enumerate(cells))


def _listen(one: dict[str, Any]) -> str:
    if film := one.get("outputs", {}).get("mp4"):
        return f'<video controls preload=none src="{_link(film)}"></video>'
    return f'<audio controls preload=none src="{_link(one["sound"])}"></audio>' if one.get("sound") else ""


def _check(one: dict[str, Any]) -> str:
    told: list[str] = []
    if "error" in one:
        told.append(f"<span class=failed>{_text(one['error'])}</span>")
    if "duration_s" in one:
        told.append(f"{one['duration_s']:.2f} s, confidence {one['confidence']:.2f}")
    if one.get("closures"):
        told.append(f"{one['closed']} of {one['closures']} closures closed")
    told += [f"<span class=flagged>{_text(finding['sentence'])}</span>" for finding in one.get("findings", [])]
    return "<br>".join(told)


def _text(text: object) -> str:
    """Return text for the page; direction marks in it end with it."""
    return f"<bdi>{escape(str(text))}</bdi>" if text else ""


def _link(path: str) -> str:
    return escape(quote(path))
