# SPDX-License-Identifier: MIT
"""Linux's KVM, to answer the same cases: Debian's cloud kernel and its kvm modules in an emulator.

A Peer is a bench/linux.py Linux on which the harness runs cases as on Dyad.
"""
import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TOP, "tests/bench"), os.path.join(TOP, "tools/lib")]
from linux import Linux  # noqa: E402

MODULES = ("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-%s.ko")
# what the harness's driver calls, by name
START = "busybox --install -s /bin\n%s\nexec %s\n"


class Peer(Linux):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.vendor = "intel" if self.engine == "bochs" else "amd"
        self.files = types.SimpleNamespace(archive=self.archive, place=lambda path: path.strip("/"))
        for module in self.kvm_modules():
            self.archive.file("modules/" + os.path.basename(module), os.path.join(self.modules, "kernel", module))

    def kvm_modules(self):
        return [path % self.vendor if "%" in path else path for path in MODULES]

    def command(self, words):
        load = "\n".join("insmod /modules/" + os.path.basename(path) for path in self.kvm_modules())
        self.archive.data("command", (START % (load, " ".join(words))).encode())
