# SPDX-License-Identifier: MIT
"""Writes OCI layouts for the tests: small ones, and wrong ones. Standard library only.

  layout.py FOLDER    the layout of the test image: two layers, whiteouts, links, devices, a configuration
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "lib"))
import images  # noqa: E402

MANIFEST, INDEX = ("application/vnd.oci.image.%s.v1+json" % k for k in ("manifest", "index"))
LAYER = "application/vnd.oci.image.layer.v1.tar"


def member(name, data=b"", kind=tarfile.REGTYPE, mode=0o644, uid=0, gid=0, mtime=0, link="", dev=(0, 0), xattrs=None):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname = kind, mode, uid, gid, mtime, link
    info.devmajor, info.devminor = dev
    info.size = len(data)
    if xattrs:
        info.pax_headers = {"SCHILY.xattr." + k: v for k, v in xattrs.items()}
    return info, data


def folder(name, mode=0o755, **kw):
    return member(name, kind=tarfile.DIRTYPE, mode=mode, **kw)


def symlink(name, target):
    return member(name, kind=tarfile.SYMTYPE, mode=0o777, link=target)


def hard(name, target):
    return member(name, kind=tarfile.LNKTYPE, link=target)


def archive(members, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layout:
    def __init__(self, path):
        self.path, self.manifests = path, []
        os.makedirs(os.path.join(path, "blobs/sha256"), exist_ok=True)
        with open(os.path.join(path, "oci-layout"), "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, kind):
        digits = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.path, "blobs/sha256", digits), "wb") as f:
            f.write(data)
        return {"mediaType": kind, "digest": "sha256:" + digits, "size": len(data)}

    def json(self, value, kind):
        return self.blob(json.dumps(value).encode(), kind)

    def image(self, layers, config=None, ref=None, platform=("linux", "amd64"), packed=True, said=False, more=None):
        """layers: tar archives. packed: by gzip. said: the descriptor names the platform too. more: of the configuration."""
        system = {"os": platform[0], "architecture": platform[1]}
        blobs = [self.blob(gzip.compress(t, mtime=0), LAYER + "+gzip") if packed else self.blob(t, LAYER)
                 for t in layers]
        whole = dict(system, **more or {}, config=config or {}, rootfs={
            "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(t).hexdigest() for t in layers]})
        made = self.json({"schemaVersion": 2, "layers": blobs, "config": self.json(
            whole, "application/vnd.oci.image.config.v1+json")}, MANIFEST)
        if said:
            made["platform"] = system
        if ref:
            made["annotations"] = {"org.opencontainers.image.ref.name": ref}
        return made

    def write(self, *manifests):
        with open(os.path.join(self.path, "index.json"), "w") as f:
            json.dump({"schemaVersion": 2, "manifests": manifests}, f)
        return self.path


def test_layers():
    """Two layers that have to do with each other in every way that the specification knows."""
    with open(images.find_busybox(os.path.join(TOP, "build/cache")), "rb") as f:
        busybox = f.read()
    lower = [folder("usr/"), folder("usr/bin/"), symlink("bin", "usr/bin"), folder("etc/"), folder("tmp/", 0o1777),
             member("bin/busybox", busybox, mode=0o755), folder("data/", 0o750, uid=33, gid=34),
             member("etc/passwd", b"root:x:0:0::/root:/bin/sh\nweb:x:33:34::/data:/bin/sh\n"),
             member("etc/group", b"root:x:0:\nweb:x:34:\nextra:x:99:web\n"),
             member("data/kept", b"lower\n", uid=1000, gid=100000, mode=0o4755, mtime=1700000000),
             member("data/hidden", b"no\n"), folder("opaque/"), member("opaque/old", b"no\n"),
             folder("gone/"), member("gone/x", b"no\n"), member("changed", b"before\n"), folder("nodes/"),
             member("nodes/one", kind=tarfile.CHRTYPE, dev=(1, 3), mode=0o666), member("pipe", kind=tarfile.FIFOTYPE)]
    lower += [hard("bin/" + name, "usr/bin/busybox") for name in ("sh", "ls", "cat", "id", "stat", "env", "find", "wc")]
    upper = [member("opaque/new", b"new\n"), member("opaque/.wh..wh..opq"), member("data/.wh.hidden"),
             member(".wh.gone"), member("changed", b"after\n"), hard("again", "changed"),
             member("tagged", b"x\n", xattrs={"user.tag": "value"}), folder("n" * 120), symlink("outside", "../../etc/passwd"),
             member("n" * 120 + "/" + "m" * 200, b"long name\n"), member("lib/made", b"parent is made\n"),
             member("dev/null", b"a file of the image's\n"), member("dev/sda", kind=tarfile.BLKTYPE, dev=(8, 0), mode=0o666)]
    return [archive(lower, tarfile.GNU_FORMAT), archive(upper)]


def test_config():
    return {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo entry $GREETING; id; pwd; echo $HOME"], "User": "web",
            "Env": ["GREETING=hello", "PATH=/usr/bin"], "WorkingDir": "/data/made",
            "ExposedPorts": {"80/tcp": {}}, "Labels": {"purpose": "test"}}


def main():
    layout = Layout(sys.argv[1])
    arm = layout.image([archive([])], platform=("linux", "arm64"), said=True)
    inner = layout.json({"schemaVersion": 2, "manifests": [
        arm, layout.image(test_layers(), test_config(), said=True)]}, INDEX)
    layout.write(inner)


if __name__ == "__main__":
    main()
