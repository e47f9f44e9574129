#!/usr/bin/env python3
"""usage: contracts.py COMPILER INCLUDE_DIR

A struct that lacks a member which its contract asks for does not compile, and the compiler says what it lacks.
Exit status 77 (skipped) where the compiler is absent.
"""

import re
import shutil
import subprocess
import sys
import unittest

COMPILER, INCLUDE = sys.argv[1:3] if len(sys.argv) > 2 else ("g++", "include")

PROLOGUE = """
#include "softmaxflow/model/claims/monitor.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/integrator/loop.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {
using AnySystem = AnyValueSoftmax<double, Solo>;
using ExplicitSteps = Explicit<Tsitouras, AnySystem>;
template <class C>
using CheckMarginOf = CheckMargin<C, Snapshot<AnySystem>>;
"""


# Contract and a struct that keeps it: its constants and its functions, by the message where one is lacking.
CONTRACTS = {
    ("CheckMap", "Softmax"): [
        ("name normalised sums_to_one signed_weights", "", "a map needs a name and the bools"),
        ("", "weights", "a map needs weights(tokens, logits, numerators, scratch): see map.hpp"),
        ("", "slope second_derivative", "a map needs slope(logit, numerator) and second_derivative("),
        ("", "log_share", "a map needs log_share(logit, share)")],
    ("CheckLoss", "Square"): [
        ("name kind outputs finite_arc simplex", "", "a loss needs a name, a kind, the int outputs"),
        ("", "value", "a loss needs value(objective, items, z)"),
        ("", "residual", "a loss needs residual(objective, items, z, q, scratch)"),
        ("", "unit_residual", "a loss needs unit_residual(objective, items, z, u, scratch)"),
        ("", "curvature", "a loss needs curvature(objective, items, z, r, speed, g)")],
    ("CheckUpdateRule", "GradientDescent"): [
        ("name memories", "", "a method needs a name and the int memories"),
        ("", "step", "a method needs step(system, evaluation, x, memory, settings)")],
    ("CheckSystem", "AnySystem"): [
        ("Slots Outputs", "", "a system needs the types Real, Team, State, Evaluation and Selection and the ints"),
        ("", "slots output_count", "a system needs slots() and output_count()"),
        ("", "evaluate evaluate_weights residual_norm", "a system needs evaluate(x, e), evaluate_weights(x, e)"),
        ("", "largest_share largest_share_inlined leading_token", "a system needs largest_share(e)"),
        ("", "finite_arc signed_weights", "a system needs finite_arc() and signed_weights()")],
    ("CheckScheme", "Tsitouras"): [
        ("name order error_order stages real_stability", "", "a scheme needs a name, the ints order"),
        ("", "a error", "a scheme needs a(i, j) and error(i)")],
    ("CheckStepper", "ExplicitSteps"): [
        ("order error_order implicit evaluations", "", "a stepper needs the ints order, error_order and evalu"),
        ("", "attempt", "a stepper needs attempt(field, tolerance, x, speed, frame, h)"),
        ("", "next evaluation derivative next_derivative", "a stepper needs next(), evaluation(), derivative()"),
        ("", "error arc stiffness", "a stepper needs error(), arc() and stiffness()")],
    ("CheckClaim", "Majorization"): [
        ("name statement about status because", "", "a claim needs the texts name"),
        ("needs mutant", "", "a claim needs the flags needs and a mutant"),
        ("", "tolerance", "a claim needs tolerance(n, m)")],
    ("CheckMarginOf", "Majorization"): [
        ("", "margin", "a claim needs margin(snapshot), the Worst of its quantities")],
    ("CheckTeam", "Solo"): [
        ("size", "", "a team needs an int `size`, a power of two"),
        ("", "rank", "a team needs rank()"),
        ("", "exchange", "a team needs exchange(x, distance)")],
}
# Of the right name and of a type or a value that does not do.
ODD = [("CheckMap", "Softmax", "static constexpr int normalised = 1;", "a map needs a name and the bools"),
       ("CheckUpdateRule", "GradientDescent", "static constexpr int memories = 3;", "a method needs a name"),
       ("CheckUpdateRule", "GradientDescent", "static constexpr long memories = 0;", "a method needs a name"),
       ("CheckTeam", "Solo", "static constexpr long size = 1;", "a team needs an int `size`, a power of two"),
       ("CheckTeam", "Solo", "static constexpr int size = 3;", "a team needs an int `size`, a power of two")]


def cases():
    """Contract, struct, the member that hides one of it, and the message."""
    for contract, members in CONTRACTS.items():
        for constants, functions, message in members:
            for name in constants.split():
                yield (*contract, f"static void {name}();", message)
            for name in functions.split():
                yield (*contract, f"template <class... T> static auto {name}(const T&...) = delete;", message)
    yield from ODD


def messages_of(structs):
    """What the static_asserts of a program say that checks structs: (check, base, member)."""
    text = PROLOGUE
    for i, (check, base, member) in enumerate(structs):
        text += f"struct Given{i} : {base} {{ {member} }};\nconstexpr bool kept{i} = {check}<Given{i}>::kept;\n"
    run = subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", "-ffp-contract=off", "-ferror-limit=0"
                          if "clang" in COMPILER else "-fmax-errors=0", "-I", INCLUDE, "-x", "c++", "-"],
                         input=text + "}\n", capture_output=True, text=True)
    errors = re.findall(r"error: (.*)", run.stderr)
    messages = [match for match in (re.search(r"a \w+ needs .*", error) for error in errors) if match]
    return [match.group(0) for match in messages], errors


class Contracts(unittest.TestCase):
    def test_structs_that_keep_them_compile(self):
        self.assertEqual(messages_of([(*contract, "") for contract in CONTRACTS]), ([], []))

    def test_what_is_lacking_is_named(self):
        planted = list(cases())
        found, errors = messages_of([case[:3] for case in planted])
        self.assertEqual(len(found), len(errors), errors)  # nothing else goes wrong
        for case, message in zip(planted, found):
            self.assertIn(case[3], message, case)
        self.assertEqual(len(found), len(planted))


if __name__ == "__main__":
    if not shutil.which(COMPILER):
        print(f"skipped: no {COMPILER}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
