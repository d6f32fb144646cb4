# SPDX-License-Identifier: MIT
"""Lab 12: the pieces of the monitor by themselves (machine.c), then a kernel of a few instructions, then
Debian's; all with SVM in QEMU, in one boot."""
import linux_guest
from harness import Case

ON = ("linux",)


def piece(name, command, status=0, out=None):
    return Case(name, "/tests/lab/machine " + command, status=status, out=out or "ok " + command, on=ON, seconds=30)


SEGMENTS = "cs\nds\nes\nfs\ngs\nss\n"
WORDS = "console=ttyS0 reboot=pci panic=-1"
KERNEL = "/tests/lab/machine kernel > kernel; printf 'a file\\n' > initrd\n"
ENDS = r"""
for end in c k t; do
	timeout -s KILL 20 monitor -m 4M kernel initrd $end; echo "$end: $?"
done
monitor -m 2M kernel "" i < initrd; echo "i: $?"
dd if=/dev/zero of=big bs=1M count=3 2>/dev/null; monitor -m 4M kernel big; monitor kernel "" $(seq 100)
"""

CASES = [
    Case("usage", KERNEL + r"""
try() { monitor "$@"; echo $?; }
try; try -m 1M kernel; try -m 4096M kernel; try -m many kernel; try nosuch; try /dev/null; try initrd; try kernel nosuch
""", out="""usage: monitor [-m SIZE] KERNEL [INITRD [WORD...]]
2
monitor: -m 1M: a size from 2M to 3G
2
monitor: -m 4096M: a size from 2M to 3G
2
monitor: -m many: a size from 2M to 3G
2
monitor: nosuch: No such file or directory
125
monitor: /dev/null: empty
125
monitor: initrd: not a Linux kernel (bzImage)
125
monitor: nosuch: No such file or directory
125
""", on=ON),
    piece("slot", "slot"),
    piece("boot-params", "boot-params"),
    piece("page-tables", "page-tables"),
    piece("long-mode", "long-mode", out=SEGMENTS + "ok long-mode"),
    piece("exits", "exits", status=125, out="rep outsb\nok exits, and now the end:\n"
          "monitor: the guest shut down (triple fault) at rip 0x1234"),
    piece("uart-registers", "registers"),
    piece("uart-line", "line", out="\nok line"),
    Case("tiny", KERNEL + "timeout -s KILL 20 monitor -m 4M kernel initrd some words", status=42,
         out=WORDS + " some words\na file", on=ON),
    Case("tiny-ends", KERNEL + ENDS, on=ON, seconds=60,
         match=[r"^%s: %d$" % end for end in (("c", 0), ("k", 0), ("t", 125), ("i", 7))] + [
             r"^%s i\na file$" % WORDS, r"^monitor: the guest shut down \(triple fault\) at rip 0x",
             "^monitor: big: does not fit into the guest's memory \\(-m\\)$",
             "^monitor: the kernel takes a command line of at most 255 bytes$"], status=125),
    # a kernel that hears no interrupt waits for ever: timeout ends it
    Case("linux", "echo some words | timeout -s KILL 80 monitor -m 96M %scloud %sinitrd nokaslr loglevel=1 "
         "session=reads end=port" % (linux_guest.FOLDER, linux_guest.FOLDER), status=7, on=ON, seconds=100,
         match=(r"^@ Linux \S+-cloud-amd64 x86_64$", "^@ 1 cpus, clock kvm-clock$", "^@ slept$", "^@ forked 20$",
                "^@ piped 400$", "^@ read some words$")),
]
