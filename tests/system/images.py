# SPDX-License-Identifier: MIT
"""Images: each kind as a container, some as virtual machines; container images as other tools write
them; wrong ones, which cost one sentence."""
import os
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests", "images"), os.path.join(TOP, "tools", "lib")]
import layout  # noqa: E402
from harness import Case  # noqa: E402
from layout import archive, folder, hard, member, symlink  # noqa: E402

ON = ("images",)
ENTRY = "entry hello\nuid=33(web) gid=34(web) groups=99(extra)\n/data/made\n/data"

CASES = [
    Case("debian", "ctr run debian -- python3 -c 'print(sum(range(10**6)))'", out="499999500000", seconds=30),
    Case("toybox", "ctr run toybox -- sh -c 'seq 5 | tac | xargs echo; readlink /bin/seq'", out="5 4 3 2 1\ntoybox"),
    Case("klibc", "ctr run klibc -- sh -c 'echo a; cat /etc/hostname; uname -m'", out="a\ndyad\nx86_64"),
    Case("musl", "ctr run musl -- ctr --help | head -n 1; ctr run musl; echo $?; ctr run musl -- vm images; echo $?",
         match=("^Usage: ctr", "/bin/sh: command not found in the container\n127", "/images: No such file")),
    Case("entrypoint", "ctr run oci", out=ENTRY),
    Case("command-instead", "ctr run oci -- sh -c 'echo $GREETING; id -u; pwd'", out="hello\n33\n/data/made"),
    Case("options-win", "ctr run -u 0:34 -w /etc -e GREETING=x oci -- sh -c 'echo $GREETING; id; pwd; echo $HOME'",
         out="x\nuid=0(root) gid=34(web)\n/etc\n/root"),
    Case("environment-once", "ctr run -e A=1 -e A=2 -e PATH=/bin oci -- env | sort",
         out="A=1\nGREETING=hello\nHOME=/data\nPATH=/bin\nTERM=vt100"),
    Case("user-or-group-alone", "for u in :extra web: : 5:; do ctr run -u $u oci -- id; done; vm run -u :extra oci -- id",
         out="uid=0(root) gid=99(extra)\nuid=33(web) gid=34(web) groups=99(extra)\nuid=0(root) gid=0(root)\nuid=5 gid=0(root)\nuid=0(root) gid=99(extra)"),
    Case("no-such-user", "ctr run -u nobody oci -- true", status=125, match="--user nobody: not in /etc/passwd"),
    Case("exec-as-image-says", "ctr run -n web oci -- sh -c 'exec sleep 100' & sleep 0.5; ctr exec web -- "
         "sh -c 'id -u; pwd; echo $GREETING'; ctr exec -u root web -- id -u; ctr kill web; wait",
         match="33\n/data/made\nhello\n0", seconds=20),
    Case("layers", "ctr run -u 0 oci -- sh -c 'cd /; cat opaque/* again changed lib/made n*/m*; ls data gone; "
         "stat -c \"%A %u %g %s %Y\" data/kept; stat -c \"%F %h\" pipe again; stat -c %a tmp'",
         out="new\nafter\nafter\nparent is made\nlong name\nls: gone: No such file or directory\ndata:\nkept  made\n"
         "-rwsr-xr-x 1000 100000 6 1700000000\nfifo 1\nregular file 2\n1777"),
    Case("device-and-attribute", "ctr run -u 0 oci -- stat -c '%F %t:%T %a' /nodes/one; "
         "/tests/guest/imagewalk -v /images/oci.erofs | grep tagged",
         out="character special file 1:3 666\n./tagged user.tag=value"),
    Case("dev-hidden", "for o in '' --read-only; do ctr run -u 0 -w / $o oci -- sh -c 'ls dev/sda; stat -c %F dev/null; ls dev | wc -l'; done",
         out="ls: dev/sda: No such file or directory\ncharacter special file\n14\n" * 2),
    # of one file there is one instance, while it is as it was
    Case("mounted-twice", "cp /images/oci.erofs i; /tests/guest/imagewalk -t i", out="one, then another\nanother afterwards"),
    # damaged ones, mounted and read to the last byte: an errno, and at most one line of the log each
    Case("damaged", "/tests/guest/imagewalk -n 300 -s 1 /images/oci.erofs", match=r"^300 images, [1-9]\d+ mounted, "
         r"[1-9]\d+ with errors", seconds=90, on=("imagesan",)),
    Case("vm-entrypoint", "vm run oci", out=ENTRY, seconds=20),
    Case("vm-command-instead", "vm run oci -- sh -c 'echo $GREETING; id -u; exit 5'", out="hello\n33", status=5, seconds=20),
    Case("vm-debian", "vm run --mem 128M debian -- python3 -c 'print(sum(range(10**6)))'", out="499999500000", seconds=40),
    Case("vm-klibc", "vm run klibc -- sh -c 'echo from a vm'", out="from a vm", seconds=20),
]


# ---- on this machine: tools/mkimage ----

def scratch(run, name):
    path = os.path.join(run.build, "tests/images", name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def mkimage(run, what, out, timeout=300, add=()):
    return run.sh(["tools/mkimage", what, out, "--cache", "build/cache"] + ["--add=" + spec for spec in add], timeout=timeout)


def same_twice(run):
    """Each kind, made twice: by other processes, from another folder, at another time."""
    top = scratch(run, "twice")
    trees = [layout.Layout(os.path.join(top, n)) for n in ("one", "two")]
    for tree in trees:
        tree.write(tree.image(layout.test_layers(), layout.test_config()))
    programs = {"one": ["init", "ctr"], "two": ["ctr", "init"]}  # of musl's: in another order, copies of today
    for name in programs["two"]:
        shutil.copyfile(os.path.join(run.build, "user", name), os.path.join(top, name))
    for what in ("busybox", "klibc", "musl", "toybox", "debian", "tests/abi", os.path.join(top, "%s")):
        made = []
        for n in ("one", "two"):
            made.append("%s/%s.erofs" % (top, n))
            done = mkimage(run, what.replace("%s", n), made[-1], add=["%s/%s:bin/%s" % (
                top if n == "two" else os.path.join(run.build, "user"), p, p) for p in programs[n] if what == "musl"])
            if done.returncode:
                return what, done.stderr
        done = run.sh(["cmp"] + made)
        if done.returncode:
            return what + ": the same bytes twice", done.stdout + done.stderr
        done = run.sh(["fsck.erofs", made[0]])
        if done.returncode:
            return what + ": an image that fsck.erofs finds whole", done.stdout + done.stderr
    return None


# by umoci and skopeo, as people do: a base, a second layer with removals, an inserted opaque folder
UMOCI = """
umoci init --layout l && umoci new --image l:base && umoci unpack --rootless --image l:base b
mkdir -p b/rootfs/bin b/rootfs/etc b/rootfs/data/deep b/rootfs/gone; cp {busybox} b/rootfs/bin/busybox
ln b/rootfs/bin/busybox b/rootfs/bin/sh; ln -s busybox b/rootfs/bin/cat; echo x >b/rootfs/gone/x
echo lower >b/rootfs/data/lower; echo old >b/rootfs/data/deep/old; echo y >b/rootfs/etc/removed
umoci repack --refresh-bundle --image l:base b
rm -r b/rootfs/gone b/rootfs/etc/removed b/rootfs/data/deep; mkdir b/rootfs/data/deep; echo new >b/rootfs/data/deep/new
chmod 4750 b/rootfs/data/lower
umoci repack --refresh-bundle --image l:two b
mkdir in; echo inserted >in/file; umoci insert --rootless --opaque --image l:two in /data/deep
umoci config --image l:two --config.entrypoint /bin/sh --config.cmd -c --config.env A=b --config.workingdir /data
skopeo copy -q oci:l:two oci-archive:archive.tar
skopeo copy -q oci:l:two docker-archive:docker.tar:two:latest
skopeo copy -q --dest-decompress oci:l:two dir:plain
skopeo copy -q dir:plain oci:decompressed:two
"""
UMOCI_TREE = """.
./bin
./bin/busybox
./bin/cat
./bin/sh
./data
./data/deep
./data/deep/file
./data/lower
./etc
"""


def other_tools(run):
    if not shutil.which("umoci") or not shutil.which("skopeo"):
        return None
    import images
    top = scratch(run, "umoci")
    done = run.sh("set -e; cd %s; %s" % (top, UMOCI.format(busybox=images.find_busybox("build/cache"))))
    if done.returncode:
        return "an image of umoci's", done.stderr
    first = None
    for source in ("l:two", "archive.tar", "docker.tar", "docker.tar:two:latest", "decompressed"):
        out = os.path.join(top, "out.erofs")
        done = mkimage(run, os.path.join(top, source), out)
        if done.returncode:
            return source, done.stderr
        with open(out, "rb") as f:
            data = f.read()
        if data != (first or data):
            return "the same image of %s" % source, "another one"
        first = data
    done = run.sh("rm -rf x && fsck.erofs --extract=x out.erofs && cd x && find . | sort && cat data/deep/file "
                  "&& ls -l data/lower | cut -c1-10".replace("x ", top + "/x ").replace("out.", top + "/out."))
    want = UMOCI_TREE + "inserted\n-rwxr-x---\n"
    return None if done.stdout.endswith(want) else (want, done.stdout + done.stderr)


# ---- wrong images: one sentence each, and nothing is made ----

def wrong_layer(*members):
    return lambda l: l.write(l.image([archive([folder("etc/")]), archive(members)]))


def flipped(l):
    l.write(l.image([archive([member("f", b"data")])], packed=False))
    path = max((os.path.join(l.path, "blobs/sha256", n) for n in os.listdir(l.path + "/blobs/sha256")), key=os.path.getsize)
    with open(path, "r+b") as f:
        f.seek(600)
        f.write(b"?")


def missing(l):
    l.write(l.image([archive([member("f", b"data")])]))
    shutil.rmtree(l.path + "/blobs")


def zstd(l):
    made = l.image([b"\x28\xb5\x2f\xfd" + bytes(60)], packed=False)
    l.write(made)


def two_images(l):
    l.write(l.image([archive([])], ref="one"), l.image([archive([member("f")])], ref="two"))


def text_index(text):
    def write(l):
        with open(l.path + "/index.json", "w") as f:
            f.write(text)
    return write


def nested(l):
    made = l.image([archive([])])
    for _ in range(6):
        made = l.json({"schemaVersion": 2, "manifests": [made]}, layout.INDEX)
    l.write(made)


WRONG = {  # name: (how it is made, what mkimage says, reference)
    "arm": (lambda l: l.write(l.image([archive([])], platform=("linux", "arm64"))), "/arm needs linux/arm64, and this is for linux/amd64"),
    "arm-said": (lambda l: l.write(l.image([archive([])], platform=("windows", "amd64"), said=True)), "needs windows/amd64"),
    "traversal": (wrong_layer(member("../x", b"")), "'../x' leaves the image"),
    "traversal-inside": (wrong_layer(member("etc/../../x", b"")), "leaves the image"),
    "traversal-link": (wrong_layer(hard("x", "../../etc/passwd")), "leaves the image"),
    "traversal-whiteout": (wrong_layer(member("etc/.wh...")), "'etc/.wh...' hides nothing"),
    "hard-link-to-nothing": (wrong_layer(hard("x", "y")), "'x' is a hard link to 'y', which is no file"),
    "hard-link-to-folder": (wrong_layer(hard("x", "etc")), "which is no file"),
    "link-circle": (wrong_layer(symlink("a", "b"), symlink("b", "a"), member("a/x")), "too many symbolic links"),
    "file-as-folder": (wrong_layer(member("a"), member("a/x")), "'a' is no folder"),
    "long-name": (wrong_layer(member("x" * 300)), "longer than 255 bytes"),
    "attribute": (wrong_layer(member("a", xattrs={"what.ever": "x"})), "that no image can hold: 'what.ever'"),
    "digest": (flipped, "layer 1 is damaged: its content is not what its digest"),
    "no-blob": (missing, "is missing: sha256:"),
    "zstd": (zstd, "layer 1 is compressed by zstd, which is not read: `skopeo copy"),
    "several": (two_images, "holds several images: say which, by PATH:REF of one, two"),
    "no-such-reference": (two_images, "it holds no image three; it holds one, two", ":three"),
    "no-json": (text_index("{"), "index.json is no JSON"),
    "json-depth": (text_index("[" * 100000), "index.json is no JSON"),
    "json-kind": (text_index('{"manifests": 7}'), "is not as the specification says: manifests"),
    "json-descriptor": (text_index('{"manifests": [[]]}'), "is not as the specification says: mediaType"),
    "digest-form": (text_index('{"manifests": [{"digest": "sha256:../../../etc/passwd"}]}'), "which is no digest"),
    "nested-indexes": (nested, "nested more than 4 deep"),
    "cut-off": (lambda l: l.write(l.image([archive([member("f", b"x" * 5000)])[:3000]])), "it is cut off within 'f'"),
    "no-checksum": (lambda l: l.write(l.image([b"x" * 1024])), "tar headers are damaged"),
    "environment": (lambda l: l.write(l.image([], {"Env": ["A=1", 5]})), "the configuration is not as the specification says: Env"),
}


def refused(run):
    top = scratch(run, "wrong")
    for name, (make, words, *ref) in WRONG.items():
        path = os.path.join(top, name)
        make(layout.Layout(path))
        done = mkimage(run, path + "".join(ref), top + "/out.erofs")
        said = done.stderr
        if done.returncode != 1 or words not in said or said.count("\n") != 1 or not said.startswith("mkimage: "):
            return "%s: status 1 and: mkimage: ... %s" % (name, words), "status %d\n%s" % (done.returncode, said)
        if os.path.exists(top + "/out.erofs"):
            return name + ": no image", "one"
    for what, words in (("nosuch", "there is no such file"), ("README.md", "is damaged"), (top, None)):
        done = mkimage(run, what, top + "/out.erofs")
        if words and (done.returncode != 1 or "mkimage: " + what not in done.stderr or done.stderr.count("\n") != 1):
            return what + " refused", done.stderr
    return None


# ---- fuzzed: always the same seeds and the same number of runs; `make fuzz-images SECONDS=N` for longer ----

def fuzzed(name, runs):
    def test(run):
        probe = "echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer,address -x c - -o %s"
        if run.sh(probe % (scratch(run, "found-" + name) + "/probe")).returncode:
            return None  # no clang, or one without libFuzzer
        build = run.args.build + "/tests/images/fuzz"
        done = run.sh(["make", "-s", "BUILD=" + run.args.build, build + "/" + name, build + "/seeds"], timeout=300)
        if done.returncode:
            return "a fuzzer that builds", done.stderr
        found = scratch(run, "found-" + name)
        done = run.sh([build + "/" + name, "-runs=%d" % runs, "-seed=1", "-max_len=65536", "-timeout=30", "-verbosity=0",
                       "-artifact_prefix=%s/" % found, found, "%s/seeds/%s" % (build, name)], timeout=300)
        return None if done.returncode == 0 else ("nothing found", done.stderr[-4000:])
    return test


def mutated(run):
    done = run.sh(["tests/images/mutate.py", "--rounds", "600", "--folder", scratch(run, "mutated") + "/here"], timeout=300)
    return None if done.returncode == 0 else ("nothing found", done.stdout + done.stderr)


def foreign(run):
    """What `ctr run` says of an image for another machine, or another kernel; nothing is started."""
    top = scratch(run, "foreign")
    system = {"plain": {}, "features": {"os.features": ["tmpfs", "nosuchfs"]}, "had": {"os.features": ["tmpfs", "mnt", "null"]}}
    for name, more in system.items():
        made = layout.Layout(os.path.join(top, name))
        if name == "plain":
            made.write(made.image([archive([])], platform=("linux", "arm64")))
        else:
            made.write(made.image([archive([])], more=more))
        done = run.sh(["tools/mkimage", "--foreign", made.path, "%s/%s.erofs" % (top, name), "--cache", "build/cache"])
        if done.returncode:
            return "an image", done.stderr
    machine = "this is linux/amd64 (linux ABI)\n"
    for name, said in (("plain", "ctr: image plain needs linux/arm64, " + machine),
                       ("features", "ctr: image features needs linux/amd64 with nosuchfs, " + machine), ("had", "--in-vm")):
        done = run.sh([run.build + "/user/ctr", "run", *(["--in-vm"] if name == "had" else []), name], env={"DYAD_IMAGES": top})
        if (done.returncode, done.stdout) != (125, "") or said not in done.stderr:
            return "status 125 and: " + said, "status %d\n%s" % (done.returncode, done.stderr)
    return None


HOST = {"foreign": foreign, "fuzz-bpf": fuzzed("bpf", 300000), "fuzz-config": fuzzed("config", 60000), "fuzz-cpio": fuzzed("cpio", 300000),
        "fuzz-decode": fuzzed("decode", 500000), "fuzz-erofs": fuzzed("erofs", 10000),
        "fuzz-json": fuzzed("json", 200000), "fuzz-virtio": fuzzed("virtio", 10000), "fuzz-pc": fuzzed("pc", 15000),
        "fuzz-p9": fuzzed("p9", 4000), "fuzz-p9client": fuzzed("p9client", 40000),
        "fuzz-partition": fuzzed("partition", 8000),
        "mutated": mutated, "same-twice": same_twice, "other-tools": other_tools, "refused": refused}
