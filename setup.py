"Packaging. Every value comes from settings.ini, so that a fork changes one file."

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]

lib = cfg["lib_path"]
readme = here / "README.md"  # absent until `make sync` has run once

extras = {
    name: cfg[f"{name}_requirements"].split() for name in ("dev", "loggers", "parallel")
}
extras["dev"] += extras["loggers"] + extras["parallel"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    license="Apache-2.0",
    keywords=cfg["keywords"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        f"Intended Audience :: {cfg['audience']}",
        "Programming Language :: Python :: 3",
    ],
    python_requires=f">={cfg['min_python']}",
    packages=find_packages(include=[lib, f"{lib}.*"]),
    package_data={lib: ["py.typed", "results/*.json", "configs/*.yaml", "examples/*.safetensors"]},
    install_requires=cfg["requirements"].split(),
    extras_require=extras,
    entry_points={
        "console_scripts": cfg["console_scripts"].split(),
        # nbdev finds the documentation of other nbdev projects through this entry.
        "nbdev": [f"{lib}={lib}._modidx:d"],
    },
    zip_safe=False,
)
