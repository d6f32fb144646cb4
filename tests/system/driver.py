# SPDX-License-Identifier: MIT
"""What the tests of all machines stand on: the driver of the cases inside, and the harness when a machine stands still."""
import types

import harness
from harness import AskedSuite, Case, emulator

NEW_FILE = "mktemp -p /run > /dev/null"

# case -> a part of what must be wrong with it, or None
INSIDE = {
    Case("clean", "mkdir -p d/e; echo a > d/e/f"): None,
    Case("next", "ls; pwd", out="/tmp/case"): None,
    Case("leaves", NEW_FILE): "grown at each of six runs:",
    Case("may-leave", NEW_FILE, leak=False): None,
    Case("once", "[ -e /run/cached ] || mkdir /run/cached"): None,
    Case("killed", "kill -9 $$", status=137, out="Killed"): None,
    Case("other-status", "exit 3"): "status 3",
    Case("input", "wc -c; readlink /proc/self/fd/1", match="^0\n/dev/ttyS1$"): None,
    Case("pipe", "test -p /dev/fd/1 && echo $0 >&2", out="/tests/script"): None,
}
next(case for case in INSIDE if case.name == "pipe").words = ("piped",)


def inside(run):
    wrong = {}
    harness.run_cases(lambda: emulator.Machine(build=run.build, timeout=60 * run.scale), INSIDE, run.scale,
                      lambda result: wrong.update({result.case: result.wrong}))
    for case, part in INSIDE.items():
        got = wrong.get(case, "not run")
        if got if part is None else not got or part not in str(got):
            return "%s: %s" % (case.name, part or "nothing wrong"), str(got)
    return None


class Scripted:
    """A machine that says lines, and then stands still if the last is no end."""

    def __init__(self, lines, asked):
        self.lines, self.deadline, self.root = lines, None, None
        files = types.SimpleNamespace(file=lambda *_: None, data=lambda path, text: asked.append(text.decode().strip()))
        self.files = types.SimpleNamespace(archive=files, place=lambda path: path)

    def command(self, words):
        pass

    def kernel(self):
        return ""

    def start(self, on_output, on_console):
        on_output("".join(line + "\n" for line in self.lines).encode())
        return emulator.Outcome().end(emulator.EXIT if self.lines[-1].startswith("@@end") else emulator.TIMEOUT)


def goes_on(run):
    """A suite on a machine that stands still: the next one is asked for the rest alone, and the answer is whole."""
    boots = [["@@begin 000.0", "one: 1", "ok one", "FAIL two: x", "three: 3"],
             ["@@begin 000.0", "three: 3", "ok three", "", "@@end 000.0 0"]]
    asked = []
    case = AskedSuite("kvm", types.SimpleNamespace(key=("suite",), run="kvm suite -none", seconds=20, words=()))
    for lines in boots:
        harness.run_cases(lambda lines=lines: Scripted(lines, asked), [case])
    expected = "kvm suite -none, kvm suite -none -one -two: one: 1|ok one|FAIL two: x|three: 3|ok three|"
    got = "%s: %s" % (", ".join(asked), str(case.answer[1]).replace("\n", "|"))
    return None if got == expected else (expected, got)


def asked_again(run):
    """A time-out counts at once, but for a case whose guest QEMU may have spin."""
    got = []
    for spins in (False, True):
        case = Case("case", "run")
        case.spins = spins
        harness.run_cases(lambda: Scripted(["@@begin 000.0", "said"], []), [case], report=lambda result: got.append(result.judged))
    return None if got == [False, True] else ("asked again: no, yes", str(got))


HOST = {"inside": inside, "goes-on": goes_on, "asked-again": asked_again}
