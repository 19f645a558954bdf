# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a browser without a window: npm's packages, a server for one visit, and what the page answers."""

import json
import queue
import shutil
import subprocess
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu-sandbox", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader", "--hide-scrollbars", "--mute-audio")  # fmt: skip
"""No window, no graphics card: WebGL by SwiftShader."""
PATIENCE_S = 180


class _Handler(SimpleHTTPRequestHandler):
    """Gives the folder's files, and keeps what is posted."""

    def __init__(self, *arguments: Any, answers: "queue.Queue[dict[str, Any]]", **named: Any) -> None:  # noqa: ANN401
        self.answers = answers
        super().__init__(*arguments, **named)

    def do_POST(self) -> None:
        """Take the page's answer."""
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002, ANN401 - the base class names it
        """Say nothing."""


def install(folder: Path) -> None:
    """Put the page and the packages it imports into a folder, by npm, with no scripts of theirs run."""
    for name in ("page.html", "package.json"):
        shutil.copyfile(HERE / name, folder / name)
    if not (folder / "node_modules").is_dir():
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=folder, check=True)


def visit(folder: Path, browser: str | None = None) -> dict[str, Any]:
    """Open the page of a folder and return what it posts.

    Raises:
        RuntimeError: no browser, the page failed, or it did not answer in time.
    """
    program = browser or next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        raise RuntimeError(f"no browser found ({', '.join(BROWSERS)}); name one with --browser")
    answers: queue.Queue[dict[str, Any]] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder), answers=answers))
    Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="lipsync3d-browser-", ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{server.server_port}/page.html"
        command = [program, *FLAGS, f"--user-data-dir={profile}", address]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                answer = answers.get(timeout=PATIENCE_S)
            except queue.Empty as error:
                raise RuntimeError(f"the page did not answer within {PATIENCE_S} s") from error
            finally:
                process.terminate()
                server.shutdown()
                server.server_close()
    if "failed" in answer:
        raise RuntimeError(f"the page failed: {answer['failed']}")
    return answer
