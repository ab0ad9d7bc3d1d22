"""Links and pictures of a built site that lead nowhere. Nothing is asked of a network: only what lies in the folder is checked.

Usage: python .github/scripts/links.py [FOLDER]   _docs unless given
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    "The anchors of a page, and what it points to."

    def __init__(self, text: str):
        super().__init__()
        self.anchors, self.targets = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[k] for k in ("id", "name") if attrs.get(k)}
        for key in ("href", "src"):
            if attrs.get(key) is not None and tag != "base":
                self.targets.append(attrs[key])


def broken_links(folder: Path) -> list[str]:
    "One line for each link or picture below `folder` whose file or anchor is not there."
    pages = {p.resolve(): Page(p.read_text(encoding="utf-8")) for p in sorted(folder.rglob("*.html"))}
    found = {}
    for place, page in pages.items():
        for target in page.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc or target.startswith("#!"):
                continue
            path = (place.parent / unquote(url.path)).resolve() if url.path else place
            path = path / "index.html" if path.is_dir() else path
            anchor = unquote(url.fragment)
            if not path.exists():
                wrong = "no such file"
            elif anchor and path in pages and anchor not in pages[path].anchors and anchor != "top":
                wrong = "no such anchor"
            else:
                continue
            found[f"{place.relative_to(folder.resolve())}: {target} ({wrong})"] = None
    return list(found)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "_docs")
    if not (folder / "index.html").exists():
        sys.exit(f"{folder} has no index.html: run `make docs` first")
    if wrong := broken_links(folder):
        sys.exit("\n".join([f"{len(wrong)} links lead nowhere:", *wrong]))
    print(f"every link and picture of {len(list(folder.rglob('*.html')))} pages is there")
