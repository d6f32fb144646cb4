# SPDX-License-Identifier: MIT
"""Virtual machines: Dyad as the guest of Dyad, with SVM (QEMU) and VT-x (Bochs)."""
from harness import Case

VTX = ("bochs", "haswell", "icelake")
ON = ("qemu",) + VTX

CASES = [
    Case("status", "vm run busybox -- sh -c 'exit 9'", status=9),
    Case("output", "vm run busybox -- echo hello there", out="hello there"),
    Case("uname", "vm run busybox -- uname -m", out="x86_64", on=("qemu", "bochs")),
    Case("words-exact", "vm run busybox -- printf '[%s]\\n' 'a  b' '' '*'", out="[a  b]\n[]\n[*]",
         on=("qemu", "bochs")),
    Case("own-kernel", "echo $$ > /tmp/n; vm run busybox -- sh -c 'ps; cat /proc/cmdline'",
         match=(r"^\s+1\s+", "engine=vm"), on=("qemu", "bochs")),
    Case("clock", "vm run busybox -- sh -c 'a=$(cut -d. -f1 /proc/uptime); sleep 1; "
                  "b=$(cut -d. -f1 /proc/uptime); [ $b -gt $a ] && echo ticks'", out="ticks", seconds=30),
    Case("memory-size", "vm run --mem 64M busybox -- sh -c 'awk \"/MemTotal/ { print (\\$2 > 40000 && "
                        "\\$2 < 66000) }\" /proc/meminfo'", out="1", on=("qemu", "bochs")),
    Case("root-fresh", "vm run busybox -- touch /etc/mark; vm run busybox -- ls /etc/mark", status=1,
         match="No such file", on=("qemu", "bochs")),
    Case("kill", "vm run busybox -- sh -c 'echo up; while :; do :; done' > out & p=$!; "
                 "while ! grep -q up out; do sleep 0.1; done; kill $p; wait $p; echo $?; "
                 "vm run busybox -- echo next", match=("^143$", "^next$"), seconds=40,
         on=("qemu", "bochs")),
    Case("interrupt", "vm run busybox -- sh -c 'echo up; sleep 1000' > out & p=$!; "
                      "while ! grep -q up out; do sleep 0.1; done; kill -INT $p; wait $p; echo $?; "
                      "ps | grep -c '[v]m run'", match=("^130$|^143$|^2$", "^0$"), seconds=40, on=("qemu",),
         status=1),
    Case("two-at-once", "vm run busybox -- echo one > a & vm run busybox -- echo two > b; wait; cat a b",
         out="one\ntwo", on=("qemu", "bochs"), seconds=40),
    Case("vm-beside-container", "vm run busybox -- echo vm > a & ctr run busybox -- echo ctr > b; wait; cat a b",
         out="vm\nctr", on=("qemu", "bochs"), seconds=40),
    # guests that go wrong (tests/guest): each harms itself alone
    Case("triple-fault", "vm run --kernel /tests/guest/triple busybox; echo $?; vm run busybox -- echo next",
         match=("^vm: ", "^125$", "^next$"), seconds=40),
    Case("endless-loop", "vm run --kernel /tests/guest/loop busybox & p=$!; sleep 0.5; kill $p; wait $p; echo $?; "
                         "vm run busybox -- echo next", match=("^143$", "^next$"), seconds=40),
    Case("endless-halt", "vm run --kernel /tests/guest/halted busybox & p=$!; sleep 0.5; kill $p; wait $p; "
                         "echo $?; echo next", match=("^143$", "^next$"), seconds=40, on=("qemu", "bochs")),
    Case("wild-access", "vm run --kernel /tests/guest/wild busybox; echo $?; vm run busybox -- echo next",
         match=("^(5|125)$", "^next$"), seconds=40),
    Case("execute-hole", "vm run --kernel /tests/guest/execute_hole busybox; echo $?; "
                         "vm run busybox -- echo next", match=("^125$", "^next$"), seconds=40),
    Case("killed-hard", "vm run --kernel /tests/guest/loop busybox & p=$!; sleep 0.5; kill -9 $p; wait $p; echo $?",
         match="^137$", seconds=40, on=("qemu", "bochs"), leak=False),  # its cgroup stays, as on Linux
    Case("kernel-is-none", "vm run --kernel /etc/passwd busybox; echo $?", match=("^vm: .*passwd", "^125$"),
         on=("qemu",)),
    # the same by ctr: its options where vm has them, the others refused by name
    Case("ctr-in-vm", "ctr run --in-vm --memory 48M --name own -e A=1 -e B='2 3' -w /tmp -u nobody busybox -- "
                      "sh -c 'hostname; pwd; id -un; echo $A $B; exit 7'; echo $?; ctr run --in-vm --read-only busybox; echo $?; ctr run --in-vm=nosuch busybox; echo $?; "
                      "PATH=/nowhere /usr/local/bin/ctr run --in-vm busybox; echo $?", out=r"""own
/tmp
nobody
1 2 3
7
ctr: run: --read-only is not for --in-vm
2
vm: nosuch: No such file or directory
125
ctr: --in-vm: vm: No such file or directory
125""", on=("qemu",)),
    Case("unknown-image", "vm run nosuchimage; echo $?", match=("nosuchimage", "^(2|125|127)$"), on=("qemu",)),
    Case("unknown-command", "vm run busybox -- nosuchcommand", status=127, match="nosuchcommand",
         on=("qemu", "bochs")),
    Case("unknown-option", "vm run --nosuch busybox", status=2, match="nosuch", on=("qemu",)),
    Case("unknown-verb", "vm frobnicate", status=2, match="frobnicate", on=("qemu",)),
    Case("bad-number", "vm run --mem lots busybox -- true", status=2, match="lots", on=("qemu",)),
    Case("images", "vm images", match="busybox", on=("qemu",)),
    Case("20-in-turn", "i=0; while [ $i -lt 20 ]; do vm run busybox -- true || echo bad; i=$((i + 1)); done; "
                       "echo done", out="done", seconds=120, on=("qemu",)),
    Case("cpu-without", "vm run busybox -- true; echo $?; ctr run busybox -- echo containers work",
         match=(r"vm: this CPU has no VT-x/SVM \(or firmware disabled it\)", "^containers work$",
                "^[1-9][0-9]*$"), on=("nosvm", "penryn")),
]
