# SPDX-License-Identifier: MIT
"""The shell and the tools of Debian's busybox, as people use them."""
from harness import Case

ON = ("qemu", "bochs")

CASES = [
    Case("echo", "echo hello; printf '%d-%s\\n' 7 x", out="hello\n7-x"),
    Case("status", "exit 7", status=7, on=("qemu", "bochs", "uefi")),
    Case("not-found", "nosuchprogram", status=127, match="nosuchprogram: not found"),
    Case("not-executable", "echo hi > f; ./f", status=126, match="Permission denied"),
    Case("pipe", "printf '3\\n1\\n2\\n' | sort | tr '\\n' ' '; yes | head -n 3 | wc -l",
         out="1 2 3 3"),
    Case("pipe-large", "dd if=/dev/zero bs=64k count=64 2>/dev/null | wc -c", out="4194304"),
    Case("redirect", "echo a > f; echo b >> f; cat < f; ls nosuch 2> e; wc -l < e; cat <<END\nhere\nEND",
         out="a\nb\n1\nhere"),
    Case("variables", "a=1; b=$((a + 41)); echo $b ${#b} ${nosuch:-d}; set -- x y; echo $# $2",
         out="42 2 d\n2 y"),
    Case("subshell", "a=$(echo $(echo deep)); (a=other; exit 3); echo $a $?", out="deep 3"),
    Case("loop", "i=0; while [ $i -lt 100 ]; do i=$((i + 1)); done; echo $i", out="100"),
    Case("background", "sleep 0.1 & p=$!; wait $p; echo $?; (exit 5) & wait $!; echo $?", out="0\n5"),
    # the shell waits before the signal comes: before each command of its own it takes in who has ended, without a word
    Case("kill", "end() { sleep 100 & p=$!; (until [ $(cut -d' ' -f3 /proc/$$/stat) = S ]; do :; done; kill $1 $p) & "
                 "wait $p; echo $?; }; end -TERM; end -KILL", out="Terminated\n143\nKilled\n137"),
    Case("trap", "trap 'echo got' USR1; kill -USR1 $$; trap 'echo bye' EXIT", out="got\nbye"),
    Case("files", "mkdir -p a/b; echo x > a/b/c; cp a/b/c d; mv d e; ln e f; ln -s e g; cat f g; "
                  "ls -1; rm -r a; rmdir a 2>&1; stat -c '%h %s %F' e; readlink g",
         out="x\nx\na\ne\nf\ng\nrmdir: 'a': No such file or directory\n2 2 regular file\ne"),
    Case("modes", "touch f; chmod 4751 f; stat -c %a f; umask 077; touch g; stat -c %a g", out="4751\n600"),
    Case("find", "mkdir -p a/b; touch a/1 a/b/2; find . -type f | sort; find . -name b -type d",
         out="./a/1\n./a/b/2\n./a/b"),
    Case("grep-sed-awk", "printf 'a 1\\nb 2\\nc 3\\n' > f; grep b f; sed -n 's/c/C/p' f; "
                         "awk '{ s += $2 } END { print s }' f", out="b 2\nC 3\n6"),
    Case("sort-big", "seq 20000 | sort -n | tail -n 1; seq 3 | sort -r | tr -d '\\n'", out="20000\n321"),
    Case("tar-gzip", "mkdir d; seq 1000 > d/f; tar czf t.gz d; rm -r d; tar xzf t.gz; tail -n 1 d/f", out="1000"),
    Case("dd", "dd if=/dev/zero of=f bs=4k count=3 2>/dev/null; stat -c %s f; md5sum < f",
         match=("^12288$", "^[0-9a-f]{32}  -$")),
    Case("dev", "head -c 4 /dev/zero | od -An -tx1; echo gone > /dev/null; head -c 16 /dev/urandom | wc -c; "
                "echo x > /dev/full", status=1, match=("00 00 00 00", "^16$", "No space left")),
    Case("ps", "ps", match=(r"^PID\s+USER", r"^\s+1\s+\S+.*init", r"\{?ps\b")),
    Case("mount", "mount", match=(" on / type overlay", " on /proc type proc", " on /tmp type tmpfs")),
    Case("mount-bind", "mkdir a b; echo x > a/f; mount -o bind a b; cat b/f; umount b; ls b", out="x"),
    Case("mount-tmpfs", "mkdir m; mount -t tmpfs none m; echo y > m/f; cat m/f; umount m; ls m", out="y"),
    Case("mount-readonly", "mkdir m; mount -t tmpfs -o ro none m; touch m/f; s=$?; umount m; exit $s",
         status=1, match="Read-only file system"),
    Case("erofs-root", "ls -l /bin/busybox; rm /bin/cat; ls /bin/cat; /bin/busybox cat /etc/hostname",
         match=(r"-rwxr-xr-x", "No such file", "^dyad$"), leak=False, on=("qemu1",)),
    Case("overlay-on-overlay", "mkdir -p a/u a/w b; mount -t overlay -o lowerdir=/etc,upperdir=$PWD/a/u,workdir=$PWD/a/w "
         "none b; echo 1 > b/one; mkdir c; mount -t overlay -o lowerdir=$PWD/b:/root none c; ls -R c | grep -c one; "
         "cat c/one; find c -type f | wc -l | grep -vc '^0$'; umount c; umount b", out="1\n1\n1"),
    Case("overlay-write", "f=/etc/dyad-test; echo 1 > $f; cat $f; rm $f; ls $f", status=1,
         match=("^1$", "No such file")),
    Case("hostname", "hostname", out="dyad"),
    Case("uname", "uname -s; uname -m; uname -n", match=("^x86_64$", "^dyad$")),
    Case("free", "free | head -n 2", match=(r"total\s+used", r"^Mem:\s+\d+\s+\d+")),
    Case("df", "df /tmp /", match=("Filesystem", r"/tmp$|/$")),
    Case("top", "top -b -n 1 | head -n 8", match=("^Mem:", "^CPU:", r"PID\s+PPID")),
    Case("uptime", "uptime", match="load average"),
    Case("date", "date +%Y", match="^20[2-9][0-9]$"),
    Case("id", "id -u; id -un", out="0\nroot"),
    Case("env", "env -i A=b env", match="^A=b$"),
    Case("exec-script", "printf '#!/bin/sh\\necho $0 $1\\n' > s; chmod +x s; ./s arg", out="./s arg"),
    Case("xargs", "seq 5 | xargs -n 2 echo", out="1 2\n3 4\n5"),
    Case("timeout", "timeout 0.2 sleep 10; echo $?", match="^143$|^124$"),
    Case("fork-storm", "for i in $(seq 200); do /bin/true & done; wait; echo done", out="done", seconds=40),
    Case("deep-path", "d=.; for i in $(seq 60); do d=$d/abcdefghij; done; mkdir -p $d && echo x > $d/f && "
                      "cat $d/f", out="x"),
    Case("fifo", "mkfifo p; echo through > p & cat p; wait", out="through"),
    Case("dmesg", "dmesg | head -n 1", match="Dyad"),
    Case("proc-self", "cat /proc/self/comm; readlink /proc/self/exe; tr '\\0' ' ' < /proc/self/cmdline",
         match=("^cat$", "^/bin/", "^tr |^sh ")),
    Case("proc-files", "for f in meminfo stat uptime loadavg cpuinfo version cmdline mounts filesystems; do "
                       "[ -s /proc/$f ] || test -n \"$(cat /proc/$f)\" || echo $f is empty; done", out=""),
    Case("nproc", "nproc", out="2", on=("qemu", "bochs2")),
    Case("nproc-4", "nproc; grep -c ^processor /proc/cpuinfo", out="4\n4", on=("qemu4",)),
    Case("all-cpus-work", "for i in 1 2 3 4; do (i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done; echo $i) & "
                          "done; wait", out="5000\n5000\n5000\n5000", on=("qemu4", "bochs2"),
         seconds=40),
    Case("memory-growth", "awk 'BEGIN { for (i = 0; i < 30000; i++) a[i] = i; print length(a) }'",
         out="30000", seconds=40, on=("qemu",)),
    # As many mounts as /proc/sys/fs/mount-max says, in one namespace; a copy of it is let through.
    Case("mount-max", "max=/proc/sys/fs/mount-max; was=$(cat $max); mkdir a b; "
                      "try() { mount -t tmpfs none $1 2>&1 | grep -o 'No space.*' || echo $1 mounted; }; "
                      "echo 3 > $max; try a; n=$(grep -c . /proc/self/mountinfo); "
                      "until echo $n > $max; mount -t tmpfs none a 2> /dev/null; do n=$((n + 1)); done; try b; "
                      "mount --bind a b 2>&1 | grep -o 'No space.*'; unshare -m true; echo $?; umount a; try b; umount b; "
                      "echo $was > $max", out="No space left on device\n" * 3 + "0\nb mounted", on=("qemu",)),
    Case("ash-interactive", "printf 'echo a$((1+1))b\\nexit 4\\n' | sh -i 2>/dev/null", status=4,
         match="a2b"),
]
