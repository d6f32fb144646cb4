# SPDX-License-Identifier: MIT
"""Debian's runc, unmodified: the configuration of `runc spec`, edited. A Go program of many threads, which asks
for other things than crun: it probes bpf(2) with programs about packets, and its helper runs the C part by itself.
"""
from harness import Case
from crun import rung

ON = ("debian",)

# crun.py's edits are made of what its own `spec` writes; here that is runc's
PLAIN = ("c.update(eval(open('spec.json').read(), dict(true=True, false=False, null=None)))",
         "linux, process = c['linux'], c['process']", "process['terminal'] = False")


def case(name, edits=(), script="runc run c", inside=None, **kw):
    # runc copies the two streams, each in its turn
    made = rung(name, PLAIN + tuple(edits), script, inside and "exec 2>&1; " + inside, seconds=60, **kw)
    made.run = made.run.replace("crun spec;", "runc spec; mv config.json spec.json; crun spec;")
    return made


CASES = [
    case("hello", ("process['args'] = ['echo', 'hello there']",), out="hello there"),
    case("status", inside="exit 7", status=7),
    case("inside", inside="id -u; hostname; ps | wc -l; cat /proc/self/cgroup; touch /x; "
         "mount -t tmpfs t /mnt; grep -E 'Seccomp:|NoNewPrivs|CapEff' /proc/self/status",
         out="0\nrunc\n4\n0::/\ntouch: /x: Read-only file system\n"
             "mount: permission denied (are you root?)\nCapEff:\t0000000020000420\nNoNewPrivs:\t1\nSeccomp:\t0"),
    case("devices", ("process['capabilities'] = {k: ['CAP_MKNOD'] for k in ('bounding', 'effective', 'permitted')}",
                     "c['mounts'].append(dict(destination='/tmp', type='tmpfs', source='t', options=['dev']))"),
         inside="cd /tmp; mknod n c 1 3; echo x > n && echo null; mknod m c 1 1; cat m; echo $?",
         match="^null$", lacks="^0$"),
    case("life", ("process['args'] = ['sh', '-c', 'trap \"exit 5\" TERM; echo up > /dev/shm/up; while :; do sleep 0.1; done']",), """
        runc create c </dev/null >log 2>&1; runc state c | grep -o '"status": "[a-z]*"'; runc start c
        until runc exec c cat /dev/shm/up 2>/dev/null; do sleep 0.1; done
        runc list -q; runc ps c | tail -n +2 | grep -c .; runc exec c sh -c 'exit 9'; echo $?; runc pause c
        runc list | grep -o paused; runc resume c; runc delete c; echo $?; runc kill c TERM
        until runc state c | grep -q stopped; do sleep 0.1; done; runc delete c; runc list -q; ls /sys/fs/cgroup | grep '^c$'; echo gone""",
         match=('^"status": "created"$', "^up\nc\n[12]\n9\npaused$", "^1\ngone$")),
    case("limits", ("linux['resources'].update(memory=dict(limit=8 << 20), pids=dict(limit=20), cpu=dict(shares=512, quota=20000, period=100000))",),
         """runc run c; runc update 2>&1 | head -1""",
         "cd /sys/fs/cgroup; cat memory.max pids.max cpu.max cpu.weight; tail /dev/zero; echo $?",
         match="^8388608\n20\n20000 100000\n20\nKilled\n137$"),
    case("seccomp", ("linux['seccomp'] = dict(defaultAction='SCMP_ACT_ALLOW', architectures=['SCMP_ARCH_X86_64'], "
                     "syscalls=[dict(names=['mkdir', 'mkdirat'], action='SCMP_ACT_ERRNO', errnoRet=38)])",),
         inside="mkdir /dev/shm/x", status=1, match="Function not implemented"),
]
