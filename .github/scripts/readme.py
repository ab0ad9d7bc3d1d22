"""README.md from nbs/index.ipynb: its prose and its code, without outputs.

nbdev_readme does the same through Quarto. This way needs nothing but Python, so that anyone can check the two are in step.
Usage: python .github/scripts/readme.py   writes README.md
"""

import json
import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTE = "<!-- Made from nbs/index.ipynb by `make sync`. Edit the notebook. -->"


def from_root(match):
    "A relative link in nbs/ as a link from the root of the repository, where the README is."
    opening, target = match.groups()
    if re.match(r"[a-z]+:|#|/", target):
        return match[0]
    return opening + posixpath.normpath(posixpath.join("nbs", target))


def readme_text(notebook):
    "The README that belongs to the notebook at path `notebook`."
    parts = [NOTE]
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        lines = "".join(cell["source"]).strip().splitlines()
        flags = [re.sub(r"^#\s*\|\s*", "", line) for line in lines if re.match(r"#\s*\|", line)]
        text = "\n".join(line for line in lines if not re.match(r"#\s*\|", line)).strip()
        if not text or "hide" in flags or "include: false" in flags:
            continue
        if cell["cell_type"] == "markdown":
            parts.append(re.sub(r"(\]\(|src=\")([^)\"\s]+)", from_root, text))
        elif cell["cell_type"] == "code":
            parts.append(f"```python\n{text}\n```")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "README.md").write_text(readme_text(ROOT / "nbs" / "index.ipynb"), encoding="utf-8")
