# SPDX-License-Identifier: MIT
"""The images that have names: what is in each, as a Tree."""
import io
import os
import re
import shutil
import stat
import struct
import subprocess

import debian
import ldcache
import tar
from tree import Node, Refused, Tree, host_file

ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "hostname": "dyad\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "profile": "export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin\n"
               "export PS1='\\h:\\w\\$ '\nalias ll='ls -l'\n",
}

DEBIAN_PACKAGES = """
    base-files base-passwd bash bsdextrautils bsdutils bubblewrap coreutils crun dash debianutils diffutils
    findutils gdbserver grep gzip hostname iproute2 less libc-bin mawk mount ncurses-base ncurses-bin
    libpython3.11-stdlib perl-base procps python3-minimal runc sed strace sysvinit-utils tar usr-is-merged util-linux
    vim-tiny
""".split()
# what nobody reads in a guest; dpkg's own path-exclude leaves the same out of small installations
DEBIAN_LEFT_OUT = tuple(b"/usr/share/%s/" % name for name in (
    b"bash-completion", b"bug", b"doc", b"doc-base", b"info", b"lintian", b"locale", b"man", b"menu"))
# update-alternatives would make these after the installation
DEBIAN_ALTERNATIVES = {"awk": "mawk", "editor": "vim.tiny", "nawk": "mawk", "pager": "less",
                       "vi": "vim.tiny", "which": "which.debianutils"}




# ---- busybox ----

def static_elf(path):
    """True for a static x86-64 ELF program: machine 62 and no interpreter."""
    try:
        with open(path, "rb") as f:
            head = f.read(4096)
    except OSError:
        return False
    return head[:5] == b"\x7fELF\x02" and head[18:20] == b"\x3e\0" and b"/ld-linux" not in head


def find_busybox(cache):
    """Debian's own binary: the installed one, or the package's, fetched and unpacked."""
    for path in (os.environ.get("BUSYBOX"), "/bin/busybox", "/usr/bin/busybox",
                 os.path.join(cache, "busybox-static/bin/busybox"),
                 os.path.join(cache, "busybox-static/usr/bin/busybox")):
        if path and static_elf(path):
            return path
    if not shutil.which("apt-get"):
        raise Refused("no static busybox: install busybox-static, or set BUSYBOX=PATH (x86-64, static)")
    os.makedirs(cache, exist_ok=True)
    subprocess.run(["apt-get", "-q", "download", "busybox-static:amd64"], cwd=cache, check=True,
                   stdout=subprocess.DEVNULL)
    debs = sorted(f for f in os.listdir(cache) if re.match(r"busybox-static_.*\.deb$", f))
    unpacked = os.path.join(cache, "busybox-static")
    subprocess.run(["dpkg-deb", "-x", os.path.join(cache, debs[-1]), unpacked], check=True)
    for sub in ("bin/busybox", "usr/bin/busybox"):
        if static_elf(os.path.join(unpacked, sub)):
            return os.path.join(unpacked, sub)
    raise Refused("the package busybox-static holds no static busybox")


def applets(busybox):
    """The applet names, read from the table inside the program: no need to run it here."""
    with open(busybox, "rb") as f:
        data = f.read()
    start = data.find(b"\0[\0[[\0") + 1
    if not start:
        raise Refused(busybox + ": no table of applets inside")
    names = data[start:data.find(b"\0\0", start)].decode().split("\0")
    return [n for n in names if re.fullmatch(r"[a-zA-Z0-9_.\[-]+", n) and n != "busybox"]



def skeleton(name):
    """The folders and the small files of /etc that programs expect, without any program."""
    tree = Tree()
    for folder in ("bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "usr",
                   "usr/lib", "usr/local", "usr/local/bin", "usr/share", "var", "var/log", "var/tmp", "opt"):
        tree.mkdir(folder, {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}.get(folder, 0o755))
    for link, target in (("sbin", "bin"), ("usr/bin", "../bin"), ("usr/sbin", "../bin"), ("lib", "usr/lib"),
                         ("lib64", "usr/lib"), ("var/run", "../run"), ("etc/mtab", "/proc/mounts")):
        tree.symlink(link, target)
    for file, text in ETC.items():
        tree.file("etc/" + file, text)
    tree.file("etc/os-release", 'NAME="Dyad %s"\nID=%s\nPRETTY_NAME="Dyad, %s image"\n' % ((name,) * 3))
    return tree


def add(tree, specs):
    """Programs of this machine: HOST:GUEST."""
    for spec in specs:
        host, colon, guest = spec.rpartition(":")
        if not colon or not os.path.isfile(host):
            raise Refused("--add %s: not HOST:GUEST with a file HOST" % spec)
        tree.file(guest.strip("/"), host_file(host), 0o755)
    return tree


def busybox(cache, progress, added):
    tree, program = skeleton("busybox"), find_busybox(cache)
    tree.file("bin/busybox", host_file(program), 0o755)
    add(tree, added)
    for name in applets(program):
        tree.hard_link(b"bin/" + name.encode(), b"bin/busybox")
    return tree


def musl(cache, progress, added):
    """Static programs and nothing else: no loader, no library, no shell."""
    if not added:
        raise Refused("the musl image is made of programs: --add HOST:GUEST (`make images IMAGES=musl` has them)")
    return add(skeleton("musl"), added)


# ---- images of Debian's packages ----

def unpack(tree, archive):
    """Lays a .deb's files over the tree. (its control file's text, its files as dpkg lists them)"""
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, capture_output=True).stdout
    control = subprocess.run(["dpkg-deb", "-f", archive], check=True, capture_output=True, text=True).stdout
    names = []
    for e in tar.entries(io.BytesIO(data), 0, len(data)):
        name = e.name.removeprefix(b".").rstrip(b"/")
        names.append(name.decode() or "/.")
        if name.startswith(DEBIAN_LEFT_OUT):
            continue
        if not e.mode & ~0o7777:
            tree.hard_link(name, e.link.removeprefix(b"."))
            continue
        content = e.link if stat.S_ISLNK(e.mode) else data[e.offset:e.offset + e.size]
        tree.put(name, Node(e.mode, content, e.uid, e.gid, e.mtime, e.xattrs, e.rdev), keep_links=True)
    return control, names


def packages(what, tree, cache, progress):
    """Debian's packages `what` and all they depend on, unpacked over the tree; what dpkg would know of
    them: [(control file's text, names)]."""
    try:
        archives = debian.closure(what, os.path.join(cache, "debs"))
    except debian.Missing as e:
        raise Refused("it is made of Debian's packages: no %s" % e) from None
    known = []
    for number, archive in enumerate(archives):
        progress.at(number / len(archives), "unpacking " + os.path.basename(archive))
        known.append(unpack(tree, archive))
    return known


def debian_image(cache, progress, added):
    """Debian's packages, and what their installation scripts would have made."""
    tree = Tree()
    for name in ("bin", "sbin", "lib", "lib64"):
        tree.mkdir("usr/" + name)
        tree.symlink(name, "usr/" + name)
    known = packages(DEBIAN_PACKAGES, tree, cache, progress)
    for control, names in known:
        fields = dict(re.findall(r"^(\S+): (.*)", control, re.M))
        name = fields["Package"]
        if fields.get("Multi-Arch") == "same":
            name += ":" + fields["Architecture"]
        tree.file("var/lib/dpkg/info/%s.list" % name, "".join(n + "\n" for n in names))
    tree.file("var/lib/dpkg/status", "\n".join(
        control.replace("\n", "\nStatus: install ok installed\n", 1) for control, _ in known))
    debian_etc(tree)
    return add(tree, added)


def debian_etc(tree):
    """What base-passwd, base-files, update-alternatives and ldconfig write when they are installed."""
    for source, target in (
            ("usr/share/base-passwd/passwd.master", "etc/passwd"),
            ("usr/share/base-passwd/group.master", "etc/group"),
            ("usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"),
            ("usr/share/base-files/profile", "etc/profile"),
            ("usr/share/base-files/dot.bashrc", "root/.bashrc"),
            ("usr/share/base-files/dot.profile", "root/.profile")):
        tree.file(target, tree.find(source.encode()).data)
    for name in ("hosts", "hostname"):
        tree.file("etc/" + name, ETC[name])
    for name in ("media", "mnt", "opt", "srv"):
        tree.mkdir(name)
    tree.symlink("etc/mtab", "/proc/mounts")
    for name, target in DEBIAN_ALTERNATIVES.items():
        tree.symlink("usr/bin/" + name, target)
    tree.file("etc/ld.so.cache", ldcache.make(tree))


def toybox_commands(program):
    """The names in toybox's table of structures, the longest run of names whose pointers lie 32 bytes
    apart. In a PIE the pointers are what the relocations of type RELATIVE put in."""
    shoff, = struct.unpack_from("<Q", program, 40)
    shnum, = struct.unpack_from("<H", program, 60)
    pointers = {}
    for n in range(shnum):
        _, kind, _, _, offset, size = struct.unpack_from("<IIQQQQ", program, shoff + 64 * n)
        if kind == 4:  # SHT_RELA
            pointers.update((place, addend) for place, info, addend in struct.iter_unpack(
                "<QQQ", program[offset:offset + size]) if info == 8)  # R_X86_64_RELATIVE

    def name(place):
        text = program[pointers.get(place, 0):][:32].split(b"\0")[0]
        return text if re.fullmatch(rb"[a-z0-9_.\[-]+", text) else None

    best = []
    for start in sorted(pointers):
        if name(start) and not name(start - 32):
            run = []
            while name(start + 32 * len(run)):
                run.append(name(start + 32 * len(run)))
            best = max(best, run, key=len)
    return [n for n in best if n not in (b"toybox", b"-")]


def toybox(cache, progress, added):
    """Debian's toybox, a link for each command it has, and dash: toybox has no shell yet."""
    tree = skeleton("toybox")
    packages(["toybox", "dash"], tree, cache, progress)
    program = tree.find(b"bin/toybox").data
    for name in toybox_commands(program):
        if tree.find(b"bin/" + name) is None:
            tree.put(b"bin/" + name, Node(stat.S_IFLNK | 0o777, b"toybox"))
    tree.file("etc/ld.so.cache", ldcache.make(tree))
    return add(tree, added)


def klibc(cache, progress, added):
    """Debian's klibc-utils: a shell and small tools, all on one shared C library of 70 KiB."""
    tree = skeleton("klibc")
    packages(["klibc-utils"], tree, cache, progress)
    for name in sorted(tree.folder(b"usr/lib/klibc/bin").children):
        tree.symlink("bin/" + name.decode(), "/usr/lib/klibc/bin/" + name.decode())
    return add(tree, added)


NAMED = {"busybox": busybox, "debian": debian_image, "klibc": klibc, "musl": musl, "toybox": toybox}
