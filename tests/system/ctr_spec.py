# SPDX-License-Identifier: MIT
"""What the OCI runtime specification asks of a runtime on Linux, by section, and the case that shows `ctr` keep it.

SPEC is the table that tests/README.md shows (`make counts`): file and section, what the specification asks, and
the case: of CASES here, or of ctr_oci.py. `refused` stands for a field that ctr does not honour, and says so by name.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crun  # noqa: E402
import ctr_oci  # noqa: E402

ON = ("debian",)
ENDED = "ended() { while ctr state $1 | grep -q '\"running\"'; do sleep 0.05; done; }\n"


def case(name, edits, script, inside=None, **kw):
    return crun.rung(name, crun.FIVE + edits, ENDED + script, inside, **kw)


PROCESS = ("process.update(cwd='/etc', env=['A=b', 'PATH=/bin'], oomScoreAdj=77)",
           "process['user'] = dict(uid=5, gid=6, umask=0o27, additionalGids=[7, 8])",
           "process['rlimits'] = [dict(type='RLIMIT_NOFILE', soft=33, hard=44)]", "c['domainname'] = 'dom'",
           "c['nosuch'] = dict(a=1)", "process['capabilities'] = dict(bounding=['CAP_KILL', 'CAP_NOSUCH'])")
MOUNTS = ("c['mounts'] += [dict(destination='/dev/shm/a', type='tmpfs', source='t', options=['size=1m']), "
          "dict(destination='/dev/shm/a/b', type='bind', source='side', options=['bind', 'ro'])]",)
LINUX = ("linux['devices'] = [dict(path='/dev/shm/k', type='c', major=1, minor=3, fileMode=0o640, uid=3, gid=4)]",
         "linux['sysctl'] = {'net.ipv4.ip_forward': '1'}", "linux['rootfsPropagation'] = 'slave'",
         "linux['maskedPaths'] = ['/proc/version', '/proc//stat']", "linux['readonlyPaths'] = ['/proc/self']",
         "linux['cgroupsPath'] = '/spec'", "linux['resources'] = dict(unified={'pids.max': '9'})")
FIELDS = ("linux['namespaces'].append(dict(type='time'))",
          "linux['timeOffsets'] = dict(boottime=dict(secs=86400), monotonic=dict(secs=-1, nanosecs=5))",
          "process['scheduler'] = dict(policy='SCHED_BATCH', nice=7)", "linux['personality'] = dict(domain='LINUX32')",
          "process['ioPriority'] = {'class': 'IOPRIO_CLASS_BE', 'priority': 6}",
          "linux['seccomp'] = dict(defaultAction='SCMP_ACT_ALLOW', architectures=['SCMP_ARCH_X86', 'SCMP_ARCH_X86_64'])",
          "c['hooks'] = dict(createRuntime=[dict(path='/bin/sh', args=['sh', '-c', "
          "'[ $(cut -d. -f1 /proc/uptime) -lt 86400 ] && echo outside >&2'])])")
HOOKS = ("c['annotations'] = {'who': 'me'}", "c['hooks'] = {k: [dict(path='/bin/sh', args=['sh', '-c', "
         "'s=$(cat); [ %s = startContainer ] && sleep 0.3; echo %s $(echo \"$s\" | grep -o \"created\\|creating\\|running\\|stopped\\|me\") >&2' % (k, k)])]"
         " for k in ('prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop')}")
CASES = [
    case("no-id", (), "for v in state create start kill delete; do ctr $v >/dev/null 2>&1; echo $?; "
         "ctr $v --bundle nosuch nosuch >/dev/null 2>&1 && echo $v; done; for i in state start kill delete; do ctr $i nosuch; done; "
         "for i in ../x a/b '' .x; do ctr create --bundle . \"$i\" >/dev/null 2>&1 && echo \"$i\"; done; ls /run/ctr 2>/dev/null || :",
         out=("2\n2\n2\n2\n2\n" + "ctr: nothing named nosuch (try `ctr ps -a`)\n" * 4).strip()),
    case("kept-config", (), "cp config.json kept; ctr create c </dev/null >log; cp stock.json config.json; cat log; ctr start c; ended c; cat log; "
         "ctr delete c; ls /run/ctr; [ -d /sys/fs/cgroup/c ] || echo gone; cp kept config.json; ctr create c </dev/null && echo again; ctr delete -f c",
         "echo first", out="first\ngone\nagain"),
    case("signal", (), "ctr run -d --bundle . c </dev/null >log; until grep -q ready log; do sleep 0.05; done; ctr kill c USR1; "
         "until grep -q got log; do sleep 0.05; done; ctr delete c; echo $?; ctr kill c 9; ended c; ctr kill c 9; echo $?; ctr start c; echo $?; ctr delete c; cat log",
         "trap 'echo got' USR1; echo ready; while :; do sleep 0.1; done",
         out="ctr: c still runs (`ctr stop c` ends it; so does --force)\n125\nctr: c is stopped\n125\nctr: c is stopped, not created\n125\nready\ngot"),
    case("process", PROCESS, "ctr run --bundle . c", "pwd; echo $A; umask; id -u; id -g; id -G; ulimit -Sn; ulimit -Hn; "
         "cat /proc/self/oom_score_adj; grep -E '^(CapBnd|CapEff|NoNew)' /proc/self/status | cut -f2 | xargs; cat /proc/sys/kernel/domainname",
         out="ctr: config.json: process.capabilities.bounding: CAP_NOSUCH: not a capability\n/etc\nb\n0027\n5\n6\n6 7 8\n33\n44\n77\n"
             "0000000000000000 0000000000000020 1\ndom"),
    case("mounts", MOUNTS, "mkdir side; echo x >side/f; ctr run --bundle . c; ls side", "cat /dev/shm/a/b/f; (echo y >/dev/shm/a/b/g) 2>&1 | "
         "grep -o Read-only; (echo z >/etc/z) 2>&1 | grep -o Read-only; grep -c ' /dev/shm/a' /proc/self/mountinfo", out="x\nRead-only\nRead-only\n2\nf"),
    case("linux", LINUX, "mount --make-rshared /; ctr run --bundle . c; rmdir /sys/fs/cgroup/spec 2>/dev/null && echo left", "stat -c '%a %u %g %t:%T' /dev/shm/k; "
         "cat /proc/sys/net/ipv4/ip_forward; cat /proc/version /proc/stat | wc -c; cat /sys/fs/cgroup/pids.max; sed 1q /proc/self/mountinfo | grep -c master:; "
         "for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo $d; done; for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done",
         out="640 3 4 1:3\n1\n0\n9\n1\n/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx", status=1),
    case("fields", FIELDS, "ctr run -d --pid-file p --bundle . c </dev/null >log 2>&1; until grep -q end log; do sleep 0.05; done; "
         "cat log; python3 -c \"import os; print(os.sched_getscheduler($(cat p)) == os.SCHED_BATCH)\"; "
         "ctr exec c cat /proc/self/timens_offsets | xargs; ctr exec c uname -m; ctr delete -f c; [ $(cut -d. -f1 /proc/uptime) -lt 86400 ] && echo back",
         "[ $(cut -d. -f1 /proc/uptime) -ge 86400 ] && echo a day; cut -d' ' -f19 /proc/self/stat; ionice; uname -m; echo end; exec sleep 1000",
         out="outside\na day\n7\nbest-effort: prio 6\ni686\nend\nTrue\nmonotonic -1 5 boottime 86400 0\ni686\nback"),
    case("hooks", HOOKS, "ctr create c </dev/null 2>&1; ctr start c; ended c; ctr state c | grep who; ctr delete c", "true",
         out='prestart creating me\ncreateRuntime creating me\ncreateContainer creating me\nstartContainer created me\n'
             'poststart running me\n    "who": "me"\npoststop stopped me'),
]
for each in CASES:
    each.run = ctr_oci.with_ctr(each).run

SPEC = """
runtime.md State|ociVersion, id, status, pid, bundle, annotations are there; created, running, stopped|states hooks
runtime.md Lifecycle|all that is configured is made at create, or an error; the command does not run yet|2-life kept-config
runtime.md Lifecycle|changes of config.json after create have no effect|kept-config
runtime.md Lifecycle|prestart, createRuntime, createContainer, startContainer, poststart, poststop in this order|hooks
runtime.md Lifecycle|a hook that fails before the command: an error, the container is stopped and gone|2-hook-fails
runtime.md Errors|what fails leaves all as if it had not been tried|refused no-id
runtime.md Query State|an error without an ID, and of a container that is not|no-id
runtime.md Create|an error without an ID or a bundle, for an ID that is taken or not valid|no-id states
runtime.md Create|the status is created afterwards|states
runtime.md Start|an error without an ID, of none, of one that is not created; no effect on that|no-id states signal
runtime.md Start|runs process; the status is running afterwards|2-life
runtime.md Kill|an error without an ID, of one neither created nor running; no effect on that|no-id signal
runtime.md Kill|sends the signal to the container's process|signal
runtime.md Delete|an error without an ID, of none, of one that is not stopped|no-id signal
runtime.md Delete|takes away what create made, and nothing else; the ID is free again|kept-config 3-path
config.md Specification version|a version 1 of SemVer|refused
config.md Root|path absolute or below the bundle, a folder that is there; readonly|refused mounts
config.md Mounts|in the order listed; destination absolute; bind and rbind with a source, relative to the bundle|mounts
config.md Mounts|options of mount(8) and of the file system|1-mounts mounts
config.md Mounts|recursive attributes, uidMappings, gidMappings|(refused by name)
config.md Process|args not empty; the first is searched in PATH of env|1-no-program process
config.md Process|cwd absolute; env; terminal and consoleSize|process 6-stock
config.md Process|rlimits: soft and hard; an unknown type is an error|process
config.md Process|capabilities: an unknown one is told and left out|process 1-privileges
config.md Process|noNewPrivileges, oomScoreAdj|process
config.md Process|scheduler, ioPriority|fields
config.md Process|apparmorProfile, selinuxLabel, execCPUAffinity|(refused by name)
config.md User|uid, gid, umask, additionalGids, in the container's numbers|process 7-maps
config.md Hostname, Domainname|in the uts namespace of the container|2-namespaces process
config.md Hooks|in the order listed, the state on stdin, their own args and env; after poststart the next goes on|hooks 2-hooks
config.md Annotations|kept and shown in the state|hooks
config.md Extensibility|unknown properties are ignored|process
config.md Valid values|an invalid value is an error|refused
config-linux.md Default Filesystems|/proc, /sys, /dev/pts, /dev/shm as mounts have them|1-mounts
config-linux.md Namespaces|each type at most once; made, or entered by an absolute path|2-own 3-group
config-linux.md Namespaces|time|fields
config-linux.md Namespaces|paths of user and mount|(refused by name)
config-linux.md User namespace mappings|written as configured, the owner of files stays|7-maps 7-power 7-rootless
config-linux.md Offset for Time Namespace|timeOffsets|fields
config-linux.md Devices|made with type, number, mode, owner|linux
config-linux.md Default Devices|null zero full random urandom tty ptmx, and the links of /dev|linux 1-mounts
config-linux.md Control groups|cgroupsPath: the same path gives the same group; systemd's form is refused|3-path refused
config-linux.md Control groups|devices: allowed and denied in order|6-devices
config-linux.md Control groups|memory, cpu, cpuset, pids, unified; what cgroup2 has not is refused by name|4-memory 4-cpu 4-cpuset 4-pids linux
config-linux.md Control groups|blockIO, hugepageLimits, network, rdma|(refused by name)
config-linux.md Personality|domain|fields
config-linux.md IntelRdt, memoryPolicy, mountLabel|these fields|(refused by name)
config-linux.md Sysctl|of the container's own namespaces alone|linux refused
config-linux.md Seccomp|default action, actions, arguments, errnoRet; flags|5-errno 5-kill 5-argument
config-linux.md Seccomp|architectures: SCMP_ARCH_X86_64 among them; calls of the others kill|fields refused
config-linux.md Seccomp|listenerPath, listenerMetadata|(refused by name)
config-linux.md Rootfs Mount Propagation|shared, slave, private, unbindable|linux
config-linux.md Masked and Readonly Paths|not read, not written; those that are not there are none|linux 6-masked
""".strip().split("\n")


def table():
    """SPEC with numbers by section; each case that it names is there, and each case here is named."""
    names = {each.name for each in ctr_oci.CASES + CASES}
    lines, numbers, last, at = [], {}, None, 0
    for row in SPEC:
        section, what, shown = row.split("|")
        file = section.split(" ")[0]
        if section != last:
            numbers[file], last, at = numbers.get(file, 0) + 1, section, 0
        at += 1
        unknown = [] if shown[0] == "(" else [name for name in shown.split() if name not in names]
        if unknown:
            raise SystemExit("tests/system/ctr_spec.py: no case " + " ".join(unknown))
        lines.append("%-48s %s\n     %s" % ("%s %d.%d %s" % (file, numbers[file], at, section[len(file) + 1:]), shown, what))
    return "\n".join(lines)
