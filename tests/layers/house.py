"""Figures of the house, for docs/architecture.md: how much a newcomer meets at once.

    house.py ROOT                    of this tree
    house.py ROOT --renames FILE     of an older tree; with --details, what is counted

FILE is what `git diff -M20% --name-status OLD NEW` prints: files of the older tree whose folder is no
room today count to the room that they have moved to. An arrow points up if it goes from a room to
one that may include it, sideways if neither may include the other (layers.py has the rule). A file
names a state column or a loss if its code, comments apart, spells it.
"""

import re
import sys
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from layers import USES, includes_of, names_that_stand_twice, room_of, sources

MODEL = Path("include/softmaxflow/model")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
STATE_COLUMN = "step_size"
LOSSES = ("logistic", "exponential", "square", "regression", "classification", "cross_entropy")


def renames(file):
    """Old path -> path today."""
    found = {}
    for line in Path(file).read_text().splitlines() if file else ():
        kind, *paths = line.split("\t")
        if kind.startswith("R"):
            found[Path(paths[0])] = Path(paths[1])
    return found


def include_graph(root):
    graph = {}
    for file in sources(root):
        graph[file.relative_to(root)] = [target for *_, target in includes_of(root, file) if target]
    return graph


def floors(graph, under=Path()):
    """Length of the longest chain of includes among files below `under`."""
    @lru_cache(maxsize=None)
    def height(file):
        return 1 + max((height(to) for to in graph.get(file, ()) if under in (to, *to.parents)),
                       default=0)
    return max((height(file) for file in graph if under in (file, *file.parents)), default=0)


def arrows(graph, today):
    """(up, sideways): includes, as text, between rooms that the rule does not allow."""
    def room_now(file):
        room = room_of(file)
        return room if room in USES else room_of(today.get(file, file))

    up, sideways = [], []
    for file, targets in graph.items():
        room = room_now(file)
        for target in targets:
            other = room_now(target)
            if room == other or room not in USES or other not in USES or other in USES[room]:
                continue
            (up if room in USES[other] else sideways).append(f"{file} -> {target}")
    return up, sideways


def headers_per_folder(graph):
    folders = defaultdict(int)
    for file in graph:
        if file.suffix == ".hpp":
            folders[str(file.parent)] += 1
    return folders


def code(file):
    return COMMENT.sub("", file.read_text())


def files_that_spell(root, pattern):
    found = re.compile(pattern)
    return [str(file.relative_to(root)) for file in sources(root) if found.search(code(file))]


def figures(root, renamed):
    """(what, figure, details) of a source tree."""
    today, graph = renames(renamed), include_graph(root)
    folders = headers_per_folder(graph)
    fullest = max(folders, key=folders.get)
    up, sideways = arrows(graph, today)
    column = files_that_spell(root, STATE_COLUMN)
    of_loss = {loss: files_that_spell(root, f'"{loss}"') for loss in LOSSES}
    most = max(of_loss, key=lambda loss: len(of_loss[loss]))
    twice = list(names_that_stand_twice(root))
    of_model = {name: count for name, count in folders.items() if name.startswith(str(MODEL))}
    yield ("headers in the fullest folder", f"{folders[fullest]} ({fullest})",
           [f"{count:3} {name}" for name, count in sorted(folders.items())])
    yield "headers of the model, by folder", ", ".join(
        f"{Path(name).name} {count}" for name, count in sorted(of_model.items())), []
    yield "floors: longest chain of includes in the model", floors(graph, MODEL), []
    yield "floors: longest chain of includes in the tree", floors(graph), []
    yield "arrows that point up", len(up), up
    yield "sideways includes", len(sideways), sideways
    yield f"source files that name a state column (`{STATE_COLUMN}`)", len(column), column
    yield (f"source files that name a loss as a string (`{most}`, the most; any: "
           f"{len(set().union(*of_loss.values()))})"), len(of_loss[most]), of_loss[most]
    yield "header names that stand twice", len(twice), twice


def main(root, renamed=None, details=False):
    for what, figure, names in figures(Path(root).resolve(), renamed):
        print(f"| {what} | {figure} |")
        if details:
            print("".join(f"    {name}\n" for name in names), end="")


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--details"]
    main(arguments[0], arguments[2] if "--renames" in arguments else None,
         "--details" in sys.argv)
