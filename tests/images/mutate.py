#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Damaged container images for tools/lib/oci.py: each is made into an image or Refused in one sentence.

  mutate.py --folder DIR [--seed N] [--rounds N | --seconds N]

Damage is done where it is met: in a layer's tar, in a JSON value, or in an archive's bytes; digests are
made anew so that it is not they that stop it. Everything that is written has to lie in DIR.
"""
import argparse
import io
import json
import os
import random
import re
import shutil
import sys
import time

import layout
from layout import archive, folder, hard, member, symlink

import erofs
import oci
from tree import Refused

ODD = [b"\0", b"\xff", b"\x80", b"/", b"..", b"7", b"0", b"9", b" ", b"\n", b".wh.", b"x", b"L", b"2", b"5", b"\x80\0\0"]
VALUES = [None, 0, -1, 2**70, True, "", "x", "../../x", "sha256:" + "0" * 64, "\0", "\ud800", "a\nb", [], {}, [[]], {"": None},
          ["a"], "linux", 1.5]


def small_layers():
    first = [folder("a/"), member("a/file", b"some data\n" * 60, mode=0o4755, uid=5), symlink("link", "a"), hard("again", "a/file"),
             member("a/" + "n" * 120, b"x", xattrs={"user.tag": "v"}), folder("b/"), member("b/c", b"y", mtime=1.5)]
    second = [member("a/.wh.file"), member("b/.wh..wh..opq"), member("b/d", b"z"), member("link/through", b"t")]
    return [archive(first), archive(second, layout.tarfile.GNU_FORMAT)]


def damage_bytes(rnd, data):
    data = bytearray(data)
    for _ in range(rnd.randint(1, 6)):
        if rnd.random() < 0.05:
            del data[rnd.randrange(len(data)):]
        at = rnd.randrange(len(data) + 1)
        new = rnd.choice(ODD) if rnd.random() < 0.7 else bytes([rnd.randrange(256)])
        data[at:at + len(new)] = new
    return bytes(data)


def repair_sums(data):
    """Header checksums anew, for most blocks: else nothing behind them would be met."""
    data = bytearray(data)
    for at in range(0, len(data) - 511, 512):
        block = data[at:at + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            data[at + 148:at + 156] = b"%06o\0 " % sum(block)
    return bytes(data)


def damage_value(rnd, value):
    """One place of a JSON value gets another value, vanishes or comes twice."""
    if isinstance(value, dict) and value and rnd.random() < 0.85:
        key = rnd.choice(sorted(value))
        value = dict(value)
        if rnd.random() < 0.1:
            del value[key]
        else:
            value[key] = damage_value(rnd, value[key])
        return value
    if isinstance(value, list) and value and rnd.random() < 0.85:
        value, at = list(value), rnd.randrange(len(value))
        value[at:at + 1] = [damage_value(rnd, value[at])] * rnd.choice((1, 1, 1, 2))
        return value
    return rnd.choice(VALUES)


class Damaged(layout.Layout):
    """A layout whose JSON is damaged on the way into it, by chance."""

    rnd = None

    def json(self, value, kind):
        if self.rnd and self.rnd.random() < 0.3:
            value = damage_value(self.rnd, value)
        return super().json(value, kind)


def make(rnd, path):
    """One damaged image; its path, a folder or an archive."""
    made, layers = Damaged(path), small_layers()
    way = rnd.randrange(4)
    if way == 0:
        made.rnd = rnd
    if way == 1:
        layers = [repair_sums(damage_bytes(rnd, l)) if rnd.random() < 0.7 else l for l in layers]
    config = damage_value(rnd, layout.test_config()) if rnd.random() < 0.2 else layout.test_config()
    index = {"manifests": [made.image(layers, config, packed=rnd.random() < 0.3)]}
    if way == 2:
        index = damage_value(rnd, index)
    with open(path + "/index.json", "w") as f:
        json.dump(index, f)
    if way < 3:
        return path
    members = []
    for name in ["index.json"] + ["blobs/sha256/" + n for n in sorted(os.listdir(path + "/blobs/sha256"))]:
        with open(os.path.join(path, name), "rb") as f:
            members.append(member(name, f.read()))
    with open(path + ".tar", "wb") as f:
        f.write(repair_sums(damage_bytes(rnd, archive(members))))
    return path + ".tar"


def one(seed, top, said):
    """None when all is well, else what went wrong. said: counts what was Refused, by its words."""
    rnd = random.Random(seed)
    path = make(rnd, os.path.join(top, "image"))
    try:
        tree, settings = oci.read(path, None, os.path.join(top, "cache"))
        erofs.Writer(tree).write(io.BytesIO())
        "".join("%s=%s" % pair for pair in settings).encode()
    except Refused as e:
        words = re.sub(r"'.*?'|\d+|sha256\S*", "_", str(e))
        said[words] = said.get(words, 0) + 1
        if "\n" in str(e) or not str(e):
            return "not one sentence: %r" % str(e)
    written = sorted(os.path.relpath(os.path.join(d, f), top) for d, _, files in os.walk(top) for f in files)
    strange = [f for f in written if not f.startswith(("image/", "image.tar", "cache/layers/"))]
    return "written: %s" % strange if strange else None


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--folder", required=True)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--rounds", type=int)
    ap.add_argument("--seconds", type=float, default=30)
    ap.add_argument("-v", "--verbose", action="store_true", help="the sentences, and how often each came")
    args = ap.parse_args()
    begin, seed, made, said = time.monotonic(), args.seed, 0, {}
    args.folder = os.path.abspath(args.folder)
    os.makedirs(args.folder, exist_ok=True)
    beside = os.listdir(os.path.dirname(args.folder))
    while made < args.rounds if args.rounds else time.monotonic() - begin < args.seconds:
        shutil.rmtree(args.folder, ignore_errors=True)
        os.makedirs(args.folder)
        try:
            wrong = one(seed, args.folder, said)
        except Exception as e:
            wrong = "%s: %s, at line %d of %s" % (type(e).__name__, e, *place(e))
        if wrong:
            sys.exit("seed %d: %s" % (seed, wrong))
        seed, made = seed + 1, made + 1
    if set(os.listdir(os.path.dirname(args.folder))) - set(beside):
        sys.exit("something was written beside %s" % args.folder)
    print("%d damaged images, %d refused with %d different sentences" % (made, sum(said.values()), len(said)))
    if args.verbose:
        print("\n".join("%6d  %s" % (n, words) for words, n in sorted(said.items(), key=lambda s: -s[1])))


def place(e):
    tb = e.__traceback__
    while tb.tb_next:
        tb = tb.tb_next
    return tb.tb_lineno, os.path.basename(tb.tb_frame.f_code.co_filename)


main()
