# SPDX-License-Identifier: MIT
"""Memory that runs out, on a machine that has little: who is killed, who lives, what comes back."""
from harness import Case

ON = ("small",)

KILLS = "kills() { dmesg | grep -c 'emory: Killed process'; }; n=$(kills); "  # of this boot, so far
GROUP = "cd /sys/fs/cgroup; echo +memory > cgroup.subtree_control; mkdir a; "

CASES = [
    Case("little", "awk '/MemTotal/ { print ($2 < 32768 && $2 > 24000) }' /proc/meminfo", out="1"),
    Case("hog", KILLS + "tail /dev/zero; echo $?; echo $(($(kills) - n)) line; "
                "dmesg | grep 'Killed process' | tail -1; echo the shell lives",
         match=("^137$", "^1 line$", r"Out of memory: Killed process \d+ \(tail\) total-vm:\d+kB, anon-rss:\d{5}kB, "
                r"file-rss:\d+kB, oom_score_adj:0$", "^the shell lives$"), seconds=60),
    Case("again-and-again", "for i in 1 2 3; do tail /dev/zero; echo $?; done", out="Killed\n137\n" * 3, seconds=90),
    Case("innocent", "sh -c 'x=$(head -c 1m /dev/zero | tr \"\\000\" x); while [ ! -e done ]; do sleep 0.1; done; "
                     "echo ${#x} bytes' & tail /dev/zero; echo $?; touch done; wait",
         match=("^137$", "^1048576 bytes$"), seconds=60),
    Case("adjusted", "sh -c 'echo 1000 > /proc/self/oom_score_adj; exec sleep 60' & sleep 0.3; tail /dev/zero; echo $?; "
                     "wait $!; echo $?", match=("^137\n(.*\n)*137$",), seconds=60),
    Case("protected", KILLS + "sh -c 'echo -1000 > /proc/self/oom_score_adj; cat /proc/self/oom_score; exec sleep 60' & "
                      "sleep 0.3; cat /proc/$!/oom_score; tail /dev/zero; kill -0 $! && echo alive; kill $!; wait $!",
         status=143, match=("^0\n0$", "^alive$"), seconds=60),
    Case("two-hogs", "tail /dev/zero & tail /dev/zero & wait; echo both gone", match="^both gone$", seconds=60),
    Case("files-stay", "head -c 6m /dev/zero > f; tail /dev/zero; wc -c < f", match="^6291456$", seconds=60),
    Case("full-tmpfs", "mount -t tmpfs -o size=1m none /mnt; dd if=/dev/zero of=/mnt/f bs=64k count=32; wc -c < /mnt/f; umount /mnt",
         match=("No space left", "^1048576$")),
    # Names that are not there, on a root that keeps them: more than there is memory for.
    Case("names-without-end", KILLS + "names() { awk '$1 == \"dentry\" { print $2 }' /proc/slabinfo; }; long=$(printf %0200d 0); "
                              "ask() { seq $1 | sed \"s|^|/bin/$long|\" | xargs ls -d 2> /dev/null; names; }; "
                              "before=$(names); few=$(ask 1500); many=$(ask 40000); echo kept: $((few > before + 1400)), "
                              "not all: $((many < 20000)); echo $(($(kills) - n)) killed", out="kept: 1, not all: 1\n0 killed", seconds=60),
    Case("shmem-is-counted", "s() { awk '/Shmem:/ { print $2 }' /proc/meminfo; }; n=$(s); head -c 1m /dev/zero > f; "
                             "echo $(($(s) - n)); rm f; echo $(($(s) - n))", out="1024\n0"),
    Case("group", GROUP + "echo 8M > a/memory.max; sleep 60 & innocent=$!; "
                          "sh -c 'echo 0 > a/cgroup.procs; sleep 60 & tail /dev/zero; echo $?; kill $!; wait'; "
                          "kill -0 $innocent && echo alive; kill $innocent; wait $innocent; grep oom_kill a/memory.events; "
                          "dmesg | grep 'Killed process' | tail -1; sleep 0.3; cat a/memory.current; rmdir a",
         match=("^137$", "^alive$", "^oom_kill 1$", r"Memory cgroup out of memory: Killed process \d+ \(tail\)", "^0$"),
         seconds=60),
    Case("group-files", GROUP + "echo 8M > a/memory.max; sh -c 'echo 0 > a/cgroup.procs; "
                                "dd if=/dev/zero of=/tmp/case/f bs=64k count=200 2>/dev/null'; "
                                "ls -l /tmp/case/f | awk '{ print ($5 > 5000000 && $5 < 8400000) }'; rm /tmp/case/f; "
                                "sleep 0.2; cat a/memory.current; rmdir a", match="^1\n0$", seconds=60),
    # What a group has mounted and looked at is on its account, and only kept as long as there is room.
    Case("names-go-first", GROUP + "echo 600K > a/memory.max; sh -c 'echo 0 > a/cgroup.procs; for i in 1 2 3 4 5 6; do "
                                   "mkdir /tmp/case/$i; mount -t overlay -o lowerdir=/:/run none /tmp/case/$i; "
                                   "ls -lR /tmp/case/$i/bin /tmp/case/$i/etc | wc -l; done; umount /tmp/case/*; echo alive'; "
                                   "awk '/^(max|oom_kill) / { print $1, ($2 > 0) }' a/memory.events; rmdir a",
         match=(r"^alive\nmax 1\noom_kill 0$",), seconds=60),
]
