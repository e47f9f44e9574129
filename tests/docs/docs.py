"""Whether the documentation says what the program says, and names files that exist.

    docs.py PROGRAM ROOT            exit status 1 and a line per disagreement
    docs.py PROGRAM ROOT --write    puts the columns that come from the program into the tables

Tables between `<!-- generated: NAME -->` and `<!-- end -->` begin with columns that come from the
built command; the other columns are written by hand, and none of them may be empty. Between the same
marks within a line stands the list itself, with commas. NAME is a key of LISTS below; what follows a
semicolon is for the reader. A row of the program that a table lacks is added by --write with empty
cells; one that the program has no more is dropped.

Paths are checked in README.md, CONTRIBUTING.md and docs/: links, files named by their ending, and
folders in backquotes. A file may be named by the end of its path. So are sources named in comments of
include/, src/ and kernels/. Reports of machines
(docs/benchmarks/*-20*.md) are records of their day and are left out, as is CHANGELOG.md.
"""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REGION = re.compile(r"<!-- generated: (\w+)[^>]*-->(.*?)<!-- end -->", re.DOTALL)
SUFFIXES = "hpp|cpp|cu|py|md|toml|txt|cmake|sh|in|json|jsonl|yml"
# Files that runs write and that examples of commands are given, not files of the tree.
MADE_BY_RUNS = {"config.toml", "manifest.json", "events.jsonl", "check.json", "my.toml"}
NOT_OF_THE_TREE = ("build", "runs", "out", ".git")


# --- What the program says -----------------------------------------------------------------------

def ask(program, *arguments):
    run = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def observables(program, root):
    """(name, unit, long name) of every observable, from a run of two steps. Where there is no
    ncdump, the long names are None."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        report = ask(program, "run", str(root / "examples/quickstart.toml"), "-o", str(out), "--json",
                     "--backend", "cpu", "--set", "ensemble.replicas=2", "--set",
                     "dynamics.iterations=2")
        header = ""
        if shutil.which("ncdump"):
            header = subprocess.run(["ncdump", "-h", out / "results.nc"], capture_output=True,
                                    text=True, check=True).stdout
    long_names = {}
    for name, text in re.findall(r'(\w+)_mean:long_name = "(.*)" ;', header):
        long_names[name] = text[len(f"mean of {name} ("):-1]
    return [(name, row["unit"], long_names.get(name)) for name, row in report["observables"].items()]


def choices(key):
    def rows(program, _root):
        for row in ask(program, "config", "keys", "--json"):
            if row["key"] == key:
                return [(name,) for name in row["choices"]]
        raise KeyError(key)
    return rows


def model_files(_program, root):
    """Headers of the model, by folders in the order in which they include each other."""
    folders = ("numerics", "dynamics", "initial", "record", "integrator", "descent", "claims")
    model = root / "include/softmaxflow/model"
    unknown = {path.name for path in model.iterdir() if path.is_dir()} - set(folders)
    return [(str(file.relative_to(model)),) for folder in (*folders, *sorted(unknown))
            for file in sorted((model / folder).rglob("*.hpp"))]


LISTS = {
    "maps": choices("model.map"),
    "losses": choices("objective.loss"),
    "methods": choices("dynamics.method"),
    "value_laws": choices("init.value_law"),
    "observables": observables,
    "model_files": model_files,
    "claims": lambda program, _root: [(claim["id"], claim["status"])
                                      for claim in ask(program, "claims", "--json")],
}


# --- Tables and lists ----------------------------------------------------------------------------

def cells_of(line):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def line_of(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def same(cell, said):
    return said is None or cell == said


def table_disagreements(body, rows, where):
    lines = [line for line in body.strip().splitlines() if line.startswith("|")]
    found = [cells_of(line) for line in lines[2:]]
    names, said = [row[0] for row in found], [row[0] for row in rows]
    for name in said:
        if name not in names:
            yield f"{where}: no row for {name}"
    for name in names:
        if name not in said:
            yield f"{where}: {name} is not in the program"
    if sorted(names) == sorted(said) and names != said:
        yield f"{where}: the program's order is {', '.join(said)}"
    of = {row[0]: row for row in rows}
    for row in found:
        for cell, expected in zip(row, of.get(row[0], ())):
            if not same(cell, expected):
                yield f"{where}: {row[0]}: `{cell}`, but the program says `{expected}`"
        if "" in row:
            yield f"{where}: {row[0]}: an empty cell"


def disagreements(text, lists, where):
    """One line per disagreement of a document with `lists`: name -> rows of the program."""
    for match in REGION.finditer(text):
        name, body = match.groups()
        place = f"{where}:{text.count(chr(10), 0, match.start()) + 1}: {name}"
        if name not in lists:
            yield f"{place}: no such list; there are {', '.join(lists)}"
        elif body.lstrip().startswith("|"):
            yield from table_disagreements(body, lists[name], place)
        else:
            said = ", ".join(row[0] for row in lists[name])
            if " ".join(body.split()) != said:
                yield f"{place}: the program says {said}"


def rewritten(text, lists):
    """The document with the program's columns, rows and order."""
    def table(match):
        name, body = match.groups()
        rows, whole = lists.get(name), match.group(0)
        if rows is None:
            return whole
        if not body.lstrip().startswith("|"):
            names = ", ".join(row[0] for row in rows)
            return whole if " ".join(body.split()) == names else whole.replace(body, names)
        lines = body.strip().splitlines()
        by_hand = {cells_of(line)[0]: cells_of(line) for line in lines[2:]}
        new = []
        for row in rows:
            old = by_hand.get(row[0], [""] * len(cells_of(lines[0])))
            new.append(line_of([had if said is None else said for had, said in zip(old, row)] +
                               old[len(row):]))
        return whole.replace(body, "\n" + "\n".join(lines[:2] + new) + "\n")
    return REGION.sub(table, text)


# --- Paths ---------------------------------------------------------------------------------------

def files_of(root):
    """Paths of all files of the tree, and of its folders."""
    paths = set()
    for entry in sorted(root.iterdir()):
        if entry.name in NOT_OF_THE_TREE:
            continue
        paths.add(entry.name)
        if entry.is_dir():
            paths.update(str(path.relative_to(root)) for path in entry.rglob("*"))
    return paths


def mentions(text):
    """(line, path, whether it is a link) of every file and folder that a document names."""
    patterns = (r"\]\((?!\w+:|#)([^)#\s]+)[^)\s]*\)",                       # a link
                rf"(?<![\w./-])([\w.*-]+(?:/[\w.*-]+)*\.(?:{SUFFIXES}))(?![\w/])",  # by its ending
                r"`([\w.-]+(?:/[\w.*-]+)+)/?`")                              # a folder, a script
    for pattern in patterns:
        for match in re.finditer(pattern, text):
            yield text.count("\n", 0, match.start()) + 1, match.group(1), pattern == patterns[0]


def is_there(name, folder, paths):
    relative = str((Path("/") / folder / name).resolve().relative_to("/"))
    return relative in paths or any(path == name or path.endswith("/" + name) or
                                    fnmatch.fnmatchcase(path, "*" + name) for path in paths)


def lost_paths(text, where, paths):
    """One line per file that a document names and that the tree has not."""
    folder = Path(where).parent
    top = {path.split("/")[0] for path in paths}
    told_of = set()
    for line, name, link in sorted(set(mentions(text)), key=lambda one: (one[0], one[1], not one[2])):
        first = name.split("/")[0]
        if Path(name).name in MADE_BY_RUNS or first in NOT_OF_THE_TREE or \
                "counterexamples/" in name or (line, name) in told_of:
            continue
        # Without an ending, words with a stroke between them are paths only where they begin like one.
        told = link or first in top or re.search(rf"\.(?:{SUFFIXES})$", name)
        if told and not is_there(name, folder, paths):
            told_of.add((line, name))
            yield f"{where}:{line}: {name}: no such file"


def lost_in_comments(text, where, paths):
    """One line per file that a comment of a source names and that the tree has not."""
    names = {Path(path).name for path in paths}
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r"[\w-]+\.(?:hpp|cpp|cu|py|md)\b", line.partition("//")[2]):
            if name not in names:
                yield f"{where}:{number}: {name}: no such file"


def sources(root):
    for top in ("include", "src", "kernels"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in (".hpp", ".cpp", ".cu"):
                yield file


def documents(root):
    for name in ("README.md", "CONTRIBUTING.md"):
        yield root / name
    for file in sorted((root / "docs").rglob("*.md")):
        if not fnmatch.fnmatch(file.name, "*-20[0-9][0-9]-*"):
            yield file


def main(program, root, write):
    root = Path(root).resolve()
    lists = {name: rows(program, root) for name, rows in LISTS.items()}
    paths = files_of(root)
    bad = []
    for file in documents(root):
        where, text = str(file.relative_to(root)), file.read_text()
        if write and (new := rewritten(text, lists)) != text:
            file.write_text(new)
            text = new
        bad += [*disagreements(text, lists, where), *lost_paths(text, where, paths)]
    for file in sources(root):
        bad += lost_in_comments(file.read_text(), str(file.relative_to(root)), paths)
    if any(row[2] is None for row in lists["observables"]):
        print("long names of observables were not compared: there is no ncdump")
    print("\n".join(bad) or "the documentation agrees with the program and the tree")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--write" in sys.argv[3:]))
