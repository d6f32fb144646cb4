# SPDX-License-Identifier: MIT
"""The ladder of crun.py with `ctr` as the runtime: the same bundles, the same scripts, the same answers.

CRUN stands where crun does; what is no verb of the runtime specification, it answers itself or ctr lacks: LACKS
says so, case by case. OTHER is what ctr answers otherwise: its statuses are its own.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crun  # noqa: E402
from harness import Case  # noqa: E402

ON = ("debian",)
# of each rung some, with the sanitizers: what ctr and the kernel do differs little between the others
SAN = ("1-mounts", "2-own", "2-life", "2-hooks", "3-group", "4-pids", "5-errno", "6-devices", "6-overlay-root", "7-maps", "refused", "states")

CRUN = r"""
mkdir bin; export PATH=$PWD/bin:$PATH; cat >bin/crun <<'END'
#!/bin/sh
while :; do case $1 in --root) shift 2;; --*) shift;; *) break;; esac; done
verb=$1; shift
case $verb in
run|create) exec ctr $verb --bundle . "$@";;
list) exec ctr ps -aq;;
*) exec ctr $verb "$@";;
esac
END
chmod 755 bin/crun
"""
LACKS = {
    "3-pause": "pause, resume and kill --all are no verbs of the specification",
    "3-ps": "ps ID is none",
    "3-update": "update is none",
}
OTHER = {
    "1-no-program": dict(status=127, match="^ctr: nosuch: command not found in the container$"),
    "2-namespaces": dict(check=lambda output: None if output.startswith("ctr\n") else "the configured host name"),
    "2-hook-fails": dict(match="^ctr: hook prestart /bin/false: status 1\n125$"),
}


def table():
    """What of the ladder is left out, as tests/README.md shows it."""
    return "\n".join("%-16s%s" % pair for pair in LACKS.items())


def with_ctr(case):
    head, tail = crun.BUNDLE.split("\nmkdir rootfs", 1)
    run = case.run.replace(crun.BUNDLE, head + CRUN + "mkdir rootfs" + tail)
    what = dict(status=case.status, out=case.out, match=case.match, lacks=case.lacks, check=case.check, seconds=case.seconds)
    what.update(OTHER.get(case.name, {}))
    return Case(case.name, run, **what)


# One sentence that names file and field, and nothing left: no state, no group.
REFUSED = {
    "malformed": ("printf '{\\n\"root\" 1}' >config.json", "line 2: ':' is missing"),
    "missing": ("edit 'c.pop(\"root\")'", "root: missing"),
    "type": ("edit 'process[\"args\"] = [\"a\", 1]'", "process.args[1]: not a string"),
    "range": ("edit 'process[\"user\"][\"uid\"] = 1 << 32'", "process.user.uid: more than 32 bits"),
    "unsupported": ("edit 'linux[\"intelRdt\"] = {}'", "linux.intelRdt: not supported"),
    "option": ("edit 'c[\"mounts\"][1][\"options\"][0] = \"rro\"'", "mounts[1].options[0]: not supported"),
    "root-outside": ("edit 'c[\"root\"][\"path\"] = \"../..\"'", "root.path: out of the bundle"),
    "group-outside": ("edit 'linux[\"cgroupsPath\"] = \"/a/../b\"'", "linux.cgroupsPath: out of the tree of groups"),
    "sysctl": ("edit 'linux[\"sysctl\"] = {\"vm.swappiness\": \"1\"}'",
               "linux.sysctl.vm.swappiness: not of a namespace that the container has for itself"),
    "architecture": ("edit 'linux[\"seccomp\"] = dict(defaultAction=\"SCMP_ACT_ALLOW\", architectures=[\"SCMP_ARCH_X86\"])'",
                     "linux.seccomp: not for SCMP_ARCH_X86_64"),
}


def refused():
    """All of them in one boot's bundle."""
    edits = "\n".join("%s; crun create c </dev/null; ctr state c" % change for change, _ in REFUSED.values())
    out = "\n".join("ctr: config.json: %s\nctr: nothing named c (try `ctr ps -a`)" % said for _, said in REFUSED.values())
    head, tail = crun.BUNDLE.split("\nmkdir rootfs", 1)
    return Case("refused", head + CRUN + "mkdir rootfs" + tail + edits + "\n[ -d /sys/fs/cgroup/c ] || echo gone", out=out + "\ngone")


CASES = [with_ctr(case) for case in crun.CASES if case.name not in LACKS] + [
    refused(),
    crun.rung("states", crun.FIVE, """
        crun create --pid-file p c </dev/null; ctr state c | sed "s/$(cat p)/PID/; s,$PWD,DIR,"; ctr create --bundle . c
        ctr start c; ctr start c; ctr kill c KILL; while ctr state c | grep -q '"running"'; do sleep 0.05; done
        ctr state c | grep status; ctr kill c; ctr delete c; ctr state c""", "exec sleep 1000", status=2,
              out='{\n  "ociVersion": "1.1.0",\n  "id": "c",\n  "status": "created",\n  "pid": PID,\n  "bundle": "DIR",\n'
                  '  "annotations": {}\n}\nctr: the name c is in use\nctr: c is running, not created\n'
                  '  "status": "stopped",\nctr: c is stopped\nctr: nothing named c (try `ctr ps -a`)'),
]
CASES[-1].run = with_ctr(CASES[-1]).run
for case in CASES:
    if case.name in SAN:
        case.on = ON + ("debiansan",)
