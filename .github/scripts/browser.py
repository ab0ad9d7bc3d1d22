"""Opens the built site, JupyterLab and the explorer's notebook in a headless Chromium and checks what really appears.

The explorer is used as a reader would: all cells run, a text typed, a slider moved, the mouse over a token; each must change
the figure. Without Chromium the check is left out, and says so.
Usage: python .github/scripts/browser.py [site|pages|lab|explorer ...]   `site` (some pages) or `pages` (every page) after `make docs`;
CHROMIUM names another browser
"""

import base64
import functools
import http.server
import json
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
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "_docs"
EXPLORER = "interpret/74_explorer.ipynb"
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
# What the console may say: a part of the message, and why it is no fault of a notebook.
HARMLESS = {
    "colab-badge.svg": "the badge is a picture on the web; without a network it is missing",
    "/mathjax@": "formulas are drawn by a script on the web where the site has no copy of it",
}


def harmless(message):
    return any(part in message for part in HARMLESS)


def find_chromium():
    "The browser's path; None where there is none, ready to be said aloud."
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


def check(name, html, wanted, picture):
    absent = [what for what, pattern in wanted.items() if not re.search(pattern, html)]
    size = picture.stat().st_size if picture.exists() else 0
    if absent or size < 5_000:  # an empty page makes a picture of about 4 kB
        sys.exit(f"{name}: no {', '.join(absent) or 'picture'} on the page; see {picture}")
    print(f"{name}: ok, {len(html):,} characters, {picture}")


# What a page shows once it has come to rest: pictures that are missing, formulas, and those of them that stayed source text.
SHOWN = """(async () => {
  await window.MathJax?.startup?.promise;
  const missing = [];
  for (const image of document.images) {
    image.loading = 'eager';
    await image.decode().catch(() => missing.push(image.src));
  }
  const maths = [...document.querySelectorAll('.math')];
  const raw = maths.filter(m => !m.querySelector('mjx-container') || m.querySelector('mjx-merror')).map(m => m.textContent);
  return {missing, raw, maths: maths.length, mathjax: !!window.MathJax?.startup};
})()"""


def check_site(tab, pictures, every=False):
    "Opens some pages of each kind, or every page: the parts of a page, its pictures and formulas, and the console; then searches."
    chapters = sorted(p.relative_to(DOCS).as_posix() for p in DOCS.glob("*/[0-9]*.html"))
    some = ["index.html", *chapters[:1], *(p for p in ("api/core.resolvent.html", "ledger.html", "tables.html") if (DOCS / p).exists())]
    pages = sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.html")) if every else some
    maths, unset, faults = 0, 0, []
    handler = functools.partial(QuietHandler, directory=DOCS)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for page in pages:
            tab.console.clear()
            tab.open(f"{address}/{page}")
            shown = tab.js(SHOWN)
            faults += [f"{page}: no picture {source}" for source in shown["missing"] if not harmless(source)]
            faults += [f"{page}: {message[:500]}" for message in tab.console if not harmless(message)]
            if shown["mathjax"]:
                maths += shown["maths"]
                faults += [f"{page}: the formula {text[:80]!r} is not drawn" for text in shown["raw"]]
            else:
                unset += shown["maths"]
            if page in some:
                picture = pictures / f"site-{Path(page).stem}.png"
                tab.picture(picture)
                wanted = {"title": r"<h1[^>]*>\s*\S", "sidebar": r"sidebar", "search": r"[Ss]earch"}
                check(f"site, {page}", tab.js("document.documentElement.outerHTML"), wanted, picture)
        if faults:
            sys.exit(f"site: {len(faults)} faults\n" + "\n".join(faults))
        left = f", {unset:,} not looked at: MathJax is out of reach" if unset else ""
        print(f"site: {len(pages)} pages without an error in the console or a missing picture; {maths:,} formulas drawn{left}")
        if (DOCS / "search.html").exists():  # as Sphinx builds it
            search_site(tab, pictures, address)
        server.shutdown()


def search_site(tab, pictures, address, word="green_diagonal"):
    "Types a word into the search of the front page; its page in the reference must be among what is found."
    tab.open(f"{address}/index.html")
    tab.js("document.querySelector('input[name=q]').focus()")
    tab.call("Input.insertText", text=word)
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r" * (kind == "keyDown"))
    tab.wait("location.pathname === '/search.html' && document.readyState === 'complete'", 60, "the page of the search")
    tab.wait("document.querySelectorAll('#search-results li a[href*=\"api/\"]').length > 0", 60, f"{word} in the reference")
    found = tab.js("[...document.querySelectorAll('#search-results li > a')].map(a => a.textContent)")
    tab.picture(pictures / "site-search.png")
    print(f"site, search for {word}: {', '.join(found[:6])}")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def jupyter_lab():
    "The address of a JupyterLab on a copy of the notebooks, with settings of its own and kernels that import this tree."
    with socket.socket() as s:  # a port that nobody uses now
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with tempfile.TemporaryDirectory() as home, open(Path(home, "log"), "w+", encoding="utf-8") as log:
        shutil.copytree(ROOT / "nbs", Path(home, "nbs"), symlinks=True)
        asked = Path(home, "jupyter_config_dir/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings")
        asked.parent.mkdir(parents=True)
        asked.write_text('{"fetchNews": "false"}', encoding="utf-8")  # no question about news over the page
        # The user's own JupyterLab settings and workspaces play no part.
        own = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
        env = {**os.environ, **{name: str(Path(home, name.lower())) for name in own}}
        env |= {"JUPYTER_PREFER_ENV_PATH": "1", "HF_HUB_OFFLINE": "1"}
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        env.pop("IN_TEST", None)  # a reader's kernel, which shows the widgets
        command = [Path(sys.executable).with_name("jupyter-lab"), "--no-browser", "--allow-root", f"--port={port}"]
        options = ["--IdentityProvider.token=", f"--ServerApp.root_dir={Path(home, 'nbs')}"]
        options += ["--LabApp.expose_app_in_browser=True"]
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
            yield url
        finally:
            lab.terminate()
            lab.wait(20)


def panel(path):
    "JavaScript for the panel of an open notebook."
    return f"[...(window.jupyterapp?.shell?.widgets('main') ?? [])].find(w => w.context?.path === {json.dumps(path)})"


def check_lab(tab, pictures, url):
    picture = pictures / "lab.png"
    tab.call("Page.navigate", url=f"{url}/lab/tree/index.ipynb")
    tab.wait(f"!!{panel('index.ipynb')}?.node.querySelector('.jp-MarkdownCell h1')", 120, "a title in index.ipynb")
    tab.picture(picture)
    wanted = {"JupyterLab": r"jp-LabShell", "open notebook": r"jp-NotebookPanel", "cell": r"jp-MarkdownCell"}
    check("JupyterLab, index.ipynb", tab.js("document.documentElement.outerHTML"), wanted, picture)


class Tab:
    "One page of a Chromium, driven by its own DevTools protocol: what a reader's hands do, and what the console says."

    def __init__(self, chromium, profile, pictures):
        import websocket  # comes with JupyterLab

        self.process = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = Path(profile, "DevToolsActivePort")  # written when the browser listens
        deadline = time.monotonic() + 60
        while not (found.exists() and found.read_text()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                sys.exit(f"{chromium} did not start")
            time.sleep(0.1)
        with urllib.request.urlopen(f"http://127.0.0.1:{found.read_text().split()[0]}/json/list") as reply:
            page = next(t for t in json.load(reply) if t["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], suppress_origin=True, timeout=180)
        self.sent, self.console, self.failure = 0, [], pictures / "failure.png"
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()
        self.process.terminate()
        self.process.wait(20)

    def call(self, method, **params):
        "The result of a command of the protocol; what the console says in the meantime is kept."
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.sent:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.listen(message)

    def listen(self, event):
        "Keeps errors of the console, uncaught exceptions and failed requests."
        name, said = event.get("method"), event.get("params", {})
        if name == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
            self.console.append(" ".join(str(a.get("value", a.get("description", ""))) for a in said["args"]))
        elif name == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.console.append(details.get("exception", {}).get("description", details["text"]))
        elif name == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.console.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")

    def js(self, expression):
        "The value of a JavaScript expression, awaited."
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            details = done["exceptionDetails"]
            raise RuntimeError(f"{expression[:80]}: {details.get('exception', {}).get('description', details['text'])}")
        return done["result"].get("value")

    def wait(self, expression, seconds, what):
        "The first true value of the expression, or the end of the check after `seconds`."
        deadline = time.monotonic() + seconds
        while not (value := self.js(expression)):
            if time.monotonic() > deadline:
                self.picture(self.failure)
                sys.exit(f"{what}: not within {seconds} s; see {self.failure}")
            time.sleep(0.05)
        return value

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'", 60, f"the page {url}")

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def mouse(self, kind, x, y, pressed=0):
        count = int(kind != "mouseMoved")
        button = "left" if pressed or count else "none"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=pressed, clickCount=count)

    def click(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, 1)
        self.mouse("mouseReleased", x, y)

    def drag(self, x, y, to):
        "The mouse pressed at (x, y), moved sideways to x = `to` in steps, and let go."
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, 1)
        for k in range(1, 9):
            self.mouse("mouseMoved", x + (to - x) * k / 8, y, 1)
        self.mouse("mouseReleased", to, y)

    def key(self, name, code, modifiers=0):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, modifiers=modifiers)


# The titles and legends of the figures of an explorer, which change with them, or, slower, all that is drawn.
DRAWN = """(() => {
  const inside = document.querySelectorAll('.resnet-bk-explorer')[%d];
  const plots = [...(inside?.querySelectorAll('.js-plotly-plot') ?? [])].filter(p => p.data && p.querySelector('.main-svg'));
  return plots.map(p => p.layout.title.text + p.data.map(%s)).join();
})()"""
NAMES, ALL = "t => t.name", "t => JSON.stringify(t)"
# The middle of an element of that explorer, brought into view: the handle of a named slider, or what a selector finds.
PLACE = """(async () => {
  const inside = document.querySelectorAll('.resnet-bk-explorer')[%d];
  const named = [...inside.querySelectorAll('.widget-slider')].find(s => s.querySelector('.widget-label').textContent === %s);
  const found = named ? named.querySelector('.noUi-handle') : inside.querySelector(%s);
  let box = null;
  for (let k = 0, last = null; k < 50; k++) {  // until the page has come to rest, with the element in it
    found.scrollIntoView({block: 'center'});
    await new Promise(done => setTimeout(done, 150));
    box = found.getBoundingClientRect();
    if (last === box.y && 0 <= box.y && box.y < innerHeight) break;
    last = box.y;
  }
  const track = (named?.querySelector('.noUi-base') ?? found).getBoundingClientRect();
  return {x: box.x + box.width / 2, y: box.y + box.height / 2, width: box.width, height: box.height, right: track.right};
})()"""


class Explorer:
    "The explorer of that number on the page, as hands and eyes meet it."

    def __init__(self, tab, number, pictures):
        self.tab, self.number, self.pictures = tab, number, pictures
        self.seen, _ = self.settled("the first figure")

    def place(self, what):
        return self.tab.js(PLACE % (self.number, json.dumps(what), json.dumps(what)))

    def settled(self, what, old="", still=0.5):
        "What is drawn once it differs from `old` and has stood for `still` seconds, and after how many seconds it was there."
        started = since = time.monotonic()
        new = old
        while new in ("", old) or time.monotonic() - since < still:
            if time.monotonic() - started > 20:
                self.tab.picture(self.tab.failure)
                sys.exit(f"{what}: the figure does not change; see {self.tab.failure}")
            time.sleep(0.01)
            now = self.tab.js(DRAWN % (self.number, NAMES))
            if now != new:
                new, since = now, time.monotonic()
        return new, since - started

    def changed(self, what, action):
        "Does something and checks that the figure changes, in its titles, its data and its pixels; returns the seconds that it took."
        before, data = self.tab.call("Page.captureScreenshot")["data"], self.tab.js(DRAWN % (self.number, ALL))
        action()
        self.seen, took = self.settled(what, self.seen)
        if self.tab.js(DRAWN % (self.number, ALL)) == data:
            sys.exit(f"{what}: the title changes, and nothing else does")
        picture = self.pictures / f"explorer-{re.sub(r'[^a-z0-9]+', '-', what.lower())}.png"
        self.tab.picture(picture)
        if base64.b64decode(before) == picture.read_bytes():
            sys.exit(f"{what}: the page looks as before; see {picture}")
        print(f"explorer, {what}: the figure changed after {1000 * took:.0f} ms, {picture}")
        return took

    def slide(self, name, share=0.3):
        "Drags the handle of a slider to the right by a share of what is left of it, or to the left where there is little."
        handle = self.place(name)
        room = handle["right"] - handle["x"]
        to = handle["x"] + (share * room if room > 40 else -60)
        return self.changed(f"{name} {self.number}", lambda: self.tab.drag(handle["x"], handle["y"], to))

    def write(self, selector, text):
        "Selects all in a text field, types, and leaves it."
        field = self.place(selector)

        def type_text():
            self.tab.click(field["x"], field["y"])
            self.tab.key("a", 65, modifiers=2)  # Ctrl
            self.tab.call("Input.insertText", text=text)
            self.tab.key("Tab", 9)

        return self.changed(f"text {self.number}", type_text)

    def hover(self, token):
        "What the mouse shows over the potential of a token."
        target = f"""(() => {{
          const p = [...document.querySelectorAll('.resnet-bk-explorer')[{self.number}].querySelectorAll('.js-plotly-plot')][0];
          const box = p.getBoundingClientRect(), l = p._fullLayout, trace = p._fullData.find(t => t.name === 'potential v');
          return {{x: box.x + l._size.l + l.xaxis.d2p({token}), y: box.y + l._size.t + l._size.h * (1 - l.yaxis3.domain[1]) + l.yaxis3.d2p(p.calcdata[trace.index][{token}].y)}};
        }})()"""
        self.place(".js-plotly-plot")
        at = self.tab.js(target)
        self.tab.mouse("mouseMoved", at["x"] - 3, at["y"] + 3)
        self.tab.mouse("mouseMoved", at["x"], at["y"])
        shown = self.tab.wait("[...document.querySelectorAll('.hoverlayer .hovertext')].map(t => t.textContent).join(' ')", 10, "the text under the mouse")
        self.tab.picture(self.pictures / f"explorer-hover-{self.number}.png")
        return shown


def check_explorer(tab, pictures, url):
    "Runs all cells of the explorer's notebook, then types, slides and points as a reader does."
    tab.call("Page.navigate", url="about:blank")  # what was open says nothing more
    tab.console.clear()
    tab.call("Page.navigate", url=f"{url}/lab/tree/{EXPLORER}")
    notebook = panel(EXPLORER)
    tab.wait(f"{notebook}?.sessionContext?.session?.kernel?.connectionStatus === 'connected'", 120, "the notebook's kernel")
    tab.js(f"jupyterapp.shell.activateById({notebook}.id)")
    started = time.monotonic()
    tab.js("void jupyterapp.commands.execute('notebook:run-all-cells').then(() => window.allRun = true)")
    tab.wait("window.allRun", 300, "all cells run")
    failed = tab.js(f"[...{notebook}.content.widgets]" + """.flatMap((cell, i) => cell.model.type !== 'code' ? [] :
      cell.model.outputs.toJSON().filter(o => o.output_type === 'error').map(o => `cell ${i}: ${o.ename}: ${o.evalue}`))""")
    if failed:
        sys.exit(f"explorer: {failed}")
    tab.wait("document.querySelectorAll('.resnet-bk-explorer').length === 2", 60, "the two explorers")
    print(f"explorer: all cells run in {time.monotonic() - started:.0f} s")
    use_explorers(tab, pictures)
    known = [message for message in tab.console if harmless(message)]
    if faults := [message for message in tab.console if message not in known]:
        sys.exit(f"explorer: {len(faults)} errors in the console:\n" + "\n".join(m[:1000] for m in faults))
    print(f"explorer: no errors in the console, {len(known)} known messages")


def use_explorers(tab, pictures):
    "The potential by hand, then the text."
    hand = Explorer(tab, 0, pictures)
    hand.slide("disorder")
    hand.slide("energy E")
    hand.write("input[type=text]", "0 2")
    text = Explorer(tab, 1, pictures)
    text.write("textarea", "A text that somebody types. " * 9)
    took = sorted(text.slide("energy E", share) for share in (0.2, 0.2, 0.2, 0.3, 0.3))
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "load unknown"
    print(f"explorer: an update of 252 tokens takes {1000 * took[2]:.0f} ms in the browser, median of {len(took)}, {load}")
    text.slide("broadening η")
    text.slide("head")
    text.slide("token")
    for explorer, part in ((hand, "feels"), (text, "feels")):
        shown = explorer.hover(20)
        if not re.match(r"20 ", shown) or part not in shown or not re.search("[▁-█]{5}", shown):
            sys.exit(f"explorer: over site 20 the mouse shows {shown!r}")
        print(f"explorer, the mouse over site 20: {shown[:120]}")


if __name__ == "__main__":
    chromium = find_chromium()
    if chromium is None:
        print("SKIPPED: test-browser needs Chromium; install Debian's package `chromium`, or set CHROMIUM to a browser", file=sys.stderr)
        sys.exit(0)
    chosen = sys.argv[1:] or ["site", "lab", "explorer"]
    pictures = Path(tempfile.mkdtemp(prefix="resnet-bk-pictures-"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Tab(chromium, profile, pictures) as tab:
        if set(chosen) & {"site", "pages"}:
            check_site(tab, pictures, every="pages" in chosen)
        if set(chosen) & {"lab", "explorer"}:
            with jupyter_lab() as url:
                if "lab" in chosen:
                    check_lab(tab, pictures, url)
                if "explorer" in chosen:
                    check_explorer(tab, pictures, url)
