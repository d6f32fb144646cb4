# SPDX-License-Identifier: MIT
"""Lab 08: what privs.c prints, the same on Linux; then box, a runtime, run by root and by a user."""
from harness import Case

PRIVS = {
    "plain": "root has all\nuser 1000 has none\nsethostname: Operation not permitted\n"
             "kill(1): Operation not permitted",
    "own-id": "unshare: ok\nbefore: uid 65534 gid 65534\nuid_map: ok\n"
              "gid_map, groups allowed: Operation not permitted\nsetgroups: ok\n"
              "gid_map, groups denied: ok\nafter: uid 0 gid 0\nuid_map again: Operation not permitted",
    "foreign": "unshare: ok\nthe host's root: Operation not permitted\n"
               "a second id: Operation not permitted\ntwo lines: Operation not permitted\n"
               "nobody: Invalid argument\noverlapping: Invalid argument",
    "nested": "unshare: ok\nuid_map: ok\ngid_map: ok\n"
              "outside of the parent's map: Operation not permitted\n"
              "across two extents of it: Operation not permitted\nwithin one: ok\ngid_map: ok\n"
              "a file: ok\ninside 1500 999\noutside 300500 100999",
    "inside": "unshare: ok\nall capabilities: yes\nthe host's name: Operation not permitted\n"
              "a host name of its own: ok\nthe host's init: Operation not permitted",
    "downwards": "owner: ok\nanother user: Operation not permitted\nroot: ok\n"
                 "root of a sibling: Operation not permitted",
    "grandchild": "unshare: ok\nuid_map: ok\ngid_map: ok\ndown two: ok\n"
                  "and up again: Operation not permitted",
}

ROOT = "mkdir root; mount -o bind / root; R=$PWD/root; chmod 755 .\n"
END = "\numount root; rmdir root"
USER = "/tests/lab/privs as 1000 "
BOX = {
    "box-user": (USER + "box $R sh -c 'id -u; id -g; cat /proc/self/uid_map | tr -s \" \"'",
                 "0\n0\n 0 1000 1"),
    "box-root": ("a=$(mount | wc -l)\n" + USER + "box $R sh -c 'ls /tmp | wc -l; ls /dev | tr \"\\n\" \" \"; "
                 "touch /x; touch /tmp/y && ls /tmp; mount | wc -l; ls -d /proc/1/root/../tmp'\n"
                 "[ $a = $(mount | wc -l) ] && echo the host is as it was",
                 "0\nfull null random urandom zero touch: /x: Read-only file system\ny\n9\n"
                 "/proc/1/root/../tmp\nthe host is as it was"),
    "box-namespaces": (USER + "box $R sh -c 'echo $$; hostname; ls /proc | grep -c ^[0-9]; "
                       "cat /proc/net/route | wc -l'; hostname", "1\nbox\n3\n1\ndyad"),
    "box-caps": (USER + "box $R grep -E '^(Cap|NoNew)' /proc/self/status | tr '\\t' ' '; "
                 "box $R unshare -n true; box $R mount -t tmpfs none /tmp",
                 "CapInh: 0000000000000000\nCapPrm: 00000000000024fb\nCapEff: 00000000000024fb\n"
                 "CapBnd: 00000000000024fb\nCapAmb: 0000000000000000\nNoNewPrivs: 1\n"
                 "unshare: unshare(0x40000000): Operation not permitted\n"
                 "mount: permission denied (are you root?)"),
    "box-status": ("box $R sh -c 'exit 7'; echo $?; box $R sh -c 'ulimit -c 0; kill -ABRT $$; sleep 0.1; exit 3'; "
                   "echo $?; box $R nothing; echo $?; box $R /tmp; echo $?; box /nowhere true; echo $?\n"
                   "box $R sleep 99 & for i in $(seq 50); do killall -9 sleep && break; sleep 0.1; done 2>/dev/null; wait $!; echo $?",
                   "7\n3\nbox: nothing: No such file or directory\n127\n"
                   "box: /tmp: Permission denied\n126\nbox: /nowhere: No such file or directory\n125\n137"),
    "box-limits": ("C=/sys/fs/cgroup/box; echo +pids >/sys/fs/cgroup/cgroup.subtree_control; mkdir $C\n"
                   "echo 3 >$C/pids.max\n"
                   "box -c $C $R sh -c 'sleep 9 & sleep 9 & sleep 9 & echo not reached'\necho $?\n"
                   "grep populated $C/cgroup.events; rmdir $C",
                   "sh: can't fork: Resource temporarily unavailable\n2\npopulated 0"),
}

CASES = [Case(name, "cd /tmp && /tests/lab/privs " + name, out=out, leak=False) for name, out in PRIVS.items()]
CASES += [Case(name, ROOT + script + END, out=out, leak=False) for name, (script, out) in BOX.items()]
