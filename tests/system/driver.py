# SPDX-License-Identifier: MIT
"""What the tests of all machines stand on: the harness, when a machine stands still."""
import types

import harness
from harness import AskedSuite, emulator


class Scripted:
    """A machine that says lines, and then stands still if the last is no end."""

    def __init__(self, lines, asked):
        self.lines, self.deadline, self.root = lines, None, None
        files = types.SimpleNamespace(data=lambda path, text: "/case/" in path and asked.append(text.decode().strip()))
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


HOST = {"goes-on": goes_on}
