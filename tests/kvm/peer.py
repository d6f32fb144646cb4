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
import emulator  # noqa: E402
from linux import Linux  # noqa: E402

VENDOR = {"qemu": "amd", "bochs": "intel"}  # whose virtualization an engine has
MODULES = ("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-%s.ko")
# what the harness's driver calls, by name
START = "busybox --install -s /bin\n%s\nexec %s\n"


class Peer(Linux):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.files = types.SimpleNamespace(archive=self.archive, place=lambda path: path.strip("/"))
        for module in self.kvm_modules():
            self.archive.file("modules/" + os.path.basename(module), os.path.join(self.modules, "kernel", module))

    def cmdline(self):
        words = super().cmdline()
        if self.engine == "bochs":
            # The CPUID of Bochs's models names the frequency of the real ones: by that, every wait would be 35 times
            # as long. What else costs and shows nothing: other addresses each time, and the ciphers' own tests.
            words += " tsc_early_khz=%d nokaslr cryptomgr.notests" % (emulator.BOCHS_IPS // 1000)
        return words

    def kvm_modules(self):
        return [path.replace("%s", VENDOR[self.engine]) for path in MODULES]

    def command(self, words):
        load = "\n".join("insmod /modules/" + os.path.basename(path) for path in self.kvm_modules())
        self.archive.data("command", (START % (load, " ".join(words))).encode())
