"""Pages of the site that are made rather than written: the reference, the gallery, the tables of results.

All are plain Markdown, which Quarto and Sphinx both read, and hold nothing of their own: the reference is read off the modules
without importing them, pictures and tables are the stored outputs of the notebooks. `make docs` calls `write_pages`.
"""

import ast
import base64
import hashlib
import inspect
import json
import re
from pathlib import Path

CODE = re.compile(r"(`[^`]*`|\$[^$\n]+\$)")
OPENING = re.compile(r"(Raises|Returns|Yields|Source|Rounding)\b|[a-z_]\w*(, [a-z_]\w*)*(: | \([A-Z0-9])")
LEDGER = "bench/57_ledger.ipynb"
ROOMS = ("core", "model", "train", "compress", "vision", "interpret", "bench")


def prose(text: str) -> str:
    "A docstring as Markdown: formulas and code as they are, no accidental emphasis, a line of its own for each argument."
    paragraphs = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = []
        for line in paragraph.splitlines():
            plain = "".join(p if CODE.fullmatch(p) else re.sub(r"([*<\[\]])", r"\\\1", p) for p in CODE.split(line.strip()))
            if lines and (OPENING.match(line.strip()) or line.startswith("  ")):
                lines[-1] += "\\"  # a hard line break
            lines.append(plain)
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def remark(lines: list[str], node) -> str:
    "The comment that ends the line of an argument or a field, which says what it is."
    found = re.match(r"\s*,?\s*#\s*(.*)", lines[node.end_lineno - 1][node.end_col_offset :])
    return found[1].strip() if found else ""


def cell(text) -> str:
    "Text for a cell of a table."
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head: tuple, rows: list[tuple]) -> str:
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]  # no column without content
    lines = [[head[i] for i in kept], ["---"] * len(kept), *([cell(row[i]) for i in kept] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def signature(node: ast.FunctionDef, name: str, bound: bool) -> str:
    "The call as one writes it, wrapped where it is long."
    a = node.args
    plain = a.posonlyargs + a.args
    defaults = [None] * (len(plain) - len(a.defaults)) + a.defaults
    show = lambda arg, default: arg.arg + (f": {ast.unparse(arg.annotation)}" if arg.annotation else "") + (f"{' = ' if arg.annotation else '='}{ast.unparse(default)}" if default else "")
    parts = [show(arg, default) for arg, default in zip(plain, defaults)][bound:]
    if a.vararg:
        parts.append("*" + show(a.vararg, None))
    elif a.kwonlyargs:
        parts.append("*")
    parts += [show(arg, default) for arg, default in zip(a.kwonlyargs, a.kw_defaults)]
    if a.kwarg:
        parts.append("**" + show(a.kwarg, None))
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{name}({', '.join(parts)}){returns}"
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(parts) + f",\n){returns}"


def arguments(node: ast.FunctionDef, lines: list[str]) -> str:
    "A table of the arguments that have a remark, as nbdev's docments; nothing where none has."
    args = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    rows = [(f"`{a.arg}`", said) for a in args if (said := remark(lines, a))]
    return table(("argument", "what it is"), rows) if rows else ""


def fields_of(node: ast.ClassDef, lines: list[str]) -> str:
    "A table of the fields of a dataclass or a named tuple: for settings with their help and range."
    rows = []
    for f in node.body:
        if not (isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)) or f.target.id.startswith("_"):
            continue
        default, said = f.value, remark(lines, f)
        if isinstance(default, ast.Call) and ast.unparse(default.func) == "setting":
            given = {k.arg: ast.unparse(k.value) for k in default.keywords}
            words = dict(low="at least {}", high="below {}", choices="one of {}")
            limits = [words[k].format(given[k]) for k in words if k in given]
            said = "; ".join(filter(None, [ast.literal_eval(default.args[1]), *limits]))
            default = default.args[0]
        rows.append((f"`{f.target.id}`", f"`{ast.unparse(f.annotation)}`", f"`{ast.unparse(default)}`" if default else "", said))
    return table(("field", "type", "default", "meaning and range"), rows) if rows else ""


def entry(node, lines: list[str], where: str, name: str, bound=False, level=2) -> list[str]:
    "A function or a method: heading, signature, docstring, arguments with remarks, source."
    source = f"[source]({where}#L{node.lineno})"
    said = ast.get_docstring(node)
    parts = [f"{'#' * level} `{name}`", f"```python\n{signature(node, name, bound)}\n```", prose(said) if said else "", arguments(node, lines), source]
    return [p for p in parts if p]


def class_entry(node: ast.ClassDef, patched: list, lines: list[str], where: str) -> list[str]:
    "A class: how it is made, docstring, fields, and the public methods that say what they do."
    methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
    made = next((m for m in methods if m.name == "__init__"), None)
    bases = ", ".join(ast.unparse(b) for b in node.bases)
    call = signature(made, node.name, True) if made else f"class {node.name}({bases})" if bases else f"class {node.name}"
    said = ast.get_docstring(node)
    parts = [f"## `{node.name}`", f"```python\n{call}\n```", prose(said) if said else "", arguments(made, lines) if made else "", fields_of(node, lines), f"[source]({where}#L{node.lineno})"]
    for m in [m for m in methods if m.name[0] != "_" and ast.get_docstring(m)] + patched:
        static = any(ast.unparse(d) == "staticmethod" for d in m.decorator_list)
        parts += entry(m, lines, where, f"{node.name}.{m.name}", not static, level=3)
    return [p for p in parts if p]


def module_page(path: Path, root: Path, cfg) -> tuple[str, str, str]:
    "The module's name below the library, its one line, and its page."
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    name = ".".join(path.relative_to(root / cfg["lib_path"]).with_suffix("").parts)
    where = f"{cfg['git_url']}/blob/{cfg['branch']}/{path.relative_to(root).as_posix()}"
    public = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"), [])
    patches = [n for n in tree.body if isinstance(n, ast.FunctionDef) and any(ast.unparse(d).startswith("patch") for d in n.decorator_list)]
    owner = lambda n: ast.unparse(n.args.args[0].annotation) if n.args.args and n.args.args[0].annotation else ""
    abstract = ast.get_docstring(tree) or ""
    written = re.search(r"File to edit: \S*?nbs/(\S+\.ipynb)", text)
    parts = [f"# {name}", f"> {prose(abstract)}" if abstract else ""]
    if written:
        parts.append(f"`import {cfg['lib_path']}.{name}`. What is behind it, with its tests: [the chapter](../{written[1]}).")
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in public:
            patched = [p for p in patches if node.name in owner(p).split(" | ") and p.name[0] != "_" and ast.get_docstring(p)]
            parts += class_entry(node, patched, lines, where)
        elif isinstance(node, ast.FunctionDef) and node.name in public and node not in patches:
            parts += entry(node, lines, where, node.name)
    constants = [(f"`{t.id}`", remark(lines, n)) for n in tree.body if isinstance(n, (ast.Assign, ast.AnnAssign)) for t in (n.targets if isinstance(n, ast.Assign) else [n.target]) if isinstance(t, ast.Name) and t.id in public]
    if constants:
        parts += ["## Constants", table(("name", "what it is"), constants) if any(c[1] for c in constants) else ", ".join(c[0] for c in constants)]
    return name, abstract, "\n\n".join(filter(None, parts)) + "\n"


def write_reference(root: Path, folder: Path, cfg):
    "api/index.md and a page for each module with public names."
    (folder / "api").mkdir(exist_ok=True)
    modules = [p for p in (root / cfg["lib_path"]).rglob("*.py") if p.name[0] != "_"]
    rooms = {}
    for path in sorted(modules, key=lambda p: p.as_posix()):
        name, abstract, page = module_page(path, root, cfg)
        (folder / "api" / f"{name}.md").write_text(page, encoding="utf-8")
        rooms.setdefault(name.split(".")[0] if "." in name else "", []).append((f"[{name}]({name}.md)", prose(abstract)))
    order = sorted(rooms, key=lambda r: (ROOMS + ("",)).index(r) if r in ROOMS + ("",) else len(ROOMS))
    parts = ["# Reference", "Every public name with its signature, shapes and units as its docstring gives them, and a link to its source. A room imports those above it. B is the batch, N the tokens, D the width, H the heads, P the values of a head, V the vocabulary."]
    for room in order:
        parts += [f"## {room or 'command line'}", table(("module", "what it is"), rooms[room])]
    (folder / "api" / "index.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def chapters(source: Path):
    "Path below `source`, title and cells of each notebook as written, room by room."
    found = [p for p in source.rglob("*.ipynb") if re.match(r"\d\d_", p.name) and ".ipynb_checkpoints" not in p.parts]
    rank = {room: i for i, room in enumerate(("colab", *ROOMS))}
    for path in sorted(found, key=lambda p: (rank.get(p.parent.name, len(rank)), p.as_posix())):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        heads = ("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        title = next((m[1] for text in heads if (m := re.search(r"^# (.+)$", text, flags=re.MULTILINE))), path.stem)
        yield path.relative_to(source), title, cells


def write_gallery(source: Path, folder: Path):
    "gallery.md: every stored picture, which opens its chapter."
    (folder / "gallery").mkdir(exist_ok=True)
    parts, count = [], 0
    for path, title, cells in chapters(source):
        pictures = [o["data"]["image/png"] for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
        if not pictures:
            continue
        shown = []
        for i, picture in enumerate(pictures, 1):
            data = base64.b64decode("".join(picture))
            file = f"gallery/{path.stem}-{hashlib.sha256(data).hexdigest()[:10]}.png"
            (folder / file).write_bytes(data)
            shown.append(f"[![{title}, picture {i}]({file})]({path.as_posix()})")
        count += len(pictures)
        parts += [f"## [{title}]({path.as_posix()})", '<div class="gallery">', "\n\n".join(shown), "</div>"]
    head = ["# Gallery", f"The {count} pictures of the chapters, as their code drew them. Each opens its chapter."]
    (folder / "gallery.md").write_text("\n\n".join(head + parts) + "\n", encoding="utf-8")


def tables_in(text: str) -> list[str]:
    "The paragraphs of printed text that hold a table, its title and notes: at least three lines in a row with three columns or more."
    columns = lambda line: len(re.split(r"\s{2,}", line.strip())) >= 3
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip() and "\r" not in line]
        if any(all(map(columns, three)) for three in zip(lines, lines[1:], lines[2:])):
            found.append("\n".join(lines))
    return found


def write_tables(source: Path, folder: Path, rooms=("bench", "vision", "train", "interpret")):
    "tables.md: the tables that chapters print of recorded results, not those of the small trials before them."
    parts = []
    for path, title, cells in sorted(chapters(source), key=lambda c: [*rooms, c[0].parts[0]].index(c[0].parts[0])):
        if path.parts[0] not in rooms or path.as_posix() == LEDGER:
            continue
        reads = ["recorded_results(" in (text := "".join(c["source"])) and not text.startswith("#| export") for c in cells]
        shown = []
        for c in cells[reads.index(True) :] if any(reads) else []:
            outputs = c.get("outputs", [])
            written = ["".join(o.get("data", {}).get("text/markdown", "")) for o in outputs]
            shown += [t for w in written if "|---" in w for t in re.findall(r"(?:^\|.*\|$\n?)+", w, flags=re.MULTILINE)]  # of a report, its tables
            printed = "".join("".join(o.get("text", "")) for o in outputs)  # a picture may stand between a table and its caption
            shown += [f"```text\n{t}\n```" for t in tables_in(printed)]
        if shown:
            parts += [f"## [{title}]({path.as_posix()})", *shown]
    head = ["# Tables of results", "What the chapters print of their full runs; the chapter says what it means, and on which machine where the table does not. [The claims ledger](ledger.md) holds every promise beside its measured number."]
    (folder / "tables.md").write_text("\n\n".join(head + parts) + "\n", encoding="utf-8")


def write_ledger(source: Path, folder: Path):
    "ledger.md: what the ledger's chapter says of its rows, and the rows."
    cells = json.loads((source / LEDGER).read_text(encoding="utf-8"))["cells"]
    text = lambda c: "".join(c["source"])
    said = next(text(c).split("\n", 1)[1].strip() for c in cells if text(c).startswith("## What it shows"))
    rows = ["".join(o["data"]["text/markdown"]) for c in cells for o in c.get("outputs", []) if "text/markdown" in o.get("data", {})]
    title = "# Claims, measured"
    head = f"Every number that the source documents promise, beside what was measured for it. How each is measured, and by which rule it is judged: [the chapter]({LEDGER})."
    (folder / "ledger.md").write_text("\n\n".join([title, head, said, *rows]) + "\n", encoding="utf-8")


def write_pages(root: Path, source: Path, folder: Path, cfg):
    "All pages, into `folder`; `source` holds the notebooks, `root` the library."
    write_reference(root, folder, cfg)
    write_gallery(source, folder)
    write_tables(source, folder)
    write_ledger(source, folder)
