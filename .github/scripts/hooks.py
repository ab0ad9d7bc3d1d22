"""Hooks for notebooks, in this clone and its .venv alone: `make setup` runs it.

nbdev_install_hooks does the same for one's home: it writes to ~/.jupyter. Here JupyterLab's hook goes into .venv, where only
the JupyterLab of this clone reads it, and the merge driver into the clone's own git configuration. .gitattributes names
the driver. Outside a git clone there is nothing to set up, and nothing fails.
Usage: python .github/scripts/hooks.py
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A working tree without .venv, or one whose nbdev is gone, still merges, as text.
DRIVER = """sh -c 'if [ -x .venv/bin/nbdev_merge ]; then exec .venv/bin/nbdev_merge "$0" "$1" "$2" "$3"; \
else exec git merge-file "$1" "$0" "$2"; fi' %O %A %B %P"""

SAVE = '''"Made by .github/scripts/hooks.py: a notebook is saved without the metadata that differs from machine to machine."


def clean_on_save(**kwargs):
    from nbdev.clean import clean_jupyter

    clean_jupyter(**kwargs)


c.ContentsManager.pre_save_hook = clean_on_save
'''


def in_jupyter(prefix: Path):
    "JupyterLab started from `prefix` cleans a notebook when it saves it."
    place = prefix / "etc" / "jupyter" / "jupyter_server_config.py"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(SAVE, encoding="utf-8")


def in_git(root: Path) -> bool:
    "Notebooks of the clone at `root` are merged cell by cell; False where `root` is no clone."
    git = shutil.which("git")
    # A .git above `root` is another repository, whose settings are none of ours.
    if git is None or not (root / ".git").exists():
        return False
    settings = {"merge.nbdev-merge.name": "notebooks, cell by cell", "merge.nbdev-merge.driver": DRIVER}
    for key, value in settings.items():
        done = subprocess.run([git, "config", "--local", key, value], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:  # a clone of somebody else's, or one that cannot be written to
            print(f"notebooks are merged as text: git says {done.stderr.strip()}", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    if sys.prefix != sys.base_prefix:  # an environment of its own, never the system's
        in_jupyter(Path(sys.prefix))
    in_git(ROOT)
