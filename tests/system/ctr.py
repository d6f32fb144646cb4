# SPDX-License-Identifier: MIT
"""Containers: the same image, its own namespaces, its own limits."""
from harness import Case

ON = ("qemu", "bochs")

CASES = [
    Case("status", "ctr run --rm busybox -- sh -c 'exit 7'", status=7),
    Case("output", "ctr run busybox -- echo hello there", out="hello there"),
    Case("words-exact", "ctr run busybox -- printf '[%s]\\n' 'a  b' '' '*'", out="[a  b]\n[]\n[*]"),
    Case("stdin", "echo through | ctr run busybox -- cat", out="through"),
    Case("signal-status", "ctr run busybox -- sh -c 'sh -c \"kill -9 \\$\\$\"; echo $?'", out="Killed\n137"),
    Case("pids", "ctr run busybox -- sh -c 'echo $$; ps'", match=(r"^1$", r"^PID\s+USER", r"^\s+1\s+"),
         lacks=(r"init", r"driver")),
    Case("hostname", "ctr run --hostname inner busybox -- hostname; hostname", out="inner\ndyad"),
    Case("hostname-private", "ctr run --privileged busybox -- sh -c 'hostname changed; hostname'; hostname",
         out="changed\ndyad"),
    Case("capabilities", "ctr run busybox -- grep Cap /proc/self/status; ctr run --user 5 busybox -- grep CapEff /proc/self/status; "
                         "ctr run -n c busybox -- sleep 60 & sleep 0.5; ctr exec c grep CapEff /proc/self/status; "
                         "ctr exec --privileged c grep CapEff /proc/self/status; ctr kill c; wait",
         out="CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
             "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nCapEff:\t0000000000000000\n"
             "CapEff:\t00000000a80425fb\nCapEff:\t000001ffffffffff"),
    Case("capabilities-missing", "ctr run busybox -- sh -c 'hostname x; mount -t tmpfs none /mnt; umount /proc/sys; chroot / true && "
                                 "ping -c1 -w1 127.0.0.1 >/dev/null; mknod /dev/x c 1 3 && rm /dev/x && echo made'",
         match=("hostname: sethostname: Operation not permitted", "mount: permission denied", "umount: can't unmount", "^made$")),
    Case("proc-shielded", "ctr run busybox -- sh -c 'echo 1 > /proc/sys/fs/protected_symlinks; echo x > /proc/sysrq-trigger; "
                          "cat /proc/kcore | wc -c; grep -c \" /proc/sys \" /proc/mounts'; ctr run --privileged busybox -- sh -c "
                          "'echo 1 > /proc/sys/fs/protected_symlinks && echo written'",
         match=("protected_symlinks: Read-only file system", "^1$", "^written$")),
    Case("root-private", "ctr run busybox -- sh -c 'echo x > /etc/inside; cat /etc/inside'; ls /etc/inside",
         status=1, match=("^x$", "No such file")),
    Case("root-fresh", "ctr run busybox -- touch /etc/mark; ctr run busybox -- ls /etc/mark", status=1,
         match="No such file"),
    # the nodes are shared until somebody changes them
    Case("dev-fresh", "ctr run busybox -- sh -c 'rm /dev/null; chmod 600 /dev/zero; mv /dev/full /dev/x; echo > /dev/shm/x; ls /dev /dev/shm | wc -l; "
                      "stat -c %a /dev/zero'; ctr run busybox -- sh -c 'ls /dev /dev/shm | wc -l; stat -c \"%a %t:%T\" /dev/null /dev/zero /dev/full'",
         out="17\n600\n17\n666 1:3\n666 1:5\n666 1:7"),
    Case("dev-nobodys", "rm -rf /run/ctr.root; ctr run busybox -- true; ls -1 /run/ctr.root; grep dying /sys/fs/cgroup/cgroup.stat",
         out="base\nimage\nroom\nnr_dying_descendants 0"),
    Case("mounts-private", "ctr run --privileged busybox -- sh -c 'mount -t tmpfs none /mnt && echo y > /mnt/f && "
                           "cat /mnt/f'; ls /mnt", out="y"),
    Case("proc-own", "ctr run busybox -- sh -c 'ls -d /proc/[0-9]* | wc -l'", match="^[1-4]$"),
    Case("no-host-files", "ctr run busybox -- ls /images", status=1, match="No such file"),
    Case("volume", "echo hi > f; mkdir d; ctr run -v $PWD:/new/place:ro -v $PWD/f:/etc/one -v $PWD/d:/d busybox -- sh -c "
                   "'cat /new/place/f /etc/one; echo x > /new/place/y; echo changed > /etc/one; echo z > /d/z'; cat f d/z; ls",
         match="^hi\nhi\n.*/new/place/y: Read-only file system\nchanged\nz\nd +f$"),
    Case("volume-wrong", "for v in x :/a /a:b /tmp:/a:rx /tmp:/ /tmp:/..:ro /nosuch:/a; do ctr run -v $v busybox -- true; echo $?; done",
         match=("^ctr: --volume x: not of the form HOST:DIR", "^ctr: --volume /nosuch:/a: /nosuch: No such file or directory\n125$"),
         check=lambda text: None if text.count("\n2\n") == 6 else "six times status 2"),
    # A link of the image's, or of what was mounted before, leads nowhere but into the container.
    Case("volume-link", "mkdir d; ln -s /tmp d/out; ctr run -v $PWD/d:/d -v /etc:/d/out/in busybox -- ls -d /tmp/in; ls -d /tmp/in",
         status=1, match="^/tmp/in\nls: /tmp/in: No such file"),
    Case("read-only", "ctr run --read-only busybox -- sh -c 'echo x > /x; echo y > /dev/shm/y; cat /dev/shm/y'",
         match="/x: Read-only file system\ny$"),
    Case("net-none", "ctr run --net none busybox -- sh -c 'ip link | grep -c UP; ls /sys/class/net /proc/sys/net | head -1; ping -c1 -w1 127.0.0.1 > /dev/null "
                     "&& echo up'; ctr run --net x busybox -- true",
         match=("^1\n", "^up$", "^ctr: --net x: not none, host or bridge"), status=2),
    Case("capabilities-chosen", "for o in '--cap-drop ALL --cap-add chown' '--cap-add CAP_SYS_ADMIN --cap-drop kill' '--cap-drop nosuch'; do "
                                "ctr run $o busybox -- grep CapEff /proc/self/status; done", status=2,
         out="CapEff:\t0000000000000001\nCapEff:\t00000000a82425db\nctr: --cap-drop nosuch: not a capability (examples: NET_ADMIN, ALL)"),
    Case("seccomp", "for o in '' --privileged '--seccomp unconfined' '--cap-add SYS_ADMIN'; do ctr run $o busybox -- sh -c "
                    "'grep Seccomp: /proc/self/status; unshare -u true 2>&1; unshare -U true 2>&1'; done",
         status=0, out="Seccomp:\t2\nunshare: unshare(0x4000000): Operation not permitted\nunshare: unshare(0x10000000): Operation not permitted\n"
                       "Seccomp:\t0\nSeccomp:\t0\nunshare: unshare(0x4000000): Operation not permitted\nSeccomp:\t2"),
    # a profile as Docker's: rules by capability, architecture and kernel
    Case("seccomp-file", r"""
rule() { echo "{\"names\": [\"$1\", \"nosuchcall\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": $2, \"args\": null, $3}"; }
profile() { echo "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultErrnoRet\": 38, $1, \"syscalls\": [$(rule unlink 28 '"includes": {}'),
$(rule mkdir 1 '"excludes": {"caps": ["CAP_KILL"]}'), $(rule rmdir 39 '"includes": {"minKernel": "4.8", "arches": ["amd64"]}'),
$(rule link 1 '"includes": {"minKernel": "99.1"}'), $(rule symlink 1 '"includes": {"arches": ["arm64"]}')]}"; }
map='"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}]'
profile "$map" > p; profile '"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]' > q; profile '"architectures": ["SCMP_ARCH_ARM"]' > arm
profile "$map" | sed 's/_ERRNO/_NOSUCH/' > bad; echo '{"defaultAction": 1}' > type; echo '{' > cut
for o in '' '--cap-drop KILL'; do ctr run $o --seccomp p busybox -- sh -c 'cd /tmp; mkdir d; rmdir d; echo > f; rm f; ln f g; ln -s f h; echo *'; done
for f in q arm bad type cut /nosuch; do ctr run --seccomp $f busybox -- grep Seccomp: /proc/self/status; echo $?; done""",
         out="""rmdir: 'd': Directory not empty
rm: can't remove 'f': No space left on device
d f g h
mkdir: can't create directory 'd': Operation not permitted
rmdir: 'd': Directory not empty
rm: can't remove 'f': No space left on device
f g h
Seccomp:\t2
0
ctr: arm: not for SCMP_ARCH_X86_64
125
ctr: bad: syscalls[0].action: not supported
125
ctr: type: defaultAction: not a string
125
ctr: cut: line 1: a string is missing
125
ctr: /nosuch: No such file or directory
125"""),
    Case("exec-rights", "ctr run -d --name c --cap-drop all busybox -- sleep 100; ctr exec c grep -E 'CapBnd|Seccomp:' /proc/self/status; "
                        "ctr exec --privileged c grep -E 'CapBnd|Seccomp:' /proc/self/status; ctr rm -f c",
         out="c\nCapBnd:\t0000000000000000\nSeccomp:\t2\nCapBnd:\t000001ffffffffff\nSeccomp:\t0"),
    Case("did-you-mean", "for v in rnu exce attahc x; do ctr $v; done", status=2,
         out="ctr: unknown verb rnu: did you mean `ctr run`?\nctr: unknown verb exce: did you mean `ctr exec`?\n"
             "ctr: unknown verb attahc: did you mean `ctr attach`?\nctr: unknown verb x (try `ctr --help`)"),
    Case("descriptors", "exec 7< /etc; ctr run busybox -- ls /proc/self/fd/7/", status=1, match="No such file"),
    Case("memory-limit", "ctr run --memory 16M busybox -- sh -c 'head -c 64m /dev/zero | tail -c 60m | wc -c'; "
                         "echo $?; echo host goes on", match=("host goes on",), lacks="62914560",
         seconds=60),
    # a keeper says why, to who is attached and in the log
    Case("memory-limit-kept", "ctr run -it --memory 16M --name a busybox -- tail /dev/zero < /dev/null 2>&1 | tr -d '\\r'; ctr run -d --memory 16M --name b busybox -- tail /dev/zero; "
                              "ctr logs -f b; ctr rm b", seconds=60,
         match=(r"^ctr: a was killed: out of memory \(limit 16M\)$", r"^ctr: b was killed: out of memory \(limit 16M\)$")),
    Case("verbs-of-bundles", "ctr run -d --name c busybox -- true; for v in start state; do ctr $v c; echo $?; done; ctr rm -f c", status=0,
         out="c" + 2 * "\nctr: c: not of a bundle (`ctr run` starts one of an image anew, `ctr inspect` shows it)\n125"),
    Case("options-of-bundles", "for w in '--pid-file p busybox' '--console-socket p busybox' '--bundle . --memory 16M c' '--bundle . -e A=b c' '--bundle . c true'; do "
                               "ctr run $w; echo $?; done",
         out="ctr: run: --pid-file is not for an image\n2\nctr: run: --console-socket is not for an image\n2\nctr: run: --memory is not for a bundle\n2\n"
             "ctr: run: --env is not for a bundle\n2\nctr: run: true: a bundle's command is in its config.json\n2"),
    Case("memory-enough", "ctr run --memory 32M busybox -- sh -c 'head -c 8m /dev/zero | tail -c 4m | wc -c'",
         out="4194304", seconds=60),
    Case("fork-bomb", "ctr run --pids 16 busybox -- sh -c 'b() { b | b & b; }; b' >/dev/null 2>&1; "
                      "echo host goes on; /bin/true", match="host goes on", seconds=90),
    Case("pids-limit", "ctr run --pids 5 busybox -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; echo end'",
         match="can't fork", status=2),
    # its own group and no other, which it cannot change
    Case("cgroup-inside", "mkdir /sys/fs/cgroup/beside; for o in '' --read-only; do ctr run --memory 16M --pids 7 $o busybox -- sh -c 'cd /sys/fs/cgroup && "
                          "cat memory.max pids.max; head -n 1 cgroup.procs; find . -type d; ls .. | xargs; echo max > memory.max; mkdir x; cut -d\" \" -f3,4 /proc/mounts | "
                          "grep cgroup'; done; rmdir /sys/fs/cgroup/beside",
         out="\n".join(2 * ["16777216\n7\n1\n.\ncgroup\nsh: can't create memory.max: Read-only file system\n"
                            "mkdir: can't create directory 'x': Read-only file system\ncgroup2 ro,nosuid,nodev,noexec,relatime"])),
    # as in docker's: groups below its own, which containers in it have
    Case("cgroup-privileged", "ctr run --privileged --name c -v /usr/local/bin/ctr:/bin/ctr -v /images:/images busybox -- sh -c 'ctr run --name d busybox -- cat /proc/self/cgroup; "
                              "cd /sys/fs/cgroup; mkdir x x/y ../x; find . -type d; cat /proc/self/cgroup'; ls -d /sys/fs/cgroup/x /sys/fs/cgroup/*/x",
         status=1, out="0::/\nmkdir: can't create directory '../x': Read-only file system\n.\n./x\n./x/y\n0::/\n"
                       "ls: /sys/fs/cgroup/x: No such file or directory\nls: /sys/fs/cgroup/*/x: No such file or directory"),
    Case("no-limit", "for o in '--memory 0 --pids -1' '-m -1 --pids=0'; do ctr run $o busybox -- cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max | xargs; done; "
                     "ctr run --memory 0K busybox; ctr run --pids -2 busybox",
         status=2, out="max max\nmax max\nctr: --memory 0K: not a size (examples: 32M, 1G, 65536)\nctr: --pids -2: not a number of at least 1"),
    Case("cgroup-gone", "ctr run busybox -- true; find /sys/fs/cgroup -mindepth 1 -type d | wc -l; "
                        "a=$(find /sys/fs/cgroup -type d | wc -l); ctr run busybox -- true; "
                        "b=$(find /sys/fs/cgroup -type d | wc -l); [ $a = $b ] && echo same", match="^same$"),
    Case("unknown-image", "ctr run nosuchimage -- true; s=$?; echo $s", match=("nosuchimage", "^(2|125|127)$")),
    Case("unknown-command", "ctr run busybox -- nosuchcommand", status=127, match="nosuchcommand"),
    Case("no-command", "ctr run busybox -- ''", status=127, match="^ctr: : command not found"),
    Case("images-damaged", "mkdir i i/dir.erofs; mkfifo i/pipe.erofs; head -c 8192 /images/busybox.erofs > i/short.erofs; head -c 8192 /dev/zero > i/zeros.erofs; "
         "export DYAD_IMAGES=$PWD/i; ctr images | cut -d' ' -f1; for n in dir pipe short zeros; do ctr run $n true; echo $?; done 2>&1 | sed \"s|$PWD/||\"",
         out="IMAGE\ndir\npipe\nshort\nzeros\nctr: i/dir.erofs: neither a file nor a disk\n2\nctr: i/pipe.erofs: neither a file nor a disk\n2\n"
             "ctr: the image i/short.erofs is damaged\n125\nctr: cannot mount the image i/zeros.erofs: Invalid argument\n125"),
    Case("environment-own", "export A=1 B=; ctr run -e A -e B -e NOSUCH -e C= busybox -- sh -c 'echo $A ${B-none} ${NOSUCH-none} ${C-none}'; "
                            "for e in '' =x; do ctr run -e \"$e\" busybox -- true; echo $?; done",
         out="1 none\nctr: -e : not of the form K=V or K\n2\nctr: -e =x: not of the form K=V or K\n2"),
    Case("cpus-fraction", "for n in .5 1. . 0.; do ctr run --cpus $n busybox -- true; echo $?; done",
         out="0\n0\nctr: --cpus .: not a number from 0.01 to 1024\n2\nctr: --cpus 0.: not a number from 0.01 to 1024\n2"),
    Case("unknown-option", "ctr run --nosuch busybox", status=2, match="nosuch"),
    Case("version", "ctr --version; vm -v", match=(r"^ctr version \d+\.\d+ \(Dyad\)$", r"^vm version \d")),
    Case("unknown-verb", "ctr frobnicate", status=2, match="frobnicate"),
    Case("bad-number", "ctr run --memory lots busybox -- true", status=2, match="lots"),
    Case("images", "ctr images", match="busybox"),
    Case("ps", "ctr run busybox -- sleep 2 & sleep 0.5; ctr ps; wait", match="busybox", seconds=30),
    Case("kill-ends-all", "ctr run busybox -- sh -c 'sleep 300 & sleep 300 & wait' & sleep 0.5; "
                          "n=$(ps -o comm | grep -c '^sleep$'); kill $!; wait $!; sleep 0.2; "
                          "echo $n $(ps -o comm | grep -c '^sleep$')", match="^2 0$"),
    Case("orphans-reaped", "ctr run busybox -- sh -c '(sleep 0.1 &) ; sleep 0.3; ps -o stat | grep -c Z'",
         match="^0$", status=1),
    Case("side-by-side", "for i in 1 2 3 4 5; do ctr run --hostname c$i busybox -- sh -c "
                         "'sleep 0.1; hostname' & done | sort; wait", out="c1\nc2\nc3\nc4\nc5", seconds=60),
    Case("inits-signals", "ctr run busybox -- sh -c 'kill -9 1; kill -TERM 1; echo alive'", out="alive"),
    Case("100-in-turn", "i=0; while [ $i -lt 100 ]; do ctr run busybox -- true || echo bad; i=$((i + 1)); "
                        "done; echo done", out="done", seconds=120, on=("qemu",)),
    Case("no-vmm-needed", "ctr run busybox -- echo fine", out="fine", on=("nosvm", "penryn")),
]
