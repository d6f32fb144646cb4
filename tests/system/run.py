# SPDX-License-Identifier: MIT
"""tools/run itself: output, status, files, and the ways in which a machine fails."""
import json
import os
import tempfile


def expect(run, command, status=0, out=None, err=None, timeout=120, **kw):
    """Runs a line of sh here; None, or what is wrong."""
    done = run.sh(command, timeout=timeout, **kw)
    got = "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)
    if out is not None and done.stdout != out:
        return "stdout %r" % out, got
    if done.returncode != status:
        return "status %d" % status, got
    if err is not None and err not in done.stderr:
        return "stderr with %r" % err, got
    return None


def case(*args, **kw):
    return lambda run: expect(run, *args, **kw)


Q = "tools/run -e qemu "


def keeps_modes(run):
    with tempfile.TemporaryDirectory() as d:
        os.makedirs(d + "/tree/sub")
        for name, mode in (("tree/x", 0o751), ("tree/sub/y", 0o640), ("one", 0o4755)):
            with open(os.path.join(d, name), "w") as f:
                f.write("data of " + name)
            os.chmod(os.path.join(d, name), mode)
        os.symlink("sub/y", d + "/tree/link")
        return expect(run, Q + "-f %s/tree:/srv/tree -f %s/one:/tmp/one -f %s/one:/bin/one -- "
                      "'cd /srv/tree; stat -c %%a x sub/y /tmp/one /bin/one; readlink link; cat link'"
                      % (d, d, d), out="751\n640\n4755\n4755\nsub/y\ndata of tree/sub/y")


def large_file(run):
    with tempfile.NamedTemporaryFile() as f:
        data = os.urandom(5000001)
        f.write(data)
        f.flush()
        done = run.sh("sha256sum < %s" % f.name)
        return expect(run, Q + "-f %s:/root/large -- 'sha256sum < /root/large'" % f.name, out=done.stdout)


def dynamic_program(run):
    return expect(run, Q + "-f /usr/bin/env:/usr/bin/genv -- /usr/bin/genv -i A=1", out="A=1\n")


def compare_json(run):
    done = run.sh(Q + "-- compare -n 2 --json", timeout=180)
    try:
        json.loads(done.stdout)
    except ValueError as e:
        return "valid JSON on stdout", "%s\n%s%s" % (e, done.stdout, done.stderr)
    return None if done.returncode == 0 else ("status 0", done.stderr)


def no_tty(run):
    """make qemu without a terminal: the comparison, then the end."""
    done = run.sh(["make", "--no-print-directory", "qemu"], timeout=300)
    if done.returncode or "container" not in done.stdout:
        return "the comparison and status 0", "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)
    return None


HOST = {
    "true": case(Q + "-- true", out=""),
    "status": case(Q + "-- 'exit 7'", status=7, out=""),
    "status-128-up": case(Q + "-- 'exit 200'", status=200, out=""),
    "signal": case(Q + "-- 'kill -9 $$'", status=137),
    "words": case(Q + "-- printf '[%s]' 'a  b' '' '$x' '\"'", out="[a  b][][$x][\"]"),
    "line": case(Q + "-- 'echo a; echo b >&2'", out="a\nb\n"),
    "raw-output": case(Q + "-- \"printf 'a\\r\\n\\tb\\377'\" | od -An -tx1", out=" 61 0d 0a 09 62 ff\n"),
    "large-output": case("a=$(" + Q + "-- 'seq 20000' | md5sum); [ \"$a\" = \"$(seq 20000 | md5sum)\" ]"),
    "not-found": case(Q + "-- nosuchprogram 1", status=127),
    "timeout": case(Q + "-t 4 -- sleep 100", status=124, err="tools/run: TIMEOUT"),
    "emulator-missing": case("p=$(command -v python3); PATH=/nowhere $p tools/run -e bochs -- true",
                             status=127, err="tools/run: EMULATOR MISSING"),
    "no-such-file": case(Q + "-f /nosuch:/x -- true", status=2, err="/nosuch"),
    "bad-file": case(Q + "-f /etc/hostname -- true", status=2, err="/etc/hostname"),
    "no-such-image": case(Q + "-i nosuchimage -- true", status=2, err="nosuchimage"),
    "no-such-root": case(Q + "--root nosuchimage -- true", status=2, err="nosuchimage"),
    "bad-memory": case(Q + "-m lots -- true", status=2, err="lots"),
    "bad-engine": case("tools/run -e nosuch -- true", status=2, err="nosuch"),
    "bad-option": case("tools/run --nosuch -- true", status=2, err="nosuch"),
    "no-such-test": case("tests/run nosuchtest", status=2, err="no test has a name that matches nosuchtest"),
    "bad-pattern": case("tests/run '(abi'", status=2, err="(abi is not a regular expression"),
    "no-such-row": case("tests/bench/run --only nosuchrow", status=2, err="no row has a name that matches nosuchrow"),
    "modes": keeps_modes,
    "large-file": large_file,
    "dynamic-program": dynamic_program,
    "memory": case(Q + "-m 64M -- 'awk \"/MemTotal/ { print (\\$2 < 66000) }\" /proc/meminfo'", out="1\n"),
    "cpus": case(Q + "-c 3 -- nproc", out="3\n"),
    "root-none": case(Q + "--root none -f /bin/busybox:/bin/sh -- 'echo from the initramfs'",
                      out="from the initramfs\n"),
    # what is sent before the port is open is lost, as on any serial line: it waits for the prompt
    "shell": case("log=$(mktemp); { until grep -q '# ' $log; do sleep 0.1; done; "
                  "printf 'echo a$((20+3))b\\npoweroff\\n'; sleep 5; } | timeout -k 1 60 " + Q +
                  "> $log; s=$?; grep -q a23b $log && rm $log && exit $s", status=0),
    # a file is a command; a pipe's first words would be lost, which is said
    "stdin-file": case("f=$(mktemp); printf 'echo a\nhostname\nexit 7\n' > $f; " + Q + "< $f; s=$?; rm $f; exit $s", status=7, out="a\ndyad\n"),
    "stdin-pipe": case("echo poweroff | timeout 2 " + Q, status=124, err='as a command: tools/run -- "$(cat)"'),
    "image-twice": case("tools/run -v -e qemu --root debian -i debian -i debian -- true 2>&1 | grep -a 'cannot make'", status=1, out=""),
    "panic": case(Q + "-- 'echo c > /proc/sysrq-trigger; sleep 5'", status=125, err="tools/run: PANIC"),
    "issue-ctr": lambda run: expect(run, Q + "-- ctr run busybox -- sh -c 'hostname; ps; exit 7'", status=7),
    "issue-vm": lambda run: expect(run, Q + "-- vm run busybox -- sh -c 'uname -a; exit 9'", status=9),
    "issue-vm-bochs": lambda run: expect(run, "tools/run -e bochs -- vm run busybox -- sh -c 'uname -a; exit 9'",
                                         status=9, timeout=300),
    "compare-json": compare_json,
    "make-qemu": no_tty,
    "icount-repeats": lambda run: (lambda a, b: None if a == b and a else ("the same twice", a + b))(
        *[run.sh(Q + "-c 1 --icount -- 'cut -d\" \" -f1 /proc/uptime'").stdout for _ in range(2)]),
}
