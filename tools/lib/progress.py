# SPDX-License-Identifier: MIT
"""Long work says how far it is: on a terminal a line that changes, elsewhere one line after two seconds."""
import sys
import time

QUIET = 2.0  # seconds


class Progress:
    def __init__(self, what):
        self.what, self.begin, self.shown = what, time.monotonic(), None
        self.terminal = sys.stderr.isatty()

    def at(self, share, detail=""):
        """share: 0.0 to 1.0 of the work is done."""
        if time.monotonic() - self.begin < QUIET:
            return
        text = "%s %3d%% %s" % (self.what, min(share, 1) * 100, detail)
        if self.terminal and text != self.shown:
            print("\r\033[K" + text.rstrip()[:100], end="", file=sys.stderr, flush=True)
        elif self.shown is None:
            print(self.what + " ...", file=sys.stderr, flush=True)
        self.shown = text

    def done(self):
        if self.terminal and self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
