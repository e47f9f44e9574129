"""What every test of this folder starts and ends with. `--only=NAME,NAME` on any command line picks tests
by name."""

import importlib
import resource
import sys
import time

SKIPPED = 77  # the test driver shows this exit status as skipped
PACKAGES = {"numpy": "python3-numpy", "scipy": "python3-scipy", "netCDF4": "python3-netcdf4",
            "mpmath": "python3-mpmath"}
ONLY = [name for word in sys.argv if word.startswith("--only=") for name in word[7:].split(",")]
sys.argv[:] = [word for word in sys.argv if not word.startswith("--only=")]


def needs(*modules):
    """Ends the program as skipped where a library is missing."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            print(f"skipped: {error} (Debian: apt-get install {PACKAGES[module]})")
            sys.exit(SKIPPED)


def tests_of(namespace):
    """The functions of a module that are tests, in its order."""
    return [test for name, test in namespace.items() if name.startswith("test_")]


def seconds_of_programs():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_all(tests, *arguments):
    """Calls every test, each a function, and prints how many passed and how long each took (in all,
    and of that the programs that it ran); the first failure raises."""
    unknown = set(ONLY) - {test.__name__ for test in tests}
    assert not unknown, f"--only: no test is called {', '.join(sorted(unknown))}"
    tests = [test for test in tests if not ONLY or test.__name__ in ONLY]
    for test in tests:
        begin, programs = time.monotonic(), seconds_of_programs()
        outcome = test(*arguments)
        print(f"ok {test.__name__} ({time.monotonic() - begin:.1f} s, programs "
              f"{seconds_of_programs() - programs:.1f} s)" + (f": {outcome}" if outcome else ""),
              flush=True)
    print(f"{len(tests)} passed")
