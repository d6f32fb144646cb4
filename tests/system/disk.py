# SPDX-License-Identifier: MIT
"""Disks (virtio-blk): what is read and written arrives, with little memory, too; images on them;
devices that fail, and one that does not answer."""
import contextlib
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "lib"))
MIB = 1 << 20


@contextlib.contextmanager
def folder(run):
    with tempfile.TemporaryDirectory(dir=run.build, prefix="disk-") as path:
        yield path


def disk(where, name, size, seed=1):
    """A sparse file with a random block here and there: its path."""
    path = os.path.join(where, name)
    rng = random.Random(seed)
    with open(path, "wb") as f:
        f.truncate(size)
        for at in range(0, size - 4096, MIB // 2):
            f.seek(at + rng.randrange(0, 64) * 4096)
            f.write(rng.randbytes(1000))
    return path


def digest(path):
    with open(path, "rb") as f:
        return hashlib.md5(f.read()).hexdigest()


def mapread(run, where):
    path = os.path.join(where, "mapread")
    subprocess.run(["musl-gcc", "-static", "-O1", "-o", path,
                    os.path.join(TOP, "tests/system/mapread.c")], check=True)
    return "%s:/bin/mapread" % path


def guest(run, script, disks=(), mem="64M", san=False, options=()):
    """The output of a script in a guest with these disks; what went wrong is part of it."""
    command = ["tools/run", "--strict", "-m", mem, "-t", str(int(60 * run.scale * (4 if san else 1)))]
    for spec in disks:
        command += ["--disk", spec]
    env = {"DYAD_BUILD": run.build_for("san", {"san": True})} if san else {}
    done = run.sh(command + list(options) + ["--", script], timeout=400, env=env)
    return done.stdout + done.stderr + ("status %d\n" % done.returncode if done.returncode else "")


def wrong(expected, got):
    """None when got has, line by line, what the regular expressions say."""
    if re.fullmatch("\n".join(expected) + "\n?", got):
        return None
    return "\n".join(expected), got


def files(san=False):
    def test(run):
        """The device files: sizes, errors, what is written is on the disk."""
        with folder(run) as where:
            a, b = disk(where, "a", 8 * MIB + 512), disk(where, "b", 4 * MIB, 2)
            got = guest(run, r"""
                ls -l /dev/vd? | awk '{ print $1, $5, $6, $NF }'; cat /proc/partitions | awk 'NR > 2'
                md5sum < /dev/vda; for o in size64 sz ss bsz ro; do blockdev --get$o /dev/vda; done
                blockdev --getro /dev/vdb; blockdev --flushbufs /dev/vda; cat /sys/block/vdb/ro
                cat /sys/dev/block/254:16/size /sys/block/vda/dev /sys/block/vda/serial; echo
                dd if=/dev/zero of=/dev/vdb count=1 2>&1 | grep -o 'O.*'
                dd if=/bin/busybox of=/dev/vda bs=3000 seek=100 conv=notrunc 2> /dev/null; cmp -n 500000 /bin/busybox /dev/vda 0 300000
                dd if=/dev/zero of=/dev/vda bs=1M seek=8 2>&1 | grep -o 'No space.*'
                tail -c 512 /dev/vda | md5sum; dd if=/dev/vda bs=1M skip=9 2> /dev/null | wc -c
                mknod b b 254 0; cmp b /dev/vda && echo same; mknod c b 254 32; cat c 2>&1; awk '{ print ($5 > 0) }' /sys/block/vda/stat
                """, [a, b + ":ro"], san=san)
            zeros = hashlib.md5(bytes(512)).hexdigest()
            # the device before: computed from a copy, since the guest wrote to it
            before = digest(disk(where, "a2", 8 * MIB + 512))
            return wrong([
                "brw-rw---- 254, 0 /dev/vda", "brw-rw---- 254, 16 /dev/vdb",
                " 254 +0 +8192 vda", " 254 +16 +4096 vdb", before + "  -", "8389120", "16385", "512",
                "512", "0", "1", "1", "8192", "254:0", "disk0", "Operation not permitted",
                "No space left on device", zeros + "  -", "0", "same",
                "cat: can't open 'c': No such device or address", "1"], got)
    return test


def little_memory(san=False):
    def test(run):
        """A disk is larger than all memory, and than a group's: read, mapped, copied, no process dies."""
        with folder(run) as where:
            a, b = disk(where, "a", 200 * MIB), disk(where, "b", 48 * MIB)
            small = disk(where, "small", 48 * MIB, 3)
            with open(small, "rb") as f:
                total = sum(f.read()[::64])
            got = guest(run, r"""
                md5sum < /dev/vda; mapread /dev/vdb; mapread /dev/vdb 2
                dd if=/dev/vdb of=/dev/vdc bs=64k 2> /dev/null; cmp /dev/vdb /dev/vdc && echo copied
                cd /sys/fs/cgroup; echo +memory > cgroup.subtree_control; mkdir a; echo 8M > a/memory.max
                sh -c 'echo 0 > a/cgroup.procs; md5sum < /dev/vdb; mapread /dev/vdb'
                grep oom_kill a/memory.events; awk '{ print ($1 <= 8388608) }' a/memory.current
                dmesg | grep -c Killed
                """, [a, small, b], mem="32M" if not san else "64M", san=san,
                options=["-f", mapread(run, where)])
            return wrong([digest(a) + "  -", str(total), str(2 * total), "copied", digest(small) + "  -",
                          str(total), "oom_kill 0", "1", "0", "status 1"], got)
    return test


HOST = {
    "files": files(), "files-san": files(san=True),
    "little-memory": little_memory(), "little-memory-san": little_memory(san=True),
}
