# SPDX-License-Identifier: MIT
"""Virtual machines: Dyad as the guest of Dyad, with SVM (QEMU) and VT-x (Bochs)."""
from harness import Case

VTX = ("bochs", "haswell", "icelake")
ON = ("qemu",) + VTX

# a guest that counts in its memory, started and seen to do so
TICKS = ("vm run --cpus 2 --name a busybox -- sh -c 'i=0; while [ $i -lt 8 ]; do echo tick $i; i=$((i + 1)); "
         "sleep 0.3; done; exit 7' > a.out & p=$!; while ! grep -qs 'tick 1' a.out; do sleep 0.1; done; ")

CASES = [
    Case("status", "vm run busybox -- sh -c 'exit 9'", status=9),
    Case("output", "vm run busybox -- echo hello there", out="hello there"),
    Case("uname", "vm run busybox -- uname -m", out="x86_64", on=("qemu", "bochs")),
    # what the command's output cannot be written to: the end is a program's by SIGPIPE, or told
    Case("output-lost", "for i in '' -i; do timeout 20 vm run $i busybox -- yes < /dev/null | sed 1q; "
                        "timeout 20 vm run $i busybox -- echo x > /dev/full < /dev/null; echo $?; done",
         out="\n".join(2 * ("y", "vm: stdout: No space left on device", "125")), seconds=60, on=("qemu",)),
    Case("net-none", "vm run --net none busybox -- true && echo $?; vm run --net none -p 80 busybox -- true; echo $?; "
                     "vm run --net host busybox -- true; echo $?",
         out="0\nvm: --publish: not with --net none\n2\n"
             "vm: --net host: No such device (none, bridge, tap:NAME or one of the host's)\n125", on=("qemu",)),
    Case("loglevel", "for n in 4 7; do vm run --console --append loglevel=$n busybox -- true 2>&1 | grep -c smp; done",
         out="0\n1", on=("qemu",)),
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
    # its kernel's words are told from a command's status, also where a command speaks of a PANIC
    Case("panic", "for w in '-i' '-d --name p'; do vm run $w busybox -- sh -c 'echo c > /proc/sysrq-trigger; sleep 9'; echo $?; done; vm logs -f p; vm ps -a | grep -c 125; "
                  "vm rm p; vm run --console busybox -- sh -c 'echo c > /proc/sysrq-trigger; sleep 9' 2>&1 | tail -n 1; vm run busybox -- sh -c 'echo PANIC: none; exit 125'; echo $?",
         match="^" + 2 * r"(?:p\n0\n)?vm: the guest's kernel panicked; the last lines of its console:\nPANIC: .*sysrq triggered crash\r\n(?:  \[<.*\n)+dyad: exit 125\r\n(?:125\n)?" +
               r"1\nvm: the guest's kernel panicked\nPANIC: none\n125$", seconds=60),
    Case("endless-loop", "vm run --kernel /tests/guest/loop busybox & p=$!; sleep 0.5; kill $p; wait $p; echo $?; "
                         "vm run busybox -- echo next", match=("^143$", "^next$"), seconds=40),
    # QEMU: what CPU 1 does to load an x87 may spoil the guest of CPU 0 (x86/fpu.c)
    Case("exits-beside-programs", "taskset -c 0 vm run --kernel /tests/guest/exits busybox & p=$!; "
                                  "taskset -c 1 sh -c 'for n in $(seq 2000); do /bin/true; done'; kill $p; wait $p; echo $?",
         out="143", seconds=40, on=("qemu",)),
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
    # without such options, in a container inside a machine that all of the image share, which the first one starts
    Case("ctr-in-vm-shared", r"""
run() { ctr run --in-vm "$@"; }; now() { sed 's/ .*//; s/[.]//; s/^0*//' /proc/uptime; }
for i in 1 2 3; do run busybox -- sh -c 'echo $$; hostname >&2; touch /mark' 2>> names < /dev/null & done; wait; sort -u names | wc -l; vm ps -q
run -e A='b c' -w /tmp -u nobody busybox -- sh -c 'echo $A; pwd; id -un; ls /mark; exit 7'; echo $?; echo in | run busybox -- sh -c 'cat; echo err >&2' 2> e; cat e
touch o; ctr run --in-vm busybox -- sh -c 'touch /other; echo up; exec sleep 1000' > o & p=$!; until grep -q up o; do sleep 0.05; done; run busybox -- sh -c 'ls /other; ps | grep -c "sleep 100[0]"'
kill $p; wait $p 2> /dev/null; echo $?; until vm logs in-vm-busybox | grep -q "busybox-$p remove"; do sleep 0.05; done; vm exec in-vm-busybox -- ps | grep -c 'sleep 100[0]'
run -t busybox -- tty | tr -d '\r'; run busybox -- nosuch; echo $?; vm pause in-vm-busybox; run busybox -- true; vm unpause in-vm-busybox; run -v /tmp:/x busybox
a=$(now); run busybox -- true; b=$(now); vm stop in-vm-busybox; vm ps -q; c=$(now); run busybox -- true; d=$(now); [ $((b - a)) -lt $((d - c)) ] && echo sooner
sleep 1; touch /images/busybox.erofs; run busybox -- true; vm rm -f in-vm-busybox; vm run -d --rm --idle 2 --name i busybox -- sleep 1000 > /dev/null; vm exec i -- sh -c 'sleep 2.5; echo stays'; while vm ps -q | grep i; do sleep 0.1; done | sort -u; ls /run/vm""",
         out="1\n1\n1\n3\nin-vm-busybox\nb c\n/tmp\nnobody\nls: /mark: No such file or directory\n7\nin\nerr\n"
             "ls: /other: No such file or directory\n0\n143\n0\n/dev/pts/0\nctr: nosuch: command not found in the container\n127\n"
             "vm: in-vm-busybox is paused (`vm unpause in-vm-busybox`)\nctr: run: --volume is not for --in-vm\nsooner\nvm: in-vm-busybox has an older image busybox (`vm stop in-vm-busybox`)\nstays\ni", seconds=60, on=("qemu",)),
    Case("unknown-image", "vm run nosuchimage; echo $?", match=("nosuchimage", "^(2|125|127)$"), on=("qemu",)),
    Case("unknown-command", "vm run busybox -- nosuchcommand", status=127, match="nosuchcommand",
         on=("qemu", "bochs")),
    Case("unknown-option", "vm run --nosuch busybox", status=2, match="nosuch", on=("qemu",)),
    Case("unknown-verb", "vm frobnicate", status=2, match="frobnicate", on=("qemu",)),
    Case("bad-number", "vm run --mem lots busybox -- true", status=2, match="lots", on=("qemu",)),
    Case("images", "vm images", match="busybox", on=("qemu",)),
    Case("20-in-turn", "i=0; while [ $i -lt 20 ]; do vm run busybox -- true || echo bad; i=$((i + 1)); done; "
                       "echo done", out="done", seconds=120, on=("qemu",)),
    # what the first command wrote is copied before a later machine runs: half of it at least is private then
    Case("restore-written", "vm run -d --name i busybox -- sleep 1000 && vm exec i -- true && vm snapshot i i.vm && vm rm -f i\n"
         "own() { vm restore -d --name j i.vm > j; for p in $(pidof vm); do grep -A20 'i[.]vm' /proc/$p/smaps; done | "
         "awk '/^Anonymous/ { n += $2 } END { print (n > 200) }'; vm rm -f j > j; }\n"
         "own; vm restore i.vm -- true; own; vm restore i.vm -- echo two; cat i.vm > copy; mv copy i.vm; own",
         out="i\n0\n1\ntwo\n0\n", seconds=60, on=("qemu",)),
    # a machine in a file: it goes on, and so does what is restored, with what it had in memory
    Case("snapshot", TICKS + "vm snapshot a s.vm && wait $p; echo $?; vm restore --name b s.vm > b.out & "
         "vm restore --name c s.vm > c.out; echo $?; wait; "
         "tail -n 1 a.out; tail -n 1 b.out; n=$(sort -u b.out c.out | grep -c tick); [ $n -ge 1 ] && [ $n -le 6 ] && echo the rest; ls -1; vm ps | grep -c busybox",
         out="7\n7\ntick 7\ntick 7\nthe rest\na.out\nb.out\nc.out\ns.vm\n0", status=1, seconds=60, on=("qemu",) + VTX),
    Case("restore-command", "vm run -d --name i busybox -- sleep 1000 && vm exec i -- true && vm snapshot i i.vm && vm rm -f i\n"
         "vm restore i.vm -- sh -c 'ps | grep -c \"sleep 100[0]\"; hostname; exit 5'; echo $?\n"
         "vm restore -d --name j i.vm; vm exec j -- echo in j; vm restore -d i.vm -- true; vm rm -f j; ls /run/vm",
         out="i\n1\ni\n5\nj\nin j\nvm: restore: --detach and a COMMAND exclude each other", seconds=60, on=("qemu", "bochs")),
    # folders of the host's by 9p: what the guest does there is done here, and nothing where links point to
    Case("share", r"""mkdir s r s/many; (cd s/many; seq 300 | xargs touch); echo of the host > s/file; echo inside > r/file
echo secret > secret; ln -s ../secret s/out; ln -s /tmp/case s/case; cp /bin/busybox s/busybox
vm run --share s:/mnt/s --share r,ro busybox -- sh -c 'cd /mnt/s; cat file out case/secret; set -- many/*; echo $# $1 ${300}
echo of the guest > new; mkdir d; mv new d/renamed; echo more >> d/renamed; rm file many/12?; rmdir d; ln -s /etc/group l; ln l m
dd if=busybox of=copy bs=100k 2>/dev/null; cmp copy /bin/busybox && rm copy; truncate -s 5 d/renamed; ./busybox echo run there
(exec 3<>un; rm un; echo nameless >&3; stat -L -c %s /proc/self/fd/3); (umask 377; echo x > w; stat -c %a w); chown 5 w
cd /tmp/case/r; cat file; rm file; echo x > x; mkdir x; chmod 0 file; mount -t 9p share0 /mnt; mount -t 9p nosuch /mnt
mount -t 9p -o cache=loose share0 /mnt; cd /; grep -o "^share.* 9p r[wo]" /proc/mounts; umount /mnt/s && mount -t 9p share0 /mnt && ls /mnt
exit 3' 2>&1; echo $?; cat s/d/renamed secret; echo; ls s r | tr '\n' ' '; readlink s/l; stat -c %h s/l; set -- s/many/*; echo $# names
for bad in nosuch file:/x s:/ secret; do vm run --share $bad busybox 2>&1; echo $?; done""", on=("qemu",), seconds=40,
         match=(r"^of the host\ncat: can't open 'out': No such.*\ncat: can't open 'case/secret': No such.*\n300 many/1 many/99\n",
                r"^rmdir: 'd': Directory not empty\nrun there\n9\n400\nchown: w: Operation not permitted\ninside\n"
                r"rm: can't remove 'file': Read-only.*\nsh: can't create x: Read-only.*\nmkdir: .*: Read-only.*\nchmod: file: Read-only",
                r"^mount: .*share0 on /mnt failed: Device or resource busy\nmount: .*nosuch on /mnt failed: No such file or directory\n"
                r"mount: .*share0 on /mnt failed: Invalid argument\nshare1 /tmp/case/r 9p ro\nshare0 /mnt/s 9p rw\n"
                r"busybox  case     d        l        m        many     out      w\n3\nof thsecret\n",
                r"^r: file  s: busybox case d l m many out w /etc/group\n", r"^2\n290 names\nvm: --share nosuch: No such file or directory\n125\n"
                r"vm: --share file:/x: No such file or directory\n125\nvm: --share s:/: the guest's root cannot be shared\n2\n"
                r"vm: --share /tmp/case/secret: Not a directory\n125$")),
    # what a guest would find that took its monitor over
    Case("sandbox", r"""vm run -d --name a busybox -- sleep 1000; p=$(vm ps | awk '/sleep/ { print $4 }')
ls -A /proc/$p/root/ | wc -l; touch /proc/$p/root/x 2>&1 | sed 's,/[0-9]*/,/,'
grep -E '^(Cap|NoNew|Seccomp:)' /proc/$p/status | tr -d '\t'
for ns in mnt net ipc uts cgroup; do [ $(readlink /proc/$p/ns/$ns) = $(readlink /proc/self/ns/$ns) ] && echo shared $ns; done
ls -l /proc/$p/fd | sed -n 's/.*-> //p' | tr -d '0-9[]' | sort -u; vm rm -f a
mkdir s; vm run -d --name b --share s busybox -- sleep 1000; vm exec b -- true; p=$(vm ps | awk '/sleep/ { print $4 }')
ls -A /proc/$p/root/; for f in /proc/$p/fd/*; do [ -d $f ] && ls -A $f/../..; done; vm rm -f b""", seconds=30, on=("qemu",),
         out="a\n0\ntouch: /proc/root/x: Read-only file system\nCapInh:0000000000000000\nCapPrm:0000000000000000\n"
             "CapEff:0000000000000000\nCapBnd:0000000000000000\nCapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n"
             "/dev/kvm\n/dev/null\nanon_inode:eventfd\nanon_inode:signalfd\nanon_inode:timerfd\nkvm-vcpu:\nkvm-vm:\npipe:\nsocket:\nb\n0\n0"),
    Case("in-container", "ctr run --rm -v /dev/kvm:/dev/kvm -v /lib/dyad:/lib/dyad -v /images:/images "
         "-v /usr/local/bin:/usr/local/bin busybox -- sh -c 'vm run busybox -- sh -c \"cat /proc/cmdline; exit 4\"'",
         match="engine=vm", status=4, seconds=30, on=("qemu",)),
    Case("snapshot-bad", TICKS + r"""
vm snapshot a s.vm; kill $p; wait
try() { vm restore $1 2>&1; echo $?; }
bad() { cp s.vm bad; printf "$2" | dd of=bad bs=1 seek=$1 conv=notrunc 2>/dev/null; try bad; }
head -c 3000000 s.vm > cut; try cut; bad 0 x; bad 6 1; bad 16 '\001'; bad 40 '\377'; bad 304 x; bad 304 '--disk'; bad 5000 x; try /nosuch; try /etc
vm snapshot nosuch x; vm snapshot a; ls -1""",
         out="""vm: cut: cut off: its memory is not all there
125
vm: bad: not a snapshot of a virtual machine (no "DYADVM")
125
vm: bad: a snapshot of another version of vm
125
vm: bad: its head is damaged
125
vm: bad: its head is damaged
125
vm: bad: its head is damaged: the options of its devices
125
vm: bad: its head is damaged: the options of its devices
125
vm: bad: damaged: its sum is wrong
125
vm: /nosuch: No such file or directory
125
vm: /etc: not a snapshot of a virtual machine (no "DYADVM")
125
vm: nothing named nosuch runs (try `vm ps`)
vm: snapshot: too few arguments. Usage: vm snapshot [OPTION...] NAME FILE
a.out
bad
cut
s.vm""", status=0, seconds=60, on=("qemu",)),
    # whole copies of kernel and user land, started side by side; then kernels of a page
    Case("64-at-once", "names=$(seq 64 | sed s,^,v,); for v in $names; do vm run -d --mem 16M --name $v busybox -- sleep 9999 > /dev/null & done; "
         "wait; for v in v1 v33 v64; do vm exec $v -- hostname; done; vm ps | grep -c ' running '; "
         "vm rm -f $names; vm ps | wc -l", out="v1\nv33\nv64\n64\n1", seconds=120, on=("images",)),
    Case("1000-small", "names=$(seq 1000 | sed s,^,g,); for g in $names; do vm run -d --mem 5M --name $g --kernel /tests/guest/halted "
         "> /dev/null || echo failed; done; vm ps | grep -c ' running '; sed -n 's/^vms //p' /proc/dyad/counts; "
         "free -m | awk '/^Mem/ { print ($3 < 400) }'; vm rm -f $names; vm ps | wc -l",
         out="1000\n1000\n1\n1", seconds=200, on=("images",)),
    Case("cpu-without", "vm run busybox -- true; echo $?; ctr run busybox -- echo containers work",
         match=(r"vm: this CPU has no VT-x/SVM \(or firmware disabled it\)", "^containers work$",
                "^[1-9][0-9]*$"), on=("nosvm", "penryn")),
]
