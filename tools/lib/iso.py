# SPDX-License-Identifier: MIT
"""One ISO for everything that boots: BIOS and UEFI, CD and USB stick, PCs and Bochs.

GRUB's core images carry just the modules that are needed. BIOS boots in text mode (Bochs's GRUB
crashes when it is asked for a frame buffer); UEFI gives the kernel a frame buffer.
"""
import os
import shutil
import subprocess
import tempfile

GRUB_DIRS = ("/usr/lib/grub", "/usr/share/grub", "/usr/local/lib/grub", "/opt/homebrew/lib/grub",
             "/opt/homebrew/lib/x86_64-elf/grub", "/usr/local/lib/x86_64-elf/grub")
MODULES = " iso9660 search_fs_file boot part_msdos"
BIOS_MODULES = MODULES + " biosdisk"
EFI_MODULES = MODULES + " part_gpt efi_gop"
MENU_MODULES = " normal configfile serial echo"
EPOCH = "1577836800"  # 2020-01-01: the same input gives the same bytes


class Missing(Exception):
    """A tool or a file of GRUB that is not installed."""


def tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    raise Missing(names[0])


def grub_dir(platform):
    for d in GRUB_DIRS:
        path = os.path.join(d, platform)
        if os.path.exists(os.path.join(path, "multiboot2.mod")):
            return path
    raise Missing("GRUB for " + platform)


def sh(argv, **kw):
    done = subprocess.run(argv, capture_output=True, text=True,
                          env=dict(os.environ, SOURCE_DATE_EPOCH=EPOCH), **kw)
    if done.returncode:
        raise RuntimeError("%s: %s" % (argv[0], (done.stderr or done.stdout).strip()))


def boot_lines(cmdline, loader=("multiboot2", "module2")):
    return "%s /boot/dyad.elf %s\n%s /boot/initramfs.cpio\n" % (loader[0], cmdline, loader[1])


def menu(entries):
    """A grub.cfg: the first of (title, cmdline) starts by itself."""
    text = "serial --unit=0 --speed=115200\nterminal_output console serial\n"
    text += "terminal_input console serial\nset timeout=2\nset default=0\n"
    for title, cmdline in entries:
        text += 'menuentry "%s" {\n%s}\n' % (title, boot_lines(cmdline))
    return text


def core(platform, out, config, modules):
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as f:
        f.write(config)
        f.flush()
        sh([tool("grub-mkimage", "grub2-mkimage", "x86_64-elf-grub-mkimage"), "-O", platform,
            "-d", grub_dir(platform.replace("-eltorito", "")), "-p", "/boot/grub",
            "-c", f.name, "-o", out] + modules.split())


def make(out, kernel, initrd, cmdline=None, entries=None, bios=True, efi=True, linux=False):
    """Writes the ISO `out`: either it boots `cmdline` at once, or it shows a menu of `entries`.
    linux: the kernel is Linux's, which GRUB starts by another protocol."""
    find = "search.file /boot/dyad.elf root\n"
    loader = ("linux", "initrd") if linux else ("multiboot2", "module2")
    if entries:
        config, extra = find + "configfile /boot/grub/grub.cfg\n", MENU_MODULES
    else:
        config, extra = find + boot_lines(cmdline, loader) + "boot\n", ""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(out))) as tree:
        grub = os.path.join(tree, "boot/grub")
        os.makedirs(grub)
        for source, name in ((kernel, "dyad.elf"), (initrd, "initramfs.cpio")):
            target = os.path.join(tree, "boot", name)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
        if entries:
            with open(os.path.join(grub, "grub.cfg"), "w") as f:
                f.write(menu(entries))
        options = []
        if bios:
            # the embedded script of a menu: `normal` runs it, and shows the menu
            core("i386-pc-eltorito", os.path.join(grub, "bios.img"), config,
                 loader[0] + BIOS_MODULES + extra)
            options += ["-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4",
                        "-boot-info-table", "--grub2-boot-info", "--grub2-mbr",
                        os.path.join(grub_dir("i386-pc"), "boot_hybrid.img")]
        if efi:
            program = os.path.join(tree, "bootx64.efi")
            core("x86_64-efi", program, config, loader[0] + EFI_MODULES + extra)
            fat = os.path.join(grub, "efi.img")
            tool("mformat")
            sh(["mformat", "-i", fat, "-C", "-f", "1440", "-N", "0", "::"])
            sh(["mmd", "-i", fat, "::/EFI", "::/EFI/BOOT"])
            sh(["mcopy", "-i", fat, program, "::/EFI/BOOT/BOOTX64.EFI"])
            os.unlink(program)
            options += ["--efi-boot", "boot/grub/efi.img", "-efi-boot-part", "--efi-boot-image"]
            if bios:
                options += ["--protective-msdos-label"]
        sh([tool("xorriso"), "-as", "mkisofs", "-quiet", "-r", "-V", "DYAD", "-o", out + ".tmp"]
           + options + [tree])
    os.replace(out + ".tmp", out)


def remake(source, out, archive, cmdline):
    """Copies an ISO of ours with `archive` behind its initramfs, booting `cmdline` at once."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(out))) as tree:
        initrd = os.path.join(tree, "initramfs.cpio")
        config = os.path.join(tree, "grub.cfg")
        sh([tool("xorriso"), "-osirrox", "on", "-indev", source,
            "-extract", "/boot/initramfs.cpio", initrd])
        os.chmod(initrd, 0o644)
        with open(initrd, "ab") as f:
            f.write(b"\0" * (-f.tell() % 4096))
            archive.write(f)
        with open(config, "w") as f:
            f.write(boot_lines(cmdline) + "boot\n")
        sh(["xorriso", "-indev", source, "-outdev", out, "-boot_image", "any", "replay",
            "-map", initrd, "/boot/initramfs.cpio", "-map", config, "/boot/grub/grub.cfg"])
