"""No file spells a name of the catalogue but where that name is defined.

What the host must know of a map, loss, method, value law, observable or claim stands in its struct,
and files ask for that property. violations(root) reads the names from the sources themselves and
returns one line per file outside OWN that has one as a string ("square", or \\"square\\" inside a
longer text), as a type (model::Square) or as an enumerator (Observable::entropy). As a program:
names.py ROOT, exit status 1 on violations.
"""

import re
import sys
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

MODEL = "include/softmaxflow/model/"
# Where names are defined: (kind, files, pattern of a name and, where it has one, of its type).
STRUCT = re.compile(r'struct (?P<type>\w+)[^{};]*\{\s*static constexpr const char\* name = "(?P<name>\w+)"')
MEASURED = re.compile(r'const Measured (?P<type>\w+) = \{\s*\{"(?P<name>\w+)"')
OBSERVABLE = re.compile(r'^    X\((?P<name>\w+), *"', re.MULTILINE)
DEFINITIONS = [
    ("map", MODEL + "dynamics/map.hpp", STRUCT),
    ("loss", MODEL + "dynamics/loss.hpp", STRUCT),
    ("method", MODEL + "dynamics/update_rules.hpp", STRUCT),
    ("value law", MODEL + "initial/value_laws.hpp", STRUCT),
    ("claim", MODEL + "claims/*.hpp", STRUCT),
    ("claim", "src/claims/measured/*.cpp", MEASURED),
    ("observable", MODEL + "dynamics/catalogue.hpp", OBSERVABLE),
]

# Which files may name what of a kind besides those that define it: lists, defaults, and what is
# about one map, loss or method by definition.
ALLOWED = {
    MODEL + "dynamics/catalogue.hpp": {"map", "loss", "method"},
    MODEL + "claims/*.hpp": {"claim"},  # their list, and claims that build on others
    MODEL + "record/observables.hpp": {"observable"},
    MODEL + "dynamics/loss.hpp": {"map"},  # the distribution of cross-entropy is a softmax
    MODEL + "dynamics/update_rules.hpp": {"map", "loss"},  # the system that a method's contract is tried on
    MODEL + "dynamics/carried_exponentials.hpp": {"map", "method"},
    "include/softmaxflow/config.hpp": {"map", "loss", "method", "value law"},  # defaults
    "src/backend/cpu/*_kernels.hpp": {"map", "loss", "method"},  # specialised kernels
    "src/backend/cpu/small_n.hpp": {"map", "loss", "method"},
    "src/claims/measured/square_loss_threshold.cpp": {"loss"},
    "src/throughput/workloads.cpp": {"loss"},
}
# Words that mean something else in these files.
OTHER_MEANINGS = {
    "src/config/keys.cpp": {"momentum"},  # a config key
    "src/output/check_file.cpp": {"classification"},  # how a counterexample was adjudicated
    "src/cli/replay_command.cpp": {"classification"},
    MODEL + "dynamics/parameters.hpp": {"normal", "identity"},  # laws of the objective
    "src/config/validate.cpp": {"identity"},
    "src/input/objective_file.cpp": {"identity"},
}
# Observables whose names are words of everyday: as strings they mean something else everywhere.
WORDS = {"loss", "margin", "arc", "log_time"}
# Observables that the host shows as the result of a run, or computes a claim from.
SHOWN = {"src/cli/summary.cpp": {"max_probability"},
         "src/cli/summary_json.cpp": {"max_probability"},
         "src/claims/measured/map_against_softmax.cpp": {"max_probability"},
         "src/backend/cuda/batch_runner.cpp": {"arc", "log_time"},
         "src/backend/host/staging.cpp": {"arc", "log_time"}}

COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:[^"\\\n]|\\.)*")', re.DOTALL)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SUFFIXES = {".hpp", ".cpp", ".cu", ".cuh", ".inc"}


def sources(root):
    for top in ("include", "src", "kernels"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in SUFFIXES:
                yield str(file.relative_to(root)), file.read_text()


def definitions(files):
    """(kind, name, type or None, file) of everything in the catalogue."""
    for path, text in files.items():
        for kind, pattern, definition in DEFINITIONS:
            if not fnmatch(path, pattern):
                continue
            for match in definition.finditer(text):
                yield kind, match["name"], match.groupdict().get("type"), path


def entry(table, path):
    found = set()
    for pattern, values in table.items():
        if fnmatch(path, pattern):
            found |= values
    return found


@lru_cache(maxsize=None)
def spellings(path, text):
    """(line, word, string, type or enumerator) of what might be a name."""
    return list(each_spelling(path, text))


def each_spelling(path, text):
    text = COMMENT.sub(lambda m: m[1] or re.sub(r"[^\n]", " ", m[0]), text)
    line = lambda match: text.count("\n", 0, match.start()) + 1
    for match in STRING.finditer(text):
        if re.fullmatch(r"\w+", match[1]):
            yield line(match), match[1], "string"
        for quoted in re.findall(r'\\"(\w+)\\"', match[1]):
            yield line(match), quoted, "string"
    code = STRING.sub(lambda m: '"' + " " * len(m[1]) + '"', text)
    declared = set(re.findall(r"(?:struct|class|typename) (\w+)", code))
    for match in re.finditer(r"(\bmodel::(?!Observable::)|\bObservable::|\b)(\w+)\b", code):
        if match[1] == "Observable::":
            yield line(match), match[2], "enumerator"
        elif match[1] == "model::" or path.startswith(MODEL) and match[2] not in declared:
            yield line(match), match[2], "type"


def violations(root):
    files = dict(sources(Path(root).resolve()))
    catalogue = list(definitions(files))
    by_name, by_type = {}, {}
    for kind, name, type_name, path in catalogue:
        by_name.setdefault(name, []).append((kind, path))
        if type_name:
            by_type.setdefault(type_name, []).append((kind, path))
    for path, text in files.items():
        allowed = entry(ALLOWED, path)
        for line, word, how in spellings(path, text):
            meant = [(kind, home) for kind, home in (by_type if how == "type" else by_name).get(word, [])
                     if (how != "enumerator" or kind == "observable")
                     and not (how == "string" and kind == "observable" and word in WORDS)]
            if not meant or any(home == path or kind in allowed for kind, home in meant):
                continue
            if how == "string" and word in entry(OTHER_MEANINGS, path) or word in entry(SHOWN, path):
                continue
            yield f"{path}:{line}: names the {meant[0][0]} {word} as a {how}; ask for a property of it instead"


if __name__ == "__main__":
    bad = list(violations(sys.argv[1]))
    print("\n".join(bad) or "no file names what it should ask for")
    sys.exit(bool(bad))
