# SPDX-License-Identifier: MIT
"""Disks (virtio-blk): what is read and written arrives, with little memory, too; images on them;
devices that fail, and one that does not answer."""
import contextlib
import hashlib
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tools", "lib"), os.path.join(TOP, "tests", "images")]
import tables  # noqa: E402

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


def drive(path, *words, **options):
    """Words for tools/run: a disk with more options than --disk takes."""
    text = "if=none,id=odd,format=raw,file=%s" % path + "".join(
        ",%s=%s" % (name.replace("_", "-"), value) for name, value in options.items())
    return ["--qemu=-drive", "--qemu=" + text, "--qemu=-device",
            "--qemu=virtio-blk-pci,drive=odd", *words]


def image(run, where, name, files):
    """An EROFS image of files (name -> bytes)."""
    tree = os.path.join(where, name)
    os.mkdir(tree)
    for file, data in files.items():
        with open(os.path.join(tree, file), "wb") as f:
            f.write(data)
    path = tree + ".erofs"
    done = run.sh(["tools/mkimage", tree, path])
    assert not done.returncode, done.stderr
    return path


def grow(path, target, size, new_size):
    """A sparse copy of an image in which the one file of that size has another, all zeros: its data is
    behind all others'. Superblock and inode: Linux, Documentation/filesystems/erofs.rst."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    compat, = struct.unpack_from("<I", data, 1024 + 8)
    blocks, = struct.unpack_from("<I", data, 1024 + 36)
    struct.pack_into("<I", data, 1024 + 8, compat & ~1)  # no checksum
    struct.pack_into("<I", data, 1024 + 36, blocks + new_size // 4096)
    at, = [i for i in range(0, len(data) - 32, 32)
           if struct.unpack_from("<I", data, i + 8)[0] == size and data[i] < 16 and data[i + 1] == 0]
    struct.pack_into("<I", data, at + 8, new_size)
    struct.pack_into("<I", data, at + 16, blocks)
    with open(target, "wb") as f:
        f.write(data)
        f.truncate((blocks << 12) + new_size)


def images(san=False):
    def test(run):
        """An image costs what of it is touched, however large it is; files are the device's pages."""
        with folder(run) as where:
            odd = random.Random(4).randbytes(0x123000)
            small = image(run, where, "small", {"big": odd, "hello": b"hello\n"})
            large = os.path.join(where, "large")
            grow(small, large, len(odd), 1 << 30)
            bad = os.path.join(where, "bad")
            with open(small, "rb") as f, open(bad, "wb") as out:
                data = f.read()
                out.write(data[:1100] + b"?" + data[1101:])
            got = guest(run, r"""
                mem() { awk -v n=$1 '$1 == n ":" { print $2 }' /proc/meminfo; }
                reads() { awk '{ print $1 }' /sys/block/$1/stat; }
                mkdir -p /a /b; mount -t erofs /dev/vda /a; free=$(mem MemFree); mount -t erofs /dev/vdb /b
                [ $(reads vda) = $(reads vdb) ] && echo as many requests: $(($(reads vdb) < 8))
                awk '$2 == "/b" { print $1, $3 }' /proc/mounts; cat /a/hello /b/hello; ls -l /b/big | awk '{ print $5 }'
                dd if=/b/big bs=1M count=2 skip=500 2> /dev/null | md5sum; echo touched: $((free - $(mem MemFree) < 4500))
                n=$(reads vda); md5sum < /a/big; [ $(reads vda) -gt $n ] && echo read
                n=$(reads vda); b=$(mem Buffers); md5sum < /a/big; mapread /a/big; echo again: $(($(reads vda) - n)) $(($(mem Buffers) - b))
                tail -c 1000 /b/big | md5sum; umount /a; umount /b
                mount -t erofs /dev/vdc /a 2>&1; dmesg | grep -c 'erofs: /dev/vdc'; mount -t erofs -o rw /dev/vda /a; touch /a/x 2>&1
                mount -t erofs /dev/null /b 2>&1
                """, [small + ":ro", large + ":ro", bad], mem="64M", san=san,
                options=["-f", mapread(run, where)])
            md5 = hashlib.md5(odd).hexdigest() + "  -"
            return wrong([
                "as many requests: 1", "/dev/vdb erofs", "hello", "hello", str(1 << 30),
                hashlib.md5(bytes(2 * MIB)).hexdigest() + "  -", "touched: 1", md5, "read", md5,
                str(sum(odd[::64])), "again: 0 0", hashlib.md5(bytes(1000)).hexdigest() + "  -",
                "mount: mounting /dev/vdc on /a failed: Structure needs cleaning", "1",
                "touch: /a/x: Read-only file system",
                "mount: mounting /dev/null on /b failed: Block device required", "status 255"], got)
    return test


def bad_sector(run):
    """One sector cannot be read: EIO there and nowhere else, SIGBUS for who maps it."""
    with folder(run) as where:
        data = random.Random(6).randbytes(MIB)
        path = image(run, where, "image", {"file": data})
        with open(path, "rb") as f:
            sector = (f.read().index(data[300 << 10:301 << 10])) // 512
        rules = os.path.join(where, "rules")
        with open(rules, "w") as f:
            f.write('[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "%d"\n' % sector)
        got = guest(run, r"""
            mkdir /a; mount -t erofs /dev/vda /a; cat /a/file 2>&1 > /tmp/got; wc -c < /tmp/got
            head -c 307200 /a/file | md5sum; dd if=/a/file bs=4k skip=76 2> /dev/null | md5sum; mapread /a/file; echo $?
            dd if=/dev/vda of=/dev/null bs=512 skip=%d count=1 2>&1 | grep -o 'Input/output error'; head -c 4096 /dev/vda | wc -c
            """ % sector, options=drive("blkdebug:%s:%s" % (rules, path)) + ["-f", mapread(run, where)])
        return wrong(["cat: read error: Input/output error", "307200",
                      hashlib.md5(data[:307200]).hexdigest() + "  -",
                      hashlib.md5(data[76 * 4096:]).hexdigest() + "  -", "SIGBUS", "3", "Input/output error", "4096"], got)


def no_answer(san=False):
    def test(run):
        """A disk that takes minutes for what it is asked: it is given up, and everything goes on."""
        with folder(run) as where:
            path = disk(where, "a", 64 * MIB)
            got = guest(run, r"""
                dd if=/dev/vda of=/dev/null bs=1M count=20 2>&1 | grep -o 'Input/output error'
                awk '{ print ($1 < 30) }' /proc/uptime; cat /dev/vda 2>&1 > /dev/null
                dd if=/dev/zero of=/dev/vda bs=4k count=1 seek=9000 2>&1 | grep -o 'Input/output error'
                dmesg | grep 'vda: a request' | sed 's/.*vda/vda/'; sync; mount -t erofs /dev/vda /mnt 2>&1; echo alive
                """, san=san, options=drive(path, "--append", "virtio_blk.timeout=2", **{
                    "throttling.bps-total": 20000}))
            return wrong(["Input/output error", "1", "cat: read error: Input/output error", "Input/output error",
                          "vda: a request was not answered in time; the device is not used any more",
                          "mount: mounting /dev/vda on /mnt failed: Invalid argument", "alive"], got)
    return test


def partitions(san=False):
    def test(run):
        """MBR and GPT disks, damaged and hostile ones: what devices there are, as Linux has them (but for the ring, which
        it goes round 250 times), what is read and written there. The one with sanitizers may not use a backup."""
        with folder(run) as where:
            with open(image(run, where, "image", {"hello": b"hello\n"}), "rb") as f:
                erofs = f.read()
            paths = []

            def write(make, size=MIB):
                data = bytearray(size)
                make(data)
                paths.append(os.path.join(where, "disk%d" % len(paths)))
                with open(paths[-1], "wb") as f:
                    f.write(data)

            def with_image(data):
                n = len(erofs) // 512
                tables.gpt(data, [(100, 100 + n - 1), None, (1000, 1999)])
                data[100 * 512:100 * 512 + len(erofs)] = erofs

            def damaged(data):
                tables.gpt(data, [(40, 49)])
                data[1024] ^= 1  # an entry of the first: its sum is wrong

            def both(data):
                damaged(data)
                data[-512 + 20] ^= 1
            for make in (tables.logical, with_image, damaged, both, tables.ring):
                write(make)
            got = guest(run, r"""
                awk 'NR > 2 { print $1, $2, $3, $4 }' /proc/partitions; dmesg | sed -n 's/.*\(vd.: partitions\)/\1/p'
                ls -l /dev/vdb3 | awk '{ print $1, $5, $6 }'; cat /sys/dev/block/254:17/start
                cd /sys/block/vdb/vdb3 && cat partition start size ro dev; readlink /sys/dev/block/254:19
                mkdir /a; mount -t erofs /dev/vdb1 /a && cat /a/hello; awk '$2 == "/a" { print $1 }' /proc/mounts
                blockdev --getsize64 /dev/vdb3; yes abc | dd of=/dev/vdb3 bs=1000 2>&1 | grep -o 'No space.*'; head -c 4 /dev/vdb3
                cd /sys/block/vdb; awk '{ print ($5 > 0) }' stat vdb3/stat; dd if=/dev/vda5 bs=512 2> /dev/null | wc -c
                cd /sys/fs/cgroup; echo +io > cgroup.subtree_control; mkdir g; echo 254:19 rbps=1000 2>&1 > g/io.max
                sh -c 'echo 0 > g/cgroup.procs; cat /dev/vda3 > /dev/null'; cut -d ' ' -f 1 g/io.stat
                """, paths, san=san, options=() if san else ("--append", "gpt"))
            listed = ["254 %d %s %s" % row for row in (
                (0, 1024, "vda"), (1, 4, "vda1"), (2, 1, "vda2"), (3, 8, "vda3"), (5, 3, "vda5"), (6, 4, "vda6"),
                (7, 4, "vda7"), (16, 1024, "vdb"), (17, len(erofs) // 1024, "vdb1"), (19, 500, "vdb3"), (32, 1024, "vdc"),
                (33, 5, "vdc1"), (48, 1024, "vdd"), (64, 1024, "vde"), (65, 1, "vde1"), (69, 2, "vde5"), (70, 3, "vde6")) if not san or row[0] != 33]
            complaints = ["vda: partitions: one ends behind the disk's end",
                          "vdc: partitions: the GPT is damaged" + ("" if san else ", its backup is used"),
                          "vdd: partitions: " + ("the GPT is damaged" if san else "both GPTs are damaged"), "vde: partitions: the extended ones are a ring"]
            return wrong(listed + complaints + [
                "brw-rw---- 254, 19", "100", "3", "1000", "1000", "0", "254:19", "../../block/vdb/vdb3", "hello", "/dev/vdb1",
                "512000", "No space left on device", "abc", "1", "1", "3584", "sh: write error: No such device", "254:0"], got)
    return test


def interrupt_line(san=False):
    def test(run):
        """Disks without MSI-X, several at one pin, and a card that has too little of it: all work by lines."""
        with folder(run) as where:
            paths = [disk(where, "a%d" % n, 4 * MIB, n) for n in range(5)]
            words = ["--qemu=-netdev", "--qemu=user,id=n", "--qemu=-device", "--qemu=virtio-net-pci,netdev=n,romfile=,vectors=1"]
            for n, path in enumerate(paths):
                words += ["--qemu=-drive", "--qemu=if=none,id=o%d,format=raw,file=%s" % (n, path),
                          "--qemu=-device", "--qemu=virtio-blk-pci,drive=o%d,vectors=0" % n]
            expected = ["%s  /dev/vd%s" % (digest(path), "abcde"[n]) for n, path in enumerate(paths)]
            got = guest(run, r"""
                ping -c 1 -W 9 10.0.2.2 | grep -c ' 0% packet loss'; dmesg | grep -c 'virtio.*: no MSI-X, interrupt line 1[01]'
                for d in a b c d e; do md5sum /dev/vd$d > /tmp/$d & done; wait; cat /tmp/?
                dd if=/dev/vda of=/dev/vde bs=64k 2> /dev/null; sync; dmesg | grep -c 'not answered'
                """, san=san, options=words)
            if digest(paths[0]) != digest(paths[4]):
                return "a copy on the disk", got
            return wrong(["1", "6"] + expected + ["0", "status 1"], got)
    return test


def groups(san=False):
    def test(run):
        """The io controller: who read and wrote how much, and limits that hold, but not who is killed."""
        with folder(run) as where:
            text = bytes(range(256)) * 4096
            a, b = disk(where, "a", 8 * MIB), disk(where, "b", 16 * MIB, 2)
            got = guest(run, r"""
                exec 2> /dev/null; cd /sys/fs/cgroup; echo +io > cgroup.subtree_control; mkdir -p a/b a/c d; echo +io > a/cgroup.subtree_control
                in_() { sh -c 'echo 0 > $0/cgroup.procs; exec "$@"' "$@"; }
                get() { tr ' ' '\n' < $1/io.stat | grep $2= | cut -d= -f2; }
                in_ a/b dd if=/dev/vda of=/dev/null bs=64k count=64; in_ a/c dd if=/dev/vda of=/dev/null bs=64k skip=64
                cat a/io.stat | sed 's/rios=[0-9]*/N/'; for x in rbytes rios; do echo $(($(get a/b $x) + $(get a/c $x) - $(get a $x))); done
                in_ a/c dd if=/dev/zero of=/dev/vda bs=64k count=16 conv=notrunc,fsync; get a/b wbytes; get a/c wbytes; get . wbytes
                awk '$3 == "vda" { print $6 * 512, $10 * 512 }' /proc/diskstats
                mount -t erofs /dev/vdc /mnt; in_ d cat /mnt/file > /dev/null; x=$(get d rbytes); echo $((x > 900000 && x < 1200000))
                t() { awk '{ print int($1 * 100) }' /proc/uptime; }
                echo 254:16 rbps=2097152 > a/io.max; x=$(t); in_ a/b dd if=/dev/vdb of=/dev/null bs=4M count=1; x=$(($(t) - x)); [ $x -ge 180 ] && echo held || echo $x
                echo 254:48 rbps=2097152 > d/io.max; x=$(t); in_ d mapread /dev/vdd; x=$(($(t) - x)); [ $x -ge 180 ] && echo held || echo $x
                echo 254:16 rbps=max wbps=1048576 > a/io.max; x=$(t); in_ a/c dd if=/dev/zero of=/dev/vdb bs=64k count=32 seek=64 conv=notrunc,fsync; x=$(($(t) - x)); [ $x -ge 180 ] && echo held || echo $x
                n() { get a/b rios | tail -1; }
                slow() {
                    echo 254:16 rbps=2 > a/b/io.max; x=$(n); sh -c "echo 0 > a/b/cgroup.procs; exec dd if=/dev/vdb of=/dev/null bs=64k count=16 skip=$1" &
                    p=$!; until [ $(n) -gt $x ]; do sleep 0.1; done
                }
                slow 128; kill -9 $p; wait $p; echo $?
                slow 160; echo 254:16 rbps=max > a/b/io.max; wait $p; echo $?
                slow 192; echo $p > cgroup.procs; wait $p; echo $?
                rmdir a/b a/c a d; head -1 cgroup.stat
                """, [a, b, image(run, where, "image", {"file": text}), disk(where, "d", 4 * MIB, 3)], mem="128M", san=san,
                options=["-f", mapread(run, where)])
            return wrong(["254:0 rbytes=8388608 wbytes=0 N wios=0 dbytes=0 dios=0", "0", "0", "1048576", "0", "1048576",
                          "8388608 1048576", "1", "held", "\\d+", "held", "held", "137", "0", "0",
                          "nr_descendants 0"], got)
    return test


def protected(san=False):
    def test(run):
        """memory.min and memory.low: what is read again comes from the cache, but from the disk without them."""
        with folder(run) as where:
            disks = [disk(where, "d%d" % n, (64 if n == 3 else 8) * MIB, n) for n in range(4)]
            got = guest(run, r"""
                exec 2> /dev/null; cd /sys/fs/cgroup; echo +io +memory > cgroup.subtree_control; mkdir p; echo +io +memory > p/cgroup.subtree_control
                mkdir p/min p/low p/none p/big; echo 24M > p/memory.max; echo 12M > p/min/memory.min; echo 12M > p/low/memory.low
                in_() { sh -c 'echo 0 > p/$0/cgroup.procs; exec cat /dev/$1' $1 $2 > /dev/null; tr ' ' '\n' < p/$1/io.stat | grep rbytes; }
                in_ min vda; in_ low vdb; in_ none vdc; in_ big vdd; echo again
                in_ min vda; in_ low vdb; [ $(in_ none vdc | cut -d= -f2) -gt 8388608 ] && echo from disk; grep '^low' p/low/memory.events
                echo 64M > p/memory.reclaim || echo no more; in_ min vda; [ $(in_ low vdb | cut -d= -f2) -gt 8388608 ] && echo from disk
                grep '^low' p/low/memory.events p/min/memory.events | sed 's/low [1-9].*/low N/'; grep '^max [1-9]' p/memory.events | sed 's/[1-9].*/N/'
                rmdir p/min p/low p/none p/big p; head -1 cgroup.stat
                """, disks, mem="128M", san=san)
            same = "rbytes=8388608"
            return wrong([same, same, same, "rbytes=67108864", "again", same, same, "from disk", "low 0", "no more", same, "from disk",
                          "p/low/memory.events:low N", "p/min/memory.events:low 0", "max N", "nr_descendants 0"], got)
    return test


HOST = {
    "protected": protected(), "protected-san": protected(san=True),
    "groups": groups(), "groups-san": groups(san=True),
    "files": files(), "files-san": files(san=True),
    "little-memory": little_memory(), "little-memory-san": little_memory(san=True),
    "interrupt-line": interrupt_line(), "interrupt-line-san": interrupt_line(san=True),
    "partitions": partitions(), "partitions-san": partitions(san=True),
    "images": images(), "images-san": images(san=True), "bad-sector": bad_sector,
    "no-answer": no_answer(), "no-answer-san": no_answer(san=True),
}
