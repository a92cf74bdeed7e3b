"""A headless browser, Qt's Chromium (package PySide6-WebEngine), for the tests of pages.

It runs in a process of its own: ``python browser.py PAGE WIDTH HEIGHT SCREENSHOT < SCRIPT``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
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


def visit_page(page: Path, script: str, *, width: int, height: int = 800, flags: str = "") -> Visited:
    """Opens a file in the browser and runs a script there; the test is skipped where there is no browser."""
    if importlib.util.find_spec("PySide6") is None:
        pytest.skip("no browser: the package PySide6-WebEngine is not installed")
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_DISABLE_SANDBOX": "1",
        "QTWEBENGINE_CHROMIUM_FLAGS": f"--disable-gpu {flags}",
    }
    command = [sys.executable, __file__, str(page), str(width), str(height), str(page.with_suffix(f".{width}.shot"))]
    done = subprocess.run(
        command, input=script, capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    if "cannot open shared object file" in done.stderr and "ImportError" in done.stderr:
        pytest.skip(f"no browser: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return Visited(**json.loads(done.stdout))


def _main(page: str, width: str, height: str, screenshot: str) -> None:
    from PySide6.QtCore import QTimer, QUrl
    from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile, QWebEngineUrlRequestInterceptor
    from PySide6.QtWebEngineWidgets import QWebEngineView
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    console: list[str] = []
    requests: list[str] = []

    class Page(QWebEnginePage):
        def javaScriptConsoleMessage(self, level: object, message: str, line: int, source: str) -> None:
            console.append(f"{level} {message} ({source}:{line})")

    class Interceptor(QWebEngineUrlRequestInterceptor):
        def interceptRequest(self, info: Any) -> None:
            if info.requestUrl().scheme() != "data":
                requests.append(info.requestUrl().toString())

    profile, interceptor, view = QWebEngineProfile(), Interceptor(), QWebEngineView()
    profile.setUrlRequestInterceptor(interceptor)
    view.setPage(Page(profile, view))
    view.resize(int(width), int(height))
    script = sys.stdin.read()

    def finish(result: object) -> None:
        if os.environ.get("SSDB_TEST_SCREENSHOTS"):
            view.grab().save(screenshot, "PNG")
        print(json.dumps({"console": console, "requests": requests, "result": result}))
        application.quit()

    def ready(ok: bool) -> None:
        # A moment, so that images are decoded and the layout is done.
        QTimer.singleShot(
            500,
            lambda: view.page().runJavaScript(script, lambda result: QTimer.singleShot(300, lambda: finish(result))),
        )

    view.loadFinished.connect(ready)
    view.show()
    view.load(QUrl.fromLocalFile(page))
    application.exec()
    view.setPage(None)


if __name__ == "__main__":
    _main(*sys.argv[1:])
