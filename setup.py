"Packaging. Every value comes from settings.ini, so that a fork changes one file."

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]

lib = cfg["lib_path"]
readme = here / "README.md"  # absent until `make sync` has run once

end = "_requirements"
extras = {
    key.removesuffix(end): cfg[key].split()
    for key in sorted(cfg)
    if key.endswith(end)
}
extras["dev"] = sorted({r for needs in extras.values() for r in needs})

# A package index has no folders: links into the repository become links to where it lies.
description = readme.read_text(encoding="utf-8") if readme.exists() else ""
description = re.sub(
    r"\]\((?![a-z]+:|#)", f"]({cfg['git_url']}/blob/{cfg['branch']}/", description
)

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=description,
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={
        "Documentation": cfg["doc_host"] + cfg["doc_baseurl"],
        "Changelog": f"{cfg['git_url']}/blob/{cfg['branch']}/CHANGELOG.md",
    },
    license="Apache-2.0",
    keywords=cfg["keywords"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        f"Intended Audience :: {cfg['audience']}",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
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
