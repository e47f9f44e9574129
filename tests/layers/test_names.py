"""The checker of names finds what is planted in this tree, and nothing else."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from names import definitions, sources, violations

ROOT = Path(sys.argv.pop())


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name)
        for top in ("include", "src", "kernels"):
            shutil.copytree(ROOT / top, cls.root / top)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def planted(self, path, text):
        file = self.root / path
        before = file.read_text()
        file.write_text(before + text)
        try:
            return list(violations(self.root))
        finally:
            file.write_text(before)

    def assert_one(self, path, text, *words):
        found = self.planted(path, text)
        self.assertEqual(len(found), 1, found)
        for word in (path, *words):
            self.assertIn(word, found[0])

    def test_this_tree(self):
        self.assertEqual(list(violations(ROOT)), [])

    def test_the_whole_catalogue_is_known(self):
        kinds = [kind for kind, *_ in definitions(dict(sources(ROOT)))]
        for kind, least in (("map", 6), ("loss", 6), ("method", 4), ("value law", 7), ("claim", 24),
                            ("observable", 18)):
            self.assertGreaterEqual(kinds.count(kind), least, kind)

    def test_a_string_of_each_kind(self):
        for kind, name in (("map", "softmax"), ("loss", "square"), ("method", "adam"),
                           ("value law", "rank_one"), ("claim", "majorization"),
                           ("observable", "entropy")):
            self.assert_one("src/output/results.cpp", f'bool b = x == "{name}";\n', kind, name)

    def test_a_name_inside_a_message(self):
        self.assert_one("src/config/validate.cpp", 'auto m = "set objective.loss = \\"square\\"";\n',
                        "square")

    def test_a_type(self):
        self.assert_one("src/ensemble/edges.cpp", "bool b = x == model::Sum::name;\n", "Sum")

    def test_a_type_in_the_model(self):
        self.assert_one("include/softmaxflow/model/record/recorder.hpp", "using A = Softmax;\n",
                        "Softmax")

    def test_an_enumerator(self):
        self.assert_one("src/ensemble/edges.cpp", "auto o = model::Observable::entropy;\n", "entropy")

    def test_an_allowed_file_may_not_name_another_kind(self):
        self.assert_one("src/throughput/workloads.cpp", 'bool b = x == "relu";\n', "map relu")

    def test_comments_do_not_count(self):
        self.assertEqual(self.planted("src/ensemble/edges.cpp",
                                      '// model::Sum, "square" /* "relu" */\n/* "adam"\n*/\n'), [])

    def test_other_meanings_do_not_count(self):
        self.assertEqual(self.planted("src/output/check_file.cpp",
                                      'auto x = json.at("classification");\n'), [])


if __name__ == "__main__":
    unittest.main()
