"""The layer checker finds what is planted, and nothing else."""

import tempfile
import unittest
from pathlib import Path

from layers import violations

CLEAN = {
    "include/softmaxflow/model/numerics/math.hpp":
        '#include "softmaxflow/model/numerics/scalar.hpp"\n',
    "include/softmaxflow/model/numerics/scalar.hpp": '#include "softmaxflow/plain/status.hpp"\n',
    "include/softmaxflow/plain/status.hpp": "#pragma once\n",
    "include/softmaxflow/model/dynamics/loss.hpp":
        '#include "softmaxflow/model/numerics/math.hpp"\n',
    "include/softmaxflow/result.hpp": '#include <vector>\n#include "softmaxflow/plain/status.hpp"\n',
    "include/softmaxflow/backend.hpp": '#include "softmaxflow/result.hpp"\n',
    "src/backend/cpu/run.cpp": '#include "pool.hpp"\n#include <softmaxflow/model/numerics/math.hpp>\n',
    "src/backend/cpu/pool.hpp": "#include <thread>\n",
    "src/stats/sum.hpp": "",
    "src/ensemble/ensemble.cpp": '#include "stats/sum.hpp"\n#include "softmaxflow/backend.hpp"\n',
    "src/output/results.hpp": '#include "softmaxflow/result.hpp"\n',
    "src/cli/main.cpp": '#include "output/results.hpp"\n',
    "src/cli/CMakeLists.txt": "",
}


class Layers(unittest.TestCase):
    def check(self, planted):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**CLEAN, **planted}.items():
                file = Path(root, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return violations(root)

    def assert_one(self, planted, *words):
        found = self.check(planted)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_clean_tree(self):
        self.assertEqual(self.check({}), [])

    def test_model_includes_a_public_header(self):
        self.assert_one(
            {"include/softmaxflow/model/dynamics/map.hpp": '\n#include "softmaxflow/result.hpp"\n'},
            "dynamics/map.hpp:2:", "model/dynamics includes", "of data")

    def test_model_includes_a_standard_header(self):
        self.assert_one({"include/softmaxflow/model/dynamics/map.hpp": "# include <cmath>\n"},
                        "map.hpp:1:", "nothing outside its own folder")

    def test_plain_data_includes_a_standard_header(self):
        self.assert_one({"include/softmaxflow/plain/moments.hpp": "#include <cstdint>\n"},
                        "moments.hpp:1:", "nothing outside its own folder")

    def test_plain_data_includes_the_model(self):
        self.assert_one({"include/softmaxflow/plain/moments.hpp":
                         '#include "softmaxflow/model/numerics/scalar.hpp"\n'}, "of model/numerics")

    def test_model_includes_a_standard_header_conditionally(self):
        self.assert_one(
            {"include/softmaxflow/model/dynamics/map.hpp": "#ifndef __CUDACC__\n  #include <cstdint>\n#endif\n"},
            "map.hpp:2:")

    def test_backend_includes_ensemble(self):
        self.assert_one({"include/softmaxflow/ensemble.hpp": "",
                         "src/backend/cpu/x.hpp": '#include "softmaxflow/ensemble.hpp"\n'},
                        "src/backend/cpu/x.hpp:1:", "of ensemble")

    def test_angle_brackets_do_not_hide(self):
        self.assert_one({"src/stats/x.cpp": "#include <softmaxflow/backend.hpp>\n"}, "of backend")

    def test_relative_path_does_not_hide(self):
        self.assert_one({"src/output/x.cpp": '#include "../cli/y.hpp"\n', "src/cli/y.hpp": ""}, "of cli")

    def test_header_of_tests_in_a_layer(self):
        self.assert_one({"src/output/x.cpp": '#include "tests/y.hpp"\n', "tests/y.hpp": ""}, "output includes")

    def test_quoted_file_that_is_not_there(self):
        self.assert_one({"src/output/x.cpp": '#include "io/y.hpp"\n'}, "no file of this project")

    def test_generated_header(self):
        planted = {"cmake/version.hpp.in": "", "src/output/x.cpp": '#include "version.hpp"\n'}
        self.assertEqual(self.check(planted), [])
        planted = {"cmake/v.hpp.in": "", "include/softmaxflow/model/dynamics/map.hpp": '#include "v.hpp"\n'}
        self.assert_one(planted, "no file of this project")

    def test_a_room_of_the_model_includes_a_later_one(self):
        self.assert_one({"include/softmaxflow/model/dynamics/map.hpp":
                         '#include "softmaxflow/model/record/recorder.hpp"\n',
                         "include/softmaxflow/model/record/recorder.hpp": ""}, "of model/record")

    def test_descent_and_integrator_are_neighbours(self):
        self.assert_one({"include/softmaxflow/model/descent/steps.hpp":
                         '#include "softmaxflow/model/integrator/lanes.hpp"\n',
                         "include/softmaxflow/model/integrator/lanes.hpp": ""},
                        "of model/integrator")

    def test_a_public_header_includes_the_model(self):
        for header in ("result", "run", "backend"):
            self.assert_one({f"include/softmaxflow/{header}.hpp":
                             '#include "softmaxflow/model/numerics/math.hpp"\n'},
                            f"{header}.hpp:1:", "public headers only")

    def test_a_public_header_includes_plain_data(self):
        self.assertEqual(self.check({"include/softmaxflow/result.hpp":
                                     '#include "softmaxflow/plain/status.hpp"\n',
                                     "include/softmaxflow/plain/status.hpp": ""}), [])

    def test_cuda_includes_cpu(self):
        self.assert_one({"src/backend/cuda/x.cpp": '#include "backend/cpu/pool.hpp"\n'},
                        "of backend/cpu")

    def test_a_header_name_that_stands_twice(self):
        self.assert_one({"src/output/math.hpp": ""}, "math.hpp stands twice")

    def test_unknown_room(self):
        self.assert_one({"src/utils/x.cpp": ""}, "belongs to no room")


if __name__ == "__main__":
    unittest.main()
