#!/usr/bin/env python3
"""usage: rehearsal.py ROOT [FOLDER]

A new loss, map, observable, claim and value law, each by the places that CONTRIBUTING.md names and no
other: a copy of the tree in FOLDER (else a temporary one) receives all five, builds the generic CPU backend,
and every command, file and table that lists such items must know them. Takes some minutes.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL = "include/softmaxflow/model/"
NOT_COPIED = shutil.ignore_patterns("build", "runs", ".git", "__pycache__")

LOSS = """
/// 2 log(1 + e^(-z/2)): a logistic loss of half the slope at infinity.
struct HalfLogistic {
    static constexpr const char* name = "half_logistic";
    static constexpr ObjectiveKind kind = ObjectiveKind::direction;
    static constexpr int outputs = 1;
    static constexpr LossConstant constant = LossConstant::none;
    static constexpr ResidualWork residual_work = {1, 0, 0, false};

    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective&, const Outputs&, const Array& z) {
        using Real = typename Array::Element;
        return Real(2.0) * softplus(Real(-0.5) * z[0]);
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective&, const Outputs&, const Array& z, Array& q,
                                        Array&) {
        using Real = typename Array::Element;
        q[0] = sigmoid(Real(-0.5) * z[0]);
    }

    static constexpr bool finite_arc = false, simplex = false;
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto unit_residual(const Objective&, const Outputs&, const Array& z,
                                             Array& u, Array&) {
        using Real = typename Array::Element;
        u[0] = Real(1.0);
        return Magnitude<Real>{Real(1.0), -softplus(Real(0.5) * z[0])};
    }
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective&, const Outputs&, const Array& z,
                                         const Array& r, Real, Array& g) {
        g[0] = r[0] * (Real(0.5) * sigmoid(Real(0.5) * z[0]));
    }
};
"""

MAP = """
struct Quartic : Ratio<Quartic> {
    static constexpr const char* name = "quartic";
    template <class Real>
    SOFTMAXFLOW_HD static Real numerator(Real a) {
        return (a * a) * (a * a);
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real a, Real) {
        return Real(4.0) * (a * a) * a;
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real second_derivative(Real a, Real) {
        return Real(12.0) * (a * a);
    }
};
"""

LAW = """
/// |N(0, value_scale^2)|: all entries of one sign.
struct HalfNormalLaw : LawDefaults {
    static constexpr const char* name = "half_normal";

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>& source, int i, int token) {
        const Pair<Real> g = NormalLaw::entries(source, i, token);
        return {abs(g.first), abs(g.second)};
    }
};
"""

NAMES = {"loss": "half_logistic", "map": "quartic", "value law": "half_normal",
         "observable": "squared_entropy", "claim": "leader_weight_rises"}

CONFIG = """
[model]
tokens = 4
dim = 3
map = "quartic"
[objective]
loss = "half_logistic"
[init]
value_law = "half_normal"
value_scale = 0.5
logit_mean = 1.0
logit_scale = 0.1
[dynamics]
iterations = 200
[ensemble]
replicas = 64
"""


def after(anchor, text):
    return lambda source: replace_once(source, anchor, anchor + text)


def before(anchor, text):
    return lambda source: replace_once(source, anchor, text + anchor)


def replace_once(source, anchor, text):
    if source.count(anchor) != 1:
        sys.exit(f"the rehearsal is out of date: '{anchor.strip()}' stands {source.count(anchor)} times where it should stand once")
    return source.replace(anchor, text)


# The places that CONTRIBUTING.md names, and what a contributor would write there.
EDITS = [
    (MODEL + "dynamics/loss.hpp", before("struct Exponential {", LOSS.lstrip() + "\n")),
    (MODEL + "dynamics/map.hpp", before("struct Relu : ", MAP.lstrip() + "\n")),
    (MODEL + "dynamics/catalogue.hpp", after("using Maps = List<Softmax, ", "Quartic, ")),
    (MODEL + "dynamics/catalogue.hpp", after("using Losses = List<Logistic, ", "HalfLogistic, ")),
    (MODEL + "dynamics/catalogue.hpp",
     before("    X(effective_tokens, ", '    X(squared_entropy, "nat^2", "square of the entropy", Bins::logarithmic, order_one_range) \\\n')),
    (MODEL + "record/observables.hpp",
     after("    put(Observable::entropy, shape.entropy);\n",
           "    put(Observable::squared_entropy, shape.entropy * shape.entropy);\n")),
    (MODEL + "initial/value_laws.hpp", before("/// V = e w^T, e uniform", LAW.lstrip() + "\n")),
    (MODEL + "initial/value_laws.hpp", after("List<NormalLaw, ", "HalfNormalLaw, ")),
    (MODEL + "claims/claim_list.hpp", after("    List<LogitSumConserved, ", "LeaderWeightRises, ")),
    (MODEL + "claims/claim_list.hpp",
     after('#include "softmaxflow/model/claims/leader_probability_grows.hpp"\n',
           '#include "softmaxflow/model/claims/leader_weight_rises.hpp"\n')),
]
NEW_CLAIM = (MODEL + "claims/leader_probability_grows.hpp", MODEL + "claims/leader_weight_rises.hpp")
DOCS = {"docs/model.md", "docs/claims.md", "docs/architecture.md", "README.md", "CHANGELOG.md"}


def add_items(tree):
    for path, edit in EDITS:
        file = tree / path
        file.write_text(edit(file.read_text()))
    # A claim of its own statement would need its own proof: this one is the same under another name.
    text = (tree / NEW_CLAIM[0]).read_text()
    text = text.replace("LeaderProbabilityGrows", "LeaderWeightRises")
    (tree / NEW_CLAIM[1]).write_text(text.replace('"leader_probability_grows"', f'"{NAMES["claim"]}"'))


def changed_files(tree, root):
    """Files of the copy that the tree lacks, or has with other contents."""
    for file in sorted(tree.rglob("*")):
        path = file.relative_to(tree)
        if file.is_file() and path.parts[0] != "build" and "__pycache__" not in path.parts:
            if not (root / path).is_file() or (root / path).read_bytes() != file.read_bytes():
                yield str(path)


def run(*command, status=0, **options):
    print("$", *command, flush=True)
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != status:
        sys.exit(f"{done.stdout[-4000:]}\nexit status {done.returncode} instead of {status}")
    return done.stdout


def expect(names, text, where):
    missing = [f"{kind} {NAMES[kind]}" for kind in names if not re.search(rf"\b{NAMES[kind]}\b", text)]
    if missing:
        sys.exit(f"{where} does not know the {', the '.join(missing)}")


def build(tree):
    environment = dict(os.environ, CCACHE_BASEDIR=str(tree), CCACHE_NOHASHDIR="1")
    run("cmake", "-S", tree, "-B", tree / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1",
        "-DSOFTMAXFLOW_CUDA=OFF", "-DSOFTMAXFLOW_INSTRUCTION_SETS=", "-DSOFTMAXFLOW_MAY_CALL=ON", "-DSOFTMAXFLOW_WERROR=ON",
        "-DCMAKE_UNITY_BUILD=ON", env=environment)
    run("cmake", "--build", tree / "build", "--target", "softmaxflow", env=environment)
    return tree / "build" / "softmaxflow"


def try_commands(program, folder):
    config = folder / "rehearsal.toml"
    config.write_text(CONFIG)
    expect(["loss", "map", "value law"], run(program, "config", "keys"), "config keys")
    expect(["claim"], run(program, "claims"), "claims")
    run(program, "config", "check", config)
    run(program, "run", config, "--seed", "1", "-o", folder / "run", "--quiet")
    expect(["loss", "map", "value law"], (folder / "run" / "config.toml").read_text(), "config.toml of the run")
    if shutil.which("ncdump"):
        expect(["observable"], run("ncdump", "-h", folder / "run" / "results.nc"), "results.nc")
    run(program, "bench", config, "--seconds", "0.05", "--threads", "1")
    expect(["claim"], run(program, "check", "claims/benign", NAMES["claim"], "--set", 'objective.loss="half_logistic"',
                          "--replicas", "200", "--seed", "1", "-o", folder / "check"), "check")


def main(root, folder):
    tree = folder / "tree"
    shutil.copytree(root, tree, ignore=NOT_COPIED)
    add_items(tree)
    program = build(tree)
    try_commands(program, folder)
    run(sys.executable, tree / "tests/docs/docs.py", program, tree, "--write", status=1)  # cells by hand are empty
    expect(NAMES, "".join((tree / path).read_text() for path in DOCS), "docs")
    run(sys.executable, tree / "tests/layers/names.py", tree)
    allowed = {path for path, _ in EDITS} | {NEW_CLAIM[1]} | DOCS
    others = [path for path in changed_files(tree, root) if path not in allowed]
    if others:
        sys.exit("touched besides what CONTRIBUTING.md names: " + ", ".join(others))
    print("five new items are known everywhere")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Path(sys.argv[2]).mkdir(parents=True)
        main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(sys.argv[1]).resolve(), Path(temporary))
