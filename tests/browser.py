"""A headless browser, Qt's Chromium (package PySide6-WebEngine), for the tests of pages.

It runs in a process of its own: ``python browser.py PAGE HEIGHT < SCRIPTS``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Visited:
    """What happened on a page.

    Attributes
    ----------
    console : list of str
        All that was written to the console, errors among it.
    requests : list of str
        Addresses asked for, data URIs aside.
    result : object
        What the script's last expression said.
    """

    console: list[str]
    requests: list[str]
    result: Any


def visit_page(page: Path, scripts: Sequence[tuple[int, str]], *, height: int = 800, flags: str = "") -> list[Visited]:
    """Opens a file in the browser once for each width and script, which runs there; each time anew, in one process.

    The test is skipped where there is no browser.
    """
    if importlib.util.find_spec("PySide6") is None:
        pytest.skip("no browser: the package PySide6-WebEngine is not installed")
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_DISABLE_SANDBOX": "1",
        "QTWEBENGINE_CHROMIUM_FLAGS": f"--disable-gpu {flags}",
    }
    command = [sys.executable, __file__, str(page), str(height)]
    done = subprocess.run(
        command, input=json.dumps(scripts), capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    if "cannot open shared object file" in done.stderr and "ImportError" in done.stderr:
        pytest.skip(f"no browser: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    seen = [Visited(**one) for one in json.loads(done.stdout)]
    assert len(seen) == len(scripts)
    return seen


def _main(page: str, height: str) -> None:
    from PySide6.QtCore import QTimer, QUrl
    from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile, QWebEngineUrlRequestInterceptor
    from PySide6.QtWebEngineWidgets import QWebEngineView
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    scripts = json.load(sys.stdin)
    seen: list[dict[str, Any]] = []

    class Page(QWebEnginePage):
        def javaScriptConsoleMessage(self, level: object, message: str, line: int, source: str) -> None:
            seen[-1]["console"].append(f"{level} {message} ({source}:{line})")

    class Interceptor(QWebEngineUrlRequestInterceptor):
        def interceptRequest(self, info: Any) -> None:
            if info.requestUrl().scheme() != "data":
                seen[-1]["requests"].append(info.requestUrl().toString())

    profile, interceptor = QWebEngineProfile(), Interceptor()
    profile.setUrlRequestInterceptor(interceptor)
    views: list[QWebEngineView] = []

    def visit() -> None:
        width, script = scripts[len(seen)]
        seen.append({"console": [], "requests": [], "result": None})
        view = QWebEngineView()
        views.append(view)
        view.setPage(Page(profile, view))
        view.resize(width, int(height))

        def finish(result: object) -> None:
            seen[-1]["result"] = result
            if os.environ.get("SSDB_TEST_SCREENSHOTS"):
                view.grab().save(str(Path(page).with_suffix(f".{len(seen)}.{width}.shot")), "PNG")
            view.close()
            if len(seen) < len(scripts):
                visit()
                return
            print(json.dumps(seen))
            application.quit()

        def run(_ok: bool) -> None:
            # A moment, so that images are decoded and the layout is done; and what the script has set off as well.
            QTimer.singleShot(
                500,
                lambda: view.page().runJavaScript(script, lambda found: QTimer.singleShot(300, lambda: finish(found))),
            )

        view.loadFinished.connect(run)
        view.show()
        view.load(QUrl.fromLocalFile(page))

    visit()
    application.exec()
    for view in views:
        view.setPage(None)


if __name__ == "__main__":
    _main(*sys.argv[1:])
