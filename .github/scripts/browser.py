"""Opens the built site and JupyterLab in a headless Chromium and checks that a page really appears in each.

Usage: python .github/scripts/browser.py   after `make docs`; CHROMIUM names another browser than the one on the path
"""

import functools
import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "_docs"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
]


def find_chromium():
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        sys.exit("test-browser needs Chromium: install Debian's package `chromium`, or set CHROMIUM to a browser")
    return found


def visit(chromium, url, picture, seconds):
    "The page at `url` as HTML after its scripts have run for `seconds`, and a screenshot of it at `picture`."
    for action in (f"--screenshot={picture}", "--dump-dom"):
        with tempfile.TemporaryDirectory() as profile:
            command = [chromium, *FLAGS, f"--user-data-dir={profile}", f"--virtual-time-budget={seconds * 1000}"]
            done = subprocess.run([*command, action, url], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout


def check(name, html, wanted, picture):
    absent = [what for what, pattern in wanted.items() if not re.search(pattern, html)]
    size = picture.stat().st_size if picture.exists() else 0
    if absent or size < 5_000:  # an empty page makes a picture of about 4 kB
        sys.exit(f"{name}: no {', '.join(absent) or 'picture'} on the page; see {picture}")
    print(f"{name}: ok, {len(html):,} characters, {picture}")


def check_site(chromium, pictures):
    handler = functools.partial(QuietHandler, directory=DOCS)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chapters = sorted(p.relative_to(DOCS).as_posix() for p in DOCS.glob("*/[0-9]*.html"))
        for page in ["index.html", *chapters[:1]]:
            picture = pictures / f"site-{Path(page).stem}.png"
            html = visit(chromium, f"http://127.0.0.1:{server.server_port}/{page}", picture, 10)
            wanted = {"title": r"<h1[^>]*>\s*\S", "sidebar": r"sidebar", "search": r"[Ss]earch"}
            check(f"site, {page}", html, wanted, picture)
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def check_lab(chromium, pictures):
    with socket.socket() as s:  # a port that nobody uses now
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with tempfile.TemporaryDirectory() as home, open(Path(home, "log"), "w+", encoding="utf-8") as log:
        # The user's own JupyterLab settings and workspaces play no part.
        own = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
        env = {**os.environ, **{name: str(Path(home, name.lower())) for name in own}}
        command = [Path(sys.executable).with_name("jupyter-lab"), "--no-browser", "--allow-root", f"--port={port}"]
        options = ["--IdentityProvider.token=", f"--ServerApp.root_dir={ROOT / 'nbs'}"]
        lab = subprocess.Popen([*command, *options], env=env, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{url}/api", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                log.seek(0)
                sys.exit(f"JupyterLab did not start:\n{log.read()[-2000:]}")
            picture = pictures / "lab.png"
            html = visit(chromium, f"{url}/lab/tree/index.ipynb", picture, 30)
            wanted = {"JupyterLab": r"jp-LabShell", "open notebook": r"jp-NotebookPanel", "cell": r"jp-MarkdownCell"}
            check("JupyterLab, index.ipynb", html, wanted, picture)
        finally:
            lab.terminate()
            lab.wait(20)


if __name__ == "__main__":
    chromium = find_chromium()
    pictures = Path(tempfile.mkdtemp(prefix="resnet-bk-pictures-"))
    check_site(chromium, pictures)
    check_lab(chromium, pictures)
