#!/usr/bin/env python3
"""usage: machine_code.py DUMP_KERNEL [--table | --json]

What the compiler made of the loops of steps, read off its machine code for sm_90; no GPU is needed. With
--table, prints the counts of docs/performance.md instead of checking them, with --json those of the
workloads of `softmaxflow bench`. Exit status 77 (skipped) where
NVRTC or cuobjdump and nvdisasm are absent (PyPI has them: nvidia-cuda-nvrtc, nvidia-cuda-cuobjdump,
nvidia-cuda-nvdisasm).
"""

import glob
import heapq
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

DUMP = sys.argv[1] if len(sys.argv) > 1 else ""

# Instructions of the pipe of doubles, and of that of floats.
F64 = {"DFMA", "DMUL", "DADD", "DSETP", "DMNMX"}
F32 = {"FFMA", "FMUL", "FADD"}
# Seeds that Newton's method turns into correctly rounded reciprocals and roots. Everything else of this
# unit is an approximation.
SEEDS = {"MUFU.RCP64H", "MUFU.RSQ64H", "MUFU.RCP", "MUFU.RSQ"}

# Map, loss, method, n, m, and the least number of lanes: in f64 those of the tuning table
# (backend/cuda/specialisation.cpp).
DESCENT = ("Softmax", "Logistic", "GradientDescent")
ONE_OUTPUT = [(*DESCENT, 4, 1, 1), (*DESCENT, 8, 1, 1), (*DESCENT, 16, 1, 1), (*DESCENT, 32, 1, 2),
              (*DESCENT, 64, 1, 4)]
SEVERAL_OUTPUTS = [("Softmax", "CrossEntropy", "GradientDescent", 10, 10, 4),
                   ("Softmax", "Regression", "GradientDescent", 20, 20, 16)]

# Flows: map, loss, scheme, n, m, lanes.
FLOW = ("Softmax", "Logistic")
FLOWS = [(*FLOW, "BogackiShampine", 8, 1, 1), (*FLOW, "Tsitouras", 8, 1, 2), (*FLOW, "DormandPrince", 8, 1, 4),
         (*FLOW, "Tsitouras", 64, 1, 16), (*FLOW, "DormandPrince", 64, 1, 32)]
FLOWS_F32 = [(*FLOW, "Tsitouras", 8, 1, 1), (*FLOW, "DormandPrince", 8, 1, 2)]


def find_tool(name):
    folders = [os.path.dirname(shutil.which(name) or ""), "/usr/local/cuda/bin"]
    for base in sys.path + glob.glob(os.path.join(os.environ.get("VIRTUAL_ENV", "/nowhere"),
                                                  "lib/python3*/site-packages")):
        folders += glob.glob(os.path.join(base, "nvidia/*/bin"))
    for folder in folders:
        if folder and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    return None


class Image:
    """The machine code of the steps of one shape."""

    def __init__(self, *shape, real="double", architecture=90, fast=False):
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            # The search for leaks may crash on threads of NVRTC that are just ending.
            run = subprocess.run([DUMP, file.name, str(architecture), *map(str, shape), real,
                                  str(int(fast))], capture_output=True, text=True,
                                 env=dict(os.environ, LSAN_OPTIONS="detect_leaks=0"))
            if run.returncode:
                sys.exit(run.returncode if run.returncode == 77 else run.stderr + run.stdout)
            self.tuning = json.loads(run.stdout)  # lanes, threads, blocks; stages of a scheme
            self.text = self.disassemble("-sass", file.name)
            usage = self.disassemble("-res-usage", file.name)
            self.labelled = self.disassemble("-c", file.name, "nvdisasm")
            self.image = file.read()
        self.all = re.findall(r"/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;", self.text)
        self.registers = int(re.search(r"Function (?:advance|integrate):\s+REG:(\d+)", usage).group(1))
        self.code = self.instructions()
        self.way = self.shortest_way()
        self.step = [opcode(self.code[i][1]) for i in self.way]

    @staticmethod
    def disassemble(option, path, tool="cuobjdump"):
        tool = find_tool(tool)
        environment = dict(os.environ,
                           PATH=os.path.dirname(find_tool("nvdisasm")) + ":" + os.environ["PATH"])
        return subprocess.run([tool, option, path], check=True, capture_output=True, text=True,
                              env=environment).stdout

    def successors(self):
        """Of every instruction. Nothing follows a call: what is rare is left out."""
        index = {address: i for i, (address, _) in enumerate(self.code)}
        after = []
        for i, (_, text) in enumerate(self.code):
            conditional = text.startswith("@") or re.search(r"BRA(\.\w+)* !?U?P\d", text)
            jump = re.search(r"\b(BRA|EXIT|RET|BRX|CALL)\b", text)
            kind = jump.group(1) if jump else None
            targets = [i + 1] if kind is None or (kind != "CALL" and conditional) else []
            if kind == "BRA":
                targets.append(index.get(int(re.findall(r"0x[0-9a-f]+", text)[-1], 16), len(self.code)))
            after.append([t for t in targets if t < len(self.code)])
        return after

    @staticmethod
    def shortest(after, head, target, last):
        """From head to target, all of it within [head, last]."""
        cost, before, queue = {head: 1}, {head: None}, [(1, head)]
        while queue:
            c, u = heapq.heappop(queue)
            for v in after[u]:
                if head <= v <= last and c + 1 < cost.get(v, 1 << 30):
                    cost[v], before[v] = c + 1, u
                    heapq.heappush(queue, (c + 1, v))
        way, u = [], target if target in cost else None
        while u is not None:
            way.append(u)
            u = before[u]
        return way[::-1]

    def count(self, names):
        return sum(name.split(".")[0] in names for name in self.step)

    def local(self):
        return sum(bool(re.match("LDL|STL", name)) for name in self.step)

    def mufu(self):
        return {opcode(text) for text in self.all if "MUFU" in text}


class Code(Image):
    """The kernel `advance`: its loop of steps of descent."""

    def instructions(self):
        """(address, instruction) of the kernel itself."""
        code, function = [], None
        for line in self.text.splitlines():
            if match := re.search(r"Function : (\S+)", line):
                function = match.group(1)
            elif function == "advance" and (
                    match := re.match(r"\s+/\*([0-9a-f]{4,})\*/\s+(.*?)\s*;", line)):
                code.append((int(match.group(1), 16), match.group(2)))
        return code

    def shortest_way(self):
        """The loop of steps: of all loops, the one whose shortest way round is the longest. The
        shortest way has no calls (rare cases), no thresholds, no decay."""
        after = self.successors()
        best = []
        for last, targets in enumerate(after):
            for head in (t for t in targets if t <= last):
                way = self.shortest(after, head, last, last)
                if way and len(way) > len(best):
                    best = way
        return best


class Attempt(Image):
    """The kernel `integrate`: an attempt of a step of the flow, which is a function in it."""

    def instructions(self):
        code, inside = [], False
        for line in self.labelled.splitlines():
            if match := re.match(r"([^.\s]\S*):$", line):  # labels of jumps begin with a dot
                inside = "Explicit" in match.group(1) and "7attempt" in match.group(1)
            elif inside and (match := re.match(r"\s+/\*([0-9a-f]{4,})\*/", line)):
                code.append(int(match.group(1), 16))
        lines = re.findall(r"/\*([0-9a-f]{4,})\*/\s+(.*?)\s*;", self.text)
        return [(int(a, 16), text) for a, text in lines if code[0] <= int(a, 16) <= code[-1]]

    def shortest_way(self):
        """From its first instruction to its return."""
        after, end = self.successors(), len(self.code) - 1
        ways = [self.shortest(after, 0, i, end) for i, (_, text) in enumerate(self.code)
                if text.startswith("RET")]
        return min((way for way in ways if way), key=len)


def opcode(text):
    return re.sub(r"^@!?U?P\w+ ", "", text).split()[0]


def pipe_bound(code):
    """Cycles of a scheduler (of four) per warp and step: it issues 1 instruction, f64 takes 2."""
    return max(len(code.step), 2 * code.count(F64))


def clocks(code, shape):
    """Replica-steps per clock of a multiprocessor: 4 schedulers, 32 lanes."""
    return 4 * 32 / shape[5] / pipe_bound(code)


class MachineCode(unittest.TestCase):
    def test_counts_of_eight_tokens(self):
        code = Code(*DESCENT, 8, 1, 1)
        # 188 in the table of counted kernels; 15 % either way.
        self.assertLess(abs(code.count(F64) - 188), 0.15 * 188)
        # The table's 212 has neither the integer work of exp's table (9 x 4) nor what guards a step; see
        # docs/performance.md.
        self.assertLess(abs(len(code.step) - 212), 0.15 * 212)
        self.assertEqual(code.step.count("MUFU.RCP64H"), 2)

    def test_constants_of_exp_are_in_the_image(self):
        # Instructions take them from constant memory: log2(e), ln 2 in two parts, 1/6 of the series.
        numbers = struct.pack("<4d", 1.4426950408889634, 0.6931471803691238, 1.9082149292705877e-10,
                              0.16666666665301144)
        self.assertIn(numbers, Code(*DESCENT, 8, 1, 1).image)

    def test_counts_of_eight_tokens_in_f32(self):
        code = Code(*DESCENT, 8, 1, 1, real="float")
        self.assertEqual(code.count(F64), 0)
        # 172 issued with expf and a running maximum; ours are correctly rounded where they divide.
        self.assertLess(len(code.step), 240)
        self.assertLess(code.count(F32), 180)

    def test_fast_counts_of_eight_tokens(self):
        # 124 of the f64 pipe in the table, where exponentials are carried.
        code = Code(*DESCENT, 8, 1, 1, fast=True)
        self.assertLess(abs(code.count(F64) - 124), 0.15 * 124)
        self.assertLess(len(code.step), 180)
        # In f32 8 exponentials, 1 for the sigmoid, 2 reciprocals, all by the special-function unit.
        code = Code(*DESCENT, 8, 1, 1, real="float", fast=True)
        self.assertEqual(code.count({"MUFU"}), 11)
        self.assertEqual(code.count(F64), 0)
        self.assertLess(len(code.step), 100)

    def test_a_block_exchanges_in_shared_memory(self):
        code = Code(*DESCENT, 1000, 1, 64)
        self.assertIn("BAR.SYNC.DEFER_BLOCKING", code.step)
        self.assertTrue(any(name.startswith("SHFL") for name in code.step))
        self.assertEqual([name for name in code.step if re.match("LDL|STL", name)], [])

    def test_steps_stay_in_registers(self):
        for shape in ONE_OUTPUT + [SEVERAL_OUTPUTS[0]]:
            code = Code(*shape)
            memory = [name for name in code.step if re.match("LDL|STL|LDG|STG|LD|ST", name)
                      and not name.startswith(("LDS", "LDC"))]  # shared, constants
            self.assertEqual(memory, [], shape)
            # As many blocks as were asked for share 65536 registers.
            self.assertEqual(code.tuning["lanes"], shape[5], shape)
            self.assertLessEqual(code.registers * code.tuning["threads"] * code.tuning["blocks"], 65536, shape)

    def test_sm_80_stays_in_registers_too(self):
        # But for what a rare call is handed, which this compiler stores on the way to the branch.
        code = Code(*DESCENT, 8, 1, 1, architecture=80)
        self.assertLess(len([name for name in code.step if re.match("LDL|STL", name)]), 10)

    def test_nothing_approximate(self):
        for shape, real in [((*DESCENT, 8, 1, 1), "double"), ((*DESCENT, 8, 1, 2), "float"),
                            (("Sigmoid", "CrossEntropy", "Adam", 5, 5, 1), "double"),
                            (("L2", "Regression", "Adam", 6, 5, 2), "float"),
                            (("Relu", "Classification", "Momentum", 6, 5, 1), "double")]:
            code = Code(*shape, real=real)
            self.assertTrue(code.mufu(), shape)
            self.assertEqual(code.mufu() - SEEDS, set(), shape)
            if "Adam" in shape:
                continue  # the root's own code flushes, within bounds where nothing is lost
            # Denormals stay: only the division itself, which asks first, negates with a flush.
            flushing = [text for text in (code.code[i][1] for i in code.way) if ".FTZ" in text]
            self.assertEqual([text for text in flushing if not text.endswith("-RZ")], [], shape)

    def test_stages_of_a_flow_stay_in_registers(self):
        for shapes, real in ((FLOWS[:3], "double"), (FLOWS_F32[:1], "float")):
            for shape in shapes:
                code = Attempt(*shape, real=real)
                slots = -(-shape[3] // shape[5])
                stages = code.tuning["stages"]
                # To form its stages and errors from memory, an attempt would read every derivative for every
                # stage after it, and twice more.
                from_memory = stages * (stages - 1) // 2 * (shape[4] + 1) * slots
                self.assertLess(code.local(), 200, (shape, real))
                if stages > 4:
                    self.assertLess(code.local(), from_memory, (shape, real))
                self.assertLessEqual(code.registers * 256, 65536, shape)
                self.assertEqual(code.mufu() - SEEDS, set(), shape)
                if real == "float":
                    self.assertEqual(code.count(F64), 0, shape)

    def test_the_check_sees_what_it_forbids(self):
        self.assertEqual({"MUFU.EX2", "MUFU.RCP"} - SEEDS, {"MUFU.EX2"})
        self.assertEqual(opcode("@!P0 MUFU.EX2 R1, R2"), "MUFU.EX2")


def print_table():
    print("map loss method n m lanes format: registers, f64, f32, special, issued, local; "
          "replica-steps/s at 1.755 GHz x 132")
    for real, fast in (("double", False), ("float", False), ("double", True), ("float", True)):
        for shape in ONE_OUTPUT + SEVERAL_OUTPUTS:
            code = Code(*shape, real=real, fast=fast)
            rate = clocks(code, shape) * 132 * 1.755e9
            print(*shape, real + (", fast:" if fast else ":"), code.registers, code.count(F64), code.count(F32),
                  code.count({"MUFU"}), len(code.step), code.local(), f"{rate:.2e}")
    print("an attempt of a step of the flow, likewise; attempts/s")
    for real, shapes in (("double", FLOWS), ("float", FLOWS_F32)):
        for shape in shapes:
            code = Attempt(*shape, real=real)
            rate = clocks(code, shape) * 132 * 1.755e9
            print(*shape, real + ":", code.registers, code.count(F64), code.count(F32),
                  code.count({"MUFU"}), len(code.step), code.local(), f"{rate:.2e}")


def print_json():
    names = [f"P1-{shape[3]}" for shape in ONE_OUTPUT] + ["P2", "P3"]
    print(json.dumps({
        kind: {name: {"f64": code.count(F64), "f32": code.count(F32),
                      "special": code.count({"MUFU"}), "issued": len(code.step),
                      "lanes": shape[5], "registers": code.registers}
               for name, shape in zip(names, ONE_OUTPUT + SEVERAL_OUTPUTS)
               for code in [Code(*shape, real=real, fast=fast)]}
        for kind, real, fast in (("f64", "double", False), ("f32", "float", False),
                                 ("f64 fast", "double", True), ("f32 fast", "float", True))}))


if __name__ == "__main__":
    if not (find_tool("cuobjdump") and find_tool("nvdisasm")):
        print("skipped: cuobjdump and nvdisasm are not here; "
              "pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm")
        sys.exit(77)
    if "--table" in sys.argv:
        print_table()
    elif "--json" in sys.argv:
        print_json()
    else:
        unittest.main(argv=sys.argv[:1])
