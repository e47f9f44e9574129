"""The checker of the documentation finds what is planted, and nothing else."""

import unittest

from docs import disagreements, lost_in_comments, lost_paths, rewritten

LISTS = {"maps": [("softmax",), ("l1",)],
         "observables": [("loss", "1", "objective |g|"), ("entropy", "nat", None)]}
MAPS = "Maps are <!-- generated: maps -->softmax,\nl1<!-- end -->.\n"
TABLE = """Before.
<!-- generated: observables; columns: name, unit, long name -->
| name | unit | long name | definition |
|---|---|---|---|
| loss | 1 | objective \\|g\\| | g(z) |
| entropy | nat | anything | H |
<!-- end -->
"""
PATHS = {"src", "src/stats", "src/stats/exact_sum.hpp", "README.md", "docs", "docs/model.md",
         "docs/theory", "docs/theory/class-u.md", "scripts", "scripts/run"}


class Lists(unittest.TestCase):
    def assert_one(self, text, *words):
        found = list(disagreements(text, LISTS, "docs/model.md"))
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_agrees(self):
        self.assertEqual(list(disagreements(MAPS + TABLE, LISTS, "x.md")), [])
        self.assertEqual(rewritten(MAPS + TABLE, LISTS), MAPS + TABLE)

    def test_a_list_that_lacks_a_name(self):
        self.assert_one(MAPS.replace(",\nl1", ""), "docs/model.md:1", "softmax, l1")

    def test_a_table_that_lacks_a_row(self):
        self.assert_one(TABLE.replace("| entropy | nat | anything | H |\n", ""), "no row for entropy")

    def test_a_row_too_many(self):
        self.assert_one(TABLE.replace("<!-- end", "| gap | 1 | x | y |\n<!-- end"), "gap is not in")

    def test_another_order(self):
        lines = TABLE.splitlines(keepends=True)
        lines[4], lines[5] = lines[5], lines[4]
        self.assert_one("".join(lines), "order is loss, entropy")

    def test_another_unit(self):
        self.assert_one(TABLE.replace("nat", "bit"), "entropy", "`bit`", "`nat`")

    def test_another_long_name(self):
        self.assert_one(TABLE.replace("\\|g\\|", "g"), "loss", "objective |g|")

    def test_an_empty_cell(self):
        self.assert_one(TABLE.replace("g(z)", ""), "loss", "empty")

    def test_an_unknown_list(self):
        self.assert_one(MAPS.replace("maps", "mops"), "mops: no such list")

    def test_write_repairs_all_but_what_is_written_by_hand(self):
        broken = TABLE.replace("nat", "bit").replace("| loss |", "| lost |")
        found = list(disagreements(rewritten(broken, LISTS), LISTS, "x.md"))
        self.assertEqual(found, ["x.md:2: observables: loss: an empty cell"])


class Paths(unittest.TestCase):
    def lost(self, text, where="docs/model.md"):
        return [line.split(": ")[1] for line in lost_paths(text, where, PATHS)]

    def test_what_is_there(self):
        for text in ("see exact_sum.hpp", "`stats/exact_sum.hpp`", "`src/stats/*.hpp`", "`src/stats/`",
                     "[u](theory/class-u.md)", "[r](../README.md)", "`scripts/run`", "config.toml",
                     "out/counterexamples/NAME.json", "[web](https://arxiv.org/abs/1.md)",
                     "`examples/none`", "g(z) / s, 3.5/2"):
            self.assertEqual(self.lost(text), [], text)

    def test_what_is_not(self):
        for text, path in (("see exact_sums.hpp.", "exact_sums.hpp"), ("`src/statistics/`",
                           "src/statistics"), ("[u](class-u.hpp)", "class-u.hpp"),
                           ("[run](runner)", "runner"), ("`src/io/*.hpp`", "src/io/*.hpp")):
            self.assertEqual(set(self.lost(text)), {path}, text)

    def test_comments_of_sources(self):
        text = '#include "none.hpp"\n/// See exact_sum.hpp and other.hpp.\n'
        self.assertEqual(list(lost_in_comments(text, "src/x.cpp", PATHS)),
                         ["src/x.cpp:2: other.hpp: no such file"])

    def test_the_line_is_told(self):
        self.assertEqual(list(lost_paths("a\nb.hpp\n", "README.md", PATHS)),
                         ["README.md:2: b.hpp: no such file"])


if __name__ == "__main__":
    unittest.main()
