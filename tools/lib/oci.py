# SPDX-License-Identifier: MIT
"""Reads container images: OCI layouts (image-spec 1.0: image-layout.md, manifest.md, layer.md), as folders
and as tar archives (oci-archive), and what `docker save` writes (docker-archive).

All of it comes from strangers. A digest is verified before what it names is used; names from an archive
are names in a Tree; what is not as the specification says is Refused.
"""
import hashlib
import json
import os
import re
import stat
import zlib

import tar
from tree import Node, Refused, Slice, Tree, parts_of, show

JSON_MAX = 4 << 20
LAYERS_MAX, MANIFESTS_MAX, INDEX_DEPTH_MAX, ENTRIES_MAX = 256, 1000, 4, 2000000
LAYER_MAX = 16 << 30  # bytes of one layer, decompressed
REF_NAME = "org.opencontainers.image.ref.name"
PLATFORM = ("linux", "amd64")
WHITEOUT, OPAQUE = b".wh.", b".wh..wh..opq"


# ---- where blobs are ----

class Folder:
    def __init__(self, path):
        self.path = path

    def get(self, name):
        path = os.path.join(self.path, name)
        return Slice(path, 0, os.path.getsize(path)) if os.path.isfile(path) else None


class Archive:
    def __init__(self, path):
        self.files = {}
        with open(path, "rb") as f:
            for e in tar.entries(f, 0, os.path.getsize(path)):
                name = b"/".join(parts_of(e.name)).decode("utf-8", "replace")
                # older docker: a layer that came before is a link to it
                at = os.path.normpath(os.path.join(os.path.dirname(name), os.fsdecode(e.link)))
                self.files[name] = at if stat.S_ISLNK(e.mode) else Slice(path, e.offset, e.size)

    def get(self, name):
        found = self.files.get(name)
        return self.files.get(found) if isinstance(found, str) else found


def digest_of(text):
    """(algorithm, hex digits) of a digest as in a descriptor."""
    for name, digits in (("sha256", 64), ("sha512", 128)):
        if isinstance(text, str) and re.fullmatch("%s:[0-9a-f]{%d}" % (name, digits), text):
            return name, text.partition(":")[2]
    raise Refused("it names something by %r, which is no digest" % (str(text)[:80],))


def verify(data, digest, what):
    algorithm, digits = digest_of(digest)
    hashing = hashlib.new(algorithm)
    for chunk in data.chunks():
        hashing.update(chunk)
    if hashing.hexdigest() != digits:
        raise Refused("%s is damaged: its content is not what its digest %.19s... says" % (what, digest))


def blob(store, descriptor, what):
    """The verified content that a descriptor names, as a Slice."""
    digest = descriptor.get("digest")
    data = store.get("blobs/%s/%s" % digest_of(digest))
    if not data:
        raise Refused("%s is missing: %s" % (what, digest))
    size = descriptor.get("size")
    if size is not None and size != len(data):
        raise Refused("%s is damaged: %d bytes instead of %s" % (what, len(data), size))
    verify(data, digest, what)
    return data


def parse(data, what):
    """A JSON object (or list, of docker) from a Slice."""
    if len(data) > JSON_MAX:
        raise Refused("%s is longer than %d bytes" % (what, JSON_MAX))
    try:
        value = json.loads(data.read())
    except (ValueError, RecursionError):
        raise Refused("%s is no JSON" % what) from None
    if not isinstance(value, (dict, list)):
        raise Refused("%s is no JSON object" % what)
    return value


def field(value, name, kind, what):
    """value[name], which has to be of the kind; an empty one when it is missing or null."""
    got = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(got, (kind, type(None))):
        raise Refused("%s is not as the specification says: %s" % (what, name))
    return kind() if got is None else got


# ---- which image ----

def flatten(store, index, depth=0):
    """The manifests' descriptors of an index and of those inside it, as (top-level descriptor, own)."""
    if depth > INDEX_DEPTH_MAX:
        raise Refused("its indexes are nested more than %d deep" % INDEX_DEPTH_MAX)
    for top in field(index, "manifests", list, "index.json"):
        kind = field(top, "mediaType", str, "a descriptor")
        if kind.endswith(("image.index.v1+json", "manifest.list.v2+json")):
            inner = parse(blob(store, top, "an index"), "an index")
            for _, own in flatten(store, inner, depth + 1):
                yield top, own
        else:
            yield top, top


def platform_of(store, descriptor):
    """(os, architecture): as the descriptor says, or the configuration."""
    said = field(descriptor, "platform", dict, "a descriptor")
    if not said:
        manifest = parse(blob(store, descriptor, "a manifest"), "a manifest")
        config = field(manifest, "config", dict, "a manifest")
        said = parse(blob(store, config, "the configuration"), "the configuration")
    return field(said, "os", str, "a platform"), field(said, "architecture", str, "a platform")


def ref_name(descriptor):
    return field(field(descriptor, "annotations", dict, "a descriptor"), REF_NAME, str, "a descriptor")


def choose(store, ref, foreign):
    """The manifest's descriptor of the image `ref` (None: the only one) for this machine."""
    found = []
    for pair in flatten(store, parse(store.get("index.json"), "index.json")):
        found.append(pair)
        if len(found) > MANIFESTS_MAX:
            raise Refused("it holds more than %d images" % MANIFESTS_MAX)
    names = ", ".join(sorted({ref_name(top) for top, _ in found} - {""}))
    if ref:
        found = [(top, own) for top, own in found if ref_name(top) == ref]
    if not found:
        raise Refused("it holds no image %s%s" % (ref or "at all", "; it holds " + names if names else ""))
    others, fitting = set(), []
    for top, own in found:
        platform = platform_of(store, own)
        if platform == PLATFORM or foreign:
            fitting.append(own)
        else:
            others.add("/".join(platform))
    if not fitting:
        others = sorted(others - {"unknown/unknown"}) or ["another machine"]
        raise Refused("needs %s, and this is for %s" % (" or ".join(others), "/".join(PLATFORM)))
    if len({str(d.get("digest")) for d in fitting}) > 1 and not ref:
        raise Refused("holds several images: say which, by PATH:REF of " + names)
    return fitting[0]


# ---- layers ----

def decompress(data, out, what):
    """gzip, maybe of several members, from the Slice `data` to the open file `out`."""
    engine, n = zlib.decompressobj(31), 0
    try:
        for chunk in data.chunks():
            while chunk:
                if engine.eof:
                    engine = zlib.decompressobj(31)
                n += out.write(engine.decompress(chunk, 1 << 24))
                chunk = engine.unused_data if engine.eof else engine.unconsumed_tail
                if n > LAYER_MAX:
                    raise Refused("%s is larger than %d GiB" % (what, LAYER_MAX >> 30))
    except zlib.error as e:
        raise Refused("%s is damaged: %s" % (what, e)) from None
    if not engine.eof:
        raise Refused("%s is cut off" % what)


def plain(data, key, cache, what):
    """The layer as a plain tar archive: itself, or decompressed in the cache under the name `key`."""
    magic = b"".join(Slice(data.path, data.offset, min(4, len(data))).chunks())
    if magic == b"\x28\xb5\x2f\xfd":
        raise Refused("%s is compressed by zstd, which is not read: `skopeo copy --dest-compress-format gzip "
                      "--dest-force-compress-format` makes one of gzip" % what)
    if magic[:2] != b"\x1f\x8b":
        return data
    path = os.path.join(cache, "layers", key + ".tar")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        tmp = "%s.%d.tmp" % (path, os.getpid())
        try:
            with open(tmp, "wb") as out:
                decompress(data, out, what)
            os.replace(tmp, path)
        finally:
            if os.path.exists(tmp):
                os.unlink(tmp)
    return Slice(path, 0, os.path.getsize(path))


def apply_whiteouts(tree, names):
    """Removes what a layer hides of those below it (layer.md, "Whiteouts"), in whatever order it says so.
    Other names that begin with .wh..wh. are aufs's own notes."""
    for name in names:
        folder, _, last = name.rpartition(b"/")
        if last == OPAQUE:
            node = tree.folder(folder)
            if node:
                node.children.clear()
        elif not last.startswith(b".wh..wh."):
            hidden = last[len(WHITEOUT):]
            if hidden in (b"", b".", b".."):
                raise Refused("%s hides nothing" % show(name))
            tree.remove(folder + b"/" + hidden)


def apply_layer(tree, data):
    """Lays the tar archive over the tree."""
    listed, hidden = [], []
    with open(data.path, "rb") as f:
        for e in tar.entries(f, data.offset, data.offset + len(data)):
            e.name = b"/".join(parts_of(e.name))
            (hidden if e.name.rpartition(b"/")[2].startswith(WHITEOUT) else listed).append(e)
            if len(listed) > ENTRIES_MAX:
                raise Refused("it holds more than %d files" % ENTRIES_MAX)
    apply_whiteouts(tree, [e.name for e in hidden])
    for e in listed:
        if not e.mode & ~0o7777:
            tree.hard_link(e.name, e.link)
            continue
        content = e.link if stat.S_ISLNK(e.mode) else Slice(data.path, e.offset, e.size)
        if stat.S_ISLNK(e.mode) and not 0 < len(e.link) < 4096:
            raise Refused("%s is a symbolic link to nothing, or too far" % show(e.name))
        tree.put(e.name, Node(e.mode, content if stat.S_ISREG(e.mode) or stat.S_ISLNK(e.mode) else b"", e.uid,
                              e.gid, e.mtime, e.xattrs, e.rdev))


# ---- images ----

def settings(config):
    """What the configuration says about running it: [(key, text)], checked."""
    said = field(config, "config", dict, "the configuration")
    words = []
    for key in ("Entrypoint", "Cmd", "Env"):
        words += [(key, text) for text in field(said, key, list, "the configuration")]
    for key in ("WorkingDir", "User", "StopSignal"):
        words += [(key, text) for text in [field(said, key, str, "the configuration")] if text]
    words += [("ExposedPorts", port) for port in sorted(field(said, "ExposedPorts", dict, "the configuration"))]
    words += [("Labels", "%s=%s" % pair)
              for pair in sorted(field(said, "Labels", dict, "the configuration").items())]
    words += [("Needs", feature) for feature in field(config, "os.features", list, "the configuration")]
    platform = "%s/%s" % (field(config, "os", str, "the configuration"), field(config, "architecture", str, "the configuration"))
    if platform != "/".join(PLATFORM):
        words.append(("Platform", platform))
    for key, text in words:
        if not isinstance(text, str) or "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
            raise Refused("the configuration is not as the specification says: %s" % key)
    return words


def oci_parts(store, ref, foreign):
    """(configuration, [(layer's Slice, its name in the cache)])"""
    manifest = parse(blob(store, choose(store, ref, foreign), "the manifest"), "the manifest")
    config = parse(blob(store, field(manifest, "config", dict, "the manifest"), "the configuration"),
                   "the configuration")
    layers = []
    for number, descriptor in enumerate(field(manifest, "layers", list, "the manifest"), 1):
        kind = field(descriptor, "mediaType", str, "a layer")
        if ".tar" not in kind:
            raise Refused("layer %d is no file tree but %s" % (number, kind[:80]))
        data = blob(store, descriptor, "layer %d" % number)
        layers.append((data, descriptor["digest"].replace(":", "-")))
    return config, layers


def docker_parts(store, ref):
    images = parse(store.get("manifest.json"), "manifest.json")
    if not isinstance(images, list):
        raise Refused("manifest.json is no list")
    # docker.io/library/alpine:3 may be asked for as alpine:3
    found = [i for i in images if not ref or any(
        ("/" + str(tag)).endswith("/" + ref) for tag in field(i, "RepoTags", list, "manifest.json"))]
    if len(found) != 1:
        raise Refused("it holds %d images%s" % (len(found), " " + ref if ref else "; say which: PATH:REF"))
    data = store.get(field(found[0], "Config", str, "manifest.json"))
    if not data:
        raise Refused("the configuration is missing")
    config, layers = parse(data, "the configuration"), []
    for number, name in enumerate(field(found[0], "Layers", list, "manifest.json"), 1):
        layer = store.get(name) if isinstance(name, str) else None
        if not layer:
            raise Refused("layer %d is missing" % number)
        layers.append((layer, None))
    return config, layers


def check(config, layers, foreign):
    """The machine that the configuration is for, and one diff_id for each layer."""
    platform = field(config, "os", str, "the configuration"), field(config, "architecture", str,
                                                                    "the configuration")
    if platform != PLATFORM and not foreign:
        raise Refused("needs %s, and this is for %s" % ("/".join(platform), "/".join(PLATFORM)))
    ids = field(field(config, "rootfs", dict, "the configuration"), "diff_ids", list, "the configuration")
    if len(ids) != len(layers) or len(ids) > LAYERS_MAX:
        raise Refused("the configuration speaks of %d layers, and there are %d" % (len(ids), len(layers)))
    return ids


def read(path, ref, cache, progress=None, foreign=False):
    """(Tree, settings) of the image in the folder or archive `path`; foreign: whatever machine it is for."""
    store = Folder(path) if os.path.isdir(path) else Archive(path)
    if store.get("index.json"):
        config, layers = oci_parts(store, ref, foreign)
    elif store.get("manifest.json"):
        config, layers = docker_parts(store, ref)
    else:
        raise Refused("is no image: it has neither index.json (OCI) nor manifest.json (docker save)")
    ids, tree = check(config, layers, foreign), Tree()
    for number, ((data, key), diff_id) in enumerate(zip(layers, ids), 1):
        what = "layer %d" % number
        if progress:
            progress.at((number - 1) / len(layers), what)
        archive = plain(data, key or "diff-" + "-".join(digest_of(diff_id)), cache, what)
        try:
            verify(archive, diff_id, what)
        except Refused:
            if archive is not data:
                os.unlink(archive.path)
            raise
        apply_layer(tree, archive)
    return tree, settings(config)
